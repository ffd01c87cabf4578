"""Delivery schedule: the next action of each delivery and when to check again. Updated by events, never by polling.

Of thousands of deliveries, one commit changes a few. So the fold marks the deliveries that an event changed, or whose step,
domain or recipients it changed, and ``reschedule`` computes the times of only these. The result depends only on the
state and the time of that event, so that a journal gives the same times, folded at once or in parts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from runner.incident.messages.escalation import called_off, level_time
from runner.incident.messages.failover import (
    AskPerson,
    DeliveryContext,
    Exhausted,
    Next,
    Send,
    WaitUntil,
    next_move,
)
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.quorum import Answers
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
