"""Pacing of a campaign: its duration, its rate, and the conditions that pause it.

The arithmetic of a plan and the brake of a run stand side by side, because a plan that reckons with other rates than the run
keeps is a promise that nobody can hold.

What one attempt means for the person it was for, for the address, and for the campaign as a whole (R31, R32).

A 4xx puts it off. A refusal says whose fault it is: the address is dead, this mailbox does not take this message, or we are blocked, not
they. What nobody knows stays unknown: it is shown, and only a person sends it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.incident.campaigns.campaign import (
    REACHED,
    Campaign,
    Counters,
    OwedState,
    Reached,
    SuppressedFor,
    Way,
)
from runner.routing.messaging import SendResult
from runner.routing.traffic import Rate

WORST_BOUNCES, WORST_COMPLAINTS = 0.05, 0.001
"""Shares of what was sent, above which a campaign stops by itself (R30)."""
BOUNCES_AT_LEAST = 2
"""One dead address in a handful is a mistake in the list, not a broken list."""
LEAST_CHUNK, MOST_CHUNK = 50, 500
_CHUNK_TIME = timedelta(seconds=0.1)
MOST_TRIES = 8
"""How often an address that puts us off is tried before the next way is taken."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
DEFAULT_RATES: Mapping[Way, Rate] = {
    "email": Rate(messages=20, per=timedelta(seconds=1)),
    "sms": Rate(messages=1, per=timedelta(seconds=1)),
}
"""Where nobody says what the provider allows: a careful guess."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the arithmetic: so many over this channel at that rate."""

    way: Way
    channel: str
    people: int
    rate: Rate
    domain: str = ""
    """The destination whose own limit governs, where it is slower than the channel."""
    takes: timedelta


class Feasibility(msgspec.Struct, frozen=True, kw_only=True):
    """Can it be done in time? ``sum`` is the arithmetic in words."""

    stretches: tuple[Segment, ...]
    canary_wait: timedelta
    takes: timedelta
    starts: datetime
    done: datetime
    due: datetime | None
    duty: str
    in_time: bool
    sum: str


def slowest(rates: Sequence[Rate], way: Way) -> Rate:
    """Return the slowest rate: all rates apply at once."""
    return max(rates or (DEFAULT_RATES[way],), key=lambda rate: rate.gap)


def channel_rate(campaign: Campaign, way: Way) -> Rate:
    """Return how fast a campaign may use the channel of a way."""
    return slowest(campaign.rates.get(campaign.channels[way], ()), way)


