"""The catalogue and the settings of a session's home, for commands that need no incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import TocsinError
from runner.settings import CONFIG

if TYPE_CHECKING:
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
