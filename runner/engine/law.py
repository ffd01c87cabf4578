"""The duties inside an incident: what a new look at the law changes, as one event with its cause."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.engine.duties import assess
from runner.engine.leads import leads
from runner.engine.plan import Library
from runner.engine.populations import View
from runner.engine.watch import watched
from runner.model.duty import DutyStatus
from runner.model.events import DutiesAssessed, DutyChange
from runner.model.facts import nested
from runner.model.incident import DutyView, Incident

BINDING = ("applies", "unknown")
"""Verdicts whose clocks matter: one that cannot be told yet runs on all the same."""

FILED = ("filed", "filed_late")


def duty_statuses(incident: Incident, now: datetime, library: Library) -> tuple[DutyStatus, ...]:
    """Return every duty of the pinned law as it stands now, in full, for views and documents."""
    records = {d.id: d.record for d in incident.duties.values() if d.record is not None}
    return assess(
        library.regimes,
        nested(incident.facts),
        now,
        records,
        calendar=library.calendar,
        first_known=incident.opened_at,
        leads=leads(incident, library),
    )


def duty_passed(incident: Incident, now: datetime) -> bool:
    """Tell whether a due instant has passed that no assessment has seen yet."""
    return any(d.due is not None and d.due < now and _runs(d) for d in incident.duties.values())


def next_duty_look(duty: DutyView, now: datetime) -> datetime | None:
    """Return the first instant at which a duty is overdue, None where time does not change it any more."""
    if duty.due is None or duty.due < now or not _runs(duty):
        return None
    return duty.due + timedelta(microseconds=1)


def _runs(duty: DutyView) -> bool:
    """Tell whether time alone can still make a duty overdue."""
    open_ = not duty.overdue and not duty.settled and duty.record is None
    return open_ and duty.in_sight and duty.verdict in BINDING


def assessment(incident: Incident, now: datetime, library: Library) -> DutiesAssessed:
    """Return what appeared, moved or went away since the last look; the newest facts are the cause."""
    changes = []
    facts = View(nested(incident.facts))
    for status in duty_statuses(incident, now, library):
        seen = incident.duties.get(status.id)
        recorded = seen is not None and seen.record is not None
        view = _view(status, settled=not recorded and _settled(status, now))
        reopened = watched(seen, status, facts) if seen is not None else ""
        if seen is None or reopened or _differs(seen, view):
            changes.append(
                DutyChange(
                    duty=view.id,
                    verdict=view.verdict,
                    due=view.due,
                    provisional=view.provisional,
                    missing=view.missing,
                    overdue=view.overdue,
                    in_sight=view.in_sight,
                    settled=view.settled,
                    reopened=reopened,
                )
            )
    newest = max(incident.fact_events.values(), default=0)
    because = tuple(sorted(key for key, seq in incident.fact_events.items() if seq == newest))
    return DutiesAssessed(changes=tuple(changes), because=because)


def _settled(status: DutyStatus, now: datetime) -> bool:
    """Tell whether facts say that it was filed, or that it is held beyond its due time."""
    past = status.due is not None and status.due < now
    return status.state in FILED or (status.state == "held" and past)


def _view(status: DutyStatus, *, settled: bool) -> DutyView:
    return DutyView(
        id=status.id,
        verdict=status.verdict,
        due=status.due,
        provisional=status.provisional,
        missing=status.missing_facts,
        overdue=status.state == "overdue",
        in_sight=status.in_sight,
        settled=settled,
    )


def _differs(seen: DutyView, now: DutyView) -> bool:
    return _standing(seen) != _standing(now)


def _standing(duty: DutyView) -> tuple[object, ...]:
    return duty.verdict, duty.due, duty.provisional, duty.missing, duty.overdue, duty.in_sight, duty.settled
