"""The war room of an incident, decided anew in every turn: which one it is now, and who belongs into it."""

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
    """As much of an opened home as rooms need."""

    home: Home

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Return the channels that can be used."""

    @property
    def directory(self) -> Directory:
        """Return the people, roles and channels as of now."""

    @property
    def gateway(self) -> Gateway:
        """Return the door to the integrations."""


def room_choice(hosts: Hosts, incident: Incident) -> ChooseRoom | None:
    """Return the choice of a room, where there is none yet, it has come to be, or it cannot be relied on any more."""
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
    """Return who is to be let into the room that was opened, where that is news; who takes a role later is."""
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
