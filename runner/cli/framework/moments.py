"""Instants and durations on the command line; what is wrong with one is a usage error that says how to write it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from runner.base.instants import parse_duration, spoken_instant
from runner.errors import Usage


def instant(text: str, now: datetime) -> datetime:
    """Return the instant that is meant: RFC 3339 with an offset, ``now``, or a duration such as ``2h ago``."""
    try:
        return spoken_instant(text, now)
    except ValueError as error:
        raise Usage(f"'{text}': {error}", hint="or: now, or '2h ago'", code="bad_instant") from None


def duration(text: str) -> timedelta:
    """Return the time that is meant."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Usage(f"'{text}': {error}", code="bad_duration") from None


def calendar_day(text: str) -> date | None:
    """Return the day that is meant, None for nothing."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Usage(f"'{text}' is no day", hint="as: 2026-12-24", code="bad_date") from None
