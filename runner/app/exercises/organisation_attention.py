"""Required actions outside incidents, read from the organisation journals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.app.core.active_incident import OPEN
from runner.app.core.repository import IncidentRow
from runner.app.core.suspended_incidents import set_aside
from runner.errors import TocsinError
from runner.incident.notices.letters import SUMMARY
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.do_now import ordered
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.attention import needs_attention, pressing_on
from runner.reports.incidents.organisation_attention import (
    late_items,
    missed_drills,
    silent_webhooks,
    unconfirmed_access,
    waiting_alerts,
)

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def missed(service: IncidentService) -> tuple[AttentionItem, ...]:
    """Return the missed scheduled exercises that no person has acknowledged."""
    if not service.repository.has_journals():
        return ()
    from runner.app.core.organisation_journal import entries
    from runner.incident.exercises.schedules import JOURNAL, READER, fold_schedules

    return tuple(missed_drills(fold_schedules(entries(service, JOURNAL, READER))))


def waiting(service: IncidentService) -> tuple[AttentionItem, ...]:
    """Return the current required actions outside incidents."""
    sealed = unconfirmed_access(len(service.sealed.unconfirmed()))
    if not service.repository.has_journals():
        return tuple(sealed)
    from runner.app.core.organisation_journal import entries, today
    from runner.app.incidents.alerts import waiting as alerts_waiting
    from runner.app.messages.webhooks import problems
    from runner.incident.exercises.improvements import JOURNAL, READER, fold_items

    items = fold_items(entries(service, JOURNAL, READER)).items
    alerts = waiting_alerts(*alerts_waiting(service))
    silent = silent_webhooks(problems(service))
    return (*alerts, *silent, *sealed, *missed(service), *late_items(items.values(), today(service)))


def is_watched(row: IncidentRow) -> bool:
    """Tell whether an incident was closed with open or undetermined duties, whose deadlines are still watched."""
    return row.kind == "real" and row.state == "closed" and row.next_due is not None


def left_running(service: IncidentService) -> Iterator[tuple[Incident, tuple[DutyStatus, ...]]]:
    """Yield each incident that was closed with open or undetermined duties, and those that still are."""
    for row in service.incidents("closed"):
        if is_watched(row):
            from runner.incident.turn.decide_close import still_running

            with suppress(TocsinError):
                incident = service.load(row.id)
                found = still_running(incident, service.now_in(incident), service.library(incident))
                yield incident, tuple(found)


def pressing(service: IncidentService, apart_from: str) -> tuple[AttentionItem, ...]:
    """Return the duties of other closed incidents that are overdue or past "start by"; a restricted one is not named elsewhere."""
    return tuple(
        item
        for incident, duties in left_running(service)
        if incident.id != apart_from and not incident.restricted
        for item in pressing_on(incident, duties, service.now_in(incident))
    )


def campaigns(service: IncidentService, incident: Incident) -> tuple[AttentionItem, ...]:
    """Return the letters and campaigns of an incident that wait for a person."""
    if not (incident.campaigns or any(one.name == SUMMARY for one in incident.evidence.values())):
        return ()
    from runner.app.campaigns.waiting import waiting as campaigns_waiting

    return tuple(campaigns_waiting(service, incident))


def do_now(service: IncidentService) -> Iterator[tuple[IncidentRow, tuple[AttentionItem, ...] | TocsinError]]:
    """Yield the required actions, or the read error, of each incident that is open, paused or closed with open duties."""

    aside = set_aside(service)
    for row in service.incidents():
        if not (row.state in OPEN or is_watched(row)):
            continue
        try:
            incident = service.load(row.id)
            now, library = service.now_in(incident), service.library(incident)
            rows, duties = task_rows(incident, library), service.near_duties(incident, now)
            items = needs_attention(incident, library, rows, duties, now, aside.get(row.id))
            yield row, ordered((*items, *campaigns(service, incident)))
        except TocsinError as error:
            yield row, error
