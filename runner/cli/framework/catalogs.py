"""The catalogue that a command about playbooks looks into: the home's, where there is one, and what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.framework.session import Session
from runner.errors import TocsinError
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.playbook.catalogue import Catalog
    from runner.routing.organisation import Home


def catalog(session: Session) -> Catalog:
    """Return the catalogue of playbooks, law and notices."""
    from runner.playbook.catalogue import Catalog

    folder = session.folder if session.folder.is_dir() else None
    home = readable_home(session)
    return Catalog(folder, classes={} if home is None else home.classes)


def readable_home(session: Session) -> Home | None:
    """Return the home's settings, None where there are none; a file that does not hold is said where it is needed."""
    from runner.files.settings_file import load_home

    config = session.folder / CONFIG
    try:
        return load_home(config) if config.exists() else None
    except TocsinError:
        return None
