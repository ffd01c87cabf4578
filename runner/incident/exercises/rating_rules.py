"""Rating rule of one exercise task: the time it was done, and its outcome.

HSEEP's ratings made exact: done within its time is P, within one and a half times that is S. Done later, after a contingency
inject, or by a skip or an override is M; not done by EndEx, or done in the wrong order, is U. N/A was not played, N/O cannot
be seen in the journal. A run without people follows a script: its tasks have no rating.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.instants import parse_duration
from runner.incident.exercises.exercise_plan import DISCUSSION, Action, Exercise
from runner.incident.exercises.injects import ended, step_is
from runner.incident.state.exercise import OVER, Drill
from runner.incident.state.incident import FELL_AWAY, Incident, Invocation

Proposed = Literal["", "P", "S", "M", "U", "N/A", "N/O"]
"""A rating, or nothing while the exercise runs and the task can still be done."""
SOME = 1.5
"""The multiple of its time in which a task may still be rated S."""
SCRIPTED = "scripted, not rated"
"""The rule for a run without people."""


class Proposal(msgspec.Struct, frozen=True):
    """A provisional rating and the rule behind it."""

    rating: Proposed
    rule: str

    @property
    def words(self) -> str:
        """The text that is stored beside the rating of a person; empty if there is none."""
        return f"{self.rating}: {self.rule}" if self.rating else ""


def propose(
    plan: Exercise, incident: Incident, drill: Drill, action: Action, done: datetime | None
) -> Proposal:
    """Return the proposed rating of a task that was first done at ``done``, or was not done."""
    if incident.kind == "test":
        return Proposal("", SCRIPTED)
    if plan.type in DISCUSSION:
        return Proposal("N/O", "discussed, not done: rate the discussion")
    if drill.begun_at is None:
        return Proposal("N/A" if drill.stage in OVER else "", "not started")
    if done is not None and (drill.ended_at is None or done <= drill.ended_at):
        return _done(plan, incident, drill, action, drill.begun_at, done)
    if action.after and not action.within:
        return Proposal("N/O" if drill.stage in OVER else "", "not done: no order to see")
    if skipped := _skipped(incident, action):
        return Proposal("M", skipped)
    if drill.stage not in OVER:
        return Proposal("", "not done yet")
    return _undone(incident, drill, action, drill.begun_at)


def _done(
    plan: Exercise, incident: Incident, drill: Drill, action: Action, begun: datetime, done: datetime
) -> Proposal:
    if by_scenario := _by_scenario(incident, action):
        return Proposal("N/O", by_scenario)
    if action.after:
        first = ended(incident, action.after)
        if first is None and _fell_away(incident, Action(step=action.after)):
            return Proposal("N/A", f"step {action.after} is not needed in this course of events")
        if first is None or first > done:
            return Proposal("U", f"done before step {action.after}")
    took = done - begun
    within = parse_duration(action.within) if action.within else None
    late = within is not None and took > within * SOME
    why = [f"done {_span(took)} after StartEx, later than 1.5 × {action.within}"] if late else []
    why += [*_helped(plan, drill, action, begun, took), *_around(incident, action)]
    if why:
        return Proposal("M", "; ".join(why))
    if within is None:
        order = f"after step {action.after}" if action.after else "it has no time limit"
        return Proposal("P", f"done; {order}")
    if took <= within:
        return Proposal("P", f"done {_span(took)} after StartEx, within {action.within}")
    return Proposal("S", f"done {_span(took)} after StartEx, within 1.5 × {action.within}")


def _undone(incident: Incident, drill: Drill, action: Action, begun: datetime) -> Proposal:
    if drill.stage == "frozen" and drill.ended_at is not None:
        until = begun + parse_duration(action.within) * SOME if action.within else None
        if until is None or drill.ended_at < until:
            return Proposal("N/A", "frozen by a real emergency before the time limit")
    if _fell_away(incident, action):
        return Proposal("N/A", "not needed in this course of events")
    return Proposal("U", "not done by EndEx")


def _by_scenario(incident: Incident, action: Action) -> str:
    fact = incident.facts.get(action.fact) if action.fact else None
    stated = fact is not None and fact.source.startswith("exercise ")
    return "the scenario stated the fact" if stated else ""


def _helped(plan: Exercise, drill: Drill, action: Action, begun: datetime, took: timedelta) -> Iterator[str]:
    """Return the contingency injects that were released before the task was done."""
    for event in plan.events:
        if not event.if_missed or all(expected.thing != action.thing for expected in event.expected):
            continue
        released = drill.released.get(event.if_missed)
        if released is not None and released.at - begun < took:
            yield f"done after contingency inject {event.if_missed}"


def _around(incident: Incident, action: Action) -> Iterator[str]:
    """Return the override by which the task was done."""
    if action.document and any(
        document.override is not None and step_is(document.step, action.document)
        for document in incident.documents.values()
    ):
        yield "approved with missing information"
    if action.message and any(
        delivery.overridden and step_is(delivery.step, action.message)
        for delivery in incident.deliveries.values()
    ):
        yield "a message rule was overridden"
    duty = incident.duties.get(action.duty) if action.duty else None
    if duty is not None and duty.record is not None and duty.record.kind == "waived":
        yield "waived"


def _skipped(incident: Incident, action: Action) -> str:
    invocation = next((step for step in _steps(incident, action) if step.state == "skipped"), None)
    if invocation is None:
        return ""
    return f"skipped{f': {invocation.reason}' if invocation.reason else ''}"


def _fell_away(incident: Incident, action: Action) -> bool:
    if action.duty:
        duty = incident.duties.get(action.duty)
        return duty is not None and duty.verdict == "not_applicable"
    steps = list(_steps(incident, action))
    return bool(steps) and all(step.state in FELL_AWAY for step in steps)


def _steps(incident: Incident, action: Action) -> Iterator[Invocation]:
    path = action.step or action.message or action.document
    return (
        invocation for invocation in incident.invocations.values() if path and step_is(invocation.id, path)
    )


def _span(took: timedelta) -> str:
    minutes = max(0, round(took.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest:02d}m" if hours else f"{rest}m"