def feasibility(
    campaign: Campaign, people: Mapping[Way, int], domains: Mapping[str, int], now: datetime
) -> Feasibility:
    """Reckon: people by the rate of each channel and destination, one way after the other, against the first deadline.

    ``domains`` holds how many go to each destination that has a limit of its own.
    """
    stretches = tuple(
        _stretch(campaign, way, people[way], domains if way == "email" else {})
        for way in campaign.channels
        if people.get(way)
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
    parts = [*map(_words, stretches), *([f"{describe(wait)} for the pilot batch"] if wait else [])]
    return " + ".join(parts) + (f" = {describe(takes)}" if len(parts) > 1 else "")


def _stretch(campaign: Campaign, way: Way, people: int, domains: Mapping[str, int]) -> Segment:
    rate, where = channel_rate(campaign, way), ""
    takes = rate.gap * people
    for domain, count in domains.items():
        limit = slowest(campaign.rates.get(domain) or campaign.rates.get("*", ()), way)
        if limit.gap * count > takes:
            rate, where, takes = limit, domain, limit.gap * count
            people = count
    return Segment(
        way=way, channel=campaign.channels[way], people=people, rate=rate, domain=where, takes=takes
    )


def _words(one: Segment) -> str:
    where = f"to {one.domain}" if one.domain else f"over {one.channel}"
    return f"{one.people:,} {where} / {one.rate.text} = {describe(one.takes)}"


def describe(span: timedelta) -> str:
    """Return a length of time in its two largest units."""
    seconds = math.ceil(span.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    first = next((n for n, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def chunk_size(channels: Iterable[Sequence[Rate]]) -> int:
    """Return the size of a batch: 50, over a fast relay as many as it accepts in a tenth of a second, and 500 at most.

    So a chunk in doubt is a moment of sending, and two commits for each hold no relay up.
    """
    gaps = [max(rate.gap for rate in rates) for rates in channels if rates]
    return max([LEAST_CHUNK, *(min(MOST_CHUNK, _CHUNK_TIME // gap) for gap in gaps)])


def canary_size(people: int) -> int:
    """Return how many go first: a hundredth, at least ten and at most five hundred (R30)."""
    return min(people, max(10, min(500, math.ceil(people / 100))))


def alarm(campaign: Campaign, counted: Counters) -> str:
    """Return why a campaign must pause, counted since a person last resumed it, or nothing."""
    sent = counted.sent - campaign.resumed_sent
    bounced = counted.bounced - campaign.resumed_bounced
    complaints = counted.complaints - campaign.resumed_complaints
    whole = max(sent + bounced, 1)
    if bounced >= BOUNCES_AT_LEAST and bounced > WORST_BOUNCES * whole:
        return f"{bounced} of {whole} addresses do not exist ({bounced / whole:.1%}; the limit is {WORST_BOUNCES:.0%})"
    if complaints > WORST_COMPLAINTS * whole:
        return f"{complaints} of {whole} readers complained ({complaints / whole:.2%}; the limit is {WORST_COMPLAINTS:.1%})"
    return ""


def back_off(now: datetime, tries: int, asked: timedelta | None) -> datetime:
    """Return when a deferred attempt is retried: as requested, else after 5 minutes, doubling up to 4 hours."""
    usual = min(_FIRST_WAIT * 2 ** min(tries, 10), _LONGEST_WAIT)
    wanted = usual if asked is None else min(max(asked, timedelta(seconds=1)), timedelta(days=1))
    return now + wanted


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """State of a person after an attempt."""

    state: OwedState
    evidence: Reached = "none"
    ways: tuple[Way, ...] = ()
    """What is left, first to try first."""
    not_before: datetime | None = None
    tries: int = 0
    why: str = ""
    suppress: SuppressedFor | None = None
    blocked: str = ""
    """Why the whole campaign has to wait for a person."""
    bounced: bool = False
    moved: bool = False
    """The next way is to be taken."""


def after(result: SendResult, ways: Sequence[Way], tries: int, now: datetime) -> Next:
    """Return the state after an attempt over the first of ``ways``."""
    left = tuple(ways)
    match result.state:
        case "accepted":
            accepted: Reached = "accepted"
            proved = next((one for one in REACHED[2:] if one == result.evidence), accepted)
            return Next(state="notified", evidence=proved, ways=left, tries=tries + 1)
        case "unknown" | "sending":
            return Next(state="unknown", ways=left, tries=tries + 1, why=result.reason)
        case "not_sent":
            return Next(state="ready", ways=left, tries=tries, why=result.reason)
        case "throttled" if tries + 1 < MOST_TRIES:
            later = back_off(now, tries, result.retry_after)
            return Next(state="ready", ways=left, tries=tries + 1, not_before=later, why=result.reason)
        case "throttled":
            why = f"deferred by provider {tries + 1} times: {result.reason}"
            return msgspec.structs.replace(onward(left, why), tries=tries + 1)
        case "rejected":
            return _rejected(result, left, tries)


def _rejected(result: SendResult, ways: tuple[Way, ...], tries: int) -> Next:
    if result.about in ("account", "provider"):
        return Next(state="ready", ways=ways, tries=tries, why=result.reason, blocked=result.reason)
    if result.address == "stopped":
        found = msgspec.structs.replace(onward(ways, "the reader opted out (STOP)"), tries=tries + 1)
        return msgspec.structs.replace(found, suppress="stop")
    found = msgspec.structs.replace(onward(ways, result.reason), tries=tries + 1)
    suppress: SuppressedFor | None = "hard_bounce" if result.address == "gone" else None
    return msgspec.structs.replace(found, bounced=result.about == "recipient", suppress=suppress)


def onward(ways: Sequence[Way], why: str) -> Next:
    """Return the state after the first channel has failed: the next channel, a letter, or unreachable."""
    left = tuple(ways[1:])
    if not left:
        return Next(state="unreachable", why=why, moved=True)
    return Next(state="post" if left[0] == "post" else "ready", ways=left, why=why, moved=True)


def higher(one: Reached, other: Reached) -> Reached:
    """Return the higher of two proofs: folding receipts in any order, any number of times, ends the same."""
    return one if REACHED.index(one) >= REACHED.index(other) else other
