"""First screens: the status of one incident, and the list of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.app.core.active_incident import OPEN, counts
from runner.app.core.suspended_incidents import set_aside
from runner.app.exercises.organisation_attention import campaigns, left_running, pressing
from runner.app.home.retention import kept
from runner.app.incidents.links import names_of, rows_of
from runner.errors import UNREADABLE
from runner.law.relevance import unknown_organisation
from runner.reports.core.report import filled
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.incidents import IncidentsReport, incidents
from runner.reports.incidents.organisation_attention import soon_elsewhere
from runner.reports.incidents.status import Hold, Status, status

SHOWN_AFTER = timedelta(days=7)
"""Time after the release of a legal hold in which the status shows it: its release must not be unnoticed."""

if TYPE_CHECKING:
    from runner.app.core.active_incident import Choice
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal
    from runner.incident.people.contact_journal import Hold as PlacedHold
    from runner.incident.people.contact_journal import Kept
    from runner.incident.state.incident import Incident
    from runner.reports.core.attention_item import AttentionItem
    from runner.reports.incidents.handover import Brief


def read_status(
    service: IncidentService,
    incident: Incident,
    now: datetime,
    person: str,
    *,
    as_known: bool = False,
    organisation: tuple[AttentionItem, ...] = (),
) -> Status:
    """Return the status of an incident for a person; ``as_known`` gives an earlier status, without current data."""
    duties = service.near_duties(incident, now)
    failed = None if as_known else set_aside(service).get(incident.id)
    others = () if as_known else (*pressing(service, incident.id), *campaigns(service, incident))
    found = status(incident, service.library(incident), duties, now, person, organisation, failed, others)
    held = None if as_known else _hold(kept(service), incident.id, now)
    return replace(found, hold=filled(Hold, held)) if held is not None else found


def _hold(known: Kept, incident: str, now: datetime) -> PlacedHold | None:
    """Return the legal hold of an incident, or the last one that a person released in the last days."""
    ended = (
        one
        for name, one in known.ended_holds
        if name == incident and one.until is not None and now - one.until < SHOWN_AFTER
    )
    return known.holds.get(incident) or max(ended, key=lambda one: one.until or now, default=None)


def with_links(service: IncidentService, reader: Reader, found: Status) -> Status:
    """Return a status with the links to incidents that its reader may read."""
    links = rows_of(service, reader, found.incident)
    return replace(found, links=links) if links else found


def others_open(service: IncidentService, reader: Reader, apart_from: str = "") -> Iterator[Incident]:
    """Yield the open real incidents that a screen about another one may name to its reader."""
    for row in reader.incidents():
        if row.kind == "real" and row.state in OPEN and row.id != apart_from:
            with suppress(*UNREADABLE):  # a damaged incident hides no other
                if reader.names_elsewhere(incident := service.load(row.id)):
                    yield incident


def with_others(service: IncidentService, reader: Reader, found: Status) -> Status:
    """Return a status with what is due soon in other real incidents that its reader may read; an exercise has none."""
    soon: list[AttentionItem] = []
    for other in others_open(service, reader, found.incident) if found.kind == "real" else ():
        with suppress(*UNREADABLE):
            now, tasks = service.now_in(other), task_rows(other, service.library(other))
            duties = service.near_duties(other, now) if reader.may("duty.read", other) else ()
            soon += soon_elsewhere(other.codename, tasks, duties, now)
    return replace(found, elsewhere=tuple(soon))


def read_incidents(
    service: IncidentService, reader: Reader, now: datetime, choice: Choice | None
) -> IncidentsReport:
    """Return the list of all readable incidents, with the chosen incident."""
    from runner.app.exercises.exercises import playing  # the status reads no files of exercises

    rows, links = reader.incidents(), names_of(service, reader)
    running = {one.id: found for one, found in left_running(service)}
    unknown = {row.id: _unknown(service, row.id) for row in rows if row.state in ("open", "paused")}
    return incidents(
        rows, now, counts(choice, rows), playing(service, rows), running, set_aside(service), links, unknown
    )


def _unknown(service: IncidentService, incident: str) -> tuple[str, ...]:
    """Return the facts about the organisation that an open incident lacks; none of an incident that cannot be read."""
    with suppress(*UNREADABLE):
        facts = service.load(incident).facts
        return unknown_organisation({path for path, fact in facts.items() if fact.value is not None})
    return ()


def read_brief(
    service: IncidentService,
    reader: Reader,
    incident: Incident,
    now: datetime,
    role: str = "commander",
) -> Brief:
    """Return the handover brief of a role, with all that the reader may see."""
    from runner.reports.incidents.handover import brief
    from runner.reports.incidents.timeline import timeline

    story = timeline(incident, service.library(incident), reader.events(incident))
    found = read_status(service, incident, now, "")
    return brief(incident, found, story.entries, role)


def give_brief(
    service: IncidentService, principal: Principal, incident: Incident, found: Brief, to: str, role: str
) -> Turn:
    """Record that a person got the brief of a role; raises NotFound for an unknown person."""
    from hashlib import sha256

    from runner.incident.state.commands import GiveBrief
    from runner.reports.core.action_text import encoded

    service.known(to)
    digest = sha256(encoded(found)).hexdigest()
    given = GiveBrief(to=to, role=role, version=incident.version, digest=f"sha256:{digest}")
    return service.act(principal, incident.id, [given])
