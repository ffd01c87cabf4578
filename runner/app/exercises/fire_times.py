"""Fire times of a schedule: cron lines, and intervals of elapsed time, by APScheduler's triggers.

Only the triggers are used. Cron lines use local clock time (``wall_clock``). A local time that occurs twice at a clock change counts once, the first
time. A local time that a clock change skips counts by its distance after the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import TYPE_CHECKING, Protocol, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runner.errors import Refused
from runner.reports.core.formatting import span

if TYPE_CHECKING:
    from runner.incident.exercises.schedules import Rule, Schedule

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTEST = timedelta(hours=1)
TICK = timedelta(microseconds=1)
LOOKED_AT = 60
"""The number of fire times that are checked for a schedule that runs too often."""


class Trigger(Protocol):
    """The used part of the interface of APScheduler's triggers."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time at or after ``now``."""


def trigger(rule: Rule, since: datetime) -> Trigger:
    """Return the trigger of a rule that began at ``since``; raises Refused for an invalid rule."""
    if rule.every is not None:
        from apscheduler.triggers.interval import IntervalTrigger

        seconds = int(rule.every.total_seconds())
        first = since.astimezone(UTC) + rule.every
        return cast(Trigger, IntervalTrigger(seconds=seconds, start_date=first, timezone=UTC))
    from apscheduler.triggers.cron import CronTrigger

    from runner.app.exercises.wall_clock import WallClock

    minute, hour, day, month, weekday = _fields(rule.cron)
    try:
        line = CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=UTC)
    except ValueError as error:
        raise _no_cron(rule.cron, str(error)) from error
    return WallClock(line, _zone(rule.zone))


def _fields(cron: str) -> tuple[str, str, str, str, str]:
    fields = cron.split()
    if len(fields) != 5:
        raise _no_cron(cron, "it needs five fields: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    if "*" not in (day[0], weekday[0]):
        raise _no_cron(cron, "a day of the month and a weekday need two schedules")
    try:
        return minute, hour, day, month, ",".join(_weekday(part) for part in weekday.split(","))
    except (ValueError, IndexError) as error:
        raise _no_cron(cron, f"'{weekday}' is not a weekday") from error


def _weekday(part: str) -> str:
    """Return days by name: cron counts from Sunday, and APScheduler from Monday."""
    days, _, step = part.lower().partition("/")
    first, dash, last = days.partition("-")
    if days == "*":
        return "*" if not step else ",".join(DAYS[0 : 7 : int(step)])
    begin, end = _day(first), _day(last) if dash else _day(first)
    if end < begin:
        end += 7
    return ",".join(dict.fromkeys(DAYS[day % 7] for day in range(begin, end + 1, int(step or 1))))


def _day(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text) < len(DAYS) else DAYS.index(text)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(
            f'Time zone "{name}" is unknown.', hint="Use --zone Europe/Berlin", code="unknown_zone"
        ) from error


def _no_cron(cron: str, why: str) -> Refused:
    return Refused(f'"{cron}" is not a schedule: {why}.', hint='Use --cron "0 9 1 */3 *"', code="no_cron")


def next_fire(rule: Rule, since: datetime, after: datetime) -> datetime | None:
    """Return the first fire time after ``after``, in the rule's zone; None if there is no further fire time."""
    found = next(_times(rule, since, after), None)
    return found.astimezone(_zone(rule.zone)) if found is not None else None


def _times(rule: Rule, since: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the fire times after ``after`` in UTC."""
    clock = trigger(rule, since)
    while (found := clock.get_next_fire_time(None, after.astimezone(UTC) + TICK)) is not None:
        after = found.astimezone(UTC)
        yield after


def between(schedule: Schedule, after: datetime, now: datetime, most: int) -> tuple[list[datetime], bool]:
    """Return at most ``most`` fire times after ``after`` up to now in UTC, and whether there are more."""
    times = takewhile(lambda one: one <= now, _times(schedule.rule, schedule.since, after))
    found = list(islice(times, most + 1))
    return found[:most], len(found) > most


def coming(schedule: Schedule, now: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the next fire times in the schedule's own zone."""
    times = _times(schedule.rule, schedule.since, max(now, schedule.since))
    found = islice(takewhile(lambda one: one <= until, times), most)
    return [one.astimezone(_zone(schedule.rule.zone)) for one in found]


def check(rule: Rule, now: datetime) -> datetime:
    """Return the first fire time; raises Refused for a rule without dates, with too many dates, or with too long a window."""
    _zone(rule.zone)
    times = list(islice(_times(rule, now, now), LOOKED_AT))
    if not times:
        raise _no_cron(rule.cron, "no date fits")
    if any(later - one < SHORTEST for one, later in pairwise(times)):
        raise Refused("An exercise can run at most once an hour.", hint="Use --every 90d", code="too_often")
    _fits(rule, times)
    return times[0]


def _fits(rule: Rule, times: Sequence[datetime]) -> None:
    """Raise Refused if a no-notice window overlaps the next window.

    Times of a cron line are compared in local clock time, with a tolerance of one hour for a clock change.
    """
    there = [time.astimezone(_zone(rule.zone)) for time in times]
    apart = rule.every or min((later - one for one, later in pairwise(there)), default=timedelta.max)
    moved = timedelta() if rule.every else SHORTEST
    if rule.no_notice is not None and rule.no_notice - moved > apart:
        raise Refused(
            f"The window of {span(rule.no_notice)} is longer than the interval of {span(apart)}.",
            hint=f"Use a window of at most {span(apart)}, or a longer interval.",
            code="window",
        )
