"""Deliveries inside an incident: what follows for each by itself, which attempts start now, when a message is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from runner.engine.buckets import OPEN, Rooms
from runner.engine.failover import (
    AskPerson,
    Effort,
    Exhausted,
    Next,
    Policy,
    Remind,
    Satisfied,
    Send,
    WaitUntil,
    next_move,
)
from runner.engine.lateness import done_state
from runner.engine.levels import called_off, lapses_at, level_time
from runner.engine.quorum import deliveries_of, enough, tally, unneeded
from runner.model import events as e
from runner.model.incident import Attempt, Delivery, Incident, Invocation
from runner.model.playbook import Message
from runner.model.traffic import OUTAGE
from runner.model.work import Deliver

EVERYWHERE: Mapping[str, datetime] = {}
"""Every channel has room."""
LOOK_AGAIN = timedelta(minutes=1)
"""The pause between looks at an attempt without an outcome."""


def move(
    incident: Incident, delivery: Delivery, now: datetime, not_before: Mapping[str, datetime] = EVERYWHERE
) -> Next:
    """Return what comes next for one delivery; ``not_before`` names the channels whose accounts have no room now."""
    if delivery.waits:
        return WaitUntil(level_time(incident, delivery))
    message = incident.messages[delivery.message]
    fresh_from = delivery.resent_at or message.at
    effort = Effort(
        message=message.message_class,
        body_sha256=message.body,
        started_at=delivery.reminded_at or delivery.resent_at or delivery.fired_at or message.at,
        fresh_from=fresh_from,
        key_lifetimes=dict(delivery.key_lifetimes),
        not_before=not_before,
    )
    found = next_move(delivery, effort, now)
    if isinstance(found, Exhausted) and found.cause in ("no_channel", "tried_all"):
        back = _may_come_back(incident, delivery, effort)
        return WaitUntil(back) if back is not None and now < back else found
    return found


def _may_come_back(incident: Incident, delivery: Delivery, effort: Effort) -> datetime | None:
    """Return until when to wait for a channel that is left out because its domain was found down; None for none.

    As long as the class gives any channel, counted from when it fell: a short outage is nothing to telephone about.
    """
    if not any(refusal.rule == OUTAGE for refusal in delivery.refusals):
        return None
    found_down = [one.since for one in incident.domains.values() if one.automatic and one.state == "down"]
    if not found_down:
        return None
    ends = max(effort.started_at, *found_down) + effort.message.fail_over_after
    return min(ends, effort.started_at + effort.message.stale_after)


def delivery_events(incident: Incident, name: str, now: datetime) -> Iterator[e.AnyEvent]:
    """Yield the end of a delivery, or the question that only a person can answer."""
    delivery = incident.deliveries[name]
    if called_off(incident, delivery):
        yield e.DeliveryEnded(delivery=name, state="cancelled", why="its step has ended")
        return
    if why := unneeded(incident, delivery):
        yield e.DeliveryEnded(delivery=name, state="cancelled", why=why)
        return
    match move(incident, delivery, now):
        case Satisfied():
            yield e.DeliveryEnded(delivery=name, state="satisfied")
        case Exhausted(cause="no_channel") if incident.replan:
            return
        case Exhausted(reason=why):
            yield e.DeliveryEnded(delivery=name, state="exhausted", why=why)
        case AskPerson(reason=why):
            if delivery.stuck != why:
                yield e.DeliveryStuck(delivery=name, why=why)
        case Remind(count=count):
            yield e.DeliveryReminded(delivery=name, count=count, why="nobody has answered")
        case Send() | WaitUntil():
            return


def sends(
    incident: Incident, now: datetime, worker: str, rooms: Rooms = OPEN
) -> Iterator[tuple[e.AttemptStarted, Deliver]]:
    """Yield the attempts to claim now, as many as their accounts have room for; a first wave may be several channels."""
    used: Counter[str] = Counter()
    for name in sorted(incident.moving):
        delivery = incident.deliveries[name]
        while isinstance(found := move(incident, delivery, now, rooms.not_before(used)), Send):
            used.update(rooms.used_by((found.channel,)))
            yield (
                e.AttemptStarted(effect=name, n=found.n, key=found.key, worker=worker, channel=found.channel),
                Deliver(
                    incident=incident.id,
                    delivery=name,
                    n=found.n,
                    channel=found.channel,
                    key=found.key,
                ),
            )
            claimed = Attempt(n=found.n, key=found.key, worker=worker, started_at=now, channel=found.channel)
            delivery = msgspec.structs.replace(delivery, attempts=(*delivery.attempts, claimed))


def next_delivery_look(incident: Incident, name: str, now: datetime, rooms: Rooms = OPEN) -> datetime | None:
    """Return when time changes a delivery: at once if something can be sent, None if only an event can.

    An attempt that has outlived its limit is looked at again every minute: its worker may be gone. While a plan could not be
    made anew nothing is sent before it is tried again.
    """
    if incident.replan:
        return incident.replan_at or now
    match move(incident, incident.deliveries[name], now, rooms.not_before({})):
        case WaitUntil(instant=instant):
            limit = Policy().attempt_limit
            attempts = incident.deliveries[name].attempts
            overlong = any(one.state == "sending" and one.started_at + limit <= now for one in attempts)
            return min(instant, now + LOOK_AGAIN) if overlong else instant
        case AskPerson():
            return None
        case _:
            return now


def reached_places(incident: Incident, message: str) -> dict[str, tuple[str, ...]]:
    """Return the channels on which a message may be in front of others than those who acknowledged it."""
    return {
        one.id: places
        for one in deliveries_of(incident, message)
        if one.state != "satisfied"
        and (
            places := tuple(
                dict.fromkeys(a.channel for a in one.attempts if a.state in ("accepted", "unknown"))
            )
        )
    }


def next_lapse(incident: Incident, name: str) -> datetime | None:
    """Return when an acknowledgement is too old to rely on."""
    return lapses_at(incident, incident.deliveries[name])


def message_state(
    incident: Incident, invocation: Invocation, step: Message, now: datetime
) -> Iterator[e.AnyEvent]:
    """Yield the end of a message step: enough people reached, or nobody left to try."""
    message = incident.messages[invocation.message]
    deliveries = deliveries_of(incident, message.id)
    reached, wanted = tally(incident, message.id)
    owed = message.owed is not None
    if enough(incident, message.id):
        meant = sum(d.level == 0 for d in deliveries)
        why = f"{reached} of {meant} reached ({message.message_class.goal})"
        yield e.StepSettled(step=invocation.id, state=done_state(invocation, now), why=why)
    elif (owed or all(d.state != "active" for d in deliveries)) and not invocation.stuck:
        doubtful = any(a.state == "unknown" for d in deliveries for a in d.attempts)
        doubt = ", and what became of some attempts is not known" if doubtful else ""
        why = f"only {reached} of {wanted} reached{doubt}: telephone them"
        if step.on_failure == "continue":
            yield e.StepSettled(step=invocation.id, state="failed", why=why)
        else:
            yield e.StepStuck(step=invocation.id, why=why)
