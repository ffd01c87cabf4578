"""Changes by events about the war room: its choice, its provisioning, its members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import RoomTask
from runner.incident.state.work import opening_of


def _chosen(draft: IncidentBuilder, event: e.RoomChosen, at: datetime, seq: int) -> None:
    """A room that is to be opened is an errand from then on."""
    room = event.room
    draft.put(war_room=room)
    if room.channel and opening_of(room.name) not in draft.read("errands"):
        task = RoomTask(id=opening_of(room.name), room=room.name, channel=room.channel)
        draft.table("errands")[task.id] = task


def _listed(draft: IncidentBuilder, event: e.GuestsListed, at: datetime, seq: int) -> None:
    table = draft.table("errands")
    channel = table[opening_of(event.room)].channel
    for guest in event.guests:
        before = table.get(guest.errand) or RoomTask(
            id=guest.errand, room=event.room, channel=channel, person=guest.person
        )
        table[guest.errand] = msgspec.structs.replace(before, left_out=guest.left_out)


def _retried(draft: IncidentBuilder, event: e.RoomRetried, at: datetime, seq: int) -> None:
    table = draft.table("errands")
    for name in event.errands:
        table[name] = msgspec.structs.replace(table[name], given_up=len(table[name].attempts))


ROOMS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.RoomChosen: _chosen,
    e.GuestsListed: _listed,
    e.RoomRetried: _retried,
}
