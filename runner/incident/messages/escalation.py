"""Escalation until an acknowledgement: levels by absolute times, expiry of acknowledgements, and the call at the end. Pure.

The times of the levels are stored when the message is composed and never change. A level is alerted once: at
its time, or as soon as everything below it has ended without success. After downtime only the level that is due
now is alerted, with its delay, and the missed levels are skipped: nobody gets a burst. A call is due when all levels
are alerted and each silent recipient was reminded once without success, or has no usable contact. The call stays
due until enough people have acknowledged; reminders continue beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.incident.state import events as e
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.quorum import Answers, deliveries_of, quorum_met, settled

OPEN = ("active", "exhausted")
"""Neither acknowledged nor cancelled."""


def called_off(incident: Incident, delivery: Delivery) -> bool:
    """Tell whether a message is not needed any more: its step was skipped, or its subject has ended."""
    step = incident.invocations.get(delivery.step)
    if step is None or not step.over:
        return False
    return step.state in ("skipped", "cancelled") or step.message != delivery.message


def message_events(incident: Incident, message: str, now: datetime, answers: Answers) -> Iterator[e.AnyEvent]:
    """Yield the level that is due, or the call at the end."""
    deliveries = deliveries_of(incident, message)
    if called_off(incident, deliveries[0]):
        return
    waiting = [
        delivery
        for delivery in deliveries
        if delivery.level and delivery.state == "active" and delivery.waits and not answers.unneeded(delivery)
    ]
    if waiting:
        yield from _level(incident, message, waiting, now)
    elif all(delivery.unanswered for delivery in deliveries if delivery.state == "active"):
        yield from _call_owed(incident, message, deliveries)


def _level(incident: Incident, message: str, waiting: list[Delivery], now: datetime) -> Iterator[e.AnyEvent]:
    due = sorted({delivery.level for delivery in waiting if level_time(incident, delivery) <= now})
    if not due:
        lowest = min(delivery.level for delivery in waiting)
        below = [delivery for delivery in deliveries_of(incident, message) if delivery.level < lowest]
        if any(delivery.state == "active" for delivery in below):
            return
        due = [lowest]
    level = due[-1]
    starts = min(level_time(incident, delivery) for delivery in waiting if delivery.level == level)
    yield e.LevelFired(
        message=message, level=level, late_by=max(now - starts, timedelta()), passed_over=tuple(due[:-1])
    )
    for one in waiting:
        if one.level in due[:-1]:
            why = f"the time of this level has passed: level {level} is alerted instead"
            yield e.DeliveryEnded(delivery=one.id, state="cancelled", why=why)


def callers(incident: Incident, delivery: Delivery) -> tuple[str, ...]:
    """Return the people who call the recipient: the commander; nobody calls himself, and somebody always calls."""
    message, roles = incident.messages[delivery.message], incident.roles
    ways = (roles.get("commander", ()), roles.get("communications", ()))
    for people in (*ways, (message.requested_by,), (incident.opened_by,)):
        if found := tuple(one for one in people if one not in ("", delivery.person)):
            return found
    return ()


def level_time(incident: Incident, delivery: Delivery) -> datetime:
    """Return when the level of a delivery is alerted."""
    return delivery.starts_at or incident.messages[delivery.message].at


def _call_owed(incident: Incident, message: str, deliveries: list[Delivery]) -> Iterator[e.AnyEvent]:
    """Yield the call that is due: none for a notice that a message is acknowledged."""
    record = incident.messages[message]
    if record.owed is not None or record.about or quorum_met(incident, message):
        return
    done = settled(deliveries, record.message_class.ack_quorum)
    # An escalation contact counts, too: the acknowledgement that stopped the escalation can have expired.
    meant = (delivery for delivery in deliveries if delivery.level == 0 or delivery.lapsed)
    missing = [delivery for delivery in meant if delivery.state in OPEN and delivery.id not in done]
    if missing:
        old = any(delivery.lapsed for delivery in missing)
        asked = incident.messages[message].message_class.wants_answer
        unanswered = "no acknowledgement" if asked else "no person can be reached automatically"
        why = "the acknowledgement is too old to rely on" if old else unanswered
        yield e.CallOwed(message=message, persons=tuple(delivery.person for delivery in missing), why=why)


def lapses_at(incident: Incident, delivery: Delivery) -> datetime | None:
    """Return when an acknowledgement expires, or None if it does not."""
    message = incident.messages[delivery.message]
    kind = message.message_class
    if delivery.state != "satisfied" or delivery.acked_at is None or kind.re_remind_after is None:
        return None
    if delivery.reminders >= kind.reminders or called_off(incident, delivery):
        return None
    lapse = delivery.acked_at + kind.re_remind_after * (1 << delivery.reminders)
    return lapse if lapse < (delivery.resent_at or message.at) + kind.stale_after else None


def lapse_events(incident: Incident, name: str, now: datetime) -> Iterator[e.AnyEvent]:
    """Yield the reminder after an expired acknowledgement."""
    delivery = incident.deliveries[name]
    lapse = lapses_at(incident, delivery)
    if lapse is not None and lapse <= now:
        why = "the acknowledgement is too old to rely on"
        yield e.DeliveryReminded(delivery=name, count=delivery.reminders + 1, why=why)
