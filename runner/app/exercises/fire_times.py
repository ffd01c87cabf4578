"""Fire times of a schedule: cron lines, and intervals of elapsed time, by APScheduler's triggers.

The triggers are the clock and nothing else; lines are read by the local clock (``wall_clock``). A local time that a change of clocks brings twice counts once, the first
time; one that it leaves out counts as far behind the change as it would have been.
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
"""So many fire times are looked at to see whether a schedule comes too often."""


class Trigger(Protocol):
    """As much of APScheduler's triggers as is used."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time that is not before ``now``."""


def trigger(rule: Rule, since: datetime) -> Trigger:
    """Return the trigger of a rule that began at ``since``; raises Refused for a rule that says no time."""
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
    """Return the first fire time behind ``after``, in the rule's zone; None when there is none any more."""
    found = next(_times(rule, since, after), None)
    return found.astimezone(_zone(rule.zone)) if found is not None else None


def _times(rule: Rule, since: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the fire times behind ``after`` in UTC, as long as there are any."""
    clock = trigger(rule, since)
    while (found := clock.get_next_fire_time(None, after.astimezone(UTC) + TICK)) is not None:
        after = found.astimezone(UTC)
        yield after


def between(schedule: Schedule, after: datetime, now: datetime, most: int) -> tuple[list[datetime], bool]:
    """Return the fire times behind ``after`` up to now in UTC, at most so many, and whether there are more."""
    times = takewhile(lambda one: one <= now, _times(schedule.rule, schedule.since, after))
    found = list(islice(times, most + 1))
    return found[:most], len(found) > most


def coming(schedule: Schedule, now: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the next fire times in the schedule's own zone."""
    times = _times(schedule.rule, schedule.since, max(now, schedule.since))
    found = islice(takewhile(lambda one: one <= until, times), most)
    return [one.astimezone(_zone(schedule.rule.zone)) for one in found]


def check(rule: Rule, now: datetime) -> datetime:
    """Return the first fire time; raises Refused for a rule that never comes, comes too often, or has too long a window."""
    _zone(rule.zone)
    times = list(islice(_times(rule, now, now), LOOKED_AT))
    if not times:
        raise _no_cron(rule.cron, "no date fits")
    if any(later - one < SHORTEST for one, later in pairwise(times)):
        raise Refused("An exercise can run at most once an hour.", hint="Use --every 90d", code="too_often")
    _fits(rule, times)
    return times[0]


def _fits(rule: Rule, times: Sequence[datetime]) -> None:
    """Have a window without notice end before the next one begins; raises Refused.

    Times of a cron line are compared by the local clock, and an hour that a change of clocks moves one of them by is let pass.
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
