"""Positions of counsel without effect: an unknown law, an unknown question, or an incomplete record.

A position must match a known word exactly; with a misspelling it has no effect and the duty applies. That
must be visible, so each such position is reported with the nearest known word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from runner.base.text import nearest
from runner.law.regime import Regime, Version
from runner.law.transposition import CODE

_PARTS = ("regime", "position", "by", "grounds")


def ineffective_positions(
    facts: Mapping[str, Any], laws: Collection[str], regime: Callable[[str], Regime | None]
) -> tuple[str, ...]:
    """Return the problem of each position in nested facts; ``regime`` reads a law by its id, one of ``laws``."""
    fact = facts.get("claims") or ()
    if isinstance(fact, Mapping):
        fact = [{"id": key, **member} for key, member in fact.items()]
    return tuple(told for claim in fact for told in _misread(claim, laws, regime))


def _misread(
    claim: Mapping[str, Any], laws: Collection[str], regime: Callable[[str], Regime | None]
) -> Iterator[str]:
    name = f"claims.{claim.get('id', claim.get('regime', '?'))}"
    absent = [part for part in _PARTS if not claim.get(part)]
    if absent:
        yield f"{name} has no effect without {', '.join(absent)}"
    law, position = str(claim.get("regime") or ""), str(claim.get("position") or "")
    known_law = regime(law) if law in laws else None
    if law and known_law is None:
        yield f'{name}.regime: law "{law}" does not exist{_meant(law, laws)}'
    if known_law is not None and position:
        conditions = {code for version in known_law.versions for code in _conditions(version)}
        exemptions = {exemption.code for version in known_law.versions for exemption in version.exemptions}
        known = frozenset({*conditions, *(f"not {code}" for code in conditions), *exemptions})
        if position not in known:
            yield f'{name}.position: law {law} has no position "{position}"{_meant(position, known)}'


def _meant(word: str, known: Collection[str]) -> str:
    if close := nearest(word, known):
        return f'; the nearest name is "{close}"'
    positions = sorted(position for position in known if " " not in position)
    return f"; positions: {', '.join(positions)}" if len(known) < 100 else ""


def _conditions(version: Version) -> Iterator[str]:
    if version.national is not None:
        yield CODE
    yield from (condition.code for condition in version.scope)
    for rule in version.duties:
        yield from (condition.code for condition in (*rule.only_if, *rule.unless))
