"""Deliveries of an incident: automatic next actions, attempts that start now, and the end of a message.

The delivery schedule has the next action of each delivery and when to check again. It is updated by events, never by polling.
Of thousands of deliveries, one commit changes a few. So the fold marks the deliveries that an event changed, or whose step,
domain or recipients it changed, and ``reschedule`` computes the times of only these. The result depends only on the
state and the time of that event, so that a journal gives the same times, folded at once or in parts.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from runner.incident.messages.escalation import called_off, lapses_at, level_time
from runner.incident.messages.failover import (
    AskPerson,
    DeliveryContext,
    Exhausted,
    Next,
    Policy,
    Remind,
    Satisfied,
    Send,
    WaitUntil,
    next_move,
)
from runner.incident.state import events as e
from runner.incident.state.incident import Attempt, Delivery, Incident, Invocation
from runner.incident.state.quorum import Answers, count_reached, deliveries_of, quorum_met
from runner.incident.state.steps import completion_state
from runner.incident.state.work import Deliver
from runner.playbook.format import Message
from runner.routing.rate_limit import OPEN, Quotas
from runner.routing.traffic import OUTAGE

EVERYWHERE: Mapping[str, datetime] = {}
"""Every channel has quota."""


class Schedule(NamedTuple):
    """Timed actions of a delivery: an automatic change at ``look``, an attempt at ``send``."""

    look: datetime | None
    send: datetime | None


NOTHING = Schedule(None, None)


def next_action(
    incident: Incident, delivery: Delivery, now: datetime, not_before: Mapping[str, datetime] = EVERYWHERE
) -> Next:
    """Return the next action of one delivery; ``not_before`` names the channels whose accounts have no quota now."""
    if delivery.waits:
        return WaitUntil(level_time(incident, delivery))
    message = incident.messages[delivery.message]
    fresh_from = delivery.resent_at or message.at
    effort = DeliveryContext(
        message=message.message_class,
        body_sha256=message.body,
        started_at=delivery.reminded_at or delivery.resent_at or delivery.fired_at or message.at,
        fresh_from=fresh_from,
        key_lifetimes=dict(delivery.key_lifetimes),
        not_before=not_before,
    )
    action = next_move(delivery, effort, now)
    if isinstance(action, Exhausted) and action.cause in ("no_channel", "tried_all"):
        back = _may_come_back(incident, delivery, effort)
        return WaitUntil(back) if back is not None and now < back else action
    return action


def _may_come_back(incident: Incident, delivery: Delivery, effort: DeliveryContext) -> datetime | None:
    """Return until when to wait for a channel that is blocked because its domain was detected as down; None to not wait.

    The wait is the time that the class gives to any channel, from the start of the outage: a short outage needs no phone call.
    """
    if not any(refusal.rule == OUTAGE for refusal in delivery.refusals):
        return None
    found_down = [
        domain.since for domain in incident.domains.values() if domain.automatic and domain.state == "down"
    ]
    if not found_down:
        return None
    ends = max(effort.started_at, *found_down) + effort.message.fail_over_after
    return min(ends, effort.started_at + effort.message.stale_after)


def reschedule(incident: Incident, stirred: Mapping[str, datetime]) -> Incident:
    """Return an incident with new times for its changed deliveries, each computed at the time of its change."""
    looks, sends, answers = dict(incident.looks), dict(incident.sends), Answers(incident)
    for name, at in stirred.items():
        schedule = _ahead(incident, name, at, answers) if name in incident.moving else NOTHING
        for table, time in ((looks, schedule.look), (sends, schedule.send)):
            if time is not None:
                table[name] = time
            else:
                table.pop(name, None)
    return msgspec.structs.replace(incident, looks=looks, sends=sends)


def _ahead(incident: Incident, name: str, at: datetime, answers: Answers) -> Schedule:
    """Follow a delivery from pause to pause, until an event is due or a message can be sent."""
    delivery = incident.deliveries[name]
    if called_off(incident, delivery) or answers.unneeded(delivery):
        return Schedule(at, None)
    if delivery.waits:
        return Schedule(level_time(incident, delivery), None)
    while isinstance(action := next_action(incident, delivery, at), WaitUntil):
        at = action.instant
    match action:
        case Send():
            return Schedule(_stale_at(incident, delivery), at)
        case AskPerson(reason=why) if delivery.stuck == why:
            return Schedule(_stale_at(incident, delivery), None)
        case _:
            return Schedule(at, None)


def _stale_at(incident: Incident, delivery: Delivery) -> datetime:
    message = incident.messages[delivery.message]
    return (delivery.resent_at or message.at) + message.message_class.stale_after


def pop_due(times: Mapping[str, datetime], now: datetime) -> Iterator[str]:
    """Yield the names that are due, in order; only these are sorted."""
    names = [name for name, at in times.items() if at <= now]
    heapq.heapify(names)
    while names:
        yield heapq.heappop(names)


LOOK_AGAIN = timedelta(minutes=1)
"""The pause between checks of an attempt without an outcome."""


def delivery_events(incident: Incident, name: str, now: datetime, answers: Answers) -> Iterator[e.AnyEvent]:
    """Yield the end of a delivery, or the question that only a person can answer."""
    delivery = incident.deliveries[name]
    if called_off(incident, delivery):
        yield e.DeliveryEnded(delivery=name, state="cancelled", why="its step has ended")
        return
    if why := answers.unneeded(delivery):
        yield e.DeliveryEnded(delivery=name, state="cancelled", why=why)
        return
    match next_action(incident, delivery, now):
        case Satisfied():
            yield e.DeliveryEnded(delivery=name, state="satisfied")
        case Exhausted() as end if incident.replan and _may_pass(incident, end):
            return
        case Exhausted(reason=why):
            yield e.DeliveryEnded(delivery=name, state="exhausted", why=why)
        case AskPerson(reason=why):
            if delivery.stuck != why:
                yield e.DeliveryStuck(delivery=name, why=why)
        case Remind(count=count):
            yield e.DeliveryReminded(delivery=name, count=count, why="no acknowledgement")
        case Send() | WaitUntil():
            return


def _may_pass(incident: Incident, end: Exhausted) -> bool:
    """Tell whether the pending plan can contain another channel; if no plan can be made, do not wait for it."""
    return end.cause == "no_channel" or (end.cause != "stale" and incident.replan_at is None)


def sends(
    incident: Incident, now: datetime, worker: str, rooms: Quotas = OPEN
) -> Iterator[tuple[e.AttemptStarted, Deliver]]:
    """Yield the attempts to claim now, as far as the accounts have quota; a first wave may be several channels."""
    if not incident.sends:
        return
    used: Counter[str] = Counter()
    for name in pop_due(incident.sends, now):
        delivery = incident.deliveries[name]
        while isinstance(action := allowed(incident, delivery, now, rooms.not_before(used)), Send):
            used.update(rooms.used_by((action.channel,)))
            yield (
                e.AttemptStarted(
                    effect=name, n=action.n, key=action.key, worker=worker, channel=action.channel
                ),
                Deliver(
                    incident=incident.id,
                    delivery=name,
                    n=action.n,
                    channel=action.channel,
                    key=action.key,
                ),
            )
            claimed = Attempt(
                n=action.n, key=action.key, worker=worker, started_at=now, channel=action.channel
            )
            delivery = msgspec.structs.replace(delivery, attempts=(*delivery.attempts, claimed))


def allowed(incident: Incident, delivery: Delivery, now: datetime, full: Mapping[str, datetime]) -> Next:
    """Return the next action if the accounts of the ``full`` channels have no quota before the given times."""
    if full and full.keys() >= set(delivery.channels):
        return WaitUntil(min(full[channel] for channel in delivery.channels))
    return next_action(incident, delivery, now, full)


def next_delivery_look(incident: Incident, now: datetime, rooms: Quotas = OPEN) -> datetime | None:
    """Return when time changes a delivery: at once if something can be sent, None if only an event can.

    An attempt beyond its limit is checked every minute: its worker may have stopped. While open deliveries cannot be
    planned again, nothing is sent before the next try.
    """
    if incident.replan:
        return (incident.replan_at or now) if incident.moving else None
    full = rooms.not_before({})
    times = [*incident.looks.values(), *_overlong(incident, now)]
    if full:
        times.extend(_free_again(incident, name, at, now, full) for name, at in incident.sends.items())
    else:
        times.extend(incident.sends.values())
    return max(min(times), now) if times else None


def _free_again(
    incident: Incident, name: str, at: datetime, now: datetime, full: Mapping[str, datetime]
) -> datetime:
    """Return when an attempt that is planned from ``at`` on may start."""
    if at > now:
        return at
    action = allowed(incident, incident.deliveries[name], now, full)
    return action.instant if isinstance(action, WaitUntil) else now


def _overlong(incident: Incident, now: datetime) -> Iterator[datetime]:
    """Yield when to check each attempt in progress."""
    limit = Policy().attempt_limit
    for claim in incident.sending:
        name, _, n = claim.rpartition("|")
        delivery = incident.deliveries.get(name)
        for attempt in delivery.attempts if delivery is not None else ():
            if attempt.n == int(n):
                ends = attempt.started_at + limit
                yield ends if ends > now else now + LOOK_AGAIN


def reached_places(incident: Incident, message: str) -> dict[str, tuple[str, ...]]:
    """Return the channels on which people other than those who acknowledged may have a message."""
    return {
        delivery.id: places
        for delivery in deliveries_of(incident, message)
        if delivery.state != "satisfied"
        and not delivery.told_off
        and (
            places := tuple(
                dict.fromkeys(a.channel for a in delivery.attempts if a.state in ("accepted", "unknown"))
            )
        )
    }


def next_lapse(incident: Incident, name: str) -> datetime | None:
    """Return when an acknowledgement is too old to rely on."""
    return lapses_at(incident, incident.deliveries[name])


def message_state(
    incident: Incident, invocation: Invocation, step: Message, now: datetime
) -> Iterator[e.AnyEvent]:
    """Yield the end of a message step: the quorum is met, or every channel was tried."""
    message = incident.messages[invocation.message]
    deliveries = deliveries_of(incident, message.id)
    reached, wanted = count_reached(incident, message.id)
    owed = message.owed is not None
    if quorum_met(incident, message.id):
        by_role = message.message_class.ack_quorum == "each_role"
        meant = wanted if by_role else sum(d.level == 0 for d in deliveries)
        why = f"{reached} of {meant}{' roles' if by_role else ''} reached ({message.message_class.goal})"
        why = why if deliveries else "no message needed: the person who opened the incident has every role"
        yield e.StepSettled(step=invocation.id, state=completion_state(invocation, now), why=why)
    elif (owed or all(d.state != "active" for d in deliveries)) and not invocation.stuck:
        doubtful = any(a.state == "unknown" for d in deliveries for a in d.attempts)
        doubt = "; some attempts have an unknown outcome" if doubtful else ""
        why = f"only {reached} of {wanted} reached{doubt}: call the others"
        if step.on_failure == "continue":
            yield e.StepSettled(step=invocation.id, state="failed", why=why)
        else:
            yield e.StepStuck(step=invocation.id, why=why)
