"""Computation of deadlines from a clock and facts: the statutory deadline, with later readings as notes.

Theory. Each limb of a clock begins at its start and ends by ``runner.law.counting``; the earliest end binds. Three
reasons can prevent a deadline, and each is reported without a guess. The law may have only words
(``no_number``). An event may be necessary first, such as the filing of the previous stage or the letters being
sent (``waits_for_event``). Or the moment of awareness is not recorded yet: then the clock is *provisional*, counted
from the earliest possible moment, because an early deadline is safer than none. This module never records
awareness.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from runner.facts.expression import Unknown
from runner.law.clock import Clock, Limb, Period, Start, Unit
from runner.law.counting import (
    LAST_SECOND,
    HolidayCalendar,
    end_of,
    is_elapsed,
    kinder_end,
    last_day,
    plus_elapsed,
    two_working_days_end,
)
from runner.law.duty import ClockReading, DueKind
from runner.law.grounds import Condition


class Known(Protocol):
    """The interface through which a clock reads the incident."""

    def instant(self, path: str) -> datetime | None:
        """Return the instant of a fact path, None while it is unknown."""

    def filed(self, slug: str) -> datetime | None:
        """Return when a stage of the same regime was filed."""

    def holds(self, condition: Condition) -> bool | Unknown:
        """Answer a condition on the incident as a whole."""


class Place(msgspec.Struct, frozen=True):
    """The place whose days count: its zone and its holidays. The event has its day in ``home``, the organisation's zone."""

    zone: tzinfo
    country: str
    calendar: HolidayCalendar
    home: tzinfo | None = None


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """State of a clock now. ``due`` is UTC; ``zone`` is for display; ``missing`` are the facts that would confirm the clock."""

    due: datetime | None
    due_date: date | None
    due_kind: DueKind
    zone: tzinfo
    provisional: bool = False
    not_before: datetime | None = None
    latest_legal: datetime | None = None
    reading: ClockReading
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Began(msgspec.Struct, frozen=True):
    """Start of a period and its source; ``missing`` names the facts that would confirm an unconfirmed start."""

    at: datetime
    by: str
    missing: tuple[str, ...] = ()
    provisional: bool = False


class NotBegun(msgspec.Struct, frozen=True):
    """A period with an unknown start: the event it waits for, and the facts that would set the start."""

    by: str
    missing: tuple[str, ...]


class _End(msgspec.Struct, frozen=True):
    limb: Limb
    period: Period
    began: Began
    due: datetime
    missing: tuple[str, ...]


def deadline(clock: Clock, known: Known, place: Place, earliest: Began | None = None) -> Deadline:
    """Return the deadline of a clock. ``earliest`` is the first possible moment of awareness, if known.

    ``place`` is the organisation's; a clock that names its own zone or holidays overrides it.
    """
    named = clock.cut_off.zone if clock.cut_off else clock.zone
    zone = ZoneInfo(named) if named else place.zone
    place = Place(zone, clock.holidays or place.country, place.calendar, None if named else place.home)
    starts = [_began(limb.start, known, place.zone, earliest) for limb in clock.limbs]
    ends = [
        _end(limb, limb.period, start, clock, known, place)
        for limb, start in zip(clock.limbs, starts, strict=True)
        if limb.period and isinstance(start, Began)
    ]
    if not ends:
        return _without_due(clock, starts[0], place, known)
    return _with_due(min(_standing(ends, clock), key=lambda end: end.due), clock, starts, known, place)


def _with_due(
    end: _End, clock: Clock, starts: list[Began | NotBegun], known: Known, place: Place
) -> Deadline:
    kinder, notes = _annotations(end, clock, known, place)
    counted = end.limb.start.facts
    return Deadline(
        due=end.due,
        due_date=end.due.astimezone(place.zone).date(),
        due_kind="instant" if is_elapsed(end.period.unit) or clock.cut_off else "date",
        zone=place.zone,
        provisional=end.began.provisional or any(isinstance(start, NotBegun) for start in starts),
        not_before=_not_before(clock, known, place),
        latest_legal=kinder,
        reading=ClockReading(
            # The legal start, even while a provisional clock counts from another moment.
            start_fact=counted[0] if end.began.provisional and counted else end.began.by,
            start=end.began.at.astimezone(UTC),
            rule=rule_words(end.limb),
        ),
        missing=_once(end.missing, *(start.missing for start in starts)),
        notes=notes,
    )


