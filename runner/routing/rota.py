"""On-call rota: the days on which shifts start. The cost of the computation is bounded before it runs.

A general library walks from the first occurrence to the requested one, and a rule that never matches makes it walk to
the year 9999. Here each day is judged separately within a budget: a rota from another author cannot
delay a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

import msgspec

from runner.errors import Invalid

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The days on which a shift repeats; the part of RFC 5545's recurrence rules that rotas use."""

    frequency: Frequency
    interval: int = 1
    until: datetime | date | None = None
    """The last instant, or the last day, at which it may begin."""
    count: int | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    """Position in the month (0 for each, negative from its end), and the weekday (Monday is 0)."""
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    week_begins: int = 0


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a rota: its person, its first beginning, and its length in local time."""

    persons: tuple[str, ...]
    begins: datetime
    """Local time, without a zone."""
    lasts: timedelta
    zone: tzinfo
    again: Again | None = None
    also: tuple[datetime, ...] = ()
    """More beginnings, without a zone."""
    never: frozenset[datetime] = frozenset()
    """Cancelled beginnings, without a zone."""


class Rota(msgspec.Struct, frozen=True, kw_only=True):
    """A complete rota; ``unnamed`` counts the entries without a known person."""

    shifts: tuple[Shift, ...] = ()
    unnamed: int = 0


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Person on call for a role at an instant; empty in a gap, or if the rota cannot be read."""

    rota: str
    """The file's path in the settings."""
    persons: tuple[str, ...] = ()
    until: datetime | None = None
    problem: str = ""
    """Why the rota cannot be used; empty if it can."""


STEPS = 100_000
"""Days that are examined for one rota, all shifts together: a tenth of a second."""
LONGEST = timedelta(days=62)
"""Maximum length of a shift."""
_DAY = timedelta(days=1)


class Budget:
    """Number of days that can still be examined."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self) -> None:
        """Count one day; raises Invalid when the budget is used up."""
        self.left -= 1
        if self.left < 0:
            raise Invalid("The rota has too many shifts and repetitions.", code="rota")


def covering(shift: Shift, at: datetime, budget: Budget) -> tuple[datetime, datetime] | None:
    """Return begin and end of the occurrence of a shift at an instant; None without one."""
    local = at.astimezone(shift.zone).replace(tzinfo=None)
    for begin in _beginnings(shift, local - shift.lasts - _DAY, local + _DAY, budget):
        span = (_instant(begin, shift.zone), _instant(begin + shift.lasts, shift.zone))
        if span[0] <= at < span[1]:
            return span
    return None


def _instant(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _beginnings(shift: Shift, first: datetime, last: datetime, budget: Budget) -> Iterator[datetime]:
    """Yield the beginnings between two local times, in no order, without cancelled ones."""
    for start in {shift.begins, *shift.also}:
        if first <= start <= last and start not in shift.never:
            yield start
    if shift.again is None or last < shift.begins:
        return
    day, clock = first.date(), shift.begins.time()
    if shift.again.count is not None:
        day = shift.begins.date()
    number = 0
    while day <= last.date():
        budget.spend()
        begin = datetime.combine(day, clock)
        if begin >= shift.begins and begins_on(shift.again, shift.begins.date(), day):
            number += 1
            if _is_past(shift, begin, number):
                return
            if begin >= first and begin not in shift.never:
                yield begin
        day += _DAY


def _is_past(shift: Shift, begin: datetime, number: int) -> bool:
    again = shift.again
    if again is None or (again.count is not None and number > again.count):
        return True
    match again.until:
        case None:
            return False
        case datetime() as until:
            return _instant(begin, shift.zone) > until
        case until:
            return begin.date() > until


def begins_on(again: Again, first: date, day: date) -> bool:
    """Return whether a rule that counts from ``first`` has an occurrence on a day."""
    if again.months and day.month not in again.months:
        return False
    match again.frequency:
        case "DAILY":
            return (day - first).days % again.interval == 0 and _fits(again, day, day.day, day.weekday())
        case "WEEKLY":
            weeks = (_week(again, day) - _week(again, first)).days // 7
            return weeks % again.interval == 0 and _fits(again, day, day.day, first.weekday())
        case "MONTHLY":
            months = (day.year - first.year) * 12 + day.month - first.month
            return months % again.interval == 0 and _fits(again, day, first.day, day.weekday())
        case "YEARLY":
            in_month = bool(again.months) or day.month == first.month
            years = day.year - first.year
            return years % again.interval == 0 and in_month and _fits(again, day, first.day, day.weekday())


def _week(again: Again, day: date) -> date:
    return day - timedelta(days=(day.weekday() - again.week_begins) % 7)


def _fits(again: Again, day: date, usual_day: int, usual_weekday: int) -> bool:
    """Return whether a rule names a day; without named days, whether the day is that of the first occurrence."""
    from calendar import monthrange  # most homes have no rota

    length = monthrange(day.year, day.month)[1]
    if again.month_days and not {day.day, day.day - length - 1} & set(again.month_days):
        return False
    if again.weekdays:
        nth = {0, (day.day - 1) // 7 + 1, -((length - day.day) // 7) - 1}
        return any(day.weekday() == weekday and which in nth for which, weekday in again.weekdays)
    return bool(again.month_days) or (day.day == usual_day and day.weekday() == usual_weekday)


def on_call(rota: Rota, file: str, at: datetime) -> Watch:
    """Return the people on call at an instant, latest shift first; raises Invalid beyond the budget."""
    budget = Budget()
    spans = [(span, shift.persons) for shift in rota.shifts if (span := covering(shift, at, budget))]
    persons = dict.fromkeys(
        one for _, held in sorted(spans, key=lambda one: one[0], reverse=True) for one in held
    )
    until = min((end for (_, end), _ in spans), default=None)
    why = f"{rota.unnamed} entries have no known person: name a person, or invite an address of the person"
    return Watch(rota=file, persons=tuple(persons), until=until, problem=why if rota.unnamed else "")
