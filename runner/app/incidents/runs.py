"""Runs of playbooks in an open incident: add a playbook, or update one to another version."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.conflict_retry import retry
from runner.app.core.transaction import entry, prepare, row_of
from runner.app.incidents.open_incident import pin_command
from runner.errors import Refused
from runner.incident.state.exercise_time import time_in
from runner.incident.state.incident import Incident, Run
from runner.incident.steps.migrate import MigrationPlan, decide_migration, plan_migration
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import number, settle
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.playbook.format import Bundle
from runner.store.port import Append, Appended

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.library import Library


def graft(service: IncidentService, incident: Incident, name: str, reason: str) -> Run:
    """Begin a playbook inside a live incident and return its run; raises Stale when others keep changing it."""
    bundle = load_bundle(name, Catalog(service.folder, classes=service.home.classes))

    def attempt() -> Run | None:
        found, now = service.load(incident.id), service.clock.now()
        playbook = pin_command(service, bundle, now, tuple(found.runs), reason)
        turn = prepare(found, (playbook,), now, _library_with(service, found, playbook.run), service.actor)
        return playbook.run if service.append([turn])[0] else None

    return retry(service, incident.id, attempt)


def chosen_run(incident: Incident, run: str) -> str:
    """Return the run that is meant: the one named, or the only one; raises Refused with the choices."""
    if run:
        return run
    if len(incident.runs) != 1:
        raise Refused(
            f'{len(incident.runs)} playbooks run in "{incident.codename}": {", ".join(incident.runs)}.',
            hint="Add --run RUN",
            code="ambiguous_run",
        )
    return next(iter(incident.runs))


def newer(service: IncidentService, incident: Incident, run: str, version: str) -> Bundle:
    """Return the bundle of another version of a run's playbook: by version, or from a file."""
    from runner.playbook.bundle import is_path

    name = version if is_path(version) else f"{incident.runs[run].playbook}@{version}"
    return load_bundle(name, Catalog(service.folder, classes=service.home.classes))


def planned(service: IncidentService, incident: Incident, run: str, bundle: Bundle) -> MigrationPlan:
    """Return what a migration would do; nothing is written."""
    return plan_migration(incident, run, bundle, service.library(incident))


def migrate(
    service: IncidentService, incident: Incident, run: str, bundle: Bundle, reason: str
) -> MigrationPlan:
    """Move a run to a bundle in one event and return what that did; raises Refused with every reason, or Stale."""
    if service.actor.represented:
        raise Refused(
            "You cannot update a playbook on behalf of another person.",
            hint="Remove --on-behalf-of",
            code="on_behalf",
        )
    stored = service.store.put_blob(None, msgspec.json.encode(bundle))

    def attempt() -> MigrationPlan | None:
        found, wall = service.load(incident.id), service.clock.now()
        plan, append = _moved(service, found, run, bundle, stored, wall, reason)
        return plan if isinstance(service.write([append], recorded=wall)[0], Appended) else None

    return retry(service, incident.id, attempt)


def _moved(
    service: IncidentService,
    incident: Incident,
    run: str,
    bundle: Bundle,
    stored: str,
    wall: datetime,
    reason: str,
) -> tuple[MigrationPlan, Append]:
    """Return what moving a run does, and the append that does it."""
    plan, now = planned(service, incident, run, bundle), time_in(incident, wall)
    version, digest = bundle.playbook.version, bundle.digest
    moved = msgspec.structs.replace(incident.runs[run], version=version, digest=digest, bundle=stored, at=now)
    library = _library_with(service, incident, moved)
    event = decide_migration(incident, moved, bundle, library, reason)
    after = fold(incident, number(incident, now, [event]), library)
    after, followed = settle(after, now, library)
    mine = msgspec.structs.replace(service.actor, claimed="tocsin", on_behalf_of=None)
    events = [
        entry(change, wall, service.actor if change is event else mine, now if incident.drill else None)
        for change in (event, *followed)
    ]
    row = row_of(after, wall, library)
    return plan, Append(incident=incident.id, expected_version=incident.version, events=events, row=row)


def _library_with(service: IncidentService, incident: Incident, run: Run) -> Library:
    """Return the library of an incident with one more plan in it."""
    return service.library(msgspec.structs.replace(incident, runs={**incident.runs, f"+{run.id}": run}))
