"""Destinations that refuse the sender: domains of the readers; those of a large provider are one. The relay sets the speed of each.

Refusals are counted by reader: so one strict mailbox pauses nothing. They pause the destination; the campaign pauses last. Accepted
messages cancel them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

LARGE = {
    domain: domains.split()[0]
    for domains in (
        "gmail.com googlemail.com",
        "outlook.com hotmail.com live.com msn.com passport.com outlook.de outlook.fr outlook.es outlook.it"
        " hotmail.co.uk hotmail.de hotmail.es hotmail.fr hotmail.it live.be live.co.uk live.de live.fr live.it live.nl",
        "yahoo.com ymail.com rocketmail.com aol.com yahoo.ca yahoo.co.in yahoo.co.uk yahoo.com.br yahoo.de yahoo.es"
        " yahoo.fr yahoo.it",
    )
    for domain in domains.split()
}
"""The domains of the large providers of mailboxes, each with the provider's first one."""
STOPPED = datetime(9999, 1, 1, tzinfo=UTC)
"""When people of a destination that refuses the sender are sent to: not before a person resumes the campaign."""
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

    readers: tuple[str, ...] = ()
    """Whose messages it refused because of the sender, as CAMPAIGN-N; at most as many as pause it."""
    accepted: int = 0
    """Messages since then that have not cancelled a refusal yet."""
    stopped: bool = False
    """Nothing is sent until a person resumes a campaign."""
    code: str = ""
    """Of the last refusal."""


def recovered(one: Destination, accepted: int) -> Destination:
    """Return a destination after accepted messages: they cancel refusals, until it is paused."""
    if one.stopped:
        return one
    cancelled, rest = divmod(one.accepted + accepted, CANCELS)
    left = one.readers[cancelled:]
    return Destination(readers=left, accepted=rest, code=one.code) if left else Destination()


def refused(one: Destination, reader: str, code: str, *, large: bool) -> Destination:
    """Return a destination after it refused the sender; what arrives after it was paused is not counted."""
    if one.stopped:
        return one
    readers = tuple(dict.fromkeys((*one.readers, reader)))
    most = MOST_READERS if not large else 1 if _CERTAIN.search(code) else MOST_READERS_LARGE
    return replace(one, readers=readers, code=code, stopped=len(readers) >= most)


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
