"""Shell completion of incidents, tasks and playbooks. Offers nothing after any error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import TocsinError
from runner.settings import find_home, state_folder

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def incidents(incomplete: str) -> list[str]:
    """Return the codenames with this start."""
    return _offered(lambda service: (row.codename for row in service.incidents()), incomplete)


def steps(incomplete: str) -> list[str]:
    """Return the ids of the open steps of the active incident."""
    return _offered(_steps, incomplete)


def _steps(service: IncidentService) -> Iterator[str]:
    from runner.app.core.active_incident import choice_file, read_choice

    state = state_folder(os.environ)
    choice = read_choice(choice_file(state, service.folder)) if state is not None else None
    incident = service.load(service.find(None, choice))
    return (invocation.step for invocation in incident.invocations.values() if not invocation.over)


def playbooks(incomplete: str) -> list[str]:
    """Return the names of playbooks with this start."""
    from runner.playbook.catalogue import Catalog

    home = find_home(None, os.environ, Path.cwd())
    try:
        return [name for name in Catalog(home).playbook_names() if name.startswith(incomplete)]
    except (TocsinError, OSError):
        return []


def _offered(find: Callable[[IncidentService], Iterator[str]], incomplete: str) -> list[str]:
    from contextlib import closing

    from runner.app.home.open_home import open_service, this_principal

    home = find_home(None, os.environ, Path.cwd())
    try:
        service = open_service(home, this_principal())
        with closing(service):
            return sorted({name for name in find(service) if name.startswith(incomplete)})
    except (TocsinError, OSError):
        return []
