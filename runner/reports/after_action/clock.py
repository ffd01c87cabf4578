"""Time marks of an exercise (StartEx, PauseEx, EndEx …) or a real incident, each with both times and the journal head."""

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
    """A journal entry with its hash in the chain."""

    @property
    def hash(self) -> str:
        """64 hexadecimal digits."""


class ClockMark(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the clock or state; ``at`` is exercise time in an exercise and equals ``wall`` otherwise."""

    name: str
    at: datetime
    wall: datetime
    rate: float
    """The speed of the clock from here, as a multiple of real time; 0 while it is paused."""
    event: int
    head: str
    """The journal head after this mark, ``N:sha256:…``."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A journal head that a report contains."""

    name: str
    at: datetime
    head: str


def marks_of(rows: Iterable[Chained]) -> Iterator[ClockMark]:
    """Yield the marks in journal order."""
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
    """Return the newest head for each of StartEx and EndEx, or for opening and closing."""
    names = _HEADS[:3] if exercise else _HEADS[3:]
    newest = {mark.name: mark for mark in marks if mark.name in names}
    return tuple(Anchor(name=one.name, at=one.at, head=one.head) for one in newest.values())


def wall_of(marks: Sequence[ClockMark], instant: datetime) -> datetime:
    """Return the real time at an instant of exercise time."""
    before = [mark for mark in marks if mark.at <= instant and mark.rate > 0] or list(marks[:1])
    if not before:
        return instant
    last = before[-1]
    gone = (instant - last.at) / last.rate if last.rate > 0 else timedelta(0)
    later = (mark.wall for mark in marks if mark.event > last.event)
    return min(last.wall + gone, min(later, default=last.wall + gone))
