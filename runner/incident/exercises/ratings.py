"""Proposed ratings of an exercise: tasks of each target, then targets and objectives.

A target is rated as its worst critical task, an objective as its worst target. A proposal is never published alone: an
evaluator confirms it, or changes it with a note. Until every target has a rating, every page with ratings is a draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from runner.base.instants import parse_duration
from runner.incident.exercises.exercise_plan import Action, Exercise, Objective, Target
from runner.incident.exercises.injects import met
from runner.incident.exercises.rating_rules import Proposal, Proposed, propose
from runner.incident.state.exercise import Drill, Rated, Rating
from runner.incident.state.incident import Incident

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
