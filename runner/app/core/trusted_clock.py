"""The time by which a worker acts: the machine's, unless that was set back or leapt ahead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from runner.app.core.channel_state import Marks
from runner.app.core.identifiers import Clock
from runner.decoding import from_json
from runner.errors import StoreError

TOLERANCE = timedelta(seconds=5)
JUMP = timedelta(minutes=5)
DISTRUST_PERIOD = timedelta(minutes=10)
BELIEVED = timedelta(days=2)
"""A time that was kept and is further ahead than this is no memory but nonsense."""
CLOCK = "clock/"
"""Each machine keeps how far its time had come: the clock of another one is no witness of its own."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFTEN = timedelta(minutes=1)
"""How often that is written down."""


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """Where time was when it was last looked at."""

    at: datetime
    steady: timedelta
    doubted: timedelta | None = None
    """By the steady clock: since when the wall is ahead and not believed."""
    apart: timedelta = timedelta()
    """How far the wall is from what is held for the time: negative when it went back."""


def start(wall: datetime, steady: timedelta, kept: datetime | None) -> ClockState:
    """Return the course of a process that begins; ``kept`` is how far time had come before, as others kept it."""
    if kept is not None and TOLERANCE < kept - wall <= BELIEVED:
        return ClockState(at=kept, steady=steady, apart=wall - kept)
    return ClockState(at=wall, steady=steady)


def advance(course: ClockState, wall: datetime, steady: timedelta) -> ClockState:
    """Return the course now: it never goes back, and it waits before it follows a jump ahead."""
    counted = course.at + (steady - course.steady)
    apart = wall - counted
    if apart < -TOLERANCE:
        return ClockState(at=counted, steady=steady, apart=apart)
    if apart > JUMP:
        since = steady if course.doubted is None else course.doubted
        if steady - since < DISTRUST_PERIOD:
            return ClockState(at=counted, steady=steady, doubted=since, apart=apart)
    return ClockState(at=max(wall, course.at), steady=steady)


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far time had come on a machine, and how far its wall clock was from that."""

    at: datetime
    apart: timedelta = timedelta()


class TrustedClock:
    """One worker's time. For one thread."""

    def __init__(self, clock: Clock, marks: Marks, host: str) -> None:
        """Take the machine's clock; one without a steady clock beside it is believed in everything."""
        self._clock = clock
        self._steady: Callable[[], timedelta] | None = getattr(clock, "steady", None)
        self._marks = marks
        self._host = host
        self._course: ClockState | None = None
        self._written: Kept | None = None

    def now(self) -> datetime:
        """Return the time."""
        wall = self._clock.now()
        if self._steady is None:
            return wall
        if self._course is None:
            with suppress(StoreError, msgspec.DecodeError):
                self._written = saved_times(self._marks, self._host)
            kept = None if self._written is None else self._written.at
            self._course = start(wall, self._steady(), kept)
        else:
            self._course = advance(self._course, wall, self._steady())
        return self._course.at

    def passed(self) -> timedelta:
        """Return what has passed since some moment."""
        return self._steady() if self._steady is not None else self._clock.now() - EPOCH

    def keep(self) -> None:
        """Write down how far time has come, now and then, and at once when the wall is not believed any more or again."""
        if self._course is None:
            return
        now, before = Kept(at=self._course.at, apart=self._course.apart), self._written
        off = bool(now.apart)
        if before is not None and now.at - before.at < OFTEN and off == bool(before.apart):
            return
        self._written = now
        with suppress(StoreError):
            name = CLOCK + self._host
            self._marks.change_marks([name], lambda known: {name: msgspec.json.encode(now)})


def saved_times(marks: Marks, host: str) -> Kept | None:
    """Return how far time had come on a machine."""
    found = marks.marks(CLOCK + host).get(CLOCK + host)
    return None if found is None else from_json(found, Kept)


def forget_time(marks: Marks, host: str) -> None:
    """Have the wall clock of a machine believed from now on: a person says that it is right."""
    marks.change_marks([CLOCK + host], lambda known: {})
