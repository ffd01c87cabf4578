"""Runs of playbooks in an open incident: add a playbook, or update one to another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.app.incidents.home_catalogue import catalogue
from runner.app.incidents.open_incident import pin_command, role_commands
from runner.base.states import Profile
from runner.decoding import from_json
from runner.errors import Refused
from runner.incident.state.commands import AssignRole, MigratePlaybook, PinPlaybook
from runner.incident.state.events import PlaybookPinned
from runner.incident.state.incident import Incident, Run
from runner.incident.steps.migrate import MigrationPlan, decide_migration, plan_migration
from runner.playbook.bundle import load_bundle
from runner.playbook.format import Bundle
from runner.playbook.profiles import bundle_of_profile

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn


def graft(service: IncidentService, incident: Incident, name: str, reason: str) -> tuple[Turn, Run]:
    """Start a playbook inside an open incident; return the turn and the playbook's run; raises Stale.

    Its roles that nobody has in the incident get the people of the home, as when an incident is opened.
    """
    bundle = load_bundle(name, catalogue(service))

    def make(found: Incident) -> tuple[AssignRole | PinPlaybook, ...]:
        now, runs = service.clock.now(), tuple(found.runs)
        shown = bundle_of_profile(bundle, found.profile)
        given = role_commands(service, [shown], {}, service.home.merges(found.profile))
        new = (one for one in given if not found.roles.get(one.role))
        return *new, pin_command(service, bundle, now, runs, reason, profile=found.profile)

    turn = service.act(service.principal, incident.id, make)
    begun = next(one.event.run for one in turn.events if isinstance(one.event, PlaybookPinned))
    return turn, begun


def chosen_run(incident: Incident, run: str) -> str:
    """Return the selected run: the named one, or the only one; raises Refused with the choices."""
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
    """Return the bundle of another version of a run's playbook: by version, or from a file; without one, its own."""
    from runner.playbook.bundle import is_path

    if not version:
        return from_json(service.repository.document(incident.runs[run].bundle), Bundle)
    name = version if is_path(version) else f"{incident.runs[run].playbook}@{version}"
    return load_bundle(name, catalogue(service))


def planned(
    service: IncidentService, incident: Incident, run: str, bundle: Bundle, profile: Profile | None = None
) -> MigrationPlan:
    """Return the changes of a migration; nothing is written."""
    return plan_migration(incident, run, bundle, service.library(incident), profile)


def migrate(
    service: IncidentService,
    incident: Incident,
    run: str,
    bundle: Bundle,
    reason: str,
    profile: Profile | None = None,
) -> Turn:
    """Move a run to a bundle, and to a profile, in one event; raises Refused with all reasons, or Stale."""
    if service.principal.on_behalf_of:
        raise Refused(
            "You cannot update a playbook on behalf of another person.",
            hint="Remove --on-behalf-of",
            code="on_behalf",
        )
    stored = service.keep_document(service.principal, None, msgspec.json.encode(bundle))
    version, digest = bundle.playbook.version, bundle.digest

    def make(found: Incident) -> tuple[MigratePlaybook]:
        before = found.runs[run]
        moved = msgspec.structs.replace(
            before,
            version=version,
            digest=digest,
            bundle=stored,
            at=service.now_in(found),
            profile=profile or before.profile,
        )
        library = service.repository.library_with(found, moved)
        return (MigratePlaybook(event=decide_migration(found, moved, bundle, library, reason)),)

    return service.act(service.principal, incident.id, make)
