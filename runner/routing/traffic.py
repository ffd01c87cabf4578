"""Vocabulary of traffic: rate limits of an account, times without sending, and failure domains that answer.

This state is about the present and is not evidence: the journal has the history of a message. A *rate* is
a provider's limit. An *account* shares rates: one login, one number, one relay. A *breaker* belongs to one
failure domain: while it is open nothing is sent over channels that depend on that domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.instants import duration_text, parse_duration

_RATE = re.compile(r"(\d{1,9}) ?/ ?(\d{0,6}) ?(s|min|h|day)(?: burst (\d{1,6}))?")
_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "day": timedelta(days=1),
}
HOW = "write MESSAGES/TIME, such as 1/s, 20/min, 1/5s, 2000/day, or 12/min burst 60"

LONGEST = timedelta(seconds=90)
"""Maximum time of one attempt over any channel."""
OUTAGE = "outage"
"""The planner's rule that refuses a channel whose domain is down."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A number of messages in a period, evenly: ``burst`` messages at once after a pause, the others one by one."""

    messages: int
    per: timedelta
    burst: int = 1

    @property
    def gap(self) -> timedelta:
        """The time between two messages in a long sequence; rounded up, so that none is sent too early."""
        return -(-self.per // self.messages)

    def takes(self, messages: int) -> timedelta:
        """Return how long so many messages take; a burst is sent at once."""
        return self.gap * max(messages - (self.burst if self.burst > 1 else 0), 0)

    @property
    def text(self) -> str:
        """Return the text that ``read_rate`` reads."""
        unit, length = next(
            (unit, length) for unit, length in reversed(_UNITS.items()) if self.per % length == timedelta()
        )
        times = self.per // length
        burst = f" burst {self.burst}" if self.burst != 1 else ""
        return f"{self.messages}/{times if times != 1 else ''}{unit}{burst}"


def read_rate(text: str) -> Rate:
    """Return the rate of a text; raises ValueError with the right form."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is not a rate; {HOW}')
    messages, times, unit, burst = match.groups()
    if not all(int(number or 1) for number in (messages, times, burst)):
        raise ValueError(f'the rate "{text}" allows no message; {HOW}')
    return Rate(messages=int(messages), per=int(times or 1) * _UNITS[unit], burst=int(burst or 1))


def read_timeout(text: str) -> timedelta:
    """Return the time limit of one attempt; raises ValueError with the right form."""
    limit = parse_duration(text)
    if not timedelta() < limit <= LONGEST:
        raise ValueError(f"the timeout must be from 1s to {duration_text(LONGEST)}")
    return limit


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an account can be used again, shared by all processes."""

    held_until: datetime | None = None
    """The provider said "not before"."""
    next_free: Mapping[str, datetime] = {}
    """Rate, as text, to the instant at which the time of all its messages ends."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether one failure domain counts as working, and the evidence."""

    domain: str
    state: Literal["closed", "open", "probing"] = "closed"
    failures: int = 0
    """Failed attempts in a row."""
    since: datetime | None = None
    """Begin of the window in which ``good`` and ``bad`` were counted."""
    good: int = 0
    bad: int = 0
    opened_at: datetime | None = None
    look_at: datetime | None = None
    """When it can be probed; while probing, when the probe counts as lost."""
    trips: int = 0
    """How often it opened without a success in between."""
    why: str = ""
    """Reason in words, without personal data."""
    declared: bool = False
    """A person opened it: it is not probed, and remains open until a person closes it."""

    @property
    def is_open(self) -> bool:
        """Whether nothing is sent over this domain."""
        return self.state != "closed"


GONE = "gone"
"""The code of an outcome over a channel that was removed from the settings: open deliveries are planned again."""
PLAYED = "exercise"
"""The code of a simulated outcome in an exercise or a test: it gives no information about real channels."""
