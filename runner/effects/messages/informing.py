"""Messages without an acknowledgement: acknowledgements of another message, and near legal deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from runner.effects.context import EffectContext, message_class
from runner.effects.messages.compose import kept, planned, recipients
from runner.incident.messages.deliveries import reached_places
from runner.incident.state.commands import Composed, NotAnnounced
from runner.incident.state.events import PlannedDelivery
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.messages import MessageComposed
from runner.incident.state.quorum import awaited, deliveries_of
from runner.incident.state.work import Announce
from runner.incident.turn.after_closing import WATCH
from runner.law.duty import DutyStatus
from runner.routing.messaging import MessageClass


def announce(work: Announce, incident: Incident, tools: EffectContext) -> Composed | NotAnnounced:
    """Return the message about acknowledgements, planned for the contacts that the first message reached."""
    message = incident.messages[work.message]
    subject = f"{incident.codename}: acknowledged"
    who = named_with_roles(
        incident, tools, [d for d in deliveries_of(incident, message.id) if d.state == "satisfied"]
    )
    names = named_with_roles(incident, tools, awaited(incident, message.id))
    # The same text for all people, because several people may read a room.
    rest = (
        f"Acknowledgement still required: {names}. No other acknowledgement is required."
        if names
        else "No acknowledgement is required."
    )
    text = f"{who} acknowledged the message of {message.at:%H:%M} UTC. {rest}"
    kind = _kind(message.message_class)
    plans = _plans(incident, tools, message.id, kind)
    if not plans:
        return NotAnnounced(message=message.id, why="no contact that the message reached can be used now")
    return Composed(
        event=MessageComposed(
            step="",
            message=tools.new_id("m"),
            message_class=kind,
            body=kept(incident, tools, subject, text),
            to=tuple(plan.person for plan in plans),
            plans=plans,
            about=message.id,
        )
    )


def named_with_roles(incident: Incident, tools: EffectContext, found: list[Delivery]) -> str:
    """Return people's names, each with the roles of their deliveries."""
    people: dict[str, dict[str, None]] = {}
    for delivery in found:
        person = tools.directory.people.get(delivery.person)
        roles = people.setdefault((person.name if person else "") or delivery.person, {})
        for place in (delivery, *(incident.deliveries[name] for name in delivery.stands_for)):
            roles |= dict.fromkeys(place.roles)
    return ", ".join(f"{name} ({', '.join(roles)})" if roles else name for name, roles in people.items())


def _kind(told: MessageClass) -> MessageClass:
    """Return a class with the confidentiality of the message, routine, sent to all contacts at once."""
    return msgspec.structs.replace(
        informing(told, "acknowledgement", timedelta(hours=1)),
        availability="routine",
        duplicate_tolerance="annoying",
        on_unknown="failover",
        first_wave=9,
        mobilises=False,
    )


def _plans(
    incident: Incident, tools: EffectContext, message: str, kind: MessageClass
) -> tuple[PlannedDelivery, ...]:
    """Plan each person over the channels that reached them; a shared contact gets one message."""
    deliveries: list[PlannedDelivery] = []
    shared: set[str] = set()
    for name, reached in reached_places(incident, message).items():
        plan = planned(incident, tools, kind, incident.deliveries[name].person, tools.new_id("d"))
        channels = tuple(channel for channel in plan.channels if channel in reached and channel not in shared)
        common = {channel for channel in channels if tools.directory.channels[channel].address_kind == "none"}
        shared |= common
        if channels:
            deliveries.append(msgspec.structs.replace(plan, channels=channels))
    return tuple(deliveries)


CLASS = "task-notice"
"""The content is like a task reminder: ids of duties, and times."""
SHOWN = 5


def send_reminders(
    incident: Incident, running_out: Sequence[DutyStatus], to: tuple[str, ...], tools: EffectContext
) -> Composed | None:
    """Return the message of the duties, earliest start first; None if no person has one of the roles."""
    # No acknowledgement: the next watch sends it again.
    kind = informing(message_class(CLASS, tools.directory), WATCH, timedelta(hours=6))
    lines = [_line(status) for status in running_out[:SHOWN]]
    more = [f"and {len(running_out) - SHOWN} more"] if len(running_out) > SHOWN else []
    text = "\n".join(("Legal deadlines soon:", *lines, *more, "Details: tocsin duties"))
    return _to_roles(incident, tools, kind, to, tools.new_id("m"), "legal deadlines soon", text)


def ask_for_the_time(
    incident: Incident, since: datetime, text: str, tools: EffectContext
) -> tuple[Composed, ...]:
    """Return the question whether the time is right, to the commander over every channel, if it was not sent."""
    if (name := f"m-time-{since:%Y%m%d%H%M%S}") in incident.messages:
        return ()
    kind = message_class("urgent-internal", tools.directory)
    kind = msgspec.structs.replace(kind, mobilises=False, first_wave=len(tools.directory.channels))
    question = _to_roles(incident, tools, kind, ("role:commander",), name, "confirm the time", text)
    return () if question is None else (question,)


def _to_roles(
    incident: Incident, tools: EffectContext, kind: MessageClass, to: tuple[str, ...], *parts: str
) -> Composed | None:
    """Return a message of the program, of its name, subject and text; None if no person has one of the roles."""
    (name, subject, text), people = parts, recipients(incident, tools.directory, to)
    if not people:
        return None
    return Composed(
        event=MessageComposed(
            step="",
            message=name,
            message_class=kind,
            body=kept(incident, tools, f"{incident.codename}: {subject}", text),
            to=people,
            plans=tuple(planned(incident, tools, kind, person, tools.new_id("d")) for person in people),
        )
    )


def _line(one: DutyStatus) -> str:
    start = f"start by {one.latest_safe_start:%d %b %H:%M} UTC, " if one.latest_safe_start else ""
    due = f"due {one.due:%d %b %H:%M} UTC" if one.due else "no date"
    late = "OVERDUE: " if one.state == "overdue" else ""
    return f"- {late}{one.id}: {start}{due}{' (provisional)' if one.provisional else ''}"


def informing(told: MessageClass, name: str, stale_after: timedelta) -> MessageClass:
    """Return the class of a message about another message: same confidentiality, no acknowledgement."""
    return msgspec.structs.replace(
        told,
        name=name,
        goal="accepted",
        ack_quorum="all",
        stale_after=stale_after,
        escalate_after=None,
        remind_after=None,
        re_remind_after=None,
        tell_acknowledged=False,
    )
