"""Proposed ratings of an exercise: each task by its time and its outcome, then targets and objectives.

A target is rated as its worst critical task, an objective as its worst target. A proposal is never published alone: an
evaluator confirms it, or changes it with a note. Until every target has a rating, every page with ratings is a draft.

HSEEP's ratings of a task made exact: done within its time is P, within one and a half times that is S. Done later, after a contingency
inject, or by a skip or an override is M; not done by EndEx, or done in the wrong order, is U. N/A was not played. N/O cannot
be seen in the journal, or EndEx was before its time had passed. A run without people follows a script: its tasks have no rating.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.instants import parse_duration
from runner.incident.exercises.exercise_plan import DISCUSSION, Action, Exercise, Objective, Target
from runner.incident.exercises.injects import ended, met, step_is
from runner.incident.state.exercise import OVER, Drill, Rated, Rating
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
    invocation = next((step for step in _steps(incident, action) if step.state == "skipped"), None)
    if invocation is not None:
        return Proposal("M", f"skipped{f': {invocation.reason}' if invocation.reason else ''}")
    if drill.stage not in OVER:
        return Proposal("", "not done yet")
    return _undone(incident, drill, action, drill.begun_at)


def _done(
    plan: Exercise, incident: Incident, drill: Drill, action: Action, begun: datetime, done: datetime
) -> Proposal:
    fact = incident.facts.get(action.fact) if action.fact else None
    if fact is not None and fact.source.startswith("exercise "):
        return Proposal("N/O", "the scenario stated the fact")
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
    if drill.ended_at and action.within and drill.ended_at - begun < parse_duration(action.within):
        return Proposal("N/O", f"not done; EndEx was before {action.within} had passed")
    return Proposal("U", "not done by EndEx")


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


_WORST: tuple[Rating, ...] = ("U", "M", "S", "P", "N/O", "N/A")


class TaskRating(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a target as it was done; all times are exercise time."""

    task: str
    critical: bool
    by: datetime | None
    done: datetime | None
    proposal: Proposal


class TargetRating(msgspec.Struct, frozen=True, kw_only=True):
    """One target: its tasks, their proposal, and the rating of an evaluator."""

    id: str
    text: str
    tasks: tuple[TaskRating, ...]
    proposal: Proposal
    given: Rated | None


class ObjectiveRating(msgspec.Struct, frozen=True, kw_only=True):
    """One objective: its targets, their proposal, and its rating, empty until evaluators have confirmed it."""

    id: str
    text: str
    capability: str
    targets: tuple[TargetRating, ...]
    proposal: Proposal
    given: Rated | None

    @property
    def rating(self) -> Proposed:
        """Rating for publication: that of the objective, else the worst of its targets once all are rated."""
        if self.given is not None:
            return self.given.rating
        given = [target.given.rating for target in self.targets if target.given is not None]
        return worst(given) if given and len(given) == len(self.targets) else ""

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Return the missing ratings: until it is empty, every report with ratings is a draft."""
        if not self.targets:
            return (self.id,) if self.given is None else ()
        return tuple(target.id for target in self.targets if target.given is None)


def ratings(plan: Exercise, incident: Incident) -> tuple[ObjectiveRating, ...]:
    """Return every objective as it was played, with the proposed ratings and those of evaluators."""
    drill = incident.drill
    if drill is None:
        return ()
    return tuple(_objective(plan, incident, drill, objective) for objective in plan.objectives)


def unconfirmed(found: Iterable[ObjectiveRating]) -> tuple[str, ...]:
    """Return the missing ratings: until it is empty, every report with ratings is a draft."""
    return tuple(name for rating in found for name in rating.unconfirmed)


def proposal_for(objectives: Iterable[ObjectiveRating], name: str) -> Proposal | None:
    """Return the proposal for a target or an objective; None if the plan has neither."""
    for objective in objectives:
        if objective.id == name:
            return objective.proposal
        for target in objective.targets:
            if target.id == name:
                return target.proposal
    return None


def worst(given: Iterable[Rating]) -> Rating:
    """Return the worst rating; "not observed" and "not played" count only without others."""
    return min(given, key=_WORST.index)


def _objective(plan: Exercise, incident: Incident, drill: Drill, objective: Objective) -> ObjectiveRating:
    targets = tuple(_target(plan, incident, drill, target) for target in objective.targets)
    return ObjectiveRating(
        id=objective.id,
        text=objective.text,
        capability=objective.capability,
        targets=targets,
        proposal=_rolled(
            ((target.id, target.proposal) for target in targets),
            "the objective has no target: an evaluator rates the objective",
        ),
        given=drill.ratings.get(objective.id),
    )


def _target(plan: Exercise, incident: Incident, drill: Drill, target: Target) -> TargetRating:
    tasks = tuple(_task(plan, incident, drill, action) for action in target.tasks)
    counted = [task for task in tasks if task.critical] or list(tasks)
    return TargetRating(
        id=target.id,
        text=target.text,
        tasks=tasks,
        proposal=_rolled(((task.task, task.proposal) for task in counted), ""),
        given=drill.ratings.get(target.id),
    )


def _rolled(parts: Iterator[tuple[str, Proposal]], empty: str) -> Proposal:
    """Return the worst of several ratings; undetermined if one of them is undetermined."""
    proposals = list(parts)
    rated = [(name, proposal, proposal.rating) for name, proposal in proposals if proposal.rating]
    if not proposals or len(rated) < len(proposals):
        return Proposal("", next((proposal.rule for _, proposal in proposals if not proposal.rating), empty))
    bad = worst(rating for _, _, rating in rated)
    name, proposal, _ = next(row for row in rated if row[2] == bad)
    return Proposal(bad, f"{name}: {proposal.rule}" if len(proposals) > 1 else proposal.rule)


def _task(plan: Exercise, incident: Incident, drill: Drill, action: Action) -> TaskRating:
    start, within = drill.begun_at, parse_duration(action.within) if action.within else None
    by = start + within if start is not None and within is not None else None
    done = met(action, incident)
    return TaskRating(
        task=action.words,
        critical=action.critical,
        by=by,
        done=done,
        proposal=propose(plan, incident, drill, action, done),
    )
