"""Pacing of a campaign: its duration, and its rate. Plan and run use the same rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.incident.campaigns.campaign import Campaign, Way
from runner.routing.traffic import Rate

LEAST_CHUNK, MOST_CHUNK = 50, 500
_CHUNK_TIME = timedelta(seconds=0.1)
DEFAULT_RATES: Mapping[Way, Rate] = {
    "email": Rate(messages=20, per=timedelta(seconds=1)),
    "sms": Rate(messages=1, per=timedelta(seconds=1)),
}
"""Default rate without a limit in the settings: a careful estimate."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the calculation: a number of people over one channel at one rate."""

    way: Way
    channel: str
    people: int
    rate: Rate
    takes: timedelta


class Feasibility(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the campaign ends in time; ``sum`` is the calculation in words."""

    stretches: tuple[Segment, ...]
    canary_wait: timedelta
    takes: timedelta
    starts: datetime
    done: datetime
    due: datetime | None
    duty: str
    in_time: bool
    sum: str


def slowest(rates: Sequence[Rate], way: Way, people: int) -> Rate:
    """Return the rate that takes longest for so many people: all rates apply at once."""
    return max(rates or (DEFAULT_RATES[way],), key=lambda rate: (rate.takes(people), rate.gap))


def feasibility(campaign: Campaign, people: Mapping[Way, int], now: datetime) -> Feasibility:
    """Calculate the duration against the first deadline: the people by the rate of each channel, one channel after the other."""
    stretches = tuple(
        Segment(way=way, channel=channel, people=people[way], rate=rate, takes=rate.takes(people[way]))
        for way, channel in campaign.channels.items()
        if people.get(way)
        for rate in [slowest(campaign.rates.get(channel, ()), way, people[way])]
    )
    reached = sum(people.get(way, 0) for way in campaign.channels)
    wait = campaign.canary_wait if reached > campaign.canary else timedelta()
    takes = sum((stretch.takes for stretch in stretches), wait)
    dues = [(ground.due, ground.group.duty) for ground in campaign.grounds if ground.due is not None]
    due, duty = min(dues) if dues else (None, "")
    done = now + takes
    in_time = due is None or done <= due or not stretches
    return Feasibility(
        stretches=stretches,
        canary_wait=wait,
        takes=takes,
        starts=now,
        done=done,
        due=due,
        duty=duty,
        in_time=in_time,
        sum=_sum(stretches, wait, takes),
    )


def _sum(stretches: Sequence[Segment], wait: timedelta, takes: timedelta) -> str:
    if not stretches:
        return "no person is reached by email or text message"
    parts = [
        f"{one.people:,} over {one.channel} / {one.rate.text} = {describe(one.takes)}" for one in stretches
    ]
    parts += [f"{describe(wait)} for the pilot batch"] if wait else []
    return " + ".join(parts) + (f" = {describe(takes)}" if len(parts) > 1 else "")


def describe(span: timedelta) -> str:
    """Return a length of time in its two largest units."""
    seconds = math.ceil(span.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    first = next((n for n, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def chunk_size(channels: Iterable[Sequence[Rate]]) -> int:
    """Return the size of a batch: 50, over a fast relay as many as it accepts in a tenth of a second, and 500 at most.

    A batch with unknown outcomes is then one moment of sending, and two commits for each batch do not delay a relay.
    """
    gaps = [max(rate.gap for rate in rates) for rates in channels if rates]
    return max([LEAST_CHUNK, *(min(MOST_CHUNK, _CHUNK_TIME // gap) for gap in gaps)])


def canary_size(people: int) -> int:
    """Return the size of the pilot batch: a hundredth, at least ten and at most five hundred (R30)."""
    return min(people, max(10, min(500, math.ceil(people / 100))))
