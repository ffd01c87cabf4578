"""Transposition of a directive: the national law of the State of each establishment.

A State whose law is in force makes the duty; a State whose law is only proposed makes it advisory, as a law of its own
would be; a law younger than the incident has no effect. A law whose day is not confirmed is never taken to be in force: counsel decides. A duty applies to an entity with establishments in several States
if one of these makes it. While a place is unknown, and no known State makes the duty, the place is a missing fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from runner.facts.expression import Unknown
from runner.law.duty import Reason
from runner.law.populations import View
from runner.law.regime import NationalLaw, StateLaw

CODE = "national_law"


class Transposition(msgspec.Struct, frozen=True):
    """The answer of national law for one population, its reasons, and doubts."""

    answer: bool | Unknown
    reason: Reason
    advisory: bool = False
    """The law is in force in none of their States, and proposed in one of these."""
    notes: tuple[str, ...] = ()


def applicable_states(
    law: NationalLaw | None, views: Sequence[View], day: date
) -> tuple[tuple[Transposition, ...], bool]:
    """Return the national law for each affected group on the deciding day, and whether it is advisory for all of them.

    Both are empty and false if a law applies directly. If it applies to nobody, its duties are advisory.
    """
    if law is None:
        return (), False
    transpositions = tuple(_bound(law, view, day) for view in views)
    advisory = any(transposition.advisory for transposition in transpositions) and all(
        transposition.answer is False for transposition in transpositions
    )
    if advisory:
        transpositions = tuple(
            msgspec.structs.replace(transposition, answer=True) if transposition.advisory else transposition
            for transposition in transpositions
        )
    return transpositions, advisory


def _bound(law: NationalLaw, view: View, day: date) -> Transposition:
    missing: dict[str, None] = {}
    places: dict[str, None] = {}
    for path in law.of:
        value = view.fact(path)
        for place in value if isinstance(value, tuple) else (value,):
            if isinstance(place, Unknown):
                missing.update(dict.fromkeys(place.missing))
            else:
                places[str(place)] = None
    here = [state for state in law.states if state.place in places]
    in_force = [state for state in here if state.standing == "in_force"]
    begun = [state for state in in_force if state.from_date is None or state.from_date <= day]
    binding = [state for state in begun if state.confirmed or state.from_date is not None]
    if binding:
        names = ", ".join(state.place for state in binding)
        unconfirmed = (state.place for state in binding if not state.confirmed)
        notes = tuple(f"unverified: the first day of the national law of {place}" for place in unconfirmed)
        return Transposition(True, _reason(f"the national law of {names} is in force"), notes=notes)
    doubtful = [state.place for state in in_force if not state.confirmed]
    if doubtful:
        text = f"when the national law of {', '.join(doubtful)} came into force is not confirmed: counsel decides"
        return Transposition(Unknown((*sorted(missing), f"claims.{CODE}.position")), _reason(text))
    if missing:
        return Transposition(
            Unknown(tuple(sorted(missing))),
            _reason("established in a Member State whose national law is in force"),
        )
    if not here:
        return Transposition(False, _reason("no establishment in a Member State"))
    coming = [state for state in here if state.standing != "in_force"]
    return Transposition(False, _reason("; ".join(map(_not_yet, coming or here))), advisory=bool(coming))


def _not_yet(state: StateLaw) -> str:
    of = f"the national law of {state.place}"
    if state.standing != "in_force":
        return f"{of} is not in force ({state.standing})"
    return f"{of} is in force only from {state.from_date}; the State's older law may apply"


def _reason(text: str) -> Reason:
    return Reason(CODE, text)
