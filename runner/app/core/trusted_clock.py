"""The time of a worker: the machine's, unless that was set back or jumped ahead."""

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
"""A stored time that is further ahead than this is invalid."""
CLOCK = "clock/"
"""Each machine stores its own newest time: the clock of another machine proves nothing about it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFTEN = timedelta(minutes=1)
"""How often the time is stored."""


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """The time at the last check."""

    at: datetime
    steady: timedelta
    doubted: timedelta | None = None
    """By the monotonic clock: since when the machine's clock is ahead and not trusted."""
    apart: timedelta = timedelta()
    """The machine's clock minus the trusted time: negative when it went back."""


def start(wall: datetime, steady: timedelta, kept: datetime | None) -> ClockState:
    """Return the first reading of a process; ``kept`` is the newest stored time."""
    if kept is not None and TOLERANCE < kept - wall <= BELIEVED:
        return ClockState(at=kept, steady=steady, apart=wall - kept)
    return ClockState(at=wall, steady=steady)


def advance(course: ClockState, wall: datetime, steady: timedelta) -> ClockState:
    """Return the present reading: it never goes back, and it waits before it follows a jump ahead."""
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
    """The newest time of a machine, and the difference of its clock."""

    at: datetime
    apart: timedelta = timedelta()


class TrustedClock:
    """One worker's time. For one thread."""

    def __init__(self, clock: Clock, marks: Marks, host: str) -> None:
        """Take the machine's clock; one without a monotonic clock is always trusted."""
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
        """Return the time since an earlier moment."""
        return self._steady() if self._steady is not None else self._clock.now() - EPOCH

    def keep(self) -> None:
        """Store the time at intervals, and at once when the trust in the machine's clock changes."""
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
    """Return the newest stored time of a machine."""
    saved = marks.marks(CLOCK + host).get(CLOCK + host)
    return None if saved is None else from_json(saved, Kept)


def forget_time(marks: Marks, host: str) -> None:
    """Trust the machine's clock from now on: a person confirmed that it is right."""
    marks.change_marks([CLOCK + host], lambda known: {})
