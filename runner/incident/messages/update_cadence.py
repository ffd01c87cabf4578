"""Update cadence: when a promised status update is due, and which promises were missed.

A round of a ``repeat`` takes as long as its longest chain of waits; work of people in it takes no time that could be promised. If
a round waits for something other than time, nothing can be promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.incident.state.incident import Incident, Invocation, MessageRecord
from runner.incident.state.library import Library
from runner.playbook.format import Repeat
from runner.playbook.plan import after_message

GRACE = timedelta(minutes=15)
"""How late an update may be before it is reported as missed."""


def next_update(
    incident: Incident, library: Library, invocation: Invocation, now: datetime
) -> datetime | None:
    """Return when the message of a step is due again: in the next round, or after the wait that follows it."""
    scope = incident.scopes[invocation.scope]
    body = library.body(incident.runs, scope)
    in_rounds = bool(scope.parent) and incident.invocations[scope.parent].kind == "repeat"
    if in_rounds:
        repeat = library.step(incident, scope.parent)
        if not isinstance(repeat, Repeat) or scope.iteration >= repeat.at_most:
            return None
    span = after_message(body, invocation.step, in_rounds=in_rounds)
    return now + span if span is not None else None


def promised_before(incident: Incident, step: str) -> datetime | None:
    """Return the promise that the last message of the same step made."""
    messages = [
        message
        for message in incident.messages.values()
        if message.step and _line(message.step) == _line(step)
    ]
    last = max(messages, key=lambda one: one.at, default=None)
    return last.next_update if last is not None else None


def broken_promises(incident: Incident, now: datetime) -> Iterator[MessageRecord]:
    """Yield the messages whose promised update is overdue: the round was skipped or blocked, or no worker runs."""
    for record in promises(incident):
        if record.next_update is not None and now > record.next_update + GRACE:
            yield record


def promises(incident: Incident) -> Iterator[MessageRecord]:
    """Yield the last message of each step that promised an update, while the promise goes on."""
    latest: dict[str, MessageRecord] = {}
    for message in incident.messages.values():
        if message.step and not message.about:
            latest[_line(message.step)] = message
    for record in latest.values():
        if record.next_update is not None and _goes_on(incident, record):
            yield record


def _goes_on(incident: Incident, message: MessageRecord) -> bool:
    """Tell whether the promise has ended: the rounds have ended, or a later message replaced it."""
    invocation = incident.invocations.get(message.step)
    if invocation is None:
        return False
    parent = incident.scopes[invocation.scope].parent
    if parent and incident.invocations[parent].kind == "repeat":
        return not incident.invocations[parent].over
    return not any(
        other.at > message.at and other.step and _scope_of(incident, other) == invocation.scope
        for other in incident.messages.values()
    )


def _scope_of(incident: Incident, message: MessageRecord) -> str:
    invocation = incident.invocations.get(message.step)
    return invocation.scope if invocation is not None else ""


def _line(step: str) -> str:
    """Return the name that all rounds of a step share."""
    return step.rpartition("#")[0]