def _began(start: Start, known: Known, zone: tzinfo, earliest: Began | None) -> Began | NotBegun:
    """Return the start of a period; an unconfirmed start only if the law counts from knowledge."""
    moments = {path: known.instant(path) for path in start.facts}
    found = {path: at for path, at in moments.items() if at is not None}
    absent = tuple(path for path, at in moments.items() if at is None)
    stages = ((slug, known.filed(slug)) for slug in (start.duty, *start.restarted_by) if slug)
    filed = [(at, slug) for slug, at in stages if at is not None]
    if filed:
        at, slug = max(filed)
        found[f"filing of {slug}"] = at
    if found and not (start.pick == "latest" and absent):
        choose = max if start.pick == "latest" else min
        by = choose(found, key=lambda path: found[path])
        return Began(_anchored(found[by], start, zone), by)
    missing = absent if start.pick == "latest" else absent[:1]
    if start.event or start.duty or earliest is None:
        return NotBegun(start.facts[0] if start.facts else f"filing of {start.duty}", missing)
    return Began(_anchored(earliest.at, start, zone), earliest.by, missing, provisional=True)


def _anchored(moment: datetime, start: Start, zone: tzinfo) -> datetime:
    if start.anchor == "year_end":
        return datetime.combine(date(moment.astimezone(zone).year, 12, 31), time(12), zone)
    return moment


def _end(limb: Limb, period: Period, began: Began, clock: Clock, known: Known, place: Place) -> _End:
    amount, unit, missing = _chosen(period, known)
    if is_elapsed(unit):
        return _End(limb, period, began, plus_elapsed(began.at, amount, unit), missing)
    day = last_day(_first_day(began.at, place), amount, unit, period.counting, place.calendar, place.country)
    at = time.fromisoformat(clock.cut_off.time) if clock.cut_off else LAST_SECOND
    return _End(limb, period, began, end_of(day, place.zone, at), missing)


def _first_day(event: datetime, place: Place) -> date:
    """Return the day of an event: of the organisation's and the recipient's day the earlier, so that no deadline is late.

    Midnight of the organisation is how people record a day without its hour: that day counts.
    """
    ours, there = event.astimezone(place.home or place.zone), event.astimezone(place.zone)
    return ours.date() if ours.time() == time() else min(ours.date(), there.date())


def _chosen(period: Period, known: Known) -> tuple[int, Unit, tuple[str, ...]]:
    """Choose the amount: the first variation that is true; while one is unknown, the shorter period binds."""
    missing: tuple[str, ...] = ()
    for variation in period.variations:
        answer = known.holds(variation.condition)
        if isinstance(answer, Unknown):
            missing += answer.missing
        if answer is True or (isinstance(answer, Unknown) and variation.amount < period.amount):
            return variation.amount, variation.unit, missing
    return period.amount, period.unit, missing


def _standing(ends: list[_End], clock: Clock) -> list[_End]:
    """Drop limbs that ended before another began, if the law says that they lapse."""
    if not clock.lapsed_limbs_fall_away:
        return ends
    latest = max(end.began.at for end in ends)
    return [end for end in ends if end.due >= latest]


def _without_due(clock: Clock, start: Began | NotBegun, place: Place, known: Known) -> Deadline:
    """Return why there is no deadline: only words, a future event, or no start."""
    limb = clock.limbs[0]
    waits = isinstance(start, NotBegun) and (limb.start.event or bool(limb.start.duty))
    kind: DueKind = "no_number"
    if waits:
        kind = "waits_for_event"
    elif limb.period:
        kind = "instant" if is_elapsed(limb.period.unit) or clock.cut_off else "date"
    began = start if isinstance(start, Began) else None
    return Deadline(
        due=None,
        due_date=None,
        due_kind=kind,
        zone=place.zone,
        provisional=limb.period is not None and not waits,
        not_before=_not_before(clock, known, place),
        reading=ClockReading(
            start_fact=start.by, start=began.at.astimezone(UTC) if began else None, rule=rule_words(limb)
        ),
        missing=start.missing if limb.period and not waits else (),
    )


