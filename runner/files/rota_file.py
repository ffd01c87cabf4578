"""Reader of an on-call rota from an iCalendar file: person, start and repetition of each shift.

Other people write the calendar, so the file is bounded before it is parsed. An entry names a person only by
the invited address of a person in the contact list, else by the short name or full name in the title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from runner.decoding import convert
from runner.errors import Invalid
from runner.routing.organisation import Person
from runner.routing.rota import LONGEST, Again, Frequency, Rota, Shift
from runner.yamlfile.limited_files import TooLarge, read_file

MAX_BYTES = 1_000_000
MAX_SHIFTS = 5_000
MAX_DATES = 1_000
"""Single beginnings of one shift, added or removed."""
_YEARS = range(1970, 2200)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS = frozenset({"FREQ", "INTERVAL", "UNTIL", "COUNT", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST"})
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class _Wrong(Exception):
    """An entry that cannot be used."""


def load_rota(path: Path, people: Mapping[str, Person], zone: str = "") -> Rota:
    """Return the rota in a file; ``zone`` applies if the file names none. Raises Invalid with the problem."""
    return read_rota(_content(path), path.name, people, zone)


def _content(path: Path) -> bytes:
    try:
        return read_file(path, MAX_BYTES)
    except FileNotFoundError:
        raise Invalid(
            f'Rota file "{path.name}" does not exist.',
            hint="Correct `oncall` in tocsin.yaml.",
            code="file_missing",
        ) from None
    except TooLarge:
        raise Invalid(
            f'Rota file "{path.name}" has more than {MAX_BYTES:,} bytes.',
            hint="Export fewer months.",
            code="file_too_large",
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the name is not valid"
        raise Invalid(
            f'Rota file "{path.name}" cannot be read: {why}.',
            hint="Correct `oncall` in tocsin.yaml.",
            code="file_unreadable",
        ) from None


def read_rota(content: bytes, name: str, people: Mapping[str, Person], zone: str = "") -> Rota:
    """Return the rota in an iCalendar text; raises Invalid naming the first entry that cannot be used."""
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(content)
        entries = calendar.walk("VEVENT")
    except (ValueError, RecursionError, LookupError) as error:
        raise Invalid(
            f'Rota file "{name}" is not an iCalendar file.', hint="Export the rota as .ics.", code="rota"
        ) from error
    if len(entries) > MAX_SHIFTS:
        raise Invalid(
            f'Rota file "{name}" has more than {MAX_SHIFTS:,} entries.',
            hint="Export fewer months.",
            code="file_too_large",
        )
    reader = _Reader(people, _zone(str(calendar.get("X-WR-TIMEZONE", "")) or zone))
    shifts = []
    for number, entry in enumerate(entries, 1):
        try:
            shifts.append((entry, reader.shift(entry)))
        except _Wrong as error:
            raise Invalid(
                f'Entry {number} of rota file "{name}" is not valid: {error}.',
                hint="Correct the entry in the calendar, and export again.",
                code="rota",
            ) from None
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            why = f'Entry {number} of rota file "{name}" cannot be read.'
            raise Invalid(
                why, hint="Correct the entry in the calendar, and export again.", code="rota"
            ) from error
    return _put_together(shifts)


def _put_together(found: list[tuple[Any, Shift | None]]) -> Rota:
    """Remove the changed occurrences from a series: each is a separate entry."""
    moved: dict[str, set[datetime]] = {}
    for entry, _ in found:
        if (original := entry.get("RECURRENCE-ID")) is not None:
            moved.setdefault(str(entry.get("UID", "")), set()).add(original.dt)
    shifts = []
    for entry, shift in found:
        if shift is None:
            continue
        gone = moved.get(str(entry.get("UID", "")), set()) if entry.get("RECURRENCE-ID") is None else set()
        never = shift.never | {_local(date, shift.zone) for date in gone}
        shifts.append(msgspec.structs.replace(shift, never=never))
    return Rota(
        shifts=tuple(shift for shift in shifts if shift.persons),
        unnamed=sum(not shift.persons for shift in shifts),
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _local(value: date, zone: tzinfo) -> datetime:
    """Return the local time; a day begins at midnight."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value.replace(tzinfo=None) if value.tzinfo is None else value.astimezone(zone).replace(tzinfo=None)


