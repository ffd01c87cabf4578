"""Replies over a channel, matched to a person and a message and recorded as acknowledgements.

The address of the sender identifies the person. From an unknown address, an answer counts only if the
message went to an address of one person: never from a phone number or a mailbox, whose owners are known, and
never from an address that several people use. The key or the provider id of the reply identifies the message,
else the code in its text. A reply without them is not an acknowledgement.

Callbacks are matched to attempts by the idempotency key of the attempt, or by the provider's id.

A callback names no incident. So an index finds every attempt by channel and key, and by channel and id. The index
reads only changed incidents again. It is kept in memory only: the journals have all data.
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
"""The number of incidents in the index, newest first."""


class AttemptRef(msgspec.Struct, frozen=True):
    """One attempt and its recipient."""

    incident: str
    delivery: str
    n: int
    person: str


class Whereabouts:
    """Index of attempts by channel, key and provider id; call ``refresh`` before a lookup."""

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
        """Whether this store has campaigns: data that matches no delivery may belong to a campaign."""

    def refresh(self) -> None:
        """Update the index with the changes of the store."""
        token = self._service.store.changed()
        if token == self._token:
            return
        rows = self._service.incidents()
        for row in rows[-MOST:]:
            if self._versions.get(row.id) == row.version:
                continue
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:  # any other error is temporary
                # shredded, damaged, or of a later version: not in the index
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
            if (
                view.state == "sending"
            ):  # from the journal: the index reads the incident again when the journal grows
                under_way.update(channels)
        self._under_way[incident.id] = frozenset(under_way)
        self._used[incident.id] = frozenset() if over else frozenset(used)

    def _keep(self, attempt: Attempt, place: AttemptRef) -> None:
        for name in attempt.provider_id.split():
            self._names[attempt.channel, name] = place
        # Of attempts with the same key, the last that may have arrived counts; an attempt without a provider id comes first.
        key, alive = (attempt.channel, attempt.key), attempt.state in MAY_HAVE_ARRIVED
        if alive or key not in self._keys:
            self._keys[key] = place
        if alive and not attempt.provider_id:
            self._nameless[key] = place
        elif self._nameless.get(key) == place:
            del self._nameless[key]

    def find(self, channel: str, provider_id: str, key: str) -> AttemptRef | None:
        """Return the matching attempt, or None."""
        named = self._names.get((channel, provider_id)) if provider_id else None
        if named is not None or not key:
            return named
        nameless = self._nameless.get((channel, key)) if provider_id else None
        return nameless or self._keys.get((channel, key))

    def under_way(self, channel: str) -> bool:
        """Tell whether an attempt or a campaign over a channel is in progress: a provider id may still arrive."""
        return any(channel in names for names in self._under_way.values())

    def used(self) -> frozenset[str]:
        """Return the channels with sends in an open incident."""
        return frozenset().union(*self._used.values())


def owners_of(directory: Directory, channel: Channel, address: str) -> tuple[str, ...]:
    """Return the people with an address on a channel; upper and lower case are equal."""
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
    """Return the first owner of an address, or the empty string."""
    return next(iter(owners_of(directory, channel, address)), "")


def is_shared(directory: Directory, channel: Channel, person: str) -> bool:
    """Tell whether a person shares an address on a channel with others.

    The owners of phone numbers and mailboxes are known; in a room or at a handle of several people, the reader
    is unknown.
    """
    if channel.address_kind != "handle":
        return False
    points = contact_points(channel, directory.recipient(person).contacts)
    return any(len(owners_of(directory, channel, point.address)) > 1 for point in points)


def stop_person(service: IncidentService, channel: Channel, person: str, how: str) -> None:
    """Record a person's opt-out that a provider reported: for all their addresses on the channel."""
    for contact in contact_points(channel, service.directory.recipient(person).contacts):
        stop_contact(service, person, channel.adapter, contact.address, how)
    service.forget_directory()


WORDS = 20
"""The number of words of an answer that are searched for a code."""
_CODE = re.compile(rf"[A-Za-z0-9]{{{LENGTH}}}", re.ASCII)


def answered(service: IncidentService, channel: Channel, answer: Answer, place: AttemptRef | None) -> bool:
    """Record an acknowledgement; false if the answer proves nothing new."""
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
    """Return the possible senders of an answer: the recipient of the message, if possible, else the owners of the address."""
    owners = owners_of(directory, channel, answer.sender)
    if place is None:
        return owners
    if place.person in owners:
        return (place.person,)
    # A messenger may hide the number of a person: then its name is not a phone number.
    numbered = channel.address_kind == "phone" and answer.sender.startswith("+")
    known = numbered or channel.address_kind == "email"
    if owners or answer.shared or known or is_shared(directory, channel, place.person):
        return owners
    return (place.person,)


def _codes(text: str) -> Iterator[str]:
    """Yield the words with the form of a code."""
    for word in text.split()[:WORDS]:
        bare = word.strip(".,;:!?()[]<>\"'")
        if _CODE.fullmatch(bare):
            yield bare
