"""Injects that are due: by exercise time, by actions or knowledge of players, or by their absence.

Pure: the plan, the incident and the time decide which injects to release now, and when to check again. An inject is
released once. After downtime each is released late and not skipped, and the journal has its planned time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import msgspec

from runner.base.instants import parse_duration
from runner.facts.expressions.evaluate import truth
from runner.incident.exercises.exercise_plan import Action, Exercise, ScenarioEvent
from runner.incident.state.exercise import Cause, Drill, Fault
from runner.incident.state.exercise_time import time_in
from runner.incident.state.expression_view import ScopeView
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.steps import step_path, step_path_with_items

DONE = frozenset({"done", "done_late"})


class Due(msgspec.Struct, frozen=True):
    """An inject to release now."""

    event: ScenarioEvent
    cause: Cause
    planned: datetime | None = None


def due_injects(plan: Exercise, incident: Incident, now: datetime, library: Library) -> tuple[Due, ...]:
    """Return the injects to release now, in the order of the plan."""
    drill = incident.drill
    if drill is None or drill.stage != "running" or drill.begun_at is None:
        return ()
    return tuple(_due(plan, incident, drill, drill.begun_at, now, library))


def _due(
    plan: Exercise, incident: Incident, drill: Drill, begun: datetime, now: datetime, library: Library
) -> Iterator[Due]:
    waiting = [event for event in plan.events if event.category != "expected_action" and _waits(event, drill)]
    missed = set(_missed({event.number for event in waiting}, plan, incident, now))
    for event in waiting:
        planned = begun + parse_duration(event.at) if event.at is not None else None
        if event.number in missed:
            yield Due(event, "missed", now)
        elif planned is not None and planned <= now:
            yield Due(event, "time", planned)
        elif event.after and ended(incident, event.after):
            yield Due(event, "step")
        elif event.on is not None and _holds(incident, event, library):
            yield Due(event, "fact")


def _missed(waiting: Collection[str], plan: Exercise, incident: Incident, now: datetime) -> Iterator[str]:
    """Return the numbers of the injects that wait for a missed action, which now is missed."""
    for event in plan.events:
        if event.if_missed in waiting and missed_by(event, incident, now):
            yield event.if_missed


def is_over(plan: Exercise, incident: Incident, now: datetime) -> str:
    """Return why the exercise ends now by its plan, else nothing."""
    ends, drill = plan.ends, incident.drill
    if ends is None or drill is None or drill.stage != "running" or drill.begun_at is None:
        return ""
    if ends.after and ended(incident, ends.after) is not None:
        return f"step {ends.after} is done"
    if ends.at and drill.begun_at + parse_duration(ends.at) <= now:
        return f"{ends.at} after StartEx"
    return ""


def next_inject(plan: Exercise, incident: Incident, now: datetime) -> datetime | None:
    """Return when time alone makes an inject due, or an expected action late; None if only an event can."""
    drill = incident.drill
    if drill is None or drill.begun_at is None or drill.stage not in ("running", "paused"):
        return None
    times = [
        drill.begun_at + parse_duration(event.at)
        for event in plan.events
        if event.at is not None and event.category != "expected_action" and _waits(event, drill)
    ]
    times += [
        at
        for event in plan.events
        if event.if_missed and event.if_missed not in drill.released
        for action in event.expected
        if (at := deadline(event, action, drill)) is not None and at > now and met(action, incident) is None
    ]
    if plan.ends is not None and plan.ends.at:
        times.append(drill.begun_at + parse_duration(plan.ends.at))
    return min((time for time in times if time > now), default=None)


def missed_by(event: ScenarioEvent, incident: Incident, now: datetime) -> bool:
    """Tell whether a critical expected action of a released inject is late."""
    drill = incident.drill
    if drill is None:
        return False
    for action in event.expected:
        at = deadline(event, action, drill)
        if action.critical and at is not None and at <= now:
            done = met(action, incident)
            if done is None or done > at:
                return True
    return False


def deadline(event: ScenarioEvent, action: Action, drill: Drill) -> datetime | None:
    """Return the due time of an expected action: counted from the release of its inject; None before that.

    An expected action without an inject counts from its time after StartEx.
    """
    released = drill.released.get(event.number)
    start = released.at if released is not None else None
    if event.category == "expected_action" and drill.begun_at is not None:
        start = drill.begun_at + parse_duration(event.at or "0m")
    return None if start is None or action.within is None else start + parse_duration(action.within)


def met(action: Action, incident: Incident) -> datetime | None:
    """Return when players first did the expected action, as far as the incident shows; otherwise None."""
    if action.fact:
        fact = incident.facts.get(action.fact)
        return fact.at if fact is not None and fact.value is not None else None
    if action.document:
        times = (
            document.at for document in incident.documents.values() if step_is(document.step, action.document)
        )
        return min(times, default=None)
    if action.duty:
        duty = incident.duties.get(action.duty)
        return duty.record.at if duty is not None and duty.record is not None else None
    return ended(incident, action.step or action.message)


def ended(incident: Incident, path: str) -> datetime | None:
    """Return when a step was first done, in any lane unless one is named."""
    done = (
        invocation.ended_at
        for invocation in incident.invocations.values()
        if invocation.state in DONE and invocation.ended_at is not None and step_is(invocation.id, path)
    )
    return min(done, default=None)


def step_is(invocation: str, path: str) -> bool:
    """Tell whether an invocation is of the step that a path names, in any lane unless one is named."""
    if path.rpartition(".")[2] not in invocation:  # most are of other steps: do not split their ids
        return False
    return path in (step_path(invocation), step_path_with_items(invocation))


def _waits(event: ScenarioEvent, drill: Drill) -> bool:
    return event.number not in drill.released and event.number not in drill.deferred


def _holds(incident: Incident, event: ScenarioEvent, library: Library) -> bool:
    root = next((scope for scope in incident.scopes.values() if not scope.parent), None)
    if event.on is None or root is None:
        return False
    return truth(event.on, ScopeView(incident, root, library)) is True


def faults(incident: Incident, wall: datetime) -> Iterator[Fault]:
    """Yield the present simulated failures."""
    if incident.drill is not None:
        now = time_in(incident, wall)
        yield from (fault for fault in incident.drill.faults if fault.holds(now))


def unreachable(incident: Incident, wall: datetime) -> frozenset[str]:
    """Return the persons who do not answer."""
    return frozenset(fault.ref for fault in faults(incident, wall) if fault.kind == "person")


def skew(incident: Incident, wall: datetime) -> timedelta:
    """Return the simulated error of the machine's clock."""
    shifts = [
        fault.shift for fault in faults(incident, wall) if fault.kind == "clock" and fault.shift is not None
    ]
    return sum(shifts, timedelta())
