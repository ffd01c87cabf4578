"""Instants and durations in text: RFC 3339 with an offset, and ``1h30m``. Nothing is guessed.

Both come from files, command lines and imports, so both are strict: a date without a time, or a time without an
offset, is refused, because a wrong time zone moves a legal clock of 72 hours. A person beside a clock in the
organisation's zone may leave the offset out, and is refused only where the local time names no single instant.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from runner.errors import Usage

_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[Tt ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(?P<offset>[Zz]|[+-]\d{2}:\d{2})?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DURATION = re.compile(
    r"(?:(?P<weeks>\d{1,5})w)? ?(?:(?P<days>\d{1,5})d)? ?(?:(?P<hours>\d{1,6})h)?"
    r" ?(?:(?P<minutes>\d{1,7})m)? ?(?:(?P<seconds>\d{1,8})s)?",
    re.ASCII,
)
AGO = " ago"
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_EXAMPLE = "2026-11-24T09:30:00+01:00"


class NotOneInstant(ValueError):
    """A local time that happens twice, or never: the clocks change. ``hint`` has both instants that can be meant."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.hint = hint


def parse_instant(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Return the aware datetime that ``text`` names, keeping its offset; without one it is local to ``zone``.

    Raises ``ValueError`` with a sentence for people: the problem and an example. Years 1900 to 2199.
    """
    written = text.strip()
    if _DATE.fullmatch(written):
        raise ValueError(f"the time of day is missing; write {_EXAMPLE}")
    match = _INSTANT.fullmatch(written)
    if match is None:
        raise ValueError(f"the value is not a date and time; write {_EXAMPLE}")
    offset = match["offset"]
    if offset is None and zone is None:
        raise ValueError(f"the UTC offset is missing; write {_EXAMPLE}, or end with Z")
    try:
        there = datetime.fromisoformat(f"{match['date']}T{match['time']}")
        moment = there.replace(tzinfo=UTC if offset in ("Z", "z") else _zone(offset)) if offset else there
    except ValueError as error:
        raise ValueError(f"the date or time does not exist ({error}); write {_EXAMPLE}") from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"the year must be from {_FIRST_YEAR} to {_LAST_YEAR}")
    return _only(moment, zone) if zone is not None and not offset else moment


def is_local(text: str) -> bool:
    """Tell whether a text is a date and time without an offset."""
    match = _INSTANT.fullmatch(text.strip())
    return match is not None and match["offset"] is None


def _only(there: datetime, zone: ZoneInfo) -> datetime:
    """Return the one instant of a local time, with its offset; raises NotOneInstant where the clocks change."""
    first, second = (there.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return datetime.fromisoformat(first.astimezone(zone).isoformat())
    why = "happens twice" if first < second else "does not exist"
    both = " or ".join(instant_text(one.astimezone(zone)) for one in sorted((first, second)))
    raise NotOneInstant(f"the local time {why} in {zone}, because the clocks change", f"Write {both}")


def spoken_instant(text: str, now: datetime) -> datetime:
    """Return the instant that a person means beside a clock: ``now``, a duration such as ``2h ago``, or RFC 3339.

    If the clock has a named zone, the offset may be missing. Raises ``ValueError`` with a sentence for people, as ``parse_instant`` and ``parse_duration``.
    """
    written = text.strip()
    if written == "now":
        return now.astimezone(UTC)
    if written.endswith(AGO):
        return now.astimezone(UTC) - parse_duration(written.removesuffix(AGO))
    return parse_instant(written, now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else None)


def instant(text: str, now: datetime) -> datetime:
    """Return the instant that a person wrote, as ``spoken_instant``; raises Usage."""
    try:
        return spoken_instant(text, now)
    except ValueError as error:
        raise Usage(
            f'Time "{text}" is not valid: {error}.',
            hint=getattr(error, "hint", "Use RFC 3339 with an offset, now, or '2h ago'"),
            code="bad_instant",
        ) from None


def calendar_day(text: str) -> date | None:
    """Return the date of a text; None for an empty text; raises Usage."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Usage(f'"{text}" is not a date.', hint="Write it as 2026-12-24.", code="bad_date") from None


def _zone(offset: str) -> timezone:
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("the UTC offset must be from -14:00 to +14:00")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if offset[0] == "-" else span)


def instant_text(moment: datetime) -> str:
    """Return RFC 3339 for an aware datetime, with its own offset, ``Z`` for UTC."""
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Return whether a name is a time zone of the IANA data."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a missing zone is a subclass of KeyError
        return False
    return True


def parse_duration(text: str) -> timedelta:
    """Return the elapsed time that ``text`` names: ``90m``, ``2h``, ``1d12h``, ``1w``; a day is 24 hours.

    Raises ``ValueError`` with a sentence for people.
    """
    match = _DURATION.fullmatch(text.strip())
    parts = {unit: int(amount) for unit, amount in match.groupdict().items() if amount} if match else {}
    if not parts:
        raise ValueError("the value is not a duration; write a number with w, d, h, m or s: 90m, 2h, 1d12h")
    return timedelta(**parts)


def duration_text(span: timedelta) -> str:
    """Return the shortest form that ``parse_duration`` reads back (whole seconds; a minus sign leads a negative)."""
    seconds = int(abs(span).total_seconds())
    sign = "-" if span < timedelta() else ""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return sign + ("".join(parts) or "0s")
