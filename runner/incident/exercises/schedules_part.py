"""What becomes of fire times that have passed: which one is taken, which are recorded as missed, which are taken up.

Nothing is dropped: each time that passed ends as claimed or as missed. Nothing comes in a bunch: of one schedule one
firing is in hand or open at a time. Nothing comes twice: a time that was recorded is behind us, wherever the clock goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.incident.exercises.schedules import (
    AnyScheduleEvent,
    Firing,
    FiringClaimed,
    FiringEnded,
    FiringMissed,
    FiringRestored,
    Schedule,
)

GRACE = timedelta(hours=1)
"""An exercise that comes so late is in time."""
TRIES = 3
"""How often a firing is taken up before it is given up."""
DOWN = "no scheduler was running"
BUSY = "the one before is still open"
ENDED = "it was unscheduled before it opened"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler sees when it looks."""

    scheduler: str
    by: str
    now: datetime
    real: tuple[str, ...] = ()
    """Codenames of real incidents that are open."""
    alive: Callable[[str], bool]
    """Does a scheduler of this name live?"""
    still_open: Callable[[str], bool]
    """Is the exercise with this id not over?"""
    chance: Callable[[], float]
    """From 0 to 1: which moment of a window."""


def behind(schedule: Schedule, now: datetime) -> datetime:
    """Return the instant up to which every fire time has been recorded.

    What a clock that was ahead recorded does not count before its time has come.
    """
    return max((one for one in schedule.firings if one <= now), default=schedule.since)


def ahead_of(schedule: Schedule, look: Look) -> tuple[AnyScheduleEvent, ...]:
    """Return what takes back the misses that a clock recorded which was ahead."""
    return tuple(
        FiringRestored(schedule=schedule.id, by=look.by, fire_at=one.fire_at)
        for one in schedule.firings.values()
        if one.state == "missed" and one.fire_at > look.now
    )


def taken_up(schedule: Schedule, look: Look) -> tuple[AnyScheduleEvent, ...]:
    """Return what becomes of firings that somebody has in hand who died, or that were unscheduled meanwhile."""
    made: list[AnyScheduleEvent] = []
    for one in schedule.firings.values():
        if one.state != "claimed" or (one.scheduler != look.scheduler and look.alive(one.scheduler)):
            continue
        if schedule.ended is not None:
            made.append(_missed(schedule, one.fire_at, look, ENDED))
        elif one.scheduler != look.scheduler:
            made.append(_again(schedule, one, look))
    return tuple(made)


def _again(schedule: Schedule, firing: Firing, look: Look) -> AnyScheduleEvent:
    if firing.tries >= TRIES:
        detail = f"taken up {firing.tries} times, and each time the scheduler was gone before it ended"
        return FiringEnded(
            schedule=schedule.id, by=look.by, fire_at=firing.fire_at, outcome="failed", detail=detail
        )
    return FiringClaimed(
        schedule=schedule.id,
        by=look.by,
        fire_at=firing.fire_at,
        scheduler=look.scheduler,
        opens_at=firing.opens_at or look.now,
    )


def passed(
    schedule: Schedule, times: Sequence[datetime], look: Look, *, more: bool = False
) -> tuple[AnyScheduleEvent, ...]:
    """Return what becomes of fire times that have passed, the oldest first; ``more`` have passed than these."""
    times = [one for one in times if one not in schedule.firings]
    if not times or schedule.ended is not None:
        return ()
    busy = _busy(schedule, look)
    if schedule.rule.on_missed == "all":
        return () if busy else (_taken(schedule, times[0], look, busy=False),)
    lost, last = times[:-1], times[-1]
    if schedule.rule.routine is not None:
        lost = []  # what is done now is done for all of them
    missed = tuple(_missed(schedule, one, look, DOWN) for one in lost)
    if more or (schedule.rule.on_missed == "skip" and look.now - last > _patience(schedule)):
        return (*missed, _missed(schedule, last, look, DOWN))
    return (*missed, _taken(schedule, last, look, busy=busy))


def _patience(schedule: Schedule) -> timedelta:
    return max(GRACE, schedule.rule.no_notice or GRACE)


def _busy(schedule: Schedule, look: Look) -> bool:
    return any(
        one.state == "claimed" or (one.state == "opened" and look.still_open(one.incident))
        for one in schedule.firings.values()
    )


def _taken(schedule: Schedule, fire_at: datetime, look: Look, *, busy: bool) -> AnyScheduleEvent:
    if busy:
        return _missed(schedule, fire_at, look, BUSY)
    if look.real and not schedule.rule.despite and schedule.rule.routine is None:
        return _missed(schedule, fire_at, look, f"a real incident was open: {', '.join(look.real)}")
    window = schedule.rule.no_notice or timedelta()
    return FiringClaimed(
        schedule=schedule.id,
        by=look.by,
        fire_at=fire_at,
        scheduler=look.scheduler,
        opens_at=max(look.now, fire_at + window * look.chance()),
    )


def _missed(schedule: Schedule, fire_at: datetime, look: Look, reason: str) -> FiringMissed:
    return FiringMissed(schedule=schedule.id, by=look.by, fire_at=fire_at, reason=reason)


def attention(schedule: Schedule) -> Firing | None:
    """Return the newest firing where it was missed or failed and nobody has acknowledged that: somebody should know."""
    newest = max(schedule.firings.values(), key=lambda one: one.fire_at, default=None)
    if newest is None or newest.state not in ("missed", "failed") or newest.acknowledged:
        return None
    return newest
