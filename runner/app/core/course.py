"""How time goes on when the machine's clock is set: what is due comes neither twice nor never. Pure.

Two clocks are compared: the *wall* clock, which somebody may set, and a *steady* one, which only counts on, also while the
machine sleeps. As long as they agree, time is the wall's.

The wall went back: time goes on as the steady clock counts. A little (``SLACK``) is waited for instead, as a clock that
is put right by small steps soon catches up.

The wall leapt ahead by more than ``LEAP``: were it believed, everything would be due at once and everybody woken. Time
goes on as the steady clock counts for ``DOUBT``, in which somebody may see it; then the wall is believed, as silence
for ever would be worse. Where the system says that its clock is kept by a time server, it is believed at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

SLACK = timedelta(seconds=5)
LEAP = timedelta(minutes=5)
DOUBT = timedelta(minutes=10)
BELIEVED = timedelta(days=2)
"""A time that was kept and is further ahead than this is no memory but nonsense."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Where time was when it was last looked at."""

    at: datetime
    steady: timedelta
    doubted: timedelta | None = None
    """By the steady clock: since when the wall is ahead and not believed."""
    apart: timedelta = timedelta()
    """How far the wall is from what is held for the time: negative when it went back."""


def begin(wall: datetime, steady: timedelta, kept: datetime | None) -> Course:
    """Return the course of a process that begins; ``kept`` is how far time had come before, as others kept it."""
    if kept is not None and SLACK < kept - wall <= BELIEVED:
        return Course(at=kept, steady=steady, apart=wall - kept)
    return Course(at=wall, steady=steady)


def follow(course: Course, wall: datetime, steady: timedelta, *, kept_right: bool) -> Course:
    """Return the course now; ``kept_right`` says that a time server keeps the wall clock."""
    counted = course.at + (steady - course.steady)
    apart = wall - counted
    if apart < -SLACK:
        return Course(at=counted, steady=steady, apart=apart)
    if apart > LEAP and not kept_right:
        since = steady if course.doubted is None else course.doubted
        if steady - since < DOUBT:
            return Course(at=counted, steady=steady, doubted=since, apart=apart)
    return Course(at=max(wall, course.at), steady=steady)
