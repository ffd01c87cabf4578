"""Journal of contacts between incidents: the contact list, encrypted as personal data.

Each person has a separate journal with a separate key, so that an erasure destroys only that key. The organisation's journal
has the roles of persons, and the erasures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from runner.base.states import AttemptState
from runner.decoding import json_reader
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Check, Person

STREAM = "organisation"
"""The journal's name, and the kind of every journal that is not an incident."""


BOOK = "person"
"""The state of the rows of people's own journals; each row's title is the person, encrypted with the rest."""


class PeopleEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """The fields that all share: the person concerned, and the author."""

    person: str
    by: str


class PersonAdded(PeopleEvent, frozen=True, kw_only=True):
    """A new person, or a person with other contacts."""

    name: str
    contacts: tuple[ContactPoint, ...] = ()


class PersonFiled(PeopleEvent, frozen=True, kw_only=True):
    """A person as a list has them, complete: a contact that is not in the list is removed. Contacts have their marks."""

    card: Person


class PersonForgotten(PeopleEvent, frozen=True, kw_only=True):
    """The personal data of a person were erased: no earlier record is used, and the person has no role."""

    journals: tuple[str, ...] | None = None
    """The journals whose keys are destroyed; None in older records."""


class ContactVerified(PeopleEvent, frozen=True, kw_only=True):
    """A contact method was proved to be the person's, over another channel."""

    channel: str
    via: str


class ContactRemoved(PeopleEvent, frozen=True, kw_only=True):
    """The contact of a channel was removed: turned off, ended by its provider, or wrong."""

    channel: str
    why: str


class ContactStopped(PeopleEvent, frozen=True, kw_only=True):
    """The owner of an address opted out of one kind of channel, or opted in again."""

    adapter: str
    address: str
    stopped: bool = True
    how: str = ""
    """How the opt-out was received."""


class ContactDistrusted(PeopleEvent, frozen=True, kw_only=True):
    """A person reported that an address can belong to somebody else: a new SIM card, a ported number, a lost phone."""

    channel: str
    why: str


class ContactConsented(PeopleEvent, frozen=True, kw_only=True):
    """Its owner consented to text messages."""

    channel: str
    how: str


class WayTried(PeopleEvent, frozen=True, kw_only=True):
    """A channel test is about to try one channel to a person: the intent, recorded before anything is sent."""

    channel: str
    worker: str


class WayChecked(PeopleEvent, frozen=True, kw_only=True):
    """Result of a channel test of one person; ``reason`` contains no address."""

    channel: str
    state: AttemptState
    reason: str = ""


class PersonAway(PeopleEvent, frozen=True, kw_only=True):
    """A person is away, or back; ``alternate`` is the deputy."""

    away: bool
    alternate: str = ""


class RoleHeld(PeopleEvent, frozen=True, kw_only=True):
    """The persons of a role from now on, for new incidents. ``person`` is the first of them."""

    role: str
    persons: tuple[str, ...]


CardEvent = (
    PersonAdded
    | PersonFiled
    | ContactVerified
    | ContactDistrusted
    | ContactConsented
    | ContactRemoved
    | PersonAway
)
"""The events that change the data of one person."""


AnyPeopleEvent = CardEvent | PersonForgotten | ContactStopped | WayTried | WayChecked | RoleHeld


READER: Callable[[bytes], AnyPeopleEvent] = json_reader(AnyPeopleEvent)


class People(msgspec.Struct, frozen=True):
    """All known persons, and the persons of each role."""

    people: Mapping[str, Person]
    roles: Mapping[str, tuple[str, ...]]
    checks: Mapping[tuple[str, str], Check] = {}
    """Person and channel → the last channel test."""


def fold_people(base: People, events: Iterable[tuple[datetime, AnyPeopleEvent]]) -> People:
    """Return people and roles of the settings with the later records applied."""
    people, roles = dict(base.people), dict(base.roles)
    stops: dict[tuple[str, str], tuple[datetime, str]] = {}
    again: dict[tuple[str, str], datetime] = {}
    checks: dict[tuple[str, str], Check] = {}
    for at, event in events:
        match event:
            case PersonForgotten(person=name):
                people.pop(name, None)
                roles = {
                    role: tuple(person for person in held if person != name) for role, held in roles.items()
                }
            case RoleHeld(role=role, persons=persons):
                roles[role] = persons
            case WayTried() | WayChecked():
                way = (event.person, event.channel)
                checks[way] = _checked(checks.get(way), event, at)
            case ContactStopped(adapter=adapter, address=address, stopped=True, how=how):
                stops.setdefault((adapter, address), (at, how))
            case ContactStopped(adapter=adapter, address=address):
                stops.pop((adapter, address), None)
                again[adapter, address] = at
            case _:
                people[event.person] = _card(people.get(event.person, Person()), event, at)
    stopped = {name: _with_stops(person, stops, again) for name, person in people.items()}
    return People(stopped, roles, checks)


def _card(before: Person, event: CardEvent, at: datetime) -> Person:
    """Return the data of one person after an event."""
    match event:
        case PersonAdded(name=name, contacts=contacts):
            changed = tuple(msgspec.structs.replace(c, changed_at=at) for c in contacts)
            others = tuple(c for c in before.contacts if c.channel not in {n.channel for n in changed})
            return msgspec.structs.replace(before, name=name or before.name, contacts=(*others, *changed))
        case PersonFiled(card=card):
            return card
        case ContactRemoved(channel=channel):
            kept = tuple(contact for contact in before.contacts if contact.channel != channel)
            return msgspec.structs.replace(before, contacts=kept)
        case ContactVerified() | ContactDistrusted() | ContactConsented():
            return _marked(before, event.channel, at, _MARKS[type(event)])
        case PersonAway(away=away, alternate=alternate):
            return msgspec.structs.replace(before, away=away, alternate=alternate or before.alternate)


