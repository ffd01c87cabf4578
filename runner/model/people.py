"""What is recorded about people between incidents: the organisation's own journal, sealed as personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from runner.model.messaging import ContactPoint
from runner.model.organisation import Check, Person
from runner.model.states import AttemptState

STREAM = "organisation"
"""The journal's name; it is no incident."""


class PeopleEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """What all of them share: the person concerned, and who said so."""

    person: str
    by: str


class PersonAdded(PeopleEvent, frozen=True, kw_only=True):
    """Somebody new, or the same person with other contacts."""

    name: str
    contacts: tuple[ContactPoint, ...] = ()


class ContactVerified(PeopleEvent, frozen=True, kw_only=True):
    """A contact point was proved to be theirs, on another way."""

    channel: str
    via: str


class ContactStopped(PeopleEvent, frozen=True, kw_only=True):
    """The owner of an address wants no more messages over one kind of channel, or wants them again."""

    adapter: str
    address: str
    stopped: bool = True


class ContactDistrusted(PeopleEvent, frozen=True, kw_only=True):
    """Somebody reported that an address may be another's by now: a new SIM card, a ported number, a lost telephone."""

    channel: str
    why: str


class ContactConsented(PeopleEvent, frozen=True, kw_only=True):
    """Its owner agreed to be texted there."""

    channel: str
    how: str


class WayChecked(PeopleEvent, frozen=True, kw_only=True):
    """A communications check tried one channel to somebody; ``reason`` names no address."""

    channel: str
    state: AttemptState
    reason: str = ""


class PersonAway(PeopleEvent, frozen=True, kw_only=True):
    """Somebody is away, or back; ``alternate`` takes their place."""

    away: bool
    alternate: str = ""


class RoleHeld(PeopleEvent, frozen=True, kw_only=True):
    """A role's holders, as they are from now on, for incidents to come. ``person`` is the first of them."""

    role: str
    persons: tuple[str, ...]


AnyPeopleEvent = (
    PersonAdded
    | ContactVerified
    | ContactStopped
    | ContactDistrusted
    | ContactConsented
    | WayChecked
    | PersonAway
    | RoleHeld
)
DECODER: msgspec.json.Decoder[AnyPeopleEvent] = msgspec.json.Decoder(AnyPeopleEvent)


class People(msgspec.Struct, frozen=True):
    """Everybody we know of, and who holds which role."""

    people: Mapping[str, Person]
    roles: Mapping[str, tuple[str, ...]]
    checks: Mapping[tuple[str, str], Check] = {}
    """Person and channel → the last communications check."""


def fold_people(base: People, events: Iterable[tuple[datetime, AnyPeopleEvent]]) -> People:
    """Return people and roles with what was recorded since the home's file was written laid over it."""
    people, roles = dict(base.people), dict(base.roles)
    stops: dict[tuple[str, str], datetime] = {}
    checks: dict[tuple[str, str], Check] = {}
    for at, event in events:
        before = people.get(event.person, Person())
        match event:
            case PersonAdded(name=name, contacts=contacts):
                changed = tuple(msgspec.structs.replace(c, changed_at=at) for c in contacts)
                kept = tuple(c for c in before.contacts if c.channel not in {n.channel for n in changed})
                people[event.person] = msgspec.structs.replace(
                    before, name=name or before.name, contacts=(*kept, *changed)
                )
            case ContactVerified() | ContactDistrusted() | ContactConsented():
                people[event.person] = _marked(before, event.channel, at, _MARKS[type(event)])
            case WayChecked(person=name, channel=channel):
                checks[name, channel] = _checked(checks.get((name, channel)), event, at)
            case ContactStopped(adapter=adapter, address=address, stopped=True):
                stops.setdefault((adapter, address), at)
            case ContactStopped(adapter=adapter, address=address):
                stops.pop((adapter, address), None)
            case PersonAway(away=away, alternate=alternate):
                people[event.person] = msgspec.structs.replace(
                    before, away=away, alternate=alternate or before.alternate
                )
            case RoleHeld(role=role, persons=persons):
                roles[role] = persons
    return People(_with_stops(people, stops), roles, checks)


_MARKS: Mapping[type[PeopleEvent], str] = {
    ContactVerified: "verified_at",
    ContactDistrusted: "risk_at",
    ContactConsented: "consented_at",
}


def _marked(before: Person, channel: str, at: datetime, mark: str) -> Person:
    """Put an instant to the contacts of one channel."""
    contacts = tuple(
        msgspec.structs.replace(one, **{mark: at}) if one.channel == channel else one
        for one in before.contacts
    )
    return msgspec.structs.replace(before, contacts=contacts)


def _checked(before: Check | None, event: WayChecked, at: datetime) -> Check:
    """A failure leaves standing when it last worked."""
    worked = at if event.state == "accepted" else before.succeeded_at if before is not None else None
    return Check(at=at, state=event.state, succeeded_at=worked, reason=event.reason)


def _with_stops(
    people: Mapping[str, Person], stops: Mapping[tuple[str, str], datetime]
) -> Mapping[str, Person]:
    """Put each stop to its address, however often that was recorded since: who said it has to take it back."""
    if not stops:
        return people
    return {
        name: msgspec.structs.replace(
            person, contacts=tuple(_stopped(contact, stops) for contact in person.contacts)
        )
        for name, person in people.items()
    }


def _stopped(contact: ContactPoint, stops: Mapping[tuple[str, str], datetime]) -> ContactPoint:
    mine = {adapter: at for (adapter, address), at in stops.items() if address == contact.address}
    return msgspec.structs.replace(contact, stopped=mine) if mine else contact
