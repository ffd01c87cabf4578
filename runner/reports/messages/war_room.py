"""The war room: its address, the invited people, and the people not invited, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from runner.actions import Action, Slot
from runner.incident.messages.room_provisioning import failure, is_done
from runner.incident.state.incident import Incident, RoomTask
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.page import Block, Tone, line
from runner.reports.core.report import filled


class GuestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person for an opened room; ``why`` is the reason for no invitation."""

    person: str
    state: Literal["invited", "pending", "not_invited"]
    why: str = ""


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """The war room. Without a name no room can be used; without an address it is being opened."""

    name: str
    address: str
    domains: tuple[str, ...] = ()
    opened: bool = False
    """A provider opens the room for this incident."""
    agreed_by: str = ""
    guests: tuple[GuestRow, ...] = ()
    passed_over: dict[str, str] = {}
    """Rooms that could not be opened → reason."""


def room_view(incident: Incident) -> RoomView | None:
    """Return the room of an incident; None without one."""
    room = incident.war_room
    if room is None:
        return None
    guests = [errand for errand in incident.errands.values() if errand.room == room.name and errand.person]
    return filled(
        RoomView,
        room,
        opened=bool(room.channel),
        guests=tuple(map(_guest, guests)),
        passed_over=dict(_passed_over(incident)),
    )


def _guest(one: RoomTask) -> GuestRow:
    why = one.left_out or failure(one)
    if is_done(one):
        return GuestRow(person=one.person, state="invited")
    return GuestRow(person=one.person, state="not_invited" if why else "pending", why=why)


def _passed_over(incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield the rooms that could not be opened, each with the reason."""
    for errand in incident.errands.values():
        if not errand.person and (why := failure(errand)):
            yield errand.room, why


def errand_words(one: RoomTask) -> str:
    """Return the name of a request to a provider in the timeline."""
    return f"{f'invitation of {one.person} to' if one.person else 'opening of'} the war room {one.room}"


def nowhere(incident: Incident) -> Iterator[AttentionItem]:
    """Yield the required action without a usable room: agree on one and record it."""
    room = incident.war_room
    if room is None or room.name:
        return
    failed = "; ".join(f"{name}: {why}" for name, why in _passed_over(incident))
    yield AttentionItem(
        kind="no_war_room",
        ref=incident.id,
        text="No war room can be used. Agree on one out-of-band, then record the address"
        + (f" ({failed})" if failed else ""),
        action=Action("room.use", args={"address": Slot("ADDRESS")}),
    )


def room_blocks(room: RoomView) -> Iterator[Block]:
    """Yield the lines of the section."""
    tone: Tone = "warn"
    words = f"Tocsin is opening {room.name}"
    if not room.name:
        words, tone = "No room can be used. Agree on one by phone, then record it.", "alarm"
    elif room.address:
        whence = f"agreed by {room.agreed_by}" if room.agreed_by else room.name
        words, tone = f"{room.address} ({whence})", "title"
    yield line(f"WAR ROOM (out-of-band)  {words}", tone, hang=2)
    for state, words in (("invited", "invited"), ("pending", "being invited")):
        people = [guest.person for guest in room.guests if guest.state == state]
        if people:
            yield line(f"{words}: {', '.join(people)}", "dim", indent=2, hang=2)
    for guest in room.guests:
        if guest.state == "not_invited":
            yield line(f"not invited: {guest.person}, {guest.why}", "warn", indent=2, hang=2)
    for name, why in room.passed_over.items():
        yield line(f"{name} could not be opened: {why}", "warn", indent=2, hang=2)
