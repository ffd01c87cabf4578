"""The marks of an exercise (StartEx, PauseEx, EndEx …) or of a real incident, with both times and the journal's head at each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from runner.incident.state.events import IncidentCancelled, IncidentClosed, IncidentOpened
from runner.incident.state.exercise import ClockChange, ExerciseClockSet
from runner.reports.core.event_row import EventRow, decode_event

NAMES: dict[ClockChange, str] = {
    "begun": "StartEx",
    "paused": "PauseEx",
    "resumed": "ResumeEx",
    "jumped": "jump",
    "frozen": "REAL WORLD",
    "ended": "EndEx",
}
_HEADS = ("StartEx", "EndEx", "REAL WORLD", "opened", "closed")


class Chained(EventRow, Protocol):
    """An event with the hash that the chain has after it."""

    @property
    def hash(self) -> str:
        """64 hexadecimal digits."""


class ClockMark(msgspec.Struct, frozen=True, kw_only=True):
    """Where the course changed; ``at`` is exercise time in an exercise, as ``wall`` elsewhere."""

    name: str
    at: datetime
    wall: datetime
    rate: float
    """How much faster than the wall's the time goes from here; 0 where it stands."""
    event: int
    head: str
    """The journal's head after it, ``N:sha256:…``."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A head of the journal that a report names."""

    name: str
    at: datetime
    head: str


def marks_of(rows: Iterable[Chained]) -> Iterator[ClockMark]:
    """Yield the marks in the journal's order."""
    for row in rows:
        match decode_event(row):
            case ExerciseClockSet(change=change, clock=clock):
                yield _mark(row, NAMES[change], clock.at, clock.wall, clock.rate)
            case IncidentOpened():
                yield _mark(row, "opened", row.exercise_at or row.at, row.at, 1.0)
            case IncidentClosed():
                yield _mark(row, "closed", row.exercise_at or row.at, row.at, 1.0)
            case IncidentCancelled():
                yield _mark(row, "cancelled", row.exercise_at or row.at, row.at, 1.0)
            case _:
                pass


def _mark(row: Chained, name: str, at: datetime, wall: datetime, rate: float) -> ClockMark:
    head = f"{row.seq}:sha256:{row.hash}"
    return ClockMark(name=name, at=at, wall=wall, rate=rate, event=row.seq, head=head)


def anchors(marks: Sequence[ClockMark], *, exercise: bool) -> tuple[Anchor, ...]:
    """Return the heads at StartEx and EndEx, or at the opening and the closing; the newest of each."""
    names = _HEADS[:3] if exercise else _HEADS[3:]
    newest = {mark.name: mark for mark in marks if mark.name in names}
    return tuple(Anchor(name=one.name, at=one.at, head=one.head) for one in newest.values())


def wall_of(marks: Sequence[ClockMark], instant: datetime) -> datetime:
    """Return what the wall's clock showed when an instant of exercise time had come."""
    before = [mark for mark in marks if mark.at <= instant and mark.rate > 0] or list(marks[:1])
    if not before:
        return instant
    last = before[-1]
    gone = (instant - last.at) / last.rate if last.rate > 0 else timedelta(0)
    later = (mark.wall for mark in marks if mark.event > last.event)
    return min(last.wall + gone, min(later, default=last.wall + gone))
