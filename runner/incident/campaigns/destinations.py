"""Destinations of a campaign: the mail servers that a provider runs. Each slows down first, then pauses; the campaign pauses last.

A destination is a group of domains with the same mail servers. A deferral (4.7.x, or a report *delayed*) halves its rate; an hour without one
raises it by half. A refusal of the sender pauses a large provider at once, and any other destination at the third refusal.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

STOPPED = datetime(9999, 1, 1, tzinfo=UTC)
"""When people of a destination that refuses the sender are sent to: not before a person resumes the campaign."""
LEAST_SHARE = 1 / 16
REST = timedelta(minutes=30)
"""How long a destination pauses that defers messages at its lowest rate."""
_SAME_MOMENT, _RECOVERED = timedelta(minutes=1), timedelta(hours=1)
MOST_REFUSALS = 3
"""Refusals of the sender that pause a destination; one is enough at a large provider."""
MOST_LARGE, LEAST_REFUSING, WORST_REFUSALS = 2, 5, 0.01
"""The campaign pauses if so many large providers refuse, or so many destinations with more than this share of the tried messages."""


class Destination(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one destination shows about our messages, in every process and campaign."""

    held_until: datetime | None = None
    share: float = 1.0
    """The part of its rate that is used now."""
    since: datetime | None = None
    """When the share changed last."""
    refusals: int = 0
    stopped: bool = False
    """Nothing is sent until a person resumes a campaign."""
    code: str = ""
    """Of the last refusal."""


def slowed(one: Destination, now: datetime) -> Destination:
    """Return a destination after a deferral; the deferrals of one minute count once."""
    if one.since is not None and now - one.since < _SAME_MOMENT:
        return one
    if one.share <= LEAST_SHARE:
        return replace(one, held_until=now + REST, since=now)
    return replace(one, share=one.share / 2, since=now)


def recovered(one: Destination, now: datetime) -> Destination:
    """Return a destination that accepts messages: after an hour at the same share, half as many again."""
    if one.share >= 1 or (one.since is not None and now - one.since < _RECOVERED):
        return one
    return replace(one, share=min(1.0, one.share * 1.5), since=now)


def refused(one: Destination, code: str, *, large: bool) -> Destination:
    """Return a destination after it refused the sender; what arrives after it was paused is not counted."""
    if one.stopped:
        return one
    refusals = one.refusals + 1
    return replace(one, refusals=refusals, code=code, stopped=large or refusals >= MOST_REFUSALS)


def resumed(one: Destination) -> Destination:
    """Return a destination after a person's decision to go on; it stays slow."""
    return replace(one, refusals=0, stopped=False, code="")


def refusing(large: Collection[Destination], others: Collection[Destination], tried: int) -> str:
    """Return why the whole campaign pauses, or nothing. ``tried`` are the messages since a person resumed it."""
    stopped = [one for one in large if one.stopped]
    if len(stopped) >= MOST_LARGE:
        return f"{len(stopped)} large providers refuse the sender ({', '.join(sorted({one.code for one in stopped}))})"
    every = [one for one in (*large, *others) if one.refusals]
    refusals = sum(one.refusals for one in every)
    if len(every) >= LEAST_REFUSING and refusals > WORST_REFUSALS * tried:
        return f"{len(every)} destinations refuse the sender: {refusals} of {tried} messages (the limit is {WORST_REFUSALS:.0%})"
    return ""
