"""The catalogue that a command about playbooks looks into: the home's, where there is one, and what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.session import Session
from runner.errors import TocsinError
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.loading.catalog import Catalog
    from runner.model.message_classes import Written


def catalog(session: Session) -> Catalog:
    """Return the catalogue of playbooks, law and notices."""
    from runner.loading.catalog import Catalog

    folder = session.folder if session.folder.is_dir() else None
    return Catalog(folder, classes=_classes(session))


def _classes(session: Session) -> Written:
    """Return the home's own message classes; a file that does not hold is said where it is needed."""
    from runner.loading.home import load_home

    config = session.folder / CONFIG
    try:
        return load_home(config).classes if config.exists() else {}
    except TocsinError:
        return {}
