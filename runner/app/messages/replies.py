"""Replies over a channel, matched to a person and a message and recorded as acknowledgements.

A person is known by the address that they answer from. From an address that nobody has, an answer counts only where the
message went to a place that is that person's alone: never from a telephone number or a mailbox, whose owners are known, and
never from a place where others can press and write too. The message is the one that was answered, by its key or its name;
else the one whose code was written. A word without either says too little: which message would it be about?

Which attempt of which incident a provider means: by the key that we gave it, or by the name that it gave us.

A callback names no incident. So every attempt is found here by channel and key, and by channel and name; the names are
read again only from incidents that have changed since. Nothing is kept on disk: it all stands in the journals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.directory import stop_contact
from runner.app.messages.acknowledgement import acknowledge
from runner.errors import UNREADABLE, Refused, Sealed
from runner.incident.state.incident import Attempt, Incident
from runner.routing.inbound import Answer
from runner.routing.messaging import Channel
from runner.routing.organisation import Directory
from runner.routing.planner import contact_points
from runner.vault.derived_tokens import LENGTH

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

MAY_HAVE_ARRIVED = ("sending", "accepted", "unknown")
MOST = 1_000
"""Incidents, newest first, whose attempts are still found."""


class AttemptRef(msgspec.Struct, frozen=True):
    """One attempt, and for whom it was."""

    incident: str
    delivery: str
    n: int
    person: str


class Whereabouts:
    """Attempts by channel and name; ``refresh`` before asking."""

    def __init__(self, service: IncidentService) -> None:
        self._service = service
        self._versions: dict[str, int] = {}
        self._token = ""
        self._names: dict[tuple[str, str], AttemptRef] = {}
        self._keys: dict[tuple[str, str], AttemptRef] = {}
        self._nameless: dict[tuple[str, str], AttemptRef] = {}
        self._under_way: dict[str, frozenset[str]] = {}
        self._used: dict[str, frozenset[str]] = {}
        self.bulk = False
        """Whether a notice went to many people from this store: what is about no delivery may be about one of them."""

    def refresh(self) -> None:
        """Read what has changed in the store since the last time."""
        token = self._service.store.changed()
        if token == self._token:
            return
        rows = self._service.incidents()
        for row in rows[-MOST:]:
            if self._versions.get(row.id) == row.version:
                continue
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:  # any other trouble passes
                # shredded, damaged, or of a later version: nothing in it is found
                self._versions[row.id] = row.version
                continue
            self._read(incident, over=row.state in ("closed", "cancelled"))
            self._versions[row.id] = incident.version
        self._token = token

    def _read(self, incident: Incident, *, over: bool) -> None:
        under_way, used = set[str](), set[str]()
        for delivery in incident.deliveries.values():
            for attempt in delivery.attempts:
                place = AttemptRef(incident.id, delivery.id, attempt.n, delivery.person)
                self._keep(attempt, place)
                used.add(attempt.channel)
                if attempt.state == "sending":
                    under_way.add(attempt.channel)
        for view in incident.campaigns.values():
            self.bulk = True
            tables = self._service.campaign_tables(self._service.principal)
            channels = tables.campaign(view.id).campaign.channels.values()
            used.update(channels)
            if view.state == "sending":  # by the journal: what is read here is read again when that grows
                under_way.update(channels)
        self._under_way[incident.id] = frozenset(under_way)
        self._used[incident.id] = frozenset() if over else frozenset(used)

    def _keep(self, attempt: Attempt, place: AttemptRef) -> None:
        for name in attempt.provider_id.split():
            self._names[attempt.channel, name] = place
        # Of several attempts with one key the last that may have arrived is meant, and first of all one without a name.
        key, alive = (attempt.channel, attempt.key), attempt.state in MAY_HAVE_ARRIVED
        if alive or key not in self._keys:
            self._keys[key] = place
        if alive and not attempt.provider_id:
            self._nameless[key] = place
        elif self._nameless.get(key) == place:
            del self._nameless[key]

    def find(self, channel: str, provider_id: str, key: str) -> AttemptRef | None:
        """Return the attempt that is meant, or None."""
        named = self._names.get((channel, provider_id)) if provider_id else None
        if named is not None or not key:
            return named
        nameless = self._nameless.get((channel, key)) if provider_id else None
        return nameless or self._keys.get((channel, key))

    def under_way(self, channel: str) -> bool:
        """Tell whether an attempt over a channel has no outcome yet, or a notice to many goes out by it: a name may still come."""
        return any(channel in names for names in self._under_way.values())

    def used(self) -> frozenset[str]:
        """Return the channels over which something was sent in an incident that goes on."""
        return frozenset().union(*self._used.values())


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
