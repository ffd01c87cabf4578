"""Automatic progress of active steps: waits end, quorums are reached, containers close."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.facts.expression import Unknown
from runner.facts.vocabulary.register import lookup
from runner.incident.messages.deliveries import message_state
from runner.incident.state import events as e
from runner.incident.state.expression_view import item_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.incident.steps.approvals import quorum_events
from runner.incident.steps.containers import keep_open
from runner.playbook import format as p


def advance(incident: Incident, name: str, now: datetime, library: Library) -> Iterator[e.AnyEvent]:
    """Yield the automatic changes of one active invocation; a failed or expired one waits for a person."""
    invocation = incident.invocations[name]
    step = library.step(incident, name)
    if invocation.state in ("failed", "expired"):
        return
    match step:
        case p.Approve():
            yield from quorum_events(incident, invocation, step, now)
        case p.Duties() if incident.assessed and not incident.assess:
            yield e.StepSettled(step=name, state=completion_state(invocation, now), why="assessed")
        case p.Duties() if not library.regimes and not invocation.stuck:
            yield e.StepStuck(step=name, why="no law is pinned to this incident")
        case p.Wait() if _waited(incident, invocation, step.wait, now):
            yield e.StepSettled(step=name, state=completion_state(invocation, now), why="the wait is over")
        case p.Message() if invocation.message:
            yield from message_state(incident, invocation, step, now)
        case p.Group() | p.Repeat() | p.Call():
            yield from keep_open(incident, invocation, step, now)
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
