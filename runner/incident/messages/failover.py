"""Failover policy of one delivery: another attempt, a pause, a person, or the end. Pure.

The theory. Channels stand in the plan's order. The first wave opens at once; each later channel opens when
the one before it has had its time since its first attempt, so that downtime is never made up by a burst, or
at once when every channel before it has ended without the message being taken. What one attempt's end means:

``accepted``  it has the message; if that is not the goal yet, time runs on to the next channel
``rejected``  the channel is done; the next one opens at once
``not_sent``  the next one opens at once; this one is parked and tried again only when none is left
``throttled`` tried again when the provider said; if that is beyond its time, the next one opens at once. A word that
              lies in the past says nothing: the usual pause holds
``unknown``   with a key that the channel honours: again with the same key, which cannot double.
              Without: as the class says, ``retry``, ``wait_then_retry``, ``failover`` or ``ask``

A channel whose account has no room now waits for it like a throttled one, whoever used the room up.

For escalation an unknown counts as not reached, for reports as not proved. Where every channel has had its time
and somebody may have it without an answer, the class may want it sent again: reminders have a key of their own, their
intervals double, and they end. Attempts are bounded, so a delivery always ends, and an end without the goal goes to
a person.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, cast

import msgspec

from runner.incident.state.incident import Attempt, Delivery
from runner.routing.messaging import Goal, MessageClass, proves


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and pauses; backoff doubles from ``first_pause`` to ``longest_pause``, half of it jittered."""

    tries: int = 12
    """Attempts on one channel that end throttled or not sent."""
    unknown_tries: int = 4
    """Attempts on one channel that end without an answer."""
    first_pause: timedelta = timedelta(seconds=2)
    longest_pause: timedelta = timedelta(minutes=5)
    receipt_window: timedelta = timedelta(minutes=2)
    """How long ``wait_then_retry`` waits for a receipt that settles an unknown."""
    attempt_limit: timedelta = timedelta(minutes=3)
    """An attempt without outcome is looked at again after this."""


class DeliveryContext(msgspec.Struct, frozen=True, kw_only=True):
    """What beside the delivery itself decides: its class, its bytes, its start, who honours keys."""

    message: MessageClass
    body_sha256: str
    started_at: datetime
    """When this round began: the plan's start, a level's, a reminder's, or a person's "send again"."""
    fresh_from: datetime | None = None
    """From when it grows stale, where a reminder or a level began the round; None is ``started_at``."""
    key_lifetimes: dict[str, timedelta | None] = {}
    """Channels that honour the key: for how long they remember it, None for ever. Others are absent."""
    not_before: Mapping[str, datetime] = {}
    """Channels whose account has no room now, and when it has: another message may be turned back before."""


class Send(msgspec.Struct, frozen=True, tag="send"):
    """Claim and make attempt ``n`` of the delivery over ``channel`` with ``key``."""

    channel: str
    n: int
    key: str


class WaitUntil(msgspec.Struct, frozen=True, tag="wait_until"):
    """Nothing to do before ``instant``, unless a receipt, an answer or a person comes first."""

    instant: datetime


class AskPerson(msgspec.Struct, frozen=True, tag="ask_person"):
    """An unanswered attempt may not be repeated or replaced without a person's word."""

    channel: str
    n: int
    reason: str


class Remind(msgspec.Struct, frozen=True, tag="remind"):
    """Resend under a new key: the message was accepted, and nobody has acknowledged it."""

    count: int


class Satisfied(msgspec.Struct, frozen=True, tag="satisfied"):
    """The evidence reaches the goal."""


class Exhausted(msgspec.Struct, frozen=True, tag="exhausted"):
    """The end without the goal: a person must take over."""

    cause: Literal["no_channel", "tried_all", "goal_unmet", "stale"]
    reason: str


Next = Send | WaitUntil | AskPerson | Remind | Satisfied | Exhausted


class _Again(msgspec.Struct, frozen=True):
    """The channel is to be used at ``at``."""

    at: datetime
    parked: bool = False
    """Only when every other way has ended."""


class _Taken(msgspec.Struct, frozen=True):
    """The channel has the message, or may have it and is left alone, since ``at``."""

    at: datetime
    unknown: bool = False


class _Done(msgspec.Struct, frozen=True):
    """The channel is of no more use."""


class _Pending(msgspec.Struct, frozen=True):
    """An attempt is on its way; look again at ``until``."""

    until: datetime


_Standing = _Again | _Taken | _Done | _Pending | AskPerson


