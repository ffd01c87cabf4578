"""On-call rota: the days on which shifts start. The cost of the computation is bounded before it runs.

A general library walks from the first occurrence to the one that is asked for, and a rule that never matches makes it walk to
the year 9999. Here a day is judged by itself, and every judgement is paid from a budget: a rota that somebody else wrote cannot
keep a message from leaving.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

import msgspec

from runner.errors import Invalid

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """On which days a shift begins again; the part of RFC 5545's recurrence rules that rotas are made of."""

    frequency: Frequency
    interval: int = 1
    until: datetime | date | None = None
    """The last instant, or the last day, at which it may begin."""
    count: int | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    """Which one of the month (0 for each, negative from its end), and the weekday (Monday is 0)."""
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    week_begins: int = 0


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a rota: whose it is, when it begins first, and how long it lasts by the clock on the wall."""

    persons: tuple[str, ...]
    begins: datetime
    """Without a zone: what a clock there shows."""
    lasts: timedelta
    zone: tzinfo
    again: Again | None = None
    also: tuple[datetime, ...] = ()
    """More beginnings, without a zone."""
    never: frozenset[datetime] = frozenset()
    """Beginnings that do not take place, without a zone."""


class Rota(msgspec.Struct, frozen=True, kw_only=True):
    """A complete rota; ``unnamed`` counts the entries without a known person."""

    shifts: tuple[Shift, ...] = ()
    unnamed: int = 0


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Person on call for a role at an instant; empty in a gap, or if the rota cannot be read."""

    rota: str
    """The file, as the settings name it."""
    persons: tuple[str, ...] = ()
    until: datetime | None = None
    problem: str = ""
    """Why the rota cannot be used as it is; empty where it can."""


STEPS = 100_000
"""Days that are looked at for one rota, all shifts together: a tenth of a second."""
LONGEST = timedelta(days=62)
"""A shift longer than this is no shift."""
_DAY = timedelta(days=1)


class Budget:
    """Number of days that can still be examined."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self) -> None:
        """Pay for one day; raises Invalid once there is nothing left."""
        self.left -= 1
        if self.left < 0:
            raise Invalid("The rota has too many shifts and repetitions.", code="rota")


def covering(shift: Shift, at: datetime, budget: Budget) -> tuple[datetime, datetime] | None:
    """Return begin and end of the occurrence of a shift in which an instant lies; None where there is none."""
    local = at.astimezone(shift.zone).replace(tzinfo=None)
    for begin in _beginnings(shift, local - shift.lasts - _DAY, local + _DAY, budget):
        span = (_instant(begin, shift.zone), _instant(begin + shift.lasts, shift.zone))
        if span[0] <= at < span[1]:
            return span
    return None


def _instant(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _beginnings(shift: Shift, first: datetime, last: datetime, budget: Budget) -> Iterator[datetime]:
    """Yield what begins between two local times, in no order; what does not take place is left out."""
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
    """Tell whether a rule that counts from ``first`` has an occurrence on a day."""
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
    """Tell whether a day is one of those that a rule names; where it names none, the one of the first occurrence."""
    from calendar import monthrange  # most homes have no rota

    length = monthrange(day.year, day.month)[1]
    if again.month_days and not {day.day, day.day - length - 1} & set(again.month_days):
        return False
    if again.weekdays:
        nth = {0, (day.day - 1) // 7 + 1, -((length - day.day) // 7) - 1}
        return any(day.weekday() == weekday and which in nth for which, weekday in again.weekdays)
    return bool(again.month_days) or (day.day == usual_day and day.weekday() == usual_weekday)


def on_call(rota: Rota, file: str, at: datetime) -> Watch:
    """Return who is on call at an instant, the one whose shift began last first; raises Invalid beyond the budget."""
    budget = Budget()
    spans = [(span, shift.persons) for shift in rota.shifts if (span := covering(shift, at, budget))]
    persons = dict.fromkeys(
        one for _, held in sorted(spans, key=lambda one: one[0], reverse=True) for one in held
    )
    until = min((end for (_, end), _ in spans), default=None)
    why = f"{rota.unnamed} entries have no known person: name a person, or invite an address of the person"
    return Watch(rota=file, persons=tuple(persons), until=until, problem=why if rota.unnamed else "")
