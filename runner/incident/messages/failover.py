"""Failover policy of one delivery: another attempt, a pause, a person, or the end. Pure.

The theory. Channels are in the plan's order. The first wave opens at once. Each later channel opens when
the time of the one before it has passed since that one's first attempt, so downtime never causes a burst. It opens
at once if every channel before it has ended without a message accepted. The outcomes of one attempt:

``accepted``  the provider has the message; if that is not the goal, time runs to the next channel
``rejected``  the channel has failed; the next one opens at once
``not_sent``  the next one opens at once; this one is parked, and tried again only if no other is left
``throttled`` tried again when the provider said; if that is beyond its time, the next one opens at once. A time in
              the past is ignored: the usual pause applies
``unknown``   with a key that the channel honours: again with the same key, which has no second effect.
              Without a key: as the class says, ``retry``, ``wait_then_retry``, ``failover`` or ``ask``

A channel whose account has no quota now waits like a throttled one.

For escalation an unknown outcome counts as not reached, for reports as unverified. When every channel had its time
and somebody may have the message without an answer, the class may want it resent. Reminders have a key of their own,
their intervals double, and they end. The number of attempts is limited, so a delivery always ends, and a person
handles an end without the goal.
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
    """An attempt without an outcome is checked again after this time."""


class DeliveryContext(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions besides the delivery itself: its class, its bytes, its start, the channels that honour keys."""

    message: MessageClass
    body_sha256: str
    started_at: datetime
    """When this round began: with the plan, a level, a reminder, or a person's resend."""
    fresh_from: datetime | None = None
    """The start of its expiry, if a reminder or a level began the round; None is ``started_at``."""
    key_lifetimes: dict[str, timedelta | None] = {}
    """Channels that honour the key: for how long they remember it, None for ever. Others are absent."""
    not_before: Mapping[str, datetime] = {}
    """Channels whose account has no quota now, and when it has: an urgent message may be refused before."""


class Send(msgspec.Struct, frozen=True, tag="send"):
    """Claim and make attempt ``n`` of the delivery over ``channel`` with ``key``."""

    channel: str
    n: int
    key: str


class WaitUntil(msgspec.Struct, frozen=True, tag="wait_until"):
    """Nothing to do before ``instant``, unless a receipt, an answer or a person changes that."""

    instant: datetime


class AskPerson(msgspec.Struct, frozen=True, tag="ask_person"):
    """An unanswered attempt that only a person may permit to be repeated or replaced."""

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
    """Use this channel only if every other channel has ended."""


class _Taken(msgspec.Struct, frozen=True):
    """The channel has the message, or may have it and is not used again, since ``at``."""

    at: datetime
    unknown: bool = False


class _Done(msgspec.Struct, frozen=True):
    """The channel cannot be used any more."""


class _Pending(msgspec.Struct, frozen=True):
    """An attempt is in progress; check again at ``until``."""

    until: datetime


_Standing = _Again | _Taken | _Done | _Pending | AskPerson


def idempotency_key(delivery: str, channel: str, body_sha256: str, generation: int, reminder: int = 0) -> str:
    """Return the key of one logical send: 32 characters A-Z2-7, changed by a person's resend and by a reminder."""
    round_ = f"{generation}.{reminder}" if reminder else str(generation)
    parts = "\x1f".join((delivery, channel, body_sha256, round_))
    return base64.b32encode(hashlib.sha256(parts.encode()).digest()).decode()[:32]


def current_key(delivery: Delivery, channel: str, body_sha256: str) -> str:
    """Return the key of the message that is being sent over a channel now."""
    return idempotency_key(delivery.id, channel, body_sha256, delivery.generation, delivery.reminders)


def is_current(delivery: Delivery, attempt: Attempt, body_sha256: str) -> bool:
    """Tell whether an attempt's success counts as evidence: not if a person had the message sent again since."""
    return any(
        attempt.key == idempotency_key(delivery.id, attempt.channel, body_sha256, delivery.generation, round_)
        for round_ in range(delivery.reminders + 1)
    )


def pause(key: str, n: int, policy: Policy) -> timedelta:
    """Return the backoff before try ``n + 1``: half fixed, half from the key, so that no random source is needed."""
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
    """Whether no channel so far can be used any more."""
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
                # Beyond its limit this attempt blocks nothing: the next channel may open.
                waits.append(until if until > now else stale_at)
                ended = False
            case _Taken(unknown=unknown):
                ended = ended and unknown
            case _:  # parked, or ended
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
    """Return the action after all channels were used: wait for the last one, retry a parked one, or end."""
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
    """Return when this round first used the channel of a key; ``otherwise`` if it did not.

    That is now if it is about to start. If only its account delays it, its time has started already.
    """
    return next((attempt.started_at for attempt in delivery.attempts if attempt.key == key), otherwise)


def _send(delivery: Delivery, channel: str, key: str) -> Send:
    return Send(channel, max((attempt.n for attempt in delivery.attempts), default=0) + 1, key)


def _channel_status(
    delivery: Delivery, channel: str, key: str, effort: DeliveryContext, policy: Policy
) -> _Standing:
    """Return the state of one channel: from its attempts, and not before its account has quota."""
    standing = _status_from_attempts(delivery, channel, key, effort, policy)
    room = effort.not_before.get(channel)
    if room is None or not isinstance(standing, _Again) or room <= standing.at:
        return standing
    return _Again(room, standing.parked)


def _status_from_attempts(
    delivery: Delivery, channel: str, key: str, effort: DeliveryContext, policy: Policy
) -> _Standing:
    """Return the state of one channel, from its attempts with the key of this generation."""
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
    """Use the key while it is valid, otherwise the class's ``on_unknown``; a person's resolution ends the question."""
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
    """Tell whether the channel still honours the key at ``at``, so that a repetition has no second effect."""
    channel = tries[0].channel
    if channel not in effort.key_lifetimes:
        return False
    lifetime = effort.key_lifetimes[channel]
    return lifetime is None or at < tries[0].started_at + lifetime
