"""The message plan of an incident before it is opened: who gets what, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from runner.app.core.directory import known_domains
from runner.app.core.on_call import left_out
from runner.app.incidents.home_catalogue import catalogue
from runner.app.incidents.open_incident import previews_of
from runner.incident.state.commands import DeclareDomain
from runner.playbook.bundle import load_bundle
from runner.playbook.profiles import bundle_of_profile
from runner.reports.core.page import Blank, Block, line, paged
from runner.reports.messages.message_plan import PlannedMessage, PlanReport, plan_page, plan_report
from runner.reports.people.unassigned_roles import unreachable_blocks
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.incidents.open_incident import MessagePreview, Opening
    from runner.incident.state.incident import Incident
    from runner.playbook.format import Playbook


def plan_of(opening: Opening) -> PlanReport:
    """Return every message of the playbooks as it would be sent now."""
    event = opening.event
    found = _planned(opening.previews, opening.playbooks)
    return plan_report(event.incident, event.codename, event.kind, found, left_out=opening.not_asked)


def graft_plan(service: IncidentService, incident: Incident, playbook: str) -> PlanReport:
    """Return every message of one more playbook as it would be sent now; raises NotFound or Invalid."""
    bundle = load_bundle(playbook, catalogue(service))
    shown = bundle_of_profile(bundle, incident.profile)
    previews, _ = previews_of(service, incident, [shown])
    found = _planned(previews, (shown.playbook, *shown.includes.values()))
    left = left_out(service.directory, [shown], incident.profile, incident.roles)
    return plan_report(incident.id, incident.codename, incident.kind, found, left_out=left)


def _planned(previews: Iterable[MessagePreview], playbooks: Iterable[Playbook]) -> list[PlannedMessage]:
    classes = {
        (playbook.name, name): message.message_class
        for playbook in playbooks
        for name, message in playbook.messages.items()
    }
    return [
        PlannedMessage(
            step=preview.message,
            title=f"{preview.playbook}: {preview.message}",
            message_class=classes.get((preview.playbook, preview.message), ""),
            plans=(preview.plan,),
        )
        for preview in previews
    ]


@paged
def opening_page(service: IncidentService, opening: Opening, plan: PlanReport) -> Iterator[Block]:
    """Draw the plan, with its gaps, and the values that the import could not use."""
    yield from plan_page(plan, CONFIG).blocks
    if words := _only_here(service, plan):
        yield line(words, "alarm", hang=2)
    yield from unreachable_blocks(opening.unreachable)
    if opening.repeated:
        several = " and ".join(one.name for one in opening.playbooks)
        words = f"Tasks appear twice: {several} each run {', '.join(opening.repeated)}. Open one of them."
        yield line(words, "alarm", hang=2)
    for made in opening.commands:
        if isinstance(made, DeclareDomain) and not made.assumed and made.domain not in known_domains(service):
            yield line(f"Nothing depends on {made.domain}: no message is blocked", "warn", hang=2)
    for words in opening.unaddressed:
        yield line(f"No recipient: {words}", "alarm", hang=2)
    for call in opening.http_calls:
        yield line(str(call), "warn" if call.refused else "plain", hang=2)
    for record in opening.imported:
        yield Blank()
        yield line(f"VERIS: {len(record.facts)} facts, {len(record.unmapped)} values not mapped", "title")
        yield from (line(f"– {words}", "dim", indent=2, hang=2) for words in record.unmapped)
        yield from (line(f"! {words}", "warn", indent=2, hang=2) for words in record.notes)
    if words := _comcheck(service, plan):
        yield Blank()
        yield line(words, "dim", hang=2)


def _only_here(service: IncidentService, plan: PlanReport) -> str:
    """Return which people a message reaches only on the terminal of the command, if a background worker sends the later messages."""
    if plan.kind != "real" or service.home.working.mode == "manual":
        return ""
    known = service.channels
    usable = (one for one in plan.plan if one.channels)
    alone = {one.recipient: None for one in usable if all(known[way.channel].screen for way in one.channels)}
    if not alone:
        return ""
    people = ", ".join(alone)
    return f"Only this terminal shows the messages to {people}. Later messages reach nobody: the background worker has no screen. Call now, and add a channel to {CONFIG}"


def _comcheck(service: IncidentService, plan: PlanReport) -> str:
    """Show the channel test results of the plan's contact methods, also in an exercise."""
    from runner.app.messages.communications_check import ways
    from runner.reports.messages.communications_check import comcheck_words

    used = [(recipient.recipient, way.channel) for recipient in plan.plan for way in recipient.channels]
    worked = {(way.person, way.channel.id): way.worked_at for way in ways(service)} if used else {}
    known = {way: at for way, at in worked.items() if at is not None}
    return comcheck_words(used, known, service.clock.now())
