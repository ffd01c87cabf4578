"""Delays requested by law enforcement: authority, duty, duration, and the deadline afterwards.

An authority requests a delay in a form, perhaps for one law or one notice only. It delays a duty only if
that law accepts the authority: of its own country, and of a kind that it names. Any other request delays
nothing, and a note says why, because people may rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from runner.base.jurisdictions import EU_MEMBERS
from runner.law.deadlines import Deadline, Place, held_until
from runner.law.populations import View, instant
from runner.law.regime import Hold


class Custody(msgspec.Struct, frozen=True):
    """A law enforcement delay of one duty. ``until`` is None while its end is unknown."""

    active: bool
    until: datetime | None
    note: str = ""


def custody(
    hold: Hold | None, duty: str, jurisdictions: Sequence[str], facts: Mapping[str, Any], now: datetime
) -> Custody | None:
    """Return the requested delay, or None if the law has none or no authority asked.

    ``duty`` is the id ``regime/slug``; ``jurisdictions`` are the places of its law.
    """
    asked = View(facts).fact("law_enforcement.hold")
    if hold is None or not isinstance(asked, Mapping):
        return None
    unheard = _unheard(hold, duty, jurisdictions, asked)
    if unheard:
        return Custody(False, None, unheard)
    start, until = instant(asked.get("from")), instant(asked.get("until"))
    if asked.get("form") == "oral" and hold.oral_limit_days is not None and start is not None:
        limit = start + timedelta(days=hold.oral_limit_days)
        until = min(until, limit) if until else limit
    if start is None:
        return None
    active = start <= now and (until is None or now < until)
    return Custody(active, until, f"delayed at the request of {_who(asked)}" if active else "")


def _who(asked: Mapping[str, Any]) -> str:
    return str(asked.get("agency") or "a law-enforcement agency")


def _unheard(hold: Hold, duty: str, jurisdictions: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Return why a delay does not cover a duty, the empty string if it does."""
    only, form = asked.get("only_for") or (), asked.get("form")
    if only and not {duty, duty.partition("/")[0]} & set(only):
        return f"the delay requested by {_who(asked)} is limited to {', '.join(sorted(only))}"
    if form is not None and form not in hold.forms:
        return f"a request in {form} form does not delay this duty"
    country, authority = asked.get("country"), asked.get("authority")
    because = ""
    if country is not None and not _of(country, jurisdictions):
        because = f"this law accepts no request from an authority of {country}"
    elif hold.by and authority is None:
        because = f"this law accepts requests from {', '.join(hold.by)}; the requester is unknown (law_enforcement.hold.authority)"
    elif hold.by and authority not in hold.by:
        because = f"this law accepts requests from {', '.join(hold.by)}, not from {str(authority).replace('_', ' ')}"
    return f"the delay requested by {_who(asked)} does not apply to this duty: {because}" if because else ""


def _of(country: str, jurisdictions: Sequence[str]) -> bool:
    """Whether an authority of a country is competent in one of these places; each Member State is in the Union."""
    here = country.partition("-")[0]
    union = {"EU"} if here in EU_MEMBERS else set()
    return not {here, *union}.isdisjoint(place.partition("-")[0] for place in jurisdictions)


def with_custody(found: Deadline, hold: Hold | None, held: Custody | None, place: Place) -> Deadline:
    """Move the deadline to the law's deadline after the end of a delay."""
    if hold is None or held is None or held.until is None or found.due is None:
        return found
    due = held_until(found.due, held.until, hold.amount, hold.unit, place)
    if due == found.due:
        return found
    latest = found.latest_legal if found.latest_legal and found.latest_legal > due else None
    return msgspec.structs.replace(
        found, due=due, due_date=due.astimezone(found.zone).date(), latest_legal=latest
    )
