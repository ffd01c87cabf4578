"""Tell those whom a message reached that it is acknowledged, where it is in front of them, and nowhere else."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runner.effects.compose import Body, planned
from runner.effects.tools import Tools
from runner.engine.deliveries import reached_places
from runner.engine.quorum import answered, deliveries_of
from runner.model.commands import Composed, NotAnnounced
from runner.model.events import PlannedDelivery
from runner.model.incident import Incident
from runner.model.messaging import MessageClass
from runner.model.work import Announce


def announce(work: Announce, incident: Incident, tools: Tools) -> Composed | NotAnnounced:
    """Return the message that says who has it, planned for the places that the first one reached."""
    message = incident.messages[work.message]
    who = answered(deliveries_of(incident, message.id))
    subject = f"{incident.codename}: acknowledged"
    text = f"{who} has acknowledged the message of {message.at:%H:%M} UTC. You need not answer it."
    kind = _kind(message.message_class)
    plans = _plans(incident, tools, message.id, kind)
    if not plans:
        return NotAnnounced(message=message.id, why="no place that it reached may be used any more")
    body = msgspec.json.encode(Body(subject=subject, text=text))
    return Composed(
        step="",
        message=tools.new_id("m"),
        message_class=kind,
        body=tools.blobs.put_blob(incident.id, body),
        to=tuple(plan.person for plan in plans),
        plans=plans,
        about=message.id,
    )


def _kind(told: MessageClass) -> MessageClass:
    """As confidential as the message itself, and sent to every place at once: nothing hangs on it."""
    return msgspec.structs.replace(
        told,
        name="acknowledgement",
        availability="routine",
        goal="accepted",
        ack_quorum="all",
        duplicate_tolerance="annoying",
        on_unknown="failover",
        first_wave=9,
        stale_after=timedelta(hours=1),
        escalate_after=None,
        remind_after=None,
        re_remind_after=None,
        tell_acknowledged=False,
    )


def _plans(incident: Incident, tools: Tools, message: str, kind: MessageClass) -> tuple[PlannedDelivery, ...]:
    """Plan each person over the channels that reached them; a place that is nobody's own is told once."""
    found: list[PlannedDelivery] = []
    shared: set[str] = set()
    for name, reached in reached_places(incident, message).items():
        plan = planned(incident, tools, kind, incident.deliveries[name].person, tools.new_id("d"))
        channels = tuple(one for one in plan.channels if one in reached and one not in shared)
        common = {one for one in channels if tools.directory.channels[one].address_kind == "none"}
        shared |= common
        if channels:
            found.append(msgspec.structs.replace(plan, channels=channels))
    return tuple(found)
