"""Choice of the version of a law, by the date that the law itself names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Protocol, TypeVar

from runner.law.duty import Reason
from runner.law.populations import View, instant
from runner.law.regime import Standing


class Dated(Protocol):
    """The dates of a version, both inclusive."""

    @property
    def from_date(self) -> date | None:
        """Its first day in force."""

    @property
    def until(self) -> date | None:
        """Its last day in force."""

    @property
    def standing(self) -> Standing:
        """Whether it makes duties at all."""


D = TypeVar("D", bound=Dated)


def deciding(
    decided_by: Sequence[str], versions: Sequence[D], view: View, now: datetime, zone: tzinfo
) -> tuple[D, Reason | None, bool, tuple[str, ...]]:
    """Return the deciding version, the reason that bars every duty, whether it is only advisory, and the assumptions.

    The first known fact of ``decided_by`` gives the date; while none is known, today's law is shown with a note.
    """
    decided = _decided(decided_by, view)
    day = deciding_day(decided_by, view, now, zone)
    notes: tuple[str, ...] = ()
    if decided is None and decided_by and len(versions) > 1:
        notes = (f"assessed by today's law: {decided_by[0]} decides the version and is unknown",)
    for version in versions:
        if (version.from_date or day) <= day <= (version.until or day):
            if version.standing != "in_force":
                notes += (f"{version.standing.replace('_', ' ')}: not a duty",)
            return version, None, version.standing != "in_force", notes
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
    """Return the date for the choice of the version: today while no fact names a date."""
    return (_decided(decided_by, view) or now).astimezone(zone).date()


def _decided(decided_by: Sequence[str], view: View) -> datetime | None:
    known = (instant(view.fact(path)) for path in decided_by)
    return next((moment for moment in known if moment is not None), None)
