"""The home folder of a session: made new, its catalogue and its settings, for commands that need no incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import Refused, TocsinError
from runner.settings import CONFIG, open_to_others, state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from runner.base.states import Profile
    from runner.cli.framework.session import Session
    from runner.playbook.catalogue import Catalog
    from runner.routing.organisation import Home


def catalog(session: Session) -> Catalog:
    """Return the catalogue of playbooks, law and notices, with a warning if the home's pack of the law is damaged."""
    from runner.playbook.catalogue import Catalog

    folder = session.folder if session.folder.is_dir() else None
    home = readable_home(session)
    found = Catalog(folder, classes={} if home is None else home.classes)
    if found.damage:
        text = f"{found.damage} The built-in law is used. Apply the pack again: tocsin law update FILE"
        session.warn("law_pack_damaged", text)
    return found


def readable_home(session: Session) -> Home | None:
    """Return the home's settings; None without any. An invalid file is reported where it is needed."""
    from runner.files.settings_file import load_home

    config = session.folder / CONFIG
    try:
        return load_home(config) if config.exists() else None
    except TocsinError:
        return None


def make_home(session: Session, profile: Profile = "large") -> Path:
    """Create a home and return its settings' path; raises Refused if one exists or cannot be created."""
    from runner.app.core.proof.checkpoints import memory_of, set_aside
    from runner.app.home.open_home import init_home

    try:
        config = init_home(session.folder, session.by, profile)
    except OSError as error:
        raise Refused(
            f'The home folder "{session.folder}" cannot be created: {error.strerror}.',
            hint="Name another folder: --home DIR",
            code="home_unwritable",
        ) from None
    if aside := set_aside(memory_of(state_folder(session.world.environ), session.folder), session.now()):
        session.warn(
            "memory_set_aside", f"Another home folder was at this path. Its last checkpoint is in {aside}"
        )
    session.warn_of_place()
    if open_to_others(session.folder):
        session.warn(
            "folder_open",
            f"Other users can read or write {session.folder}. Run: chmod go= '{session.folder}'",
        )
    return config


def ensure_home(session: Session) -> None:
    """Create a home if there is none, and report it."""
    if not (session.folder / CONFIG).exists():
        config = make_home(session)
        session.say(f"Created the home folder {session.folder} (settings: {config})")
