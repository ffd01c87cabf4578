"""Destinations of a campaign: the mail servers that a provider runs. Each slows down first, then pauses; the campaign pauses last.

A destination is a group of domains with the same mail servers. A deferral (4.7.x, or a report *delayed*) halves its rate; an hour without one
raises it by half. Refusals of the sender pause it, counted by reader: so one strict mailbox pauses nothing. Accepted messages cancel them.
"""

from __future__ import annotations

import re
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
MOST_READERS, MOST_READERS_LARGE = 3, 2
"""Readers whose messages are refused because of the sender that pause a destination, and a large provider."""
_CERTAIN = re.compile(r"\b5\.7\.(?:2\d|[5-7]\d\d)\b")
"""The provider itself does not accept the sender (RFC 7372, Exchange Online): at a large provider one refusal is enough."""
CANCELS = 20
"""So many accepted messages of a destination cancel one refusal."""
MOST_LARGE, LEAST_REFUSING, WORST_REFUSALS = 2, 5, 0.01
"""The campaign pauses if so many large providers refuse, or so many destinations with more than this share of the tried messages."""


class Destination(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one destination shows about our messages, in every process and campaign."""

    held_until: datetime | None = None
    share: float = 1.0
    """The part of its rate that is used now."""
    since: datetime | None = None
    """When the share changed last."""
    readers: tuple[str, ...] = ()
    """Whose messages it refused because of the sender, as CAMPAIGN-N; at most as many as pause it."""
    accepted: int = 0
    """Messages since then that have not cancelled a refusal yet."""
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


def recovered(one: Destination, now: datetime, accepted: int = 1) -> Destination:
    """Return a destination after accepted messages: they cancel refusals; after an hour at the same share it gets half as many again."""
    if one.stopped:
        return one
    cancelled, rest = divmod(one.accepted + accepted, CANCELS)
    left = one.readers[cancelled:]
    one = replace(one, readers=left, accepted=rest if left else 0, code=one.code if left else "")
    if one.share >= 1 or (one.since is not None and now - one.since < _RECOVERED):
        return one
    share = min(1.0, one.share * 1.5)
    return replace(one, share=share, since=now if share < 1 else None, held_until=None)


def refused(one: Destination, reader: str, code: str, *, large: bool) -> Destination:
    """Return a destination after it refused the sender; what arrives after it was paused is not counted."""
    if one.stopped:
        return one
    readers = tuple(dict.fromkeys((*one.readers, reader)))
    most = MOST_READERS if not large else 1 if _CERTAIN.search(code) else MOST_READERS_LARGE
    return replace(one, readers=readers, code=code, stopped=len(readers) >= most)


def resumed(one: Destination) -> Destination:
    """Return a destination after a person's decision to send; it stays slow."""
    return replace(one, readers=(), accepted=0, stopped=False, code="")


def refusing(
    campaign: str, large: Collection[Destination], others: Collection[Destination], tried: int
) -> str:
    """Return why a whole campaign pauses, or nothing. ``tried`` are its messages since a person resumed it."""
    stopped = [one for one in large if one.stopped]
    if len(stopped) >= MOST_LARGE:
        return f"{len(stopped)} large providers refuse the sender ({', '.join(sorted({one.code for one in stopped}))})"
    counts = [sum(reader.startswith(f"{campaign}-") for reader in one.readers) for one in (*large, *others)]
    destinations, refusals = sum(map(bool, counts)), sum(counts)
    if destinations >= LEAST_REFUSING and refusals > WORST_REFUSALS * tried:
        return f"{destinations} destinations refuse the sender: {refusals} of {tried} messages (the limit is {WORST_REFUSALS:.0%})"
    return ""