_MARKS: Mapping[type[PeopleEvent], str] = {
    ContactVerified: "verified_at",
    ContactDistrusted: "risk_at",
    ContactConsented: "consented_at",
}


def _marked(before: Person, channel: str, at: datetime, mark: str) -> Person:
    """Add a time to the contacts of one channel."""
    contacts = tuple(
        msgspec.structs.replace(contact, **{mark: at}) if contact.channel == channel else contact
        for contact in before.contacts
    )
    return msgspec.structs.replace(before, contacts=contacts)


def _checked(before: Check | None, event: WayTried | WayChecked, at: datetime) -> Check:
    """Return the channel test after an event; a try or a failure does not change when the channel last worked."""
    worked = before.succeeded_at if before is not None else None
    match event:
        case WayTried(worker=worker):
            return Check(at=at, state="sending", succeeded_at=worked, worker=worker)
        case WayChecked(state=state, reason=reason):
            return Check(
                at=at, state=state, succeeded_at=at if state == "accepted" else worked, reason=reason
            )


def _with_stops(
    person: Person,
    stops: Mapping[tuple[str, str], tuple[datetime, str]],
    again: Mapping[tuple[str, str], datetime],
) -> Person:
    """Add each opt-out to its address, however often that was recorded since: only the same source can revoke it."""
    contacts = tuple(_stopped(contact, stops, again) for contact in person.contacts)
    return person if contacts == person.contacts else msgspec.structs.replace(person, contacts=contacts)


def _stopped(
    contact: ContactPoint,
    stops: Mapping[tuple[str, str], tuple[datetime, str]],
    again: Mapping[tuple[str, str], datetime],
) -> ContactPoint:
    mine = {adapter: stop for (adapter, address), stop in stops.items() if address == contact.address}
    written = {
        adapter: at
        for adapter, at in contact.stopped.items()
        if at > again.get((adapter, contact.address), at - timedelta.resolution)
    }
    if not mine and not contact.stopped:
        return contact
    since = {adapter: at for adapter, (at, _) in mine.items()} | written
    heard = {adapter: how for adapter, (_, how) in mine.items() if how and adapter not in written}
    return msgspec.structs.replace(contact, stopped=since, stop_heard=heard)


JOURNAL = "retention"
"""The journal's name; it is not an incident."""


class IncidentShredded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """The key of an incident's personal data was destroyed here: only an older copy of the database can still have it."""

    incident: str
    codename: str
    by: str
    reason: str
    finished: bool = False
    """False: ordered. True: done, recorded after the order."""


class LegalHoldPlaced(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """The data of an incident must be kept: for a litigation or an investigation, or as somebody decided."""

    incident: str
    codename: str
    by: str
    reason: str
    until: date | None = None
    """The day on which the hold ends by itself; None: somebody releases it."""


class LegalHoldReleased(LegalHoldPlaced, frozen=True, kw_only=True, tag_field="type", tag=True):
    """The legal hold of an incident ended."""


RetentionEvent = IncidentShredded | LegalHoldPlaced | LegalHoldReleased
RETENTION_READER: Callable[[bytes], RetentionEvent] = json_reader(RetentionEvent)


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold; ``until``, ``ended_by`` and ``end_reason`` are empty until it is over."""

    since: datetime
    by: str
    reason: str
    ends: date | None = None
    until: datetime | None = None
    ended_by: str = ""
    """Empty for a hold that ended by itself."""
    end_reason: str = ""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The erasure of an incident's data; ``entry`` is its number in the journal."""

    entry: int
    at: datetime
    by: str
    codename: str
    reason: str
    ended: datetime | None = None
    """When the key was destroyed; None if that is not recorded."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The erased incidents and the legal holds."""

    shredded: Mapping[str, Erasure] = {}
    holds: Mapping[str, Hold] = {}
    ended_holds: tuple[tuple[str, Hold], ...] = ()
    """Each with its incident; those that ended by themselves are the last."""
    version: int = 0


def fold_retention(events: Iterable[tuple[int, datetime, RetentionEvent]], today: date) -> Kept:
    """Return the erased data and the legal holds of the journal."""
    erased: dict[str, Erasure] = {}
    holds: dict[str, Hold] = {}
    ended: list[tuple[str, Hold]] = []
    version = 0
    for version, at, event in events:
        name, by, reason = event.incident, event.by, event.reason
        match event:
            case IncidentShredded(finished=True) if name in erased:
                erased[name] = replace(erased[name], ended=at)
            case IncidentShredded():
                erased[name] = Erasure(entry=version, at=at, by=by, codename=event.codename, reason=reason)
            case LegalHoldReleased():
                if (held := holds.pop(name, None)) is not None:
                    ended.append((name, replace(held, until=at, ended_by=by, end_reason=reason)))
            case LegalHoldPlaced():
                if name in holds:  # it ended by itself before this one
                    ended.append((name, holds[name]))
                holds[name] = Hold(since=at, by=by, reason=reason, ends=event.until)
    for name, held in list(holds.items()):
        if held.ends is not None and held.ends <= today:
            ended.append((name, holds.pop(name)))
    return Kept(shredded=erased, holds=holds, ended_holds=tuple(ended), version=version)