def _not_before(clock: Clock, known: Known, place: Place) -> datetime | None:
    """Return the earliest permitted moment of the act, such as after the FBI's seven full business days."""
    limb = clock.not_before
    if limb is None or limb.period is None:
        return None
    began = _began(limb.start, known, place.zone, None)
    if isinstance(began, NotBegun):
        return None
    return _end(limb, limb.period, began, Clock(limbs=(limb,)), known, place).due


def _annotations(
    end: _End, clock: Clock, known: Known, place: Place
) -> tuple[datetime | None, tuple[str, ...]]:
    """Return the latest deadline of all readings, and every reading in words."""
    began, rule = end.began.at, end.period.counting
    readings: list[tuple[datetime, str]] = []
    kinder = kinder_end(began, end.due, rule, end.period.unit, place.zone, place.calendar, place.country)
    if kinder and (clock.no_relief_when is None or known.holds(clock.no_relief_when) is False):
        readings.append((kinder, _KINDER[rule]))
    for extension in clock.extensions:
        if known.holds(extension.condition) is True:
            on_top = Began(end.due, end.began.by)
            later = _end(end.limb, extension.period, on_top, clock, known, place).due
            readings.append((later, f"extension: {extension.condition.text}"))
    notes = [f"{words}: until {at.astimezone(place.zone):%Y-%m-%d %H:%M %Z}" for at, words in readings]
    if rule == "EU-H":
        two = two_working_days_end(began, end.due, place.zone, place.calendar, place.country)
        if two:
            notes.append(f"{_TWO_DAYS}: until the end of {two.astimezone(place.zone):%Y-%m-%d}")
    return max((at for at, _ in readings), default=None), tuple(notes)


_KINDER: Mapping[str, str] = {
    "EU-H": "Reg. 1182/71 Art. 3(1), the hour of the event not counted",
    "NAT": "national rules after the model of Reg. 1182/71",
    "EU-D": "Reg. 1182/71 Art. 3(4), the next working day",
    "EU-M": "Reg. 1182/71 Art. 3(4), the next working day",
    "EU-WD": "Reg. 1182/71 Art. 3(4), the next working day",
    "DORA-54": "Reg. 2025/301 Art. 5(4), noon of the next working day",
    "CAL-INCL": "the authority's next open day",
}
_TWO_DAYS = "minority reading of Reg. 1182/71 Art. 3(5), at least two working days (do not rely on it)"

_WORDS: Mapping[str, str] = {
    "minutes": "elapsed",
    "hours": "elapsed",
    "calendar_days": "the day of the event not counted",
    "business_days": "the day of the event not counted",
    "full_business_days": "the day of the event not counted",
    "weeks": "to the same weekday",
    "months": "to the same date, or the month's last day",
    "years": "to the same date, or the month's last day",
}


def rule_words(limb: Limb) -> str:
    """Return a limb's period in words: ``72 hours, elapsed``."""
    period = limb.period
    if period is None:
        return "no fixed deadline"
    unit = period.unit.replace("_", " ")
    unit = unit.removesuffix("s") if period.amount == 1 else unit
    how = "the day of the event is day 1" if period.counting == "CAL-INCL" else _WORDS[period.unit]
    stage = f"the {limb.start.duty} stage" + (" or its latest update" if limb.start.restarted_by else "")
    after = f" after {stage} is filed" if limb.start.duty and not limb.start.facts else ""
    from_year = " after the end of the year" if limb.start.anchor == "year_end" else ""
    return f"{period.amount} {unit}{after}{from_year}, {how}"


def held_until(
    due: datetime | None, hold_end: datetime, amount: int | None, unit: Unit, place: Place
) -> datetime:
    """Return the deadline after a delay has ended: never before the duty's own deadline (Md. Com. Law 14-3504(d))."""
    after = hold_end.astimezone(UTC)
    if amount is not None:
        if is_elapsed(unit):
            after = plus_elapsed(hold_end, amount, unit)
        else:
            day = last_day(
                _first_day(hold_end, place), amount, unit, "CAL-EXCL", place.calendar, place.country
            )
            after = end_of(day, place.zone)
    return max(due, after) if due else after


def latest_safe_start(due: datetime | None, lead: timedelta) -> datetime | None:
    """Return the latest safe start, with time for the remaining approvals, rendering and delivery."""
    return due - lead if due else None


def _once(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
