"""Playbooks of a live incident: begin another one inside it, or move one to a newer version of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.engine.evolve import evolve
from runner.engine.migrate import MigrationPlan, decide_migration, plan_migration
from runner.engine.settle import number, settle
from runner.errors import Refused, Stale
from runner.loading.bundle import load_bundle
from runner.loading.catalog import Catalog
from runner.model.incident import Incident, Run
from runner.model.playbook import Bundle
from runner.service.ledger import entry, prepare, row_of
from runner.service.starting import pin_command
from runner.store.port import Append, Appended

if TYPE_CHECKING:
    from runner.engine.plan import Library
    from runner.service.desk import Desk


def graft(desk: Desk, incident: Incident, name: str, reason: str) -> Run:
    """Begin a playbook inside a live incident and return its run; raises Stale when somebody was faster."""
    bundle = load_bundle(name, Catalog(desk.folder, classes=desk.home.classes))
    made = pin_command(desk, bundle, desk.clock.now(), tuple(incident.runs), reason)
    turn = prepare(incident, (made,), desk.clock.now(), _library_with(desk, incident, made.run), desk.actor)
    if not desk.append([turn])[0]:
        raise _stale(incident)
    return made.run


def chosen_run(incident: Incident, run: str) -> str:
    """Return the run that is meant: the one named, or the only one; raises Refused with the choices."""
    if run:
        return run
    if len(incident.runs) != 1:
        raise Refused(
            f"{len(incident.runs)} playbooks run in {incident.codename}: {', '.join(incident.runs)}",
            hint="name one with --run",
            code="ambiguous_run",
        )
    return next(iter(incident.runs))


def newer(desk: Desk, incident: Incident, run: str, version: str) -> Bundle:
    """Return the bundle of another version of a run's playbook: by version, or from a file."""
    from runner.loading.bundle import is_path

    name = version if is_path(version) else f"{incident.runs[run].playbook}@{version}"
    return load_bundle(name, Catalog(desk.folder, classes=desk.home.classes))


def planned(desk: Desk, incident: Incident, run: str, bundle: Bundle) -> MigrationPlan:
    """Return what a migration would do; nothing is written."""
    return plan_migration(incident, run, bundle, desk.library(incident))


def migrate(desk: Desk, incident: Incident, run: str, bundle: Bundle, reason: str) -> MigrationPlan:
    """Move a run to a bundle in one event and return what that did; raises Refused with every reason, or Stale."""
    if desk.actor.represented:
        raise Refused(
            "a playbook is not moved on behalf of somebody",
            hint="do it in your own name, with --reason",
            code="on_behalf",
        )
    plan = planned(desk, incident, run, bundle)
    wall, now = desk.clock.now(), desk.now_in(incident)
    moved = msgspec.structs.replace(
        incident.runs[run],
        version=bundle.playbook.version,
        digest=bundle.digest,
        bundle=desk.store.put_blob(None, msgspec.json.encode(bundle)),
        at=now,
    )
    library = _library_with(desk, incident, moved)
    event = decide_migration(incident, moved, bundle, library, reason)
    after = evolve(incident, number(incident, now, [event]), library)
    after, followed = settle(after, now, library)
    mine = msgspec.structs.replace(desk.actor, claimed="tocsin", on_behalf_of=None)
    append = Append(
        incident=incident.id,
        expected_version=incident.version,
        events=[
            entry(one, wall, desk.actor if one is event else mine, now if incident.drill else None)
            for one in (event, *followed)
        ],
        row=row_of(after, wall, library),
    )
    if not isinstance(desk.write([append], recorded=wall)[0], Appended):
        raise _stale(incident)
    return plan


def _library_with(desk: Desk, incident: Incident, run: Run) -> Library:
    """Return the library of an incident with one more plan in it."""
    return desk.library(msgspec.structs.replace(incident, runs={**incident.runs, f"+{run.id}": run}))


def _stale(incident: Incident) -> Stale:
    return Stale(f"somebody changed {incident.codename} at the same moment", hint="look again, then repeat")
