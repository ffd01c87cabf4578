"""Events of an exercise: its clock, its injects, the observations of its evaluators.

An exercise is an incident; the actions of people in it are recorded as in a real one. These entries are those of the people
who run it. Each is in the journal with real time and exercise time.
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
    """The conversion from real to exercise time: at ``wall`` it is ``at``, and runs ``rate`` times as fast; 0 stops."""

    wall: datetime
    at: datetime
    rate: float = 1.0


class ExerciseBegun(Personal, frozen=True, kw_only=True):
    """The incident is an exercise with this plan, stored by the digest of its text."""

    name: str
    title: str
    exercise_type: str
    plan: str
    """SHA-256 of the stored plan."""
    marking: str
    live: tuple[str, ...] = ()
    """Persons who agreed to real messages; no other person gets any."""
    head: str = ""
    """The hash over all journals of the database at that moment."""


class ExerciseClockSet(Personal, frozen=True, kw_only=True):
    """The conversion from real to exercise time changed."""

    change: ClockChange
    clock: ExerciseClock
    by: str
    reason: str = ""


class InjectReleased(Personal, frozen=True, kw_only=True):
    """An inject was released to the players."""

    number: str
    cause: Cause
    planned: datetime | None = None
    by: str = ""


class InjectDeferred(Personal, frozen=True, kw_only=True):
    """A controller skipped an inject."""

    number: str
    by: str
    reason: str


class FaultSet(Event, frozen=True, kw_only=True):
    """A simulated failure started, until an instant of exercise time or the end."""

    kind: FaultKind
    ref: str
    until: datetime | None = None
    shift: timedelta | None = None
    """The error of a clock."""


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
    """An evaluator confirmed or changed a rating; without this none is published."""

    target: str
    rating: Rating
    by: str
    note: str = ""
    proposed: str = ""
    """The rating that the rule proposed, and why."""


class ReportSigned(Personal, frozen=True, kw_only=True):
    """An evaluator signed an after-action report, byte for byte."""

    by: str
    digest: str
    """``sha256:`` over the formats and the digests of their files."""
    files: Mapping[str, str]
    """Format → SHA-256; the bytes are kept."""
    heads: Mapping[str, str] = {}
    """Name in the report → the head of each journal that the report states, ``N:sha256:…``; empty in older signatures."""


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
"""The one type of exercise that sends messages."""
OVER: frozenset[Stage] = frozenset({"ended", "frozen"})
"""Stages after the play: the exercise can be rated."""


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """One released inject."""

    at: datetime
    """In exercise time."""
    cause: Cause
    planned: datetime | None = None
    by: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated failure."""

    kind: FaultKind
    ref: str
    since: datetime
    until: datetime | None = None
    shift: timedelta | None = None

    def holds(self, now: datetime) -> bool:
        """Tell whether the failure is active at an instant of exercise time."""
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
    """Persons who agreed to get real messages."""
    stage: Stage = "planned"
    started: datetime | None = None
    """The real time of StartEx; all other times here are exercise time."""
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    released: Mapping[str, Released] = {}
    deferred: Mapping[str, str] = {}
    faults: tuple[Fault, ...] = ()
    observations: tuple[Observation, ...] = ()
    ratings: Mapping[str, Rated] = {}
    """Target → the newest rating."""
