"""Ratings of an exercise: proposals from the journal, ratings of evaluators and missing ratings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.exercises.ratings import (
    SCRIPTED,
    ObjectiveRating,
    TargetRating,
    TaskRating,
    ratings,
    unconfirmed,
)
from runner.incident.state.exercise import Rated, Rating
from runner.incident.state.incident import Incident
from runner.reports.core.page import Blank, Block, Cell, Paragraph, Tone, flow, line
from runner.reports.core.report import filled


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a target; all times are exercise time."""

    task: str
    critical: bool
    by: datetime | None
    done: datetime | None
    proposal: str
    rule: str


class RatingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One target. ``proposal`` is provisional, from the journal by ``rule``; ``rating`` is empty until an evaluator rates the target."""

    id: str
    text: str
    proposal: str
    rule: str
    rating: str
    rated_by: str
    note: str
    tasks: tuple[TaskRow, ...]


class ObjectiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """One objective; ``rating`` is the worst of its confirmed targets, or its own rating."""

    id: str
    text: str
    capability: str
    proposal: str
    rule: str
    rating: str
    rated_by: str
    note: str
    targets: tuple[RatingRow, ...]


class Ratings(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings of all objectives; a draft while ``unconfirmed`` contains targets."""

    draft: bool
    scripted: bool
    """Whether no people took part: then no target is rated."""
    unconfirmed: tuple[str, ...]
    objectives: tuple[ObjectiveRow, ...]


def ratings_report(incident: Incident, plan: Exercise) -> Ratings:
    """Return the current ratings."""
    found = ratings(plan, incident)
    missing = unconfirmed(found)
    return Ratings(
        draft=bool(missing),
        scripted=incident.kind == "test",
        unconfirmed=missing,
        objectives=tuple(_objective(rating) for rating in found),
    )


def _objective(one: ObjectiveRating) -> ObjectiveRow:
    by, note = _given(one.given)
    return filled(
        ObjectiveRow,
        one,
        proposal=one.proposal.rating,
        rule=one.proposal.rule,
        rated_by=by,
        note=note,
        targets=tuple(_target(target) for target in one.targets),
    )


def _target(one: TargetRating) -> RatingRow:
    by, note = _given(one.given)
    return RatingRow(
        id=one.id,
        text=one.text,
        proposal=one.proposal.rating,
        rule=one.proposal.rule,
        rating=one.given.rating if one.given is not None else "",
        rated_by=by,
        note=note,
        tasks=tuple(_task(task) for task in one.tasks),
    )


def _task(one: TaskRating) -> TaskRow:
    return filled(TaskRow, one, proposal=one.proposal.rating, rule=one.proposal.rule)


def _given(rated: Rated | None) -> tuple[str, str]:
    return ("", "") if rated is None else (rated.by, rated.note)


_TONES: dict[str, Tone] = {"P": "good", "S": "good", "M": "warn", "U": "alarm"}


def ratings_blocks(found: Ratings) -> Iterator[Block]:
    """Draw the ratings on the page of an exercise."""
    if not found.objectives:
        return
    yield Blank()
    why = SCRIPTED if found.scripted else "draft: unconfirmed targets" if found.draft else ""
    yield line(f"RATINGS ({why})" if why else "RATINGS", "title")
    for objective in found.objectives:
        yield _line(objective, 0)
        for target in objective.targets:
            yield _line(target, 2)
            if len(target.tasks) > 1:
                yield from (_task_line(task) for task in target.tasks)


def _line(one: ObjectiveRow | RatingRow, indent: int) -> Paragraph:
    cells = [Cell(f"{one.id}  ", "command"), Cell(f"{one.text}: ")]
    if one.rating:
        cells.append(Cell(one.rating, _TONES.get(one.rating, "dim")))
        who = f" by {one.rated_by}" if one.rated_by else ""
        cells.append(Cell(f"{who}{f', {one.note}' if one.note else ''}", "dim"))
    elif one.proposal:
        cells += [
            Cell(f"proposed {one.proposal}", _TONES.get(one.proposal, "dim")),
            Cell(f" ({one.rule})", "dim"),
        ]
    else:
        cells.append(Cell(one.rule or "not rated", "dim"))
    return flow(*tuple(cells), indent=indent, hang=2)


def _task_line(one: TaskRow) -> Paragraph:
    known = "" if one.critical else ", not critical"
    cells = (
        f"{one.task}{known}: ",
        Cell(one.proposal or "open", _TONES.get(one.proposal, "dim")),
        Cell(f" ({one.rule})", "dim"),
    )
    return flow(*cells, indent=4, hang=2)


RATING_WORDS: Mapping[Rating, str] = {
    "P": "performed without challenges",
    "S": "performed with some challenges",
    "M": "performed with major challenges",
    "U": "unable to be performed",
    "N/A": "not played",
    "N/O": "not observed",
}
KEY = (
    "P: performed without challenges: critical tasks done and objective met, as planned.",
    "S: performed with some challenges: as P, with possible improvements in speed or quality.",
    "M: performed with major challenges: objective met late, with help or outside the plan.",
    "U: unable to be performed: critical tasks not done or objective not met.",
    "N/A: not played. N/O: not observed.",
)
