"""How the entries of an exercise change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.apply.builder import Draft
from runner.incident.state.exercise import (
    ClockChange,
    Drill,
    ExerciseBegun,
    ExerciseClock,
    ExerciseClockSet,
    Fault,
    FaultSet,
    InjectDeferred,
    InjectReleased,
    Observation,
    ObservationMade,
    Rated,
    RatingGiven,
    Released,
    ReportSigned,
    Signed,
    Stage,
)

STAGES: dict[ClockChange, Stage] = {
    "begun": "running",
    "paused": "paused",
    "resumed": "running",
    "jumped": "running",
    "frozen": "frozen",
    "ended": "ended",
}


def _change(draft: Draft, **fields: Any) -> None:
    before: Drill = draft.read("drill")
    draft.put(drill=msgspec.structs.replace(before, **fields))


def _begun(draft: Draft, event: ExerciseBegun, at: datetime, seq: int) -> None:
    before: Drill | None = draft.read("drill")
    made = before or Drill(clock=ExerciseClock(wall=at, at=at))
    draft.put(
        drill=msgspec.structs.replace(
            made,
            name=event.name,
            title=event.title,
            exercise_type=event.exercise_type,
            plan=event.plan,
            marking=event.marking,
            live=frozenset(event.live),
        )
    )


def _clock_set(draft: Draft, event: ExerciseClockSet, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    stage = STAGES[event.change]
    if event.change == "jumped" and before.stage == "paused":
        stage = "paused"
    _change(
        draft,
        clock=event.clock,
        stage=stage,
        started=before.started or (event.clock.wall if event.change == "begun" else None),
        begun_at=before.begun_at or (at if event.change == "begun" else None),
        ended_at=at if stage in ("ended", "frozen") else None,
    )
    if draft.read("state") in ("open", "paused"):
        draft.put(state="open" if stage == "running" else "paused")


def _released(draft: Draft, event: InjectReleased, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    made = Released(at=at, cause=event.cause, planned=event.planned, by=event.by)
    _change(draft, released={**before.released, event.number: made})


def _deferred(draft: Draft, event: InjectDeferred, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    _change(draft, deferred={**before.deferred, event.number: event.reason})


def _fault(draft: Draft, event: FaultSet, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    made = Fault(kind=event.kind, ref=event.ref, since=at, until=event.until, shift=event.shift)
    _change(draft, faults=(*before.faults, made))


def _observed(draft: Draft, event: ObservationMade, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    made = Observation(
        at=at,
        by=event.by,
        text=event.text,
        kind=event.kind,
        objective=event.objective,
        question=event.question,
        about=event.about,
    )
    _change(draft, observations=(*before.observations, made))


def _rated(draft: Draft, event: RatingGiven, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    made = Rated(rating=event.rating, by=event.by, at=at, note=event.note, proposed=event.proposed)
    _change(draft, ratings={**before.ratings, event.target: made})


def _signed(draft: Draft, event: ReportSigned, at: datetime, seq: int) -> None:
    made = Signed(by=event.by, at=at, digest=event.digest, event=seq)
    draft.put(reports=(*draft.read("reports"), made))


DRILL: dict[type[Any], Callable[[Draft, Any, datetime, int], None]] = {
    ExerciseBegun: _begun,
    ExerciseClockSet: _clock_set,
    InjectReleased: _released,
    InjectDeferred: _deferred,
    FaultSet: _fault,
    ObservationMade: _observed,
    RatingGiven: _rated,
    ReportSigned: _signed,
}
