"""Schedules of exercises and jobs: recurrence, and the result of each run. Stored in a separate journal.

A run is identified by its schedule and its fire time in UTC. The first scheduler to record a run has it. A scheduler that
stops during a run leaves it in the state ``claimed``, in which others find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from runner.decoding import json_reader

JOURNAL = "schedules"
"""The journal's name; it is not an incident."""
OnMissed = Literal["skip", "latest", "all"]
Routine = Literal["comcheck", "watch", "retention", "backup"]
"""Scheduled jobs besides exercises: a channel test, alerts about legal deadlines, a search for
closed incidents whose retention period has ended, and a backup."""
FiringState = Literal["claimed", "opened", "passed", "failed", "missed"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an exercise or a job runs, and how; exactly one of ``cron`` and ``every``, of ``exercise`` and ``routine``."""

    exercise: str = ""
    """A name, or the full path of a file."""
    routine: Routine | None = None
    ahead: timedelta | None = None
    """Of the job ``watch``: it alerts people to deadlines within this time."""
    closed_for: timedelta | None = None
    """Of the job ``retention``: personal data are kept for this time after an incident was closed."""
    cron: str = ""
    every: timedelta | None = None
    zone: str = "UTC"
    no_notice: timedelta | None = None
    """The exercise opens at a random time of this window, which begins at the fire time; None: it is announced."""
    on_missed: OnMissed = "latest"
    unattended: bool = False
    despite: str = ""
    """Why it runs although a real incident is open; empty: then it does not."""


class ScheduleEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """The fields that all these events share."""

    schedule: str
    by: str


class DrillScheduled(ScheduleEvent, frozen=True, kw_only=True):
    """The schedule starts."""

    rule: Rule


class DrillUnscheduled(ScheduleEvent, frozen=True, kw_only=True):
    """The schedule ends."""


class FiringClaimed(ScheduleEvent, frozen=True, kw_only=True):
    """A scheduler has claimed a run, and opens it at ``opens_at``."""

    fire_at: datetime
    scheduler: str
    opens_at: datetime


class FiringOpened(ScheduleEvent, frozen=True, kw_only=True):
    """The exercise is open and waits for its exercise controller."""

    fire_at: datetime
    incident: str
    codename: str


class FiringEnded(ScheduleEvent, frozen=True, kw_only=True):
    """A simulated exercise or a job ran, or could not start; ``failed`` if a person must act."""

    fire_at: datetime
    outcome: Literal["passed", "failed"]
    detail: str = ""
    routine: Routine | None = None


class FiringMissed(ScheduleEvent, frozen=True, kw_only=True):
    """An exercise did not take place: that is evidence, too."""

    fire_at: datetime
    reason: str


class FiringRestored(ScheduleEvent, frozen=True, kw_only=True):
    """A clock that was ahead recorded a miss: its time is in the future."""

    fire_at: datetime


class FiringAcknowledged(ScheduleEvent, frozen=True, kw_only=True):
    """A person acknowledged a missed or failed run and all earlier ones, with a reason."""

    fire_at: datetime
    reason: str


AnyScheduleEvent = (
    DrillScheduled
    | DrillUnscheduled
    | FiringClaimed
    | FiringOpened
    | FiringEnded
    | FiringMissed
    | FiringRestored
    | FiringAcknowledged
)
READER: Callable[[bytes], AnyScheduleEvent] = json_reader(AnyScheduleEvent)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one fire time."""

    schedule: str
    fire_at: datetime
    state: FiringState
    at: datetime
    """When the result was recorded."""
    scheduler: str = ""
    opens_at: datetime | None = None
    tries: int = 0
    incident: str = ""
    codename: str = ""
    detail: str = ""
    acknowledged: str = ""
    """Why it may stay missed or failed; empty without an acknowledgement."""
    acknowledged_by: str = ""

    @property
    def id(self) -> str:
        """The schedule and the fire time in UTC."""
        return f"{self.schedule}/{self.fire_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule in its present state; the oldest run first."""

    id: str
    rule: Rule
    since: datetime
    by: str
    ended: datetime | None = None
    firings: Mapping[datetime, Firing] = {}


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All schedules by id, the ended ones, too."""

    schedules: Mapping[str, Schedule] = {}
    version: int = 0


def fold_schedules(events: Iterable[tuple[int, datetime, AnyScheduleEvent]]) -> Book:
    """Return the schedules of the journal."""
    schedules: dict[str, Schedule] = {}
    version = 0
    for version, at, event in events:  # noqa: B007  # the last one counts
        if isinstance(event, DrillScheduled):
            schedules[event.schedule] = Schedule(id=event.schedule, rule=event.rule, since=at, by=event.by)
        elif event.schedule in schedules:
            schedules[event.schedule] = _after(schedules[event.schedule], event, at)
    return Book(schedules=schedules, version=version)


def _after(schedule: Schedule, event: AnyScheduleEvent, at: datetime) -> Schedule:
    match event:
        case DrillScheduled():
            return schedule
        case DrillUnscheduled():
            return msgspec.structs.replace(schedule, ended=at)
        case FiringRestored(fire_at=fire_at):
            left = {key: one for key, one in schedule.firings.items() if key != fire_at}
            return msgspec.structs.replace(schedule, firings=left)
        case _:
            firing = schedule.firings.get(event.fire_at)
            before = firing or Firing(schedule=schedule.id, fire_at=event.fire_at, state="claimed", at=at)
            firings = {**schedule.firings, event.fire_at: _firing(before, event, at)}
            return msgspec.structs.replace(schedule, firings=firings)


def _firing(
    before: Firing,
    event: FiringClaimed | FiringOpened | FiringEnded | FiringMissed | FiringAcknowledged,
    at: datetime,
) -> Firing:
    match event:
        case FiringClaimed(scheduler=scheduler, opens_at=opens_at):
            return msgspec.structs.replace(
                before, at=at, scheduler=scheduler, opens_at=opens_at, tries=before.tries + 1
            )
        case FiringOpened(incident=incident, codename=codename):
            return msgspec.structs.replace(
                before, at=at, state="opened", incident=incident, codename=codename
            )
        case FiringEnded(outcome=outcome, detail=detail):
            return msgspec.structs.replace(before, at=at, state=outcome, detail=detail)
        case FiringMissed(reason=reason):
            return msgspec.structs.replace(before, at=at, state="missed", detail=reason)
        case FiringAcknowledged(reason=reason, by=by):
            return msgspec.structs.replace(before, acknowledged=reason, acknowledged_by=by)


GRACE = timedelta(hours=1)
"""How late an exercise may start."""
TRIES = 3
"""How many times a run is claimed before it fails."""
DOWN = "no scheduler was running"
BUSY = "the previous exercise is still open"
ENDED = "the schedule was removed before the start"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a scheduler sees."""

    scheduler: str
    by: str
    now: datetime
    real: tuple[str, ...] = ()
    """Codenames of real incidents that are open."""
    alive: Callable[[str], bool]
    """Tells whether a scheduler of this name is alive."""
    still_open: Callable[[str], bool]
    """Tells whether the exercise with this id is still open."""
    chance: Callable[[], float]
    """From 0 to 1: the position in a window."""


def behind(schedule: Schedule, now: datetime) -> datetime:
    """Return the instant up to which every fire time has been recorded.

    An entry of a clock that was ahead does not count before its time.
    """
    return max((firing for firing in schedule.firings if firing <= now), default=schedule.since)


def ahead_of(schedule: Schedule, look: Look) -> tuple[AnyScheduleEvent, ...]:
    """Return the events that void the misses of a clock that was ahead."""
    return tuple(
        FiringRestored(schedule=schedule.id, by=look.by, fire_at=firing.fire_at)
        for firing in schedule.firings.values()
        if firing.state == "missed" and firing.fire_at > look.now
    )


def taken_up(schedule: Schedule, look: Look) -> tuple[AnyScheduleEvent, ...]:
    """Return the results of runs whose scheduler stopped, or whose schedule was removed meanwhile."""
    events: list[AnyScheduleEvent] = []
    for firing in schedule.firings.values():
        if firing.state != "claimed" or (firing.scheduler != look.scheduler and look.alive(firing.scheduler)):
            continue
        if schedule.ended is not None:
            events.append(_missed(schedule, firing.fire_at, look, ENDED))
        elif firing.scheduler != look.scheduler:
            events.append(_again(schedule, firing, look))
    return tuple(events)


def _again(schedule: Schedule, firing: Firing, look: Look) -> AnyScheduleEvent:
    if firing.tries >= TRIES:
        detail = f"started {firing.tries} times; each time the scheduler stopped before the end"
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
    """Return the results of fire times that have passed, the oldest first; there are ``more`` than these."""
    times = [time for time in times if time not in schedule.firings]
    if not times or schedule.ended is not None:
        return ()
    busy = any(
        firing.state == "claimed" or (firing.state == "opened" and look.still_open(firing.incident))
        for firing in schedule.firings.values()
    )
    if schedule.rule.on_missed == "all":
        return () if busy else (_taken(schedule, times[0], look, busy=False),)
    lost, last = times[:-1], times[-1]
    if schedule.rule.routine is not None:
        lost = []  # runs that are closed in this call
    missed = tuple(_missed(schedule, fire_at, look, DOWN) for fire_at in lost)
    patience = max(GRACE, schedule.rule.no_notice or GRACE)
    if more or (schedule.rule.on_missed == "skip" and look.now - last > patience):
        return (*missed, _missed(schedule, last, look, DOWN))
    return (*missed, _taken(schedule, last, look, busy=busy))


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
    """Return the newest run if it was missed or failed and is not acknowledged."""
    newest = max(schedule.firings.values(), key=lambda firing: firing.fire_at, default=None)
    if newest is None or newest.state not in ("missed", "failed") or newest.acknowledged:
        return None
    return newest
