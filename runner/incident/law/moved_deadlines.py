"""Deadlines that a fact moves, with the old and the new time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import msgspec

from runner.decoding import from_json
from runner.errors import Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Fact, FactChange
from runner.incident.law.duties import BINDING, near_statuses
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import ClockMove
from runner.law.duty import DutyStatus


def moves(
    incident: Incident, changes: Sequence[FactChange], now: datetime, library: Library
) -> tuple[ClockMove, ...]:
    """Return the deadlines of duties in force that the times among these facts move.

    Other facts recorded with them count in both: the effect of a role or a number on a duty is not a moved clock.
    """
    starts = [change for change in changes if _may_start(change.key)]
    if not starts or not incident.assessed or not library.regimes:
        return ()
    others = with_facts(incident, [change for change in changes if change not in starts], now)
    before = {status.id: status for status in near_statuses(others, now, library)}
    after = {status.id: status for status in near_statuses(with_facts(others, starts, now), now, library)}
    found = (_move(one, after.get(name)) for name, one in before.items())
    return tuple(move for move in found if move is not None)


def _may_start(key: str) -> bool:
    """Tell whether a fact is a time of the incident that a clock can count from."""
    kind = fact_type(key)
    return key.startswith("incident.") and kind is not None and kind.kind == "instant" and not kind.ahead


def with_facts(incident: Incident, changes: Sequence[FactChange], now: datetime) -> Incident:
    """Return an incident as it would be with these facts."""
    facts = {change.key: Fact(key=change.key, value=from_json(change.value), at=now) for change in changes}
    return msgspec.structs.replace(incident, facts={**incident.facts, **facts})


def _move(before: DutyStatus, after: DutyStatus | None) -> ClockMove | None:
    """Return how one deadline moves; None if there was none yet."""
    if before.due is None or before.verdict not in BINDING or not before.in_sight:
        return None
    new = after.due if after is not None and after.verdict in BINDING and after.in_sight else None
    if new == before.due:
        return None
    return ClockMove(
        duty=before.id,
        citation=before.citation,
        old=before.due,
        new=new,
        later=new is None or new > before.due,
    )


def require_grounds(incident: Incident, moves: Sequence[ClockMove], grounds: str) -> None:
    """Raise Refused if a deadline moves later, or a confirmed one moves at all, without a reason."""
    fixed = [move for move in moves if move.later or not incident.duties[move.duty].provisional]
    if fixed and not grounds.strip():
        raise Refused(
            f"This fact moves {len(fixed)} statutory deadline{'s' if len(fixed) > 1 else ''}: {'; '.join(map(move_words, fixed))}.",
            hint="Add --grounds WHY",
            code="grounds_missing",
        )


def move_words(move: ClockMove, zone: tzinfo = UTC) -> str:
    """Return a move in words, in a zone: ``Art. 33(1) from 27 Nov 08:10 UTC to 27 Nov 08:40 UTC, later``."""
    direction = "later" if move.later else "earlier"
    return f"{move.citation or move.duty} from {_instant(move.old, zone)} to {_instant(move.new, zone)}, {direction}"


def _instant(at: datetime | None, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}" if at is not None else "no deadline"
