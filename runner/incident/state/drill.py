"""An exercise inside an incident as it stands: its clock, what was released, what fails, what was seen and rated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.incident.state.exercise import (
    Cause,
    ExerciseClock,
    FaultKind,
    Rating,
)

Stage = Literal["planned", "running", "paused", "frozen", "ended"]
"""``frozen`` after REAL WORLD: nothing of it goes on any more."""
LIVE = "live_comms"
"""The one type of exercise whose messages leave."""
OVER: frozenset[Stage] = frozenset({"ended", "frozen"})
"""Stages in which nobody plays any more: what was played can be rated."""


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """One inject that happened."""

    at: datetime
    """In exercise time."""
    cause: Cause
    planned: datetime | None = None
    by: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that fails."""

    kind: FaultKind
    ref: str
    since: datetime
    until: datetime | None = None
    shift: timedelta | None = None

    def holds(self, now: datetime) -> bool:
        """Tell whether it still fails at an instant of exercise time."""
        return self.until is None or now < self.until


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody saw or answered."""

    at: datetime
    by: str
    text: str
    kind: str
    objective: str = ""
    question: str = ""
    about: str = ""


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """A rating that an evaluator stands for."""

    rating: Rating
    by: str
    at: datetime
    note: str = ""
    proposed: str = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """An after-action report that somebody stands for."""

    by: str
    at: datetime
    digest: str
    event: int
    """The journal's number of the signature."""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """The exercise as folded from the journal."""

    clock: ExerciseClock
    name: str = ""
    title: str = ""
    exercise_type: str = ""
    plan: str = ""
    marking: str = ""
    live: frozenset[str] = frozenset()
    """Persons who agreed to be written to for real."""
    stage: Stage = "planned"
    started: datetime | None = None
    """When StartEx was, by the wall; all other times here are exercise time."""
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    released: Mapping[str, Released] = {}
    deferred: Mapping[str, str] = {}
    faults: tuple[Fault, ...] = ()
    observations: tuple[Observation, ...] = ()
    ratings: Mapping[str, Rated] = {}
    """Target → the newest rating."""
