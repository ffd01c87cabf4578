"""A figure of a report as data: rows with bars and marks on one axis; ``figure_svg`` draws a figure.

A position on the axis is a share of its length, from 0 to 1. Colour is never the only sign: looks and shapes also differ in
grey, and each row ends with text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal

import msgspec

from runner.reports.core.formatting import span
from runner.reports.core.header import offset

Look = Literal["good", "late", "open", "pale"]
"""``open`` is a bar without an end."""
Shape = Literal["planned", "released", "answered", "answered_late", "missed", "limit"]


class Bar(msgspec.Struct, frozen=True):
    """A bar between two positions."""

    begin: float
    end: float
    look: Look


class Mark(msgspec.Struct, frozen=True):
    """A mark at a position."""

    at: float
    shape: Shape


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row: label, bars, marks and result as text."""

    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    words: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A vertical line through all rows, with text above; a line without text is thin."""

    at: float
    words: str = ""
    dashed: bool = False


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A position with its value, and the value of a second scale."""

    at: float
    words: str
    under: str = ""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The axis with its name; ``under`` is the name of the second scale."""

    ticks: tuple[Tick, ...]
    name: str
    under: str = ""


class Key(msgspec.Struct, frozen=True):
    """The meaning of a look, a shape or a line."""

    sign: Look | Shape | Literal["line", "dashed"]
    words: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A whole figure; ``mark`` is EXERCISE or SELF-TEST, empty for a real incident; ``about`` is the alternative text."""

    title: str
    about: str
    mark: str
    rows: tuple[Row, ...]
    axis: Axis
    lines: tuple[Line, ...] = ()
    key: tuple[Key, ...] = ()


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STEPS = (
    *(timedelta(seconds=n) for n in (1, 5, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)
_MOST = 6
"""The maximum number of values on an axis."""


class TimeScale:
    """A scale between two instants; instants outside are at the edge."""

    def __init__(self, begin: datetime, end: datetime, zone: tzinfo = UTC) -> None:
        """Set a scale of at least 1 minute, with the UTC offset of its start."""
        self.begin, self.end = begin, max(end, begin + _MINUTE)
        there = begin.astimezone(zone)
        self.offset = offset(there)
        self._zone = timezone(there.utcoffset() or timedelta(0))

    def at(self, instant: datetime) -> float:
        """Return the position of an instant."""
        return min(1.0, max(0.0, (instant - self.begin) / (self.end - self.begin)))

    def clock(self, instant: datetime) -> str:
        """Return the time of day of an instant on this axis."""
        return f"{instant.astimezone(self._zone):%H:%M}"

    def axis(self, name: str, under: Callable[[datetime], str] | None = None, under_name: str = "") -> Axis:
        """Return the axis; ``under`` returns the value of a second scale at an instant."""
        step = _step(self.end - self.begin)
        ticks, day = [], ""
        epoch = datetime(2000, 1, 1, tzinfo=self._zone)
        first = epoch + math.ceil((self.begin - epoch) / step) * step
        for instant in _from(first, step, self.end):
            there = instant.astimezone(self._zone)
            today = f"{there.day} {there:%b}"
            clock = f"{there:%H:%M:%S}" if step < _MINUTE else f"{there:%H:%M}"
            words = today if step >= _DAY else clock if today == day else f"{today} {clock}"
            day = today
            ticks.append(Tick(at=self.at(instant), words=words, under=under(instant) if under else ""))
        return Axis(ticks=tuple(ticks), name=f"{name} ({self.offset})", under=under_name)


class SpanScale:
    """A scale from zero to the longest span."""

    def __init__(self, longest: timedelta) -> None:
        """Set a scale of at least 1 minute."""
        self.longest = max(longest, _MINUTE)

    def at(self, length: timedelta) -> float:
        """Return the position of a span."""
        return min(1.0, max(0.0, length / self.longest))

    def axis(self, name: str) -> Axis:
        """Return the axis."""
        step = _step(self.longest)
        lengths = (n * step for n in range(int(self.longest / step) + 1))
        return Axis(
            ticks=tuple(Tick(at=self.at(length), words=span(length)) for length in lengths), name=name
        )


class CountScale:
    """A scale from zero to the highest number."""

    def __init__(self, most: int) -> None:
        """Set a scale of at least 1."""
        self.most = max(most, 1)

    def at(self, number: int) -> float:
        """Return the position of a number."""
        return number / self.most

    def axis(self, name: str) -> Axis:
        """Return the axis, with whole numbers only."""
        step = next(n * 10**power for power in range(9) for n in (1, 2, 5) if self.most <= n * 10**power * 5)
        numbers = range(0, self.most + 1, step)
        return Axis(ticks=tuple(Tick(at=self.at(n), words=str(n)) for n in numbers), name=name)


class MarginScale:
    """A logarithmic scale of margins to a deadline, late on the left; minutes and months are both visible."""

    _SMALLEST = timedelta(minutes=5)
    _TICKS = (_HOUR, 6 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY, 365 * _DAY)

    def __init__(self, latest: timedelta, most: timedelta) -> None:
        """Set the largest lateness ``latest`` and the largest margin ``most``, both at least zero."""
        self._left = self._size(max(latest, timedelta(0)))
        self._right = self._size(max(most, _HOUR))

    def _size(self, length: timedelta) -> float:
        return math.log2(1 + length / self._SMALLEST)

    def at(self, margin: timedelta) -> float:
        """Return the position of a margin."""
        signed = math.copysign(self._size(abs(margin)), margin.total_seconds())
        return (self._left + signed) / (self._left + self._right)

    def axis(self, name: str) -> Axis:
        """Return the axis, with a minimum distance between values."""
        found = [Tick(at=self.at(timedelta(0)), words="0")]
        for sign, reach in ((1, self._right), (-1, self._left)):
            for tick in self._TICKS:
                place = self.at(sign * tick)
                if self._size(tick) <= reach and abs(place - found[-1].at) > 0.12:
                    found.append(Tick(at=place, words=f"{'-' if sign < 0 else '+'}{span(tick)}"))
            found.append(found[0])
        ticks = {one.at: one for one in found}
        return Axis(ticks=tuple(ticks[at] for at in sorted(ticks)), name=name)


def _step(length: timedelta) -> timedelta:
    """Return the smallest step with at most ``_MOST`` values on a length."""
    return next(
        (step for step in _STEPS if length <= _MOST * step),
        _STEPS[-1] * math.ceil(length / _STEPS[-1] / _MOST),
    )


def _from(first: datetime, step: timedelta, end: datetime) -> Iterator[datetime]:
    while first <= end:
        yield first
        first += step
