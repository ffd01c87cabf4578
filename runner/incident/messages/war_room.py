"""Choice of the war room: the first room without a compromised domain and with sufficient confidentiality.

A room that is still usable is not changed, even if a better one is restored: people are in it. A room that people chose comes
before all rooms of the settings. A room that cannot be opened is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from runner.actions import Action
from runner.base.states import MARKS
from runner.errors import Refused
from runner.incident.messages.room_provisioning import failure, opened
from runner.incident.state.commands import ChooseRoom, ListGuests
from runner.incident.state.events import GuestsListed, RoomChosen, RoomRetried
from runner.incident.state.incident import Incident
from runner.incident.state.work import opening_of
from runner.routing.messaging import Channel, carries
from runner.routing.war_room import Guest, RoomConfig, WarRoom

NOWHERE = WarRoom(name="", address="")
AGREED = "agreed"
"""The name of a room that people chose."""

AddressOf = Callable[[Channel, str], str]
"""The actions of people to enter a room, by its channel and the provider's name of it."""


def usable(
    incident: Incident,
    rooms: Mapping[str, RoomConfig],
    channels: Mapping[str, Channel],
    name: str,
    address_of: AddressOf,
) -> WarRoom | None:
    """Return a room with all its failure domains; None if its confidentiality is too low, or it cannot be opened."""
    config = rooms[name]
    channel = channels.get(config.channel)
    if config.channel and channel is None:
        return None
    known = channel.rooms if channel and config.open else channel.confidentiality if channel else "internal"
    ceiling = config.confidentiality or known
    if known is None or ceiling is None or not carries(ceiling, "confidential"):
        return None
    address = _address(incident, name, config, channel, address_of)
    if address is None:
        return None
    domains = config.domains | (channel.domains if channel else frozenset())
    return WarRoom(
        name=name,
        address=address,
        domains=tuple(sorted(domains)),
        channel=config.channel if config.open else "",
    )


def _address(
    incident: Incident, name: str, config: RoomConfig, channel: Channel | None, address_of: AddressOf
) -> str | None:
    """Return the address of a room: empty before it is opened, None if it cannot be opened. An exercise has no address."""
    played = f"[{MARKS[incident.kind]}] {name}: no real room"
    if not config.open or channel is None:
        return config.address if incident.drill is None else played
    if incident.kind != "real" and incident.drill is None:
        return None
    errand = incident.errands.get(opening_of(name))
    if failure(errand):
        return None
    room_url = opened(errand)
    return "" if not room_url else address_of(channel, room_url) if incident.drill is None else played


def choice(incident: Incident, rooms: Iterable[WarRoom]) -> ChooseRoom | None:
    """Return the choice of another room, or of the first one; None if the present room stays."""
    fallen = {domain.name: domain.state for domain in incident.domains.values() if domain.state != "up"}
    now = incident.war_room
    touched = sorted(fallen.keys() & set(now.domains)) if now is not None else []
    if now is not None and now.agreed_by and not touched:
        return None
    held = [room for room in rooms if not fallen.keys() & set(room.domains)]
    same = next((room for room in held if now is not None and room.name == now.name), None)
    chosen_room = same or (held[0] if held else NOWHERE)
    if chosen_room == now:
        return None
    trigger = ", ".join(f"{name} is {fallen[name]}" for name in touched)
    why = failure(incident.errands.get(opening_of(now.name))) if now is not None and same is None else ""
    return ChooseRoom(
        room=chosen_room,
        trigger=trigger or (f"the provider could not open the room: {why}" if why else ""),
    )


def chosen(incident: Incident, command: ChooseRoom) -> RoomChosen:
    """Return the choice as an event, with the name of the room that it replaces."""
    now = incident.war_room
    left = now.name if now is not None and now.name != command.room.name else ""
    return RoomChosen(room=command.room, left=left, trigger=command.trigger)


def guests(incident: Incident, left_out: Callable[[str], str]) -> ListGuests | None:
    """Return the persons with a role who are not yet invited to the opened room, or whose contact changed.

    ``left_out`` says why a person cannot be invited. A person who was invited once is not invited again.
    """
    room = incident.war_room
    if room is None or not room.channel or not room.address:
        return None
    known = {
        errand.person: errand
        for errand in incident.errands.values()
        if errand.room == room.name and errand.person
    }
    people = dict.fromkeys(person for held in incident.roles.values() for person in held)
    news = []
    for person in people:
        before = known.get(person)
        if before is not None and before.attempts:
            continue
        why = left_out(person)
        if before is None or before.left_out != why:
            news.append(Guest(person=person, left_out=why))
    return ListGuests(room=room.name, guests=tuple(news)) if news else None


def listed(incident: Incident, command: ListGuests) -> GuestsListed:
    """Return the list as an event: each invitation has a name that does not show the person."""
    known = {
        errand.person: errand.id
        for errand in incident.errands.values()
        if errand.room == command.room and errand.person
    }
    count = len(known)
    changes = []
    for guest in command.guests:
        if guest.person not in known:
            count += 1
            known[guest.person] = f"{opening_of(command.room)}/{count}"
        changes.append(Guest(person=guest.person, errand=known[guest.person], left_out=guest.left_out))
    return GuestsListed(room=command.room, guests=tuple(changes))


def retried(incident: Incident, by: str) -> RoomRetried:
    """Return the requests to retry; raises Refused if none failed."""
    failed = tuple(errand.id for errand in incident.errands.values() if failure(errand))
    if not failed:
        raise Refused(
            "No room and no invitation failed.",
            hint=Action("incident.status"),
            code="nothing_to_retry",
        )
    return RoomRetried(by=by, errands=failed)
