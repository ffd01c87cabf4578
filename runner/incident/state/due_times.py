"""Due time of a step, and the pause before an automatic retry."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.facts.vocabulary.register import lookup
from runner.incident.state.expression_view import find_step, item_of
from runner.incident.state.incident import Incident, Invocation
from runner.playbook import format as p
from runner.playbook.parts import MAX_HOURS

DISCOVERED = "incident.discovered_at"


def due_time(incident: Incident, invocation: Invocation, step: p.AnyStep, ready: datetime) -> datetime | None:
    """Return when a step is due, or None while its anchor is unknown or it has no due time.

    A step that can start only after "so long before a duty" gets half of the time that is left until the duty's deadline:
    a step is never overdue when it becomes ready.
    """
    if step.due is None:
        return None
    start = _anchor(incident, invocation, step.due, ready)
    if start is None:
        return None
    due = start + (timedelta(hours=hours) if (hours := _hours(incident, step.due)) else step.due.offset)
    if step.due.anchor == "duty" and due <= ready < start:
        return ready + timedelta(seconds=(start - ready) // timedelta(seconds=2))
    return due


def _hours(incident: Incident, due: p.Due) -> float:
    """Return the hours that a fact gives, as of an insurance policy: they count from discovery. 0 if it gives none."""
    hours = lookup(incident.facts, due.hours) if due.hours else None
    return hours if isinstance(hours, int | float) and 0 < hours <= MAX_HOURS else 0


def _anchor(incident: Incident, invocation: Invocation, due: p.Due, ready: datetime) -> datetime | None:
    scope = incident.scopes[invocation.scope]
    match due.anchor:
        case "ready":
            found = lookup(incident.facts, DISCOVERED) if _hours(incident, due) else None
            return min(ready, found) if isinstance(found, datetime) else ready
        case "opened":
            return incident.opened_at
        case "fact":
            value = lookup(incident.facts, due.ref)
            return value if isinstance(value, datetime) else None
        case "step":
            before = find_step(incident, scope, due.ref)
            return before.ended_at if before is not None else None
        case "duty":
            duty = incident.duties.get(item_of(incident, scope, due.ref))
            return duty.due if duty is not None else None


def backoff(retry: p.Retry, attempts: int) -> timedelta:
    """Return the wait before the next automatic try, after that many tries."""
    wait = retry.wait * retry.factor ** max(attempts - 1, 0)
    return min(wait, retry.at_most)
