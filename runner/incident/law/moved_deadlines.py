"""Deadlines that a fact moves, with the old and the new time, and running duties that it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import msgspec

from runner.decoding import from_json
from runner.errors import Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Fact, FactChange
from runner.incident.law.duties import LIVE, is_binding, near_statuses
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import ClockMove
from runner.law.duty import DutyStatus

SHOWN = 5
"""Most moves that a sentence names."""


def moves(
    incident: Incident, changes: Sequence[FactChange], now: datetime, library: Library
) -> tuple[ClockMove, ...]:
    """Return the deadlines of duties in force that the times among these facts move, and the running duties that facts end.

    Other facts recorded with a time count before and after it: the effect of a role or a number on a deadline is not a moved clock.
    """
    if not changes or not incident.assessed or not library.regimes:
        return ()
    starts = [change for change in changes if _may_start(change.key)]
    running = {name for name, one in incident.duties.items() if one.applied}
    running |= _with_tasks(incident) if any(change.key.startswith(_ASSESSED) for change in changes) else set()
    if not starts and not running:
        return ()
    others = with_facts(incident, [change for change in changes if change not in starts], now)
    before = {status.id: status for status in near_statuses(others, now, library)}
    after = before
    if starts:
        after = {status.id: status for status in near_statuses(with_facts(others, starts, now), now, library)}
    ended = [_end(one, after.get(one.id)) for one in _live(incident, running, now, library)]
    found = [_move(one, after.get(name)) for name, one in before.items()] if starts else []
    return tuple({move.duty: move for move in (*found, *ended) if move is not None}.values())


def facts_that_wait(
    incident: Incident,
    changes: Sequence[FactChange],
    moved: Sequence[ClockMove],
    now: datetime,
    library: Library,
) -> tuple[FactChange, ...]:
    """Return the facts without which no deadline moves later and no duty ends; ``moved`` is the effect of all.

    If several facts do it only together, the last of them waits, and a judgement rather than who made it and why.
    """

    def later(some: Sequence[FactChange]) -> bool:
        return any(move.later for move in moves(incident, some, now, library))

    def held(before: Sequence[FactChange], some: Sequence[FactChange]) -> tuple[FactChange, ...]:
        """Halve the facts that do it together with those before them, which alone do nothing."""
        if len(some) < 2:
            return tuple(some)
        first, last = some[: len(some) // 2], some[len(some) // 2 :]
        found = held(before, first) if later([*before, *first]) else ()
        ready = [*before, *(one for one in first if one not in found)]
        return (*found, *(held(ready, last) if later([*ready, *last]) else ()))

    ends = any(move.ends for move in moved)
    able = (
        [one for one in changes if ends or _may_start(one.key)] if any(move.later for move in moved) else []
    )
    return held(
        [one for one in changes if one not in able],
        sorted(able, key=lambda one: ".harm_assessment." not in one.key),
    )


_ASSESSED = "risk."
"""The beginning of facts that are a person's judgement: they also end a duty that was undetermined until then."""


def _with_tasks(incident: Incident) -> set[str]:
    """Return the undetermined duties that have open tasks."""
    lanes = {scope.id: scope.item for scope in incident.scopes.values() if scope.item in incident.duties}
    steps = incident.invocations.values() if lanes else ()
    begun = {lanes[step.scope] for step in steps if step.scope in lanes and not step.over}
    return {name for name in begun if name is not None and incident.duties[name].verdict == "unknown"}


def _live(incident: Incident, running: set[str], now: datetime, library: Library) -> list[DutyStatus]:
    """Return the duties among the running ones that are not done; only a look at the law tells."""
    open_ = {name for name in running if incident.duties[name].record is None}
    found = near_statuses(incident, now, library) if open_ else ()
    return [status for status in found if status.id in open_ and status.state in LIVE]


def _end(before: DutyStatus, after: DutyStatus | None) -> ClockMove | None:
    """Return the end of a duty that does not apply any more; None if it applies, or may apply."""
    if after is not None and is_binding(after):
        return None
    return ClockMove(
        duty=before.id, citation=before.citation, old=before.due, new=None, later=True, ends=True
    )


def _may_start(key: str) -> bool:
    """Tell whether a fact is a time of the incident that a clock can count from."""
    kind = fact_type(key)
    return key.startswith("incident.") and kind is not None and kind.kind == "instant" and not kind.ahead


def with_facts(incident: Incident, changes: Sequence[FactChange], now: datetime) -> Incident:
    """Return an incident as it would be with these facts."""
    facts = {change.key: Fact(key=change.key, value=from_json(change.value), at=now) for change in changes}
    entries = {**dict.fromkeys(facts, incident.version), **incident.fact_events}
    return msgspec.structs.replace(incident, facts={**incident.facts, **facts}, fact_events=entries)


def _move(before: DutyStatus, after: DutyStatus | None) -> ClockMove | None:
    """Return how one deadline moves; None if there was none yet."""
    if before.due is None or not is_binding(before):
        return None
    new = after.due if after is not None and is_binding(after) else None
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
        verb = "ends" if any(move.ends for move in fixed) else "moves"
        noun = (
            f"legal dut{'ies' if len(fixed) > 1 else 'y'}"
            if verb == "ends"
            else f"statutory deadline{'s' if len(fixed) > 1 else ''}"
        )
        raise Refused(
            f"This fact {verb} {len(fixed)} {noun}: {moves_words(fixed, incident.zone)}.",
            hint="Add --grounds WHY",
            code="grounds_missing",
        )


def moves_words(moves: Sequence[ClockMove], zone: tzinfo) -> str:
    """Return moves in words, the first of them by name, in a zone."""
    more = f" and {len(moves) - SHOWN} more" if len(moves) > SHOWN else ""
    return f"{'; '.join(move_words(move, zone) for move in moves[:SHOWN])}{more}"


def move_words(move: ClockMove, zone: tzinfo) -> str:
    """Return a move in words, in a zone: ``Art. 33(1) from 27 Nov 08:10 UTC to 27 Nov 08:40 UTC, later``."""
    if move.ends:
        return f"{move.citation or move.duty} ends" + (
            f" (deadline {_instant(move.old, zone)})" if move.old else ""
        )
    direction = "later" if move.later else "earlier"
    return f"{move.citation or move.duty} from {_instant(move.old, zone)} to {_instant(move.new, zone)}, {direction}"


def _instant(at: datetime | None, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}" if at is not None else "no deadline"
