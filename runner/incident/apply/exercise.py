"""Changes by the events of an exercise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.apply.builder import IncidentBuilder
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


def _change(draft: IncidentBuilder, **fields: Any) -> None:
    before: Drill = draft.read("drill")
    draft.put(drill=msgspec.structs.replace(before, **fields))


def _begun(draft: IncidentBuilder, event: ExerciseBegun, at: datetime, seq: int) -> None:
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


def _clock_set(draft: IncidentBuilder, event: ExerciseClockSet, at: datetime, seq: int) -> None:
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


def _released(draft: IncidentBuilder, event: InjectReleased, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    released = Released(at=at, cause=event.cause, planned=event.planned, by=event.by)
    _change(draft, released={**before.released, event.number: released})


def _deferred(draft: IncidentBuilder, event: InjectDeferred, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    _change(draft, deferred={**before.deferred, event.number: event.reason})


def _fault(draft: IncidentBuilder, event: FaultSet, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    fault = Fault(kind=event.kind, ref=event.ref, since=at, until=event.until, shift=event.shift)
    _change(draft, faults=(*before.faults, fault))


def _observed(draft: IncidentBuilder, event: ObservationMade, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    observation = Observation(
        at=at,
        by=event.by,
        text=event.text,
        kind=event.kind,
        objective=event.objective,
        question=event.question,
        about=event.about,
    )
    _change(draft, observations=(*before.observations, observation))


def _rated(draft: IncidentBuilder, event: RatingGiven, at: datetime, seq: int) -> None:
    before: Drill = draft.read("drill")
    rated = Rated(rating=event.rating, by=event.by, at=at, note=event.note, proposed=event.proposed)
    _change(draft, ratings={**before.ratings, event.target: rated})


def _signed(draft: IncidentBuilder, event: ReportSigned, at: datetime, seq: int) -> None:
    signed = Signed(by=event.by, at=at, digest=event.digest, event=seq)
    draft.put(reports=(*draft.read("reports"), signed))


DRILL: dict[type[Any], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    ExerciseBegun: _begun,
    ExerciseClockSet: _clock_set,
    InjectReleased: _released,
    InjectDeferred: _deferred,
    FaultSet: _fault,
    ObservationMade: _observed,
    RatingGiven: _rated,
    ReportSigned: _signed,
}
