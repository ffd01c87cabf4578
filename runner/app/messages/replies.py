"""Replies over a channel, matched to a person and a message and recorded as acknowledgements.

A person is known by the address that they answer from. From an address that nobody has, an answer counts only where the
message went to a place that is that person's alone: never from a telephone number or a mailbox, whose owners are known, and
never from a place where others can press and write too. The message is the one that was answered, by its key or its name;
else the one whose code was written. A word without either says too little: which message would it be about?
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.app.core.directory import stop_contact
from runner.app.core.incident_service import IncidentService
from runner.app.messages.acknowledgement import acknowledge
from runner.app.messages.attempt_index import AttemptRef
from runner.errors import Refused, Sealed
from runner.routing.inbound import Answer
from runner.routing.messaging import Channel
from runner.routing.organisation import Directory
from runner.routing.planner import contact_points
from runner.vault.derived_tokens import LENGTH

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


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


def stop_person(service: IncidentService, channel: Channel, person: str, how: str) -> None:
    """Leave every address alone at which somebody is reached over a channel: its provider says that they want nothing more."""
    for contact in contact_points(channel, service.directory.recipient(person).contacts):
        stop_contact(service, person, channel.adapter, contact.address, how)
    service.forget_directory()


WORDS = 20
"""Words of an answer in which a code is looked for."""


_CODE = re.compile(rf"[A-Za-z0-9]{{{LENGTH}}}", re.ASCII)


def answered(service: IncidentService, channel: Channel, answer: Answer, place: AttemptRef | None) -> bool:
    """Record an acknowledgement; false where the answer proves nothing new, or nothing at all."""
    for person in _persons(service.directory, channel, answer, place):
        for code in [""] if place is not None else _codes(answer.text):
            try:
                done = acknowledge(
                    service,
                    incident=place.incident if place is not None else "",
                    delivery=place.delivery if place is not None else "",
                    code=code,
                    person=person,
                    via=channel.id,
                    strength=channel.ack_strength,
                )
            except (Refused, Sealed):
                continue
            return done.changed
    return False


def _persons(
    directory: Directory, channel: Channel, answer: Answer, place: AttemptRef | None
) -> tuple[str, ...]:
    """Return who may have answered: first the one to whom the message went, if it can be them."""
    owners = owners_of(directory, channel, answer.sender)
    if place is None:
        return owners
    if place.person in owners:
        return (place.person,)
    # A messenger may tell of somebody who keeps the number to themselves: then the name it gives is nobody's number.
    numbered = channel.address_kind == "phone" and answer.sender.startswith("+")
    known = numbered or channel.address_kind == "email"
    if owners or answer.shared or known or is_shared(directory, channel, place.person):
        return owners
    return (place.person,)


def _codes(text: str) -> Iterator[str]:
    """Yield the words that have the form of a code."""
    for word in text.split()[:WORDS]:
        bare = word.strip(".,;:!?()[]<>\"'")
        if _CODE.fullmatch(bare):
            yield bare
