"""The war room of an incident, decided again in every turn: which room is used now, and its members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from runner.incident.state.incident import Incident
from runner.routing.messaging import Channel
from runner.routing.organisation import Directory, Home

if TYPE_CHECKING:
    from runner.effects.gateway.gateway import Gateway
    from runner.incident.state.commands import ChooseRoom, ListGuests


class Hosts(Protocol):
    """The part of an opened home that rooms need."""

    home: Home

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Return the usable channels."""

    @property
    def directory(self) -> Directory:
        """Return the people, roles and channels now."""

    @property
    def gateway(self) -> Gateway:
        """Return the gateway to the integrations."""


def room_choice(hosts: Hosts, incident: Incident) -> ChooseRoom | None:
    """Return the choice of a room, if there is none yet, a choice became necessary, or the room is not usable any more."""
    named = hosts.home.war_rooms
    if not (named or incident.war_room) or not _goes_on(incident):
        return None
    from runner.incident.messages.war_room import choice, usable

    rooms = (usable(incident, named, hosts.channels, name, hosts.gateway.room_address) for name in named)
    return choice(incident, [room for room in rooms if room is not None])


def _goes_on(incident: Incident) -> bool:
    played = incident.drill is None or incident.drill.stage in ("running", "paused")
    return played and incident.state in ("open", "paused")


def guest_list(hosts: Hosts, incident: Incident) -> ListGuests | None:
    """Return the members to invite to the opened room, if they changed; a person who gets a role later is invited, too."""
    room = incident.war_room
    channel = hosts.channels.get(room.channel) if room is not None and room.address else None
    if channel is None or not _goes_on(incident):
        return None
    from runner.base.states import Refusal
    from runner.effects.messages.provision_room import way_in
    from runner.incident.messages.war_room import guests

    def left_out(person: str) -> str:
        point = way_in(incident, person, channel, hosts.directory)
        return point.why if isinstance(point, Refusal) else ""

    return guests(incident, left_out)