def idempotency_key(delivery: str, channel: str, body_sha256: str, generation: int, reminder: int = 0) -> str:
    """Return the key of one logical send: 32 characters A-Z2-7, changed by a person's "send again" and a reminder."""
    round_ = f"{generation}.{reminder}" if reminder else str(generation)
    parts = "\x1f".join((delivery, channel, body_sha256, round_))
    return base64.b32encode(hashlib.sha256(parts.encode()).digest()).decode()[:32]


def current_key(delivery: Delivery, channel: str, body_sha256: str) -> str:
    """Return the key of the message that is being sent over a channel now."""
    return idempotency_key(delivery.id, channel, body_sha256, delivery.generation, delivery.reminders)


def is_current(delivery: Delivery, attempt: Attempt, body_sha256: str) -> bool:
    """Tell whether an attempt's success proves anything: not where a person had it sent again since."""
    return any(
        attempt.key == idempotency_key(delivery.id, attempt.channel, body_sha256, delivery.generation, round_)
        for round_ in range(delivery.reminders + 1)
    )


def pause(key: str, n: int, policy: Policy) -> timedelta:
    """Return the backoff before try ``n + 1``: half fixed, half spread by the key, so no clock is needed."""
    window = min(policy.first_pause * (1 << min(n - 1, 20)), policy.longest_pause)
    draw = int.from_bytes(hashlib.sha256(f"{key}|{n}".encode()).digest()[:4], "big") / 2**32
    return window * (0.5 + draw / 2)


def next_move(
    delivery: Delivery, effort: DeliveryContext, now: datetime, policy: Policy | None = None
) -> Next:
    """Return the next action of ``delivery`` at ``now``. Call again after every claim and outcome."""
    policy = policy or Policy()
    if proves(delivery.evidence, cast(Goal, delivery.goal)) and not delivery.lapsed:
        return Satisfied()
    stale_at = (effort.fresh_from or effort.started_at) + effort.message.stale_after
    if now >= stale_at:
        return Exhausted("stale", "the message is older than its class allows and was not sent")
    if not delivery.channels:
        return Exhausted("no_channel", "every channel is blocked for this message")
    return _choose_next(delivery, effort, now, policy, stale_at)


def _choose_next(
    delivery: Delivery, effort: DeliveryContext, now: datetime, policy: Policy, stale_at: datetime
) -> Next:
    """Check the channels in order: the first that can send is used, else the earliest pause."""
    keys = [current_key(delivery, name, effort.body_sha256) for name in delivery.channels]
    standings = [
        _channel_status(delivery, channel, key, effort, policy)
        for channel, key in zip(delivery.channels, keys, strict=True)
    ]
    waits: list[datetime] = []
    ended = True
    """Whether every channel so far is of no more use now."""
    hand_over = effort.started_at
    for index, (channel, key, standing) in enumerate(zip(delivery.channels, keys, standings, strict=True)):
        opens_at = effort.started_at if index < effort.message.first_wave else hand_over
        if not ended and now < opens_at:
            waits.append(opens_at)
            break
        first = _first_try(delivery, key, opens_at if channel in effort.not_before else now)
        hand_over = first + effort.message.fail_over_after
        match standing:
            case AskPerson():
                return standing
            case _Again(at=at, parked=False) if now >= at:
                return _send(delivery, channel, key)
            case _Again(at=at, parked=False):
                waits.append(at)
                ended = ended and at > hand_over
            case _Pending(until=until):
                # Beyond its limit it hides nothing: what comes next is the turn of the channel after it.
                waits.append(until if until > now else stale_at)
                ended = False
            case _Taken(unknown=unknown):
                ended = ended and unknown
            case _:  # parked, or of no more use
                pass
    if waits:
        return WaitUntil(min(*waits, stale_at))
    return _at_the_end(delivery, standings, effort, now, stale_at)


def _at_the_end(
    delivery: Delivery,
    standings: Sequence[_Standing],
    effort: DeliveryContext,
    now: datetime,
    stale_at: datetime,
) -> Next:
    """Every channel was used: let the last one have its time, go back to a parked one, or give up."""
    taken = [standing.at for standing in standings if isinstance(standing, _Taken)]
    if taken:
        grace_ends = min(max(taken) + effort.message.fail_over_after, stale_at)
        if now < grace_ends:
            return WaitUntil(grace_ends)
        again = _again_at(delivery, effort)
        if again is not None and again < stale_at:
            return Remind(delivery.reminders + 1) if now >= again else WaitUntil(again)
    known = any(isinstance(standing, _Taken) and not standing.unknown for standing in standings)
    if known:
        return Exhausted("goal_unmet", f"accepted by the provider; no evidence of {delivery.goal!r} in time")
    parked = [
        (one.at, channel)
        for channel, one in zip(delivery.channels, standings, strict=True)
        if isinstance(one, _Again)
    ]
    if not parked:
        return Exhausted(
            "tried_all", "every channel was tried, and no provider is known to have accepted the message"
        )
    at, channel = min(parked)
    if now < at:
        return WaitUntil(min(at, stale_at))
    return _send(delivery, channel, current_key(delivery, channel, effort.body_sha256))


