"""Local clock times of a cron line, in the form that APScheduler reads.

APScheduler adds elapsed seconds, so a step of a day across a clock change is an hour off. A line for the first hour of the
day then skips a whole day. UTC has no clock changes. So the line is
read as if the local clock were UTC, and each time is put into the zone. A time that occurs twice is the first,
and a skipped time counts by its distance after the change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

SHIFT = timedelta(hours=3)
"""More than any clock change."""
TICK = timedelta(microseconds=1)


class WallClock(BaseTrigger):  # type: ignore[misc]  # APScheduler tells no types
    """An APScheduler trigger: a cron line in the local time of a zone."""

    def __init__(self, line: CronTrigger, zone: ZoneInfo) -> None:
        self._line, self._zone = line, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time at or after ``now`` and after the previous fire time."""
        start = now if previous_fire_time is None else previous_fire_time + TICK
        found: datetime | None = None
        shown = _shown(start, self._zone) - SHIFT
        while (wall := self._line.get_next_fire_time(None, shown)) is not None:
            instant = wall.replace(tzinfo=self._zone).astimezone(UTC)
            if instant >= start and (found is None or instant < found):
                found = instant
            # Around a clock change a later clock time can be the earlier instant.
            if found is not None and (wall > _shown(found, self._zone) + SHIFT or not self._changes(found)):
                break
            shown = wall + TICK
        return None if found is None else found.astimezone(self._zone)

    def _changes(self, near: datetime) -> bool:
        before, after = (
            instant.astimezone(self._zone).utcoffset() for instant in (near - SHIFT, near + SHIFT)
        )
        return before != after


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the local clock time as if it were UTC."""
    return instant.astimezone(zone).replace(tzinfo=UTC, fold=0)
