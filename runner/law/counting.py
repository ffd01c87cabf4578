"""Legal counting of time: elapsed hours, days without the day of the event, months, working days.

Theory. Hours are elapsed time: they are added in UTC, so that a change of clocks moves the wall time and never the
length. Days and longer are dates: the event's day is excluded, the period ends with the last second of its last day
in the clock's time zone, and a change of clocks only moves the UTC value. A day is never 24 hours here.

Deadlines are not moved. If a law moves a period that ends on a Saturday, a Sunday or a holiday (Reg. 1182/71 Art. 3(4),
Reg. 2025/301 Art. 5(4)), ``kinder_end`` returns that later moment; the strict deadline binds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol, assert_never

from runner.law.clock import CountingRule, Unit

LAST_SECOND = time(23, 59, 59)
_SATURDAY = 5
_HOURS: frozenset[Unit] = frozenset({"minutes", "hours"})


class HolidayCalendar(Protocol):
    """The public holidays of a place (ISO 3166-1 or -2), from any source."""

    def is_holiday(self, day: date, place: str) -> bool:
        """Return whether a day is a public holiday there, without regard to weekends."""
        ...


class NoHolidays:
    """A place without holidays: weekends still count as days off."""

    def is_holiday(self, day: date, place: str) -> bool:
        """Return False."""
        del day, place
        return False


def is_elapsed(unit: Unit) -> bool:
    """Whether a unit is elapsed time and not calendar days."""
    return unit in _HOURS


def is_working_day(day: date, calendar: HolidayCalendar, place: str) -> bool:
    """Whether a day is neither Saturday, Sunday nor a public holiday of the place."""
    return day.weekday() < _SATURDAY and not calendar.is_holiday(day, place)


def next_working_day(day: date, calendar: HolidayCalendar, place: str) -> date:
    """Return the day itself or the first working day after it."""
    while not is_working_day(day, calendar, place):
        day += timedelta(days=1)
    return day


def plus_working_days(day: date, amount: int, calendar: HolidayCalendar, place: str) -> date:
    """Return the n-th working day after ``day``, which itself is not counted."""
    for _ in range(amount):
        day = next_working_day(day + timedelta(days=1), calendar, place)
    return day


def plus_months(day: date, amount: int) -> date:
    """Return the same date ``amount`` months later, or that month's last day where the date is missing."""
    from calendar import monthrange  # it imports locale, and few laws count months

    index = day.year * 12 + day.month - 1 + amount
    year, month = divmod(index, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def plus_elapsed(start: datetime, amount: int, unit: Unit) -> datetime:
    """Add minutes or hours of elapsed time; the answer is UTC."""
    span = timedelta(minutes=amount) if unit == "minutes" else timedelta(hours=amount)
    return start.astimezone(UTC) + span


def last_day(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: HolidayCalendar, place: str
) -> date:
    """Return the last day of a period in days or longer that an event on ``start`` begins."""
    match unit:
        case "calendar_days":
            counted = amount - 1 if rule == "CAL-INCL" else amount
            return start + timedelta(days=counted)
        case "weeks":
            return start + timedelta(weeks=amount)
        case "business_days" | "full_business_days":
            return plus_working_days(start, amount, calendar, place)
        case "months":
            return plus_months(start, amount)
        case "years":
            return plus_months(start, 12 * amount)
        case "minutes" | "hours":
            raise ValueError("Hours have no last day. Add hours with plus_elapsed.")
        case _:
            assert_never(unit)


def end_of(day: date, zone: tzinfo, at: time = LAST_SECOND) -> datetime:
    """Return the last second of a day in a zone (or the recipient's closing time there), as UTC."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def next_full_hour(moment: datetime, zone: tzinfo) -> datetime:
    """Return the start of the hour after the event's hour (Reg. 1182/71 Art. 3(1)); 12:00:00 is in the hour to 13."""
    local = moment.astimezone(zone)
    into_hour = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.astimezone(UTC) + timedelta(hours=1) - into_hour


def kinder_end(
    start: datetime,
    due: datetime,
    rule: CountingRule,
    unit: Unit,
    zone: tzinfo,
    calendar: HolidayCalendar,
    place: str,
) -> datetime | None:
    """Return the deadline by the later reading of the counting rule, or None without one."""
    match rule:
        case "EU-H" | "NAT" if is_elapsed(unit):
            return next_full_hour(start, zone) + (due - start.astimezone(UTC))
        case "EU-D" | "EU-M" | "EU-WD" | "NAT" | "CAL-INCL":
            rolled = next_working_day(due.astimezone(zone).date(), calendar, place)
            return _later(end_of(rolled, zone), due)
        case "DORA-54":
            ends = due.astimezone(zone).date()
            rolled = next_working_day(ends, calendar, place)
            return end_of(rolled, zone, time(12)) if rolled != ends else None
        case _:
            return None


def two_working_days_end(
    start: datetime, due: datetime, zone: tzinfo, calendar: HolidayCalendar, place: str
) -> datetime | None:
    """Return the end of a period in hours by Reg. 1182/71 Art. 3(5), or None if it changes nothing.

    A minority reads "any period of two days or more includes at least two working days" to reach 72 hours.
    """
    if due - start < timedelta(days=2):
        return None
    second = plus_working_days(start.astimezone(zone).date(), 2, calendar, place)
    return _later(end_of(second, zone), due) if second > due.astimezone(zone).date() else None


def _later(moment: datetime, than: datetime) -> datetime | None:
    return moment if moment > than else None
