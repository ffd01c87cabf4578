"""Which room responders talk in: the first that no fallen domain touches and that may hear what is confidential.

A room that still holds is kept, even when a better one comes up again: people are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.model.commands import ChooseRoom
from runner.model.incident import Incident
from runner.model.messaging import Channel, carries
from runner.model.war_room import RoomConfig, WarRoom

NOWHERE = WarRoom(name="", address="")


def usable(rooms: Mapping[str, RoomConfig], channels: Mapping[str, Channel], name: str) -> WarRoom | None:
    """Return a room with all that it falls with; None where it may not hear what is confidential, or its channel is not there."""
    config = rooms[name]
    channel = channels.get(config.channel)
    if config.channel and channel is None:
        return None
    ceiling = config.confidentiality or (channel.confidentiality if channel else "internal")
    if not carries(ceiling, "confidential"):
        return None
    domains = config.domains | (channel.domains if channel else frozenset())
    return WarRoom(name=name, address=config.address, domains=tuple(sorted(domains)))


def room_left(incident: Incident) -> str:
    """Return the name of the room that is left when another is chosen."""
    return incident.war_room.name if incident.war_room is not None else ""


def choice(incident: Incident, rooms: Iterable[WarRoom]) -> ChooseRoom | None:
    """Return the choice of another room than the present one, or of the first; None where the present one holds."""
    fallen = {one.name: one.state for one in incident.domains.values() if one.state != "up"}
    held = [one for one in rooms if not fallen.keys() & set(one.domains)]
    now = incident.war_room
    if now is not None and any(one.name == now.name for one in held):
        found = next(one for one in held if one.name == now.name)
    else:
        found = held[0] if held else NOWHERE
    if found == now:
        return None
    touched = sorted(fallen.keys() & set(now.domains)) if now is not None else []
    trigger = ", ".join(f"{name} is {fallen[name]}" for name in touched)
    return ChooseRoom(by="rooms", room=found, trigger=trigger)
