"""Times and dates that a person types, at the command line and in a form; errors are for people."""

from __future__ import annotations

from datetime import date, datetime

from runner.base.instants import spoken_instant
from runner.errors import Usage


def instant(text: str, now: datetime) -> datetime:
    """Return the time of a text: RFC 3339 with an offset, ``now``, or a duration such as ``2h ago``."""
    try:
        return spoken_instant(text, now)
    except ValueError as error:
        raise Usage(
            f'Time "{text}" is not valid: {error}.',
            hint="Use RFC 3339 with an offset, now, or '2h ago'",
            code="bad_instant",
        ) from None


def calendar_day(text: str) -> date | None:
    """Return the date of a text; None for an empty text."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Usage(f'"{text}" is not a date.', hint="Write it as 2026-12-24.", code="bad_date") from None
