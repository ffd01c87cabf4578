"""What happens by itself to steps that have begun: waits end, quorums are reached, containers close."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.engine.containers import keep_open, late_items
from runner.engine.deliveries import message_state
from runner.engine.plan import Library
from runner.engine.signing import quorum_events
from runner.engine.view import item_of
from runner.model import events as e
from runner.model import playbook as p
from runner.model.expressions import Unknown
from runner.model.facts import lookup
from runner.model.incident import Incident, Invocation


def keep_running(incident: Incident, name: str, now: datetime, library: Library) -> Iterator[e.AnyEvent]:
    """Yield what follows for one begun (or live) invocation."""
    invocation = incident.invocations[name]
    step = library.step(incident, name)
    if invocation.over:
        if isinstance(step, p.Group):
            yield from late_items(incident, invocation, step)
        return
    match step:
        case p.Approve():
            yield from quorum_events(incident, invocation, step, now)
        case p.Duties() if not incident.assess:
            yield e.StepSettled(step=name, state="done", why="assessed")
        case p.Wait() if _waited(incident, invocation, step.wait, now):
            yield e.StepSettled(step=name, state="done", why="the wait is over")
        case p.Message() if invocation.message:
            yield from message_state(incident, invocation, step)
        case p.Group() | p.Repeat() | p.Call():
            yield from keep_open(incident, invocation, step, library)
        case _:
            return


def _waited(incident: Incident, invocation: Invocation, wait: p.WaitFor, now: datetime) -> bool:
    if invocation.wake_at is not None and invocation.wake_at <= now:
        return True
    if wait.fact:
        return not isinstance(lookup(incident.facts, wait.fact), Unknown)
    if wait.duty:
        duty = incident.duties.get(item_of(incident, incident.scopes[invocation.scope], wait.duty))
        settled = duty is not None and duty.record is not None and duty.record.kind == wait.state
        return settled or (duty is not None and duty.verdict == wait.state)
    return False
