"""Circuit breaker per failure domain: when a domain counts as down, and when it is probed. Pure.

Theory. A provider rarely fails for one message only: a message that makes all of its retries there loses the
time in which another provider could deliver it. So the results of all attempts over a domain are combined.
Failures are attempts that did not reach the domain, and answers without a result (a 5xx, a lost answer). A refusal of
one message, one address or one account shows that the provider works. A success is an accepted message.

``closed``   used. Opens after ``IN_A_ROW`` failures, or if ``SHARE`` of at least ``LEAST`` attempts of a window failed
``open``     not used. After a pause that doubles with every opening, one process probes it with a test message
``probing``  the probe is in progress. Delivered: closed. Failed: open again. Not possible, because nothing is
             configured for it: closed on trial, where the first failure opens again

A person can declare a domain down: then it is not probed, until a person declares it restored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from runner.routing.messaging import SendResult
from runner.routing.traffic import PLAYED, Breaker

Told = Literal["good", "bad", "nothing"]
DECLARED = "declared down"


IN_A_ROW = 5
"""Failures in a row that open a breaker."""
WINDOW, LEAST, SHARE = timedelta(minutes=5), 10, 0.5
"""It also opens if this share of at least so many attempts of a window failed."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
PROBE_LIMIT = timedelta(minutes=3)


def classify(result: SendResult) -> Told:
    """Return what an attempt's outcome shows about the domains of its channel."""
    if result.code == PLAYED:
        return "nothing"
    match result.state:
        case "accepted":
            return "good"
        case "not_sent" | "unknown" if result.about == "provider":
            return "bad"
        case _:
            return "nothing"


def on_result(breaker: Breaker, said: Told, now: datetime, *, good: int = 0, over: str = "") -> Breaker:
    """Return the breaker after one attempt ``over`` a channel; ``good`` earlier successes are not counted yet.

    While it is open only its probe counts: earlier attempts give no new information.
    """
    if said == "nothing" or breaker.is_open:
        return breaker
    counted = _in_window(breaker, now)
    counted = replace(counted, good=counted.good + good)
    if said == "good":
        return replace(counted, good=counted.good + 1, failures=0, trips=0, why="")
    counted = replace(counted, bad=counted.bad + 1, failures=counted.failures + 1)
    by = f" over {over}" if over else ""
    if counted.failures >= IN_A_ROW:
        return _opened(counted, f"{counted.failures} attempts in a row{by} failed", now)
    tried = counted.good + counted.bad
    if tried >= LEAST and counted.bad >= SHARE * tried:
        return _opened(counted, f"{counted.bad} of the last {tried} attempts{by} failed", now)
    return counted


def should_persist(before: Breaker, after: Breaker) -> bool:
    """Return whether a change must be stored: further successes of a working domain are not stored."""
    return replace(before, good=0, since=None) != replace(after, good=0, since=None)


def due_for_probe(breaker: Breaker, now: datetime) -> bool:
    """Return whether a probe is due, or the running probe is lost."""
    return breaker.is_open and not breaker.declared and breaker.look_at is not None and breaker.look_at <= now


def probing(breaker: Breaker, now: datetime) -> Breaker:
    """Return the breaker with a probe begun."""
    return replace(breaker, state="probing", look_at=now + PROBE_LIMIT)


def probed(breaker: Breaker, result: SendResult, now: datetime) -> Breaker:
    """Return the breaker after its probe; a breaker that a person changed meanwhile is unchanged."""
    if breaker.state != "probing" or breaker.declared:
        return breaker
    if classify(result) == "bad":
        return _opened(breaker, breaker.why, now, since=breaker.opened_at)
    if result.state in ("accepted", "throttled"):
        return Breaker(domain=breaker.domain)
    return Breaker(domain=breaker.domain, failures=IN_A_ROW - 1, trips=breaker.trips)


def declared_down(breaker: Breaker, now: datetime, by: str = "") -> Breaker:
    """Return the breaker that a person opened: open until a person closes it."""
    since = breaker.opened_at if breaker.is_open else now
    why = f"{DECLARED} by {by}" if by else DECLARED
    return Breaker(domain=breaker.domain, state="open", opened_at=since, why=why, declared=True)


def declared_up(breaker: Breaker) -> Breaker:
    """Return the breaker that a person closed: in use again, without earlier failures."""
    return Breaker(domain=breaker.domain)


def _in_window(breaker: Breaker, now: datetime) -> Breaker:
    """Begin a new window if the last one is over, or is in the future because a clock was set back."""
    if breaker.since is not None and timedelta() <= now - breaker.since <= WINDOW:
        return breaker
    return replace(breaker, since=now, good=0, bad=0)


def _opened(breaker: Breaker, why: str, now: datetime, since: datetime | None = None) -> Breaker:
    pause = min(FIRST_PAUSE * (1 << min(breaker.trips, 16)), LONGEST_PAUSE)
    return Breaker(
        domain=breaker.domain,
        state="open",
        opened_at=since or now,
        look_at=now + pause,
        trips=breaker.trips + 1,
        why=why,
    )
