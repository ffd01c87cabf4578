"""Events of an exercise: its clock, its injects, the observations of its evaluators.

An exercise is an incident; whatever people do in it is recorded as in a real one. These entries are those of the people
who run it. Each stands in the journal with wall time and exercise time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.actor import Event, Personal

ClockChange = Literal["begun", "paused", "resumed", "jumped", "frozen", "ended"]
Rating = Literal["P", "S", "M", "U", "N/A", "N/O"]
"""Performed without challenges, with some, with major ones, unable to be performed; not played, not observed (HSEEP)."""
FaultKind = Literal["channel", "person", "worker", "clock"]
Cause = Literal["time", "step", "fact", "missed", "hand"]


class ExerciseClock(msgspec.Struct, frozen=True, kw_only=True):
    """How exercise time follows wall time: at ``wall`` it is ``at``, and goes on ``rate`` times as fast; 0 stands."""

    wall: datetime
    at: datetime
    rate: float = 1.0


class ExerciseBegun(Personal, frozen=True, kw_only=True):
    """The incident is an exercise after this plan, kept by the digest of its text."""

    name: str
    title: str
    exercise_type: str
    plan: str
    """SHA-256 of the kept plan."""
    marking: str
    live: tuple[str, ...] = ()
    """Persons who agreed to real messages; no other person gets one."""
    head: str = ""
    """The hash over all journals of the store at that moment."""


class ExerciseClockSet(Personal, frozen=True, kw_only=True):
    """From now on exercise time follows wall time otherwise."""

    change: ClockChange
    clock: ExerciseClock
    by: str
    reason: str = ""


class InjectReleased(Personal, frozen=True, kw_only=True):
    """One event of the scenario happened to the players."""

    number: str
    cause: Cause
    planned: datetime | None = None
    by: str = ""


class InjectDeferred(Personal, frozen=True, kw_only=True):
    """A controller leaves it out."""

    number: str
    by: str
    reason: str


class FaultSet(Event, frozen=True, kw_only=True):
    """Something fails in the exercise, until an instant of exercise time or for good."""

    kind: FaultKind
    ref: str
    until: datetime | None = None
    shift: timedelta | None = None
    """By how much a clock is wrong."""


class ObservationMade(Personal, frozen=True, kw_only=True):
    """An observation of an evaluator, or an answer to a discussion question."""

    by: str
    text: str
    objective: str = ""
    question: str = ""
    kind: Literal["observation", "strength", "improvement", "answer"] = "observation"
    about: str = ""
    """The plan, policy or step that it refers to."""


class RatingGiven(Personal, frozen=True, kw_only=True):
    """An evaluator confirms or changes a rating; without this none is published."""

    target: str
    rating: Rating
    by: str
    note: str = ""
    proposed: str = ""
    """What the rule had proposed, and why."""


class ReportSigned(Personal, frozen=True, kw_only=True):
    """An evaluator signed an after-action report, byte for byte."""

    by: str
    digest: str
    """``sha256:`` over the formats and the digests of their files."""
    files: Mapping[str, str]
    """Format → SHA-256; the bytes are kept."""
    heads: Mapping[str, str] = {}
    """What the report calls them → the journal's heads that it names, ``N:sha256:…``; older signatures kept none."""


ExerciseEvent = (
    ExerciseBegun
    | ExerciseClockSet
    | InjectReleased
    | InjectDeferred
    | FaultSet
    | ObservationMade
    | RatingGiven
    | ReportSigned
)
Stage = Literal["planned", "running", "paused", "frozen", "ended"]
"""``frozen`` after REAL WORLD: the exercise has stopped."""


LIVE = "live_comms"
"""The one type of exercise whose messages leave."""
OVER: frozenset[Stage] = frozenset({"ended", "frozen"})
"""Stages after the play: the exercise can be rated."""


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
    """One observation or answer."""

    at: datetime
    by: str
    text: str
    kind: str
    objective: str = ""
    question: str = ""
    about: str = ""


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """A rating of an evaluator."""

    rating: Rating
    by: str
    at: datetime
    note: str = ""
    proposed: str = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signed after-action report."""

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
