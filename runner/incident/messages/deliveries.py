"""Deliveries of an incident: automatic next actions, attempts that start now, and the end of a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from runner.incident.messages.delivery_schedule import next_action, pop_due
from runner.incident.messages.escalation import called_off, lapses_at
from runner.incident.messages.failover import (
    AskPerson,
    Exhausted,
    Next,
    Policy,
    Remind,
    Satisfied,
    Send,
    WaitUntil,
)
from runner.incident.state import events as e
from runner.incident.state.incident import Attempt, Delivery, Incident, Invocation
from runner.incident.state.quorum import Answers, count_reached, deliveries_of, quorum_met
from runner.incident.state.steps import completion_state
from runner.incident.state.work import Deliver
from runner.playbook.format import Message
from runner.routing.rate_limit import OPEN, Quotas

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
