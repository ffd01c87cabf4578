"""Reply instructions of a message: its code, its link, and the absent person whom a deputy replaces."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.effects.context import EffectContext, exercise_time_lag
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.work import Deliver
from runner.routing.messaging import Channel
from runner.routing.rules import OUTSIDERS
from runner.vault.derived_tokens import ack_code, ack_link

LINK_HOLDS = timedelta(hours=24)
"""How long a link is good at most; never longer than the message itself is worth something."""
PAGE = "ack"
"""Where the pages stand below the public address: ``PUBLIC_URL/ack/LINK``."""


def opening(incident: Incident, delivery: Delivery) -> str:
    """Return why this person is told, where the message was meant for others at first."""
    since = f"{incident.messages[delivery.message].at:%H:%M} UTC"
    if delivery.stands_for:
        others = ", ".join(dict.fromkeys(incident.deliveries[name].person for name in delivery.stands_for))
        return f"You get this message as deputy of {others}: no acknowledgement since {since}.\n\n"
    if delivery.level:
        return f"This message is escalated to you: no acknowledgement since {since}.\n\n"
    return ""


def reminding(delivery: Delivery) -> str:
    """Return what stands before the subject of a message that was sent before."""
    return f"Reminder {delivery.reminders}: " if delivery.reminders else ""


def how_to_answer(work: Deliver, incident: Incident, channel: Channel, tools: EffectContext) -> str:
    """Return the end of the footer: the code that shows where it comes from, and the link where one may stand.

    Not in a message to people outside, who have a reference of their own; and no link where whoever takes over the
    number would hold it.
    """
    delivery = incident.deliveries[work.delivery]
    message = incident.messages[delivery.message]
    kind = message.message_class
    if kind.audience in OUTSIDERS:
        return ""
    vouch = tools.blobs.vouch
    room = incident.war_room.address if incident.war_room is not None else ""
    code = f"{f' · war room: {room}' if room else ''} · code {ack_code(vouch, incident.id, delivery.id)}"
    if not kind.wants_answer or not tools.public_url or channel.sim_swappable:
        return code
    ends = min(tools.now() + LINK_HOLDS, stale(incident, delivery)) + exercise_time_lag(incident, tools)
    link = ack_link(vouch, incident.id, delivery.id, delivery.person, work.n, ends)
    return f"{code} · acknowledge: {tools.public_url.rstrip('/')}/{PAGE}/{link}"


def stale(incident: Incident, delivery: Delivery) -> datetime:
    """Return from when a delivery is worth nothing."""
    message = incident.messages[delivery.message]
    return (delivery.resent_at or message.at) + message.message_class.stale_after
