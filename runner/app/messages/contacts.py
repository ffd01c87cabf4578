"""Whose address something came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.app.core.directory import stop_contact
from runner.routing.messaging import Channel
from runner.routing.organisation import Directory
from runner.routing.planner import contact_points

if TYPE_CHECKING:
    from runner.app.core.incident_service import Desk


def owners_of(directory: Directory, channel: Channel, address: str) -> tuple[str, ...]:
    """Return everybody who is reached at an address over a channel, whatever the case of its letters."""
    wanted = address.casefold()
    return tuple(
        name
        for name in directory.people
        if wanted
        and any(
            point.address.casefold() == wanted
            for point in contact_points(channel, directory.recipient(name).contacts)
        )
    )


def owner_of(directory: Directory, channel: Channel, address: str) -> str:
    """Return the first of them, or the empty string."""
    return next(iter(owners_of(directory, channel, address)), "")


def is_shared(directory: Directory, channel: Channel, person: str) -> bool:
    """Tell whether what goes to somebody over a channel comes to a place that others are reached at as well.

    A telephone and a mailbox are known by their numbers and addresses; in a room or at a handle of several people nobody
    knows who of them reads and presses.
    """
    if channel.address_kind != "handle":
        return False
    points = contact_points(channel, directory.recipient(person).contacts)
    return any(len(owners_of(directory, channel, point.address)) > 1 for point in points)


def stop_person(desk: Desk, channel: Channel, person: str, how: str) -> None:
    """Leave every address alone at which somebody is reached over a channel: its provider says that they want nothing more."""
    for contact in contact_points(channel, desk.directory.recipient(person).contacts):
        stop_contact(desk, person, channel.adapter, contact.address, how)
    desk.forget_directory()
