"""Refusal of future timestamps for facts and records.

A clock that starts tomorrow would make every deadline late, and a filing of tomorrow would close an open duty.
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
"""The permitted difference between the clocks of two machines."""


def is_ahead(instant: datetime, now: datetime) -> bool:
    """Tell whether an instant is in the future, beyond the permitted difference of clocks."""
    return instant > now + TOLERANCE


def refuse_facts_ahead(changes: Iterable[FactChange], now: datetime) -> None:
    """Raise Refused if a fact states that something happened in the future."""
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


def refuse_record_ahead(what: str, at: datetime, now: datetime, option: str = "--at") -> None:
    """Raise Refused if the time of an action is in the future; ``option`` takes that time."""
    if is_ahead(at, now):
        raise Refused(
            f"The time of {what} is in the future: {said(at)}. The time is now {said(now)}.",
            hint=f"Write the time at which it was done, such as: {option} 2h ago",
            code="ahead",
        )


def said(instant: datetime) -> str:
    """Return an instant as views print it."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
