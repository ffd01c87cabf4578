"""Refusal of future timestamps for facts and records.

A clock that starts tomorrow would make every deadline late, and a filing of tomorrow would close a duty that is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from runner.decoding import from_json
from runner.errors import Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import typed
from runner.incident.state.events import FactChange

TOLERANCE = timedelta(minutes=5)
"""How far the clocks of two machines may lie apart."""


def is_ahead(instant: datetime, now: datetime) -> bool:
    """Tell whether an instant lies in the future, beyond what clocks differ by."""
    return instant > now + TOLERANCE


def refuse_facts_ahead(changes: Iterable[FactChange], now: datetime) -> None:
    """Raise Refused where a fact says that something has happened which lies ahead."""
    for change in changes:
        kind = fact_type(change.key)
        if kind is None or kind.kind != "instant" or kind.ahead:
            continue
        value = typed(change.key, kind, from_json(change.value))
        if isinstance(value, datetime) and is_ahead(value, now):
            raise Refused(
                f"{change.key} is in the future: {said(value)}. The time is now {said(now)}.",
                hint="Check the date, the UTC offset and the clock of this computer.",
                code="ahead",
            )


def refuse_record_ahead(what: str, at: datetime, now: datetime) -> None:
    """Raise Refused where a deed is said to have been done at an instant that lies ahead."""
    if is_ahead(at, now):
        raise Refused(
            f"The time of {what} is in the future: {said(at)}. The time is now {said(now)}.",
            hint="Write the time at which it was done, such as: --at 2h ago",
            code="ahead",
        )


def said(instant: datetime) -> str:
    """Return an instant as views print it."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