class _Reader:
    """State while the entries of one file are read."""

    def __init__(self, people: Mapping[str, Person], zone: tzinfo) -> None:
        self._zone = zone
        self._names: dict[str, set[str]] = {}
        for name, person in people.items():
            for spelling in filter(None, (name, person.name, *(c.address for c in person.contacts))):
                self._names.setdefault(spelling.casefold(), set()).add(name)
        titles = sorted(
            (name for name in (p.name.casefold() for p in people.values()) if name), key=len, reverse=True
        )
        self._title = (
            re.compile("|".join(rf"(?<!\w){re.escape(title)}(?!\w)" for title in titles)) if titles else None
        )

    def shift(self, entry: Any) -> Shift | None:
        """Return one entry, without persons if its person is unknown; None for a cancelled one."""
        if str(entry.get("STATUS", "")).upper() == "CANCELLED":
            return None
        if "DTSTART" not in entry:
            raise _Wrong("the start is missing (DTSTART)")
        start = entry["DTSTART"].dt
        zone = start.tzinfo if isinstance(start, datetime) and start.tzinfo else self._zone
        begins = _local(start, zone)
        lasts = _lasts(entry, start, begins, zone)
        if begins.year not in _YEARS or not timedelta() < lasts <= LONGEST:
            raise _Wrong(f"the shift is empty, longer than {LONGEST.days} days, or too far away")
        return Shift(
            persons=self._whose(entry),
            begins=begins,
            lasts=lasts,
            zone=zone,
            again=_again(entry.get("RRULE"), zone),
            also=tuple(_dates(entry, "RDATE", zone)),
            never=frozenset(_dates(entry, "EXDATE", zone)),
        )

    def _whose(self, entry: Any) -> tuple[str, ...]:
        """Return the persons named, with one person for each name; an ambiguous name is ignored."""
        invited = entry.get("ATTENDEE", [])
        for attendee in invited if isinstance(invited, list) else [invited]:
            address = str(attendee).casefold().removeprefix("mailto:")
            if persons := self._one(address):
                return persons
        title = " ".join(str(entry.get("SUMMARY", "")).split()).casefold()[:1_000]
        if persons := self._one(title):
            return persons
        named = dict.fromkeys(self._title.findall(title)) if self._title else ()
        return tuple(person for name in named for person in self._one(name))

    def _one(self, name: str) -> tuple[str, ...]:
        candidates = self._names.get(name, set())
        return tuple(candidates) if len(candidates) == 1 else ()


def _lasts(entry: Any, start: date, begins: datetime, zone: tzinfo) -> timedelta:
    if "DTEND" in entry:
        return _local(entry["DTEND"].dt, zone) - begins
    if "DURATION" in entry:
        lasts: timedelta = entry["DURATION"].dt
        return lasts
    return timedelta() if isinstance(start, datetime) else timedelta(days=1)


def _dates(entry: Any, key: str, zone: tzinfo) -> Iterator[datetime]:
    """Yield single beginnings; of a period, its first instant."""
    lists = entry.get(key, [])
    number = 0
    for several in lists if isinstance(lists, list) else [lists]:
        for single in several.dts:
            number += 1
            if number > MAX_DATES:
                raise _Wrong(f"the entry has more than {MAX_DATES:,} single dates ({key})")
            yield _local(single.dt[0] if isinstance(single.dt, tuple) else single.dt, zone)


def _again(rule: Any, zone: tzinfo) -> Again | None:
    if rule is None:
        return None
    if isinstance(rule, list):
        raise _Wrong("the entry has more than one rule (RRULE)")
    if strange := sorted(set(rule) - _PARTS):
        raise _Wrong(f"the rule has parts that are not supported: {', '.join(strange)}")
    frequency = str(_single(rule, "FREQ", ""))
    if frequency not in get_args(Frequency):
        raise _Wrong("the shift must repeat daily, weekly, monthly or yearly")
    weekdays = tuple(_weekday(str(day)) for day in rule.get("BYDAY", ()))
    if frequency in ("DAILY", "WEEKLY") and any(which for which, _ in weekdays):
        raise _Wrong("the rule counts weekdays of a month and is not monthly")
    if frequency == "YEARLY" and weekdays and not rule.get("BYMONTH"):
        raise _Wrong("the rule counts weekdays of a year and needs a month (BYMONTH)")
    until = _single(rule, "UNTIL", None)
    if isinstance(until, datetime) and until.tzinfo is None:
        until = until.replace(tzinfo=zone)
    count = _single(rule, "COUNT", None)
    return Again(
        frequency=convert(frequency, Frequency),
        interval=max(1, int(_single(rule, "INTERVAL", 1))),
        until=until,
        count=None if count is None else int(count),
        weekdays=weekdays,
        month_days=tuple(int(day) for day in rule.get("BYMONTHDAY", ())),
        months=tuple(int(month) for month in rule.get("BYMONTH", ())),
        week_begins=_DAYS.index(str(_single(rule, "WKST", "MO"))),
    )


def _single(rule: Any, key: str, otherwise: Any) -> Any:
    values = rule.get(key, ())
    return values[0] if values else otherwise


def _weekday(text: str) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(text)
    if match is None:
        raise _Wrong("the rule has an unknown day (BYDAY)")
    return int(match[1] or 0), _DAYS.index(match[2])