def _again_at(delivery: Delivery, effort: DeliveryContext) -> datetime | None:
    """Return when the message is resent to a recipient who has not acknowledged; None after the last reminder."""
    first = effort.message.remind_after
    if first is None or delivery.reminders >= effort.message.reminders:
        return None
    return effort.started_at + first * (1 << delivery.reminders)


def _first_try(delivery: Delivery, key: str, otherwise: datetime) -> datetime:
    """Return when this round first used the channel of a key: ``otherwise`` where it did not.

    That is now, where it is about to; where it would have been used but for its account, its turn has begun already.
    """
    return next((attempt.started_at for attempt in delivery.attempts if attempt.key == key), otherwise)


def _send(delivery: Delivery, channel: str, key: str) -> Send:
    return Send(channel, max((attempt.n for attempt in delivery.attempts), default=0) + 1, key)


def _channel_status(
    delivery: Delivery, channel: str, key: str, effort: DeliveryContext, policy: Policy
) -> _Standing:
    """Return where one channel stands: as its attempts left it, and no earlier than its account has room."""
    standing = _status_from_attempts(delivery, channel, key, effort, policy)
    room = effort.not_before.get(channel)
    if room is None or not isinstance(standing, _Again) or room <= standing.at:
        return standing
    return _Again(room, standing.parked)


def _status_from_attempts(
    delivery: Delivery, channel: str, key: str, effort: DeliveryContext, policy: Policy
) -> _Standing:
    """Return where one channel stands, from its attempts with the key of this generation."""
    tries = [attempt for attempt in delivery.attempts if attempt.channel == channel and attempt.key == key]
    if not tries:
        return _Again(effort.started_at)
    last = tries[-1]
    ended_at = last.ended_at or last.started_at
    match last.state:
        case "sending":
            return _Pending(last.started_at + policy.attempt_limit)
        case "accepted":
            return _Taken(ended_at)
        case "rejected":
            return _Done()
        case "throttled" | "not_sent":
            if sum(attempt.state in {"throttled", "not_sent"} for attempt in tries) >= policy.tries:
                return _Done()
            asked = last.retry_at
            if asked is None or asked <= ended_at:
                asked = ended_at + pause(key, len(tries), policy)
            return _Again(asked, parked=last.state == "not_sent")
        case _:  # unknown
            return _after_unknown(tries, effort, policy)


def _after_unknown(tries: Sequence[Attempt], effort: DeliveryContext, policy: Policy) -> _Standing:
    """Use the key while it is valid, else the class's ``on_unknown``; a person's resolution ends the question."""
    last = tries[-1]
    ended_at = last.ended_at or last.started_at
    if last.resolved_by:
        return _Taken(ended_at, unknown=True)
    retried = sum(attempt.state == "unknown" for attempt in tries)
    again = ended_at + pause(last.key, retried, policy)
    if retried < policy.unknown_tries and _key_holds(tries, again, effort):
        return _Again(again)
    policy_word = effort.message.on_unknown
    match policy_word:
        case "retry" | "wait_then_retry" if retried < policy.unknown_tries:
            wait = policy.receipt_window if policy_word == "wait_then_retry" else timedelta(0)
            return _Again(again + wait)
        case "ask":
            return AskPerson(
                last.channel,
                last.n,
                f"attempt {last.n} over {last.channel} has an unknown outcome, "
                "and a message of this class must not be sent twice",
            )
        case _:
            return _Taken(ended_at, unknown=True)


def _key_holds(tries: Sequence[Attempt], at: datetime, effort: DeliveryContext) -> bool:
    """Say whether the channel still remembers the key at ``at``, so that a repetition has no second effect."""
    channel = tries[0].channel
    if channel not in effort.key_lifetimes:
        return False
    lifetime = effort.key_lifetimes[channel]
    return lifetime is None or at < tries[0].started_at + lifetime
