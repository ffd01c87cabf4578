"""Choice of the version of a law, by the date that the law itself names.

A directive binds through national law: whether it does, for whom, by the State in which each of them is established.

A State whose law is in force makes the duty; one whose law is only proposed shows it as advisory, as a law of its own
would be; one whose law is younger than the incident asks nothing. An entity with an establishment in several States is
bound where one of them binds it. While a place is unknown, and none that is known binds, it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Protocol, TypeVar

import msgspec

from runner.facts.expression import Unknown
from runner.law.duty import Reason
from runner.law.populations import View, instant
from runner.law.regime import NationalLaw, Standing, StateLaw


class Dated(Protocol):
    """A version, as far as its time goes; both dates are inclusive."""

    @property
    def from_date(self) -> date | None:
        """The first day of its force."""

    @property
    def until(self) -> date | None:
        """The last."""

    @property
    def standing(self) -> Standing:
        """Whether it makes duties at all."""


D = TypeVar("D", bound=Dated)


def deciding(
    decided_by: Sequence[str], versions: Sequence[D], view: View, now: datetime, zone: tzinfo
) -> tuple[D, Reason | None, bool, tuple[str, ...]]:
    """Return the deciding version, the reason that bars every duty, whether it is only advisory, and the assumptions.

    The first known of ``decided_by`` names the date; while none is known, today's law is shown and the note says so.
    """
    decided = _decided(decided_by, view)
    day = deciding_day(decided_by, view, now, zone)
    notes: tuple[str, ...] = ()
    if decided is None and decided_by and len(versions) > 1:
        notes = (f"assessed by today's law: {decided_by[0]} decides the version and is unknown",)
    for version in versions:
        if _covers(version, day):
            return version, None, version.standing != "in_force", (*notes, *_standing_notes(version))
    oldest, newest = versions[-1], versions[0]
    if oldest.from_date is not None and day < oldest.from_date:
        if oldest.from_date > now.astimezone(zone).date():
            return oldest, None, True, (f"in force only from {oldest.from_date}",)
        reason = Reason(
            "not_in_force_then", f"in force only from {oldest.from_date}; the deciding date is {day}"
        )
        return oldest, reason, False, ()
    reason = Reason("no_longer_in_force", f"no version was in force on {day}, the deciding date")
    return newest, reason, False, ()


def deciding_day(decided_by: Sequence[str], view: View, now: datetime, zone: tzinfo) -> date:
    """Return the day by which law in force is chosen: today while no fact names it."""
    return (_decided(decided_by, view) or now).astimezone(zone).date()


def _decided(decided_by: Sequence[str], view: View) -> datetime | None:
    known = (instant(view.fact(path)) for path in decided_by)
    return next((moment for moment in known if moment is not None), None)


def _covers(version: Dated, day: date) -> bool:
    return (version.from_date is None or version.from_date <= day) and (
        version.until is None or day <= version.until
    )


def _standing_notes(version: Dated) -> tuple[str, ...]:
    return () if version.standing == "in_force" else (f"{version.standing.replace('_', ' ')}: not a duty",)


CODE = "national_law"


class Transposition(msgspec.Struct, frozen=True):
    """What national law says to one population: the answer, why, and doubts about it."""

    answer: bool | Unknown
    reason: Reason
    advisory: bool = False
    """Not in force in any State of theirs, and about to be in one."""
    notes: tuple[str, ...] = ()


def applicable_states(
    law: NationalLaw | None, views: Sequence[View], day: date
) -> tuple[tuple[Transposition, ...], bool]:
    """Return the national law for each affected group on the deciding day, and whether it is advisory for all of them.

    Both are empty and false where a law binds by itself. Where nobody is bound, the advisory ones are shown the duties.
    """
    if law is None:
        return (), False
    found = tuple(_bound(law, view, day) for view in views)
    advisory = any(one.advisory for one in found) and all(one.answer is False for one in found)
    if advisory:
        found = tuple(msgspec.structs.replace(one, answer=True) if one.advisory else one for one in found)
    return found, advisory


def _bound(law: NationalLaw, view: View, day: date) -> Transposition:
    missing: dict[str, None] = {}
    places: dict[str, None] = {}
    for path in law.of:
        value = view.fact(path)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Unknown):
                missing.update(dict.fromkeys(one.missing))
            else:
                places[str(one)] = None
    here = [state for state in law.states if state.place in places]
    binding = [state for state in here if _in_force(state, day)]
    if binding:
        names = ", ".join(state.place for state in binding)
        return Transposition(
            True, _reason(f"the national law of {names} is in force"), notes=tuple(_doubts(binding))
        )
    if missing:
        return Transposition(
            Unknown(tuple(sorted(missing))),
            _reason("established in a Member State whose national law is in force"),
        )
    if not here:
        return Transposition(False, _reason("no establishment in a Member State"))
    coming = [state for state in here if state.standing != "in_force"]
    return Transposition(False, _reason("; ".join(map(_not_yet, coming or here))), advisory=bool(coming))


def _in_force(state: StateLaw, day: date) -> bool:
    return state.standing == "in_force" and (state.from_date is None or state.from_date <= day)


def _not_yet(state: StateLaw) -> str:
    of = f"the national law of {state.place}"
    if state.standing != "in_force":
        return f"{of} is not in force ({state.standing})"
    return f"{of} is in force only from {state.from_date}"


def _doubts(states: Sequence[StateLaw]) -> Iterator[str]:
    for state in states:
        if not state.confirmed:
            yield f"unverified: the national law of {state.place} is in force"


def _reason(text: str) -> Reason:
    return Reason(CODE, text)
