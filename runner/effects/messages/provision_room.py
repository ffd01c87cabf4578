"""One committed attempt for the war room: open it, or invite one person."""

from __future__ import annotations

from runner.base.states import Refusal
from runner.effects.context import EffectContext, plan_context, with_own_domains
from runner.errors import TocsinError
from runner.incident.messages.room_provisioning import opened
from runner.incident.state.commands import AttemptDone
from runner.incident.state.incident import Incident
from runner.incident.state.work import Host, opening_of
from runner.routing.messaging import Channel, ContactPoint, MessageClass, RoomRequest, SendResult, refused
from runner.routing.organisation import Directory
from runner.routing.planner import choose

INVITATION = MessageClass(name="invitation")
"""An invitation has only the codename."""


def host(work: Host, incident: Incident, tools: EffectContext) -> AttemptDone:
    """Make the attempt and return its outcome; a failure before the request is ``not_sent``."""
    return AttemptDone(effect=work.errand, n=work.n, result=_attempt(work, incident, tools))


def _attempt(work: Host, incident: Incident, tools: EffectContext) -> SendResult:
    errand, room = incident.errands[work.errand], incident.war_room
    if room is None or room.name != errand.room:
        return SendResult(state="not_sent", reason="another room was set")
    channel = tools.directory.channels.get(work.channel)
    if channel is None:
        why = tools.directory.broken.get(work.channel, "the channel is no longer configured")
        return refused(why)
    fallen = {one.domain for one in tools.compromises() if not one.assumed} & channel.domains
    if fallen:
        return refused(f"depends on {min(fallen)}, which is compromised", "R1")
    way = way_in(incident, errand.person, channel, tools.directory) if errand.person else None
    if isinstance(way, Refusal):
        return refused(way.why, way.rule)
    try:
        secrets = tools.secrets_of(channel) if incident.drill is None else {}
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    order = RoomRequest(
        kind=incident.kind,
        name=work.key,
        title=incident.codename,
        at=tools.now(),
        room=opened(incident.errands[opening_of(errand.room)]) if way is not None else "",
        address=way.address if way is not None else "",
    )
    return tools.sender.host(channel, order, secrets)


def way_in(incident: Incident, person: str, channel: Channel, directory: Directory) -> ContactPoint | Refusal:
    """Return the address to invite a person over a channel, or a refusal: a compromised address would let the attacker in."""
    context = with_own_domains(plan_context(incident), directory)
    chosen = choose(INVITATION, channel, directory.recipient(person), context)
    if isinstance(chosen, Refusal):
        return chosen
    if chosen.contact is None:
        return Refusal(channel=channel.id, rule="", why=f"{person} has no contact there")
    return chosen.contact
