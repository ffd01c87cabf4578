"""Figures of a home for monitoring: counts and times, never a codename, a person or a law."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from runner.app.core.suspended_incidents import set_aside
from runner.app.core.trusted_clock import TrustedClock
from runner.app.home.workers import leader, living
from runner.app.incidents.alerts import waiting
from runner.errors import UNREADABLE, StoreError
from runner.reports.law.duties import running

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

LEAST_FREE = 64 * 1024 * 1024
"""Bytes on the disk of the home below which it is not ready."""
_PROBE = "ready"
_LIVE = ("open", "paused")


class Figure(NamedTuple):
    """One figure with its labels."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


HELP = {
    "incidents": "Incidents by kind and state.",
    "incidents_unreadable": "Incidents whose journal is damaged or erased.",
    "incidents_suspended": "Incidents without automatic work, after failures.",
    "work_due": "Incidents with work that is due.",
    "work_oldest_seconds": "Age of the oldest work that is due.",
    "deadlines_running": "Legal deadlines that run in real incidents.",
    "deadlines_overdue": "Legal deadlines of real incidents that passed.",
    "deadline_next_seconds": "Time to the next legal deadline of a real incident; absent without one.",
    "deliveries": "Messages of open incidents by kind and state.",
    "outcome_unknown": "Delivery attempts of open incidents whose outcome nobody resolved.",
    "domain_up": "Failure domains: 1 is up, 0 is down or compromised.",
    "alerts_waiting": "Alerts that wait for a person.",
    "alerts_oldest_seconds": "Age of the oldest alert that waits.",
    "workers_alive": "Workers that run.",
    "scheduler_leads": "1 if a scheduler runs.",
    "store_writable": "1 if the database can be written.",
    "disk_free_bytes": "Free bytes on the disk of the home folder.",
}
"""What each figure means."""


def unready(service: IncidentService) -> tuple[str, ...]:
    """Return the codes of what prevents work: the errors of the store, and ``disk_low``; none if the home is ready."""
    found = []
    try:
        if service.read_only:
            found.append("store_read_only")
        else:  # takes the lock of a writer, and writes nothing
            service.change_marks((_PROBE,), lambda marks: marks)
    except StoreError as error:
        found.append(error.code)
    if shutil.disk_usage(service.folder).free < LEAST_FREE:
        found.append("disk_low")
    if (problem := TrustedClock.of(service).problem()) is not None:
        found.append(problem.code)
    return tuple(found)


def figures(service: IncidentService) -> Iterator[Figure]:
    """Yield every figure of a home now."""
    now, rows = service.clock.now(), service.incidents()
    for (kind, state), number in sorted(Counter((row.kind, row.state) for row in rows).items()):
        yield Figure("incidents", number, (("kind", kind), ("state", state)))
    yield Figure("incidents_suspended", len(set_aside(service)))
    due, oldest = service.store.due(now), service.store.next_due()
    yield Figure("work_due", len(due))
    yield Figure("work_oldest_seconds", max((now - oldest).total_seconds(), 0) if due and oldest else 0)
    yield from _of_incidents(service, now, [row.id for row in rows if row.state in _LIVE])
    yield from _of_domains(service)
    alerts, since = waiting(service)
    yield Figure("alerts_waiting", alerts)
    yield Figure("alerts_oldest_seconds", (now - since).total_seconds() if since else 0)
    yield Figure("workers_alive", len(living(service)))
    yield Figure("scheduler_leads", bool(leader(service)))
    yield Figure("store_writable", not {*unready(service)} - {"disk_low", "clock_behind", "time_unconfirmed"})
    yield Figure("disk_free_bytes", shutil.disk_usage(service.folder).free)


def _of_incidents(service: IncidentService, now: datetime, names: list[str]) -> Iterator[Figure]:
    deliveries: Counter[tuple[str, str]] = Counter()
    deadlines: list[datetime] = []
    doubtful = unreadable = 0
    for name in names:
        try:
            incident = service.load(name)
        except UNREADABLE:
            unreadable += 1
            continue
        deliveries.update((incident.kind, one.state) for one in incident.deliveries.values())
        doubtful += sum(
            attempt.state == "unknown" and not attempt.resolved_by
            for one in incident.deliveries.values()
            for attempt in one.attempts
        )
        if incident.kind == "real":
            found = running(service.near_duties(incident), now)
            deadlines += [duty.due for duty in found if duty.due is not None]
    yield Figure("incidents_unreadable", unreadable)
    for (kind, state), number in sorted(deliveries.items()):
        yield Figure("deliveries", number, (("kind", kind), ("state", state)))
    yield Figure("outcome_unknown", doubtful)
    yield Figure("deadlines_running", sum(due > now for due in deadlines))
    yield Figure("deadlines_overdue", sum(due <= now for due in deadlines))
    if ahead := [due for due in deadlines if due > now]:
        yield Figure("deadline_next_seconds", (min(ahead) - now).total_seconds())


def _of_domains(service: IncidentService) -> Iterator[Figure]:
    service.traffic.refresh()
    down = {*service.traffic.fallen, *service.traffic.compromised}
    for domain in sorted(
        {name for channel in service.channels.values() for name in channel.domains} | {*down}
    ):
        yield Figure("domain_up", domain not in down, (("domain", domain),))
