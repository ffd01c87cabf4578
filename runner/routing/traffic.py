"""Vocabulary of traffic: rate limits of an account, times without sending, and failure domains that answer.

All of it is about the world now and none of it is evidence: what happened to a message stands in the journal. A *rate* is
what a provider allows. An *account* is what shares rates: one login, one number, one relay. A *breaker* stands for one
failure domain: while it is open nothing is sent over what depends on that domain.
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
"""How long one attempt takes at most, over whatever channel."""
OUTAGE = "outage"
"""The planner's rule that refuses a channel whose domain is down."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages in so much time, evenly: ``burst`` may leave at once after a pause, the rest one by one."""

    messages: int
    per: timedelta
    burst: int = 1

    @property
    def gap(self) -> timedelta:
        """The time between two messages in a long row; rounded up, so that rounding lets none through too early."""
        return -(-self.per // self.messages)

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
    """Return the rate that a text says; raises ValueError with how to write one."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is not a rate; {HOW}')
    messages, times, unit, burst = found.groups()
    if not all(int(number or 1) for number in (messages, times, burst)):
        raise ValueError(f'the rate "{text}" allows no message; {HOW}')
    return Rate(messages=int(messages), per=int(times or 1) * _UNITS[unit], burst=int(burst or 1))


def read_timeout(text: str) -> timedelta:
    """Return how long one attempt may take; raises ValueError with how to write it."""
    limit = parse_duration(text)
    if not timedelta() < limit <= LONGEST:
        raise ValueError(f"the timeout must be from 1s to {duration_text(LONGEST)}")
    return limit


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an account may be used again, as all processes know it."""

    held_until: datetime | None = None
    """The provider said "not before"."""
    next_free: Mapping[str, datetime] = {}
    """Rate, as text, to the instant at which all that was taken of it has had its time."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether one failure domain is believed to work, and what that belief rests on."""

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
    """When it may be probed; while probing, when the probe counts as lost."""
    trips: int = 0
    """How often it opened without having worked in between."""
    why: str = ""
    """In words, without anything personal."""
    declared: bool = False
    """A person said so: it is not probed, and stays until a person says otherwise."""

    @property
    def is_open(self) -> bool:
        """Is nothing to be sent over this domain?"""
        return self.state != "closed"


GONE = "gone"
"""The code of an outcome over a channel that the settings have no more: open deliveries are planned again."""
PLAYED = "exercise"
"""The code of an outcome that an exercise or a test played: it says nothing about the world."""
