"""Import of a contact list into the store: the changes are computed and shown before they are written.

A contact whose address does not change keeps its data: its date, its verification, its opt-out. A new address starts without them,
so that the rules on changed contacts (R7) apply to a list as to a command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.contact_store import read_book, record
from runner.app.core.directory import (
    address_problem,
    bad_addresses,
    read_channels,
    read_people,
    refuse_reserved,
)
from runner.errors import Invalid, Problem, Stale
from runner.files.contacts.contact_entries import Entry, Listing, check_entries, names_of
from runner.files.contacts.contact_list import read_list
from runner.incident.people.contact_journal import AnyPeopleEvent, People, PersonFiled, RoleHeld, fold_people
from runner.routing.messaging import Channel, ContactPoint
from runner.routing.organisation import Person
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Change = Literal["new", "changed", "moved", "unchanged"]
"""``moved``: was in ``tocsin.yaml``, from now on in the store."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one person."""

    person: str
    change: Change
    card: Person
    gained: tuple[ContactPoint, ...] = ()
    lost: tuple[ContactPoint, ...] = ()


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an import would write; ``missing`` are recorded people whom the list does not name."""

    known: People
    """The people that the list was compared with."""
    people: tuple[Changed, ...]
    roles: Mapping[str, tuple[str, ...]] = {}
    missing: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def changes(self) -> tuple[Changed, ...]:
        """Return the people with changes to write."""
        return tuple(person for person in self.people if person.change != "unchanged")

    @property
    def any(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.changes or self.roles)


def planned(service: IncidentService, path: Path) -> Import:
    """Return the changes of a list; raises Invalid with every problem of the file."""
    channels, _ = read_channels(service.home)
    listing = read_list(path, names_of(service.home.channels))
    known, kept = read_people(service), _kept(service)
    problems = [
        *listing.problems,
        *check_entries(listing, names_of(service.home.channels), known.people),
        *_addresses(listing, channels),
        *_untrusted(path),
    ]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        words = f"{path} has {len(errors)} problem{'s' if len(errors) > 1 else ''}; nothing was written"
        raise Invalid(words, code="contact-list", problems=sorted(problems, key=lambda p: (p.line, p.column)))
    for entry in listing.entries:
        refuse_reserved(entry.person)
    now = service.clock.now()
    people = tuple(_changed(entry, known, kept, now) for entry in listing.entries)
    listed = {person.person for person in people}
    return Import(
        known=known,
        people=people,
        roles={
            role: held for role, held in _roles(listing, known.roles) if held != known.roles.get(role, ())
        },
        missing=tuple(name for name in sorted(known.people) if name not in listed),
        warnings=tuple(problems),
    )


def moved(service: IncidentService) -> Import:
    """Return the changes of moving the people of ``tocsin.yaml`` into the store: each in the present state."""
    known, kept = read_people(service), _kept(service)
    # a file does not restore an erased person
    moving = [name for name in service.home.people if name in known.people]
    if bad := list(bad_addresses(known.people, read_channels(service.home)[0], moving)):
        config = service.folder / CONFIG
        problems = [Problem(file=str(config), code="contact-list", message=why) for why in bad]
        words = f"{config} has addresses that are not valid; nothing was written"
        raise Invalid(words, code="contact-list", problems=problems)
    return Import(
        known=known,
        people=tuple(
            Changed(
                person=name,
                change="unchanged" if kept.get(name) == known.people[name] else "moved",
                card=known.people[name],
            )
            for name in moving
        ),
    )


def carry_out(service: IncidentService, plan: Import) -> None:
    """Write the shown changes; raises Stale if somebody else changed the same people or a role meanwhile."""
    known, by = read_people(service), service.principal.person
    if known.roles != plan.known.roles or any(
        known.people.get(change.person) != plan.known.people.get(change.person) for change in plan.changes
    ):
        raise Stale(
            "The contact list changed after you read the changes. Nothing was saved.",
            hint="Run the command again.",
        )
    events: list[AnyPeopleEvent] = [
        PersonFiled(person=change.person, by=by, card=change.card) for change in plan.changes
    ]
    events += [
        RoleHeld(person=next(iter(held), ""), by=by, role=role, persons=held)
        for role, held in plan.roles.items()
    ]
    record(service, *events)


def _kept(service: IncidentService) -> Mapping[str, Person]:
    """Return people as the store alone has them."""
    return fold_people(People({}, {}), read_book(service.store)).people


def _addresses(listing: Listing, channels: Mapping[str, Channel]) -> Iterator[Problem]:
    for entry in listing.entries:
        for index, contact in enumerate(entry.contacts):
            if contact.address and (why := address_problem(channels, contact)):
                text = f"the address for {contact.channel} is not valid: {why}"
                yield listing.problem(entry.spot(str(index)), text)


def _untrusted(path: Path) -> Iterator[Problem]:
    if path.suffix.lower() in (".yaml", ".yml"):
        from runner.files.contacts.contact_list import trusting

        yield from trusting(path)


def _changed(entry: Entry, known: People, kept: Mapping[str, Person], now: datetime) -> Changed:
    before = known.people.get(entry.person)
    card = _card(entry, before or Person(), now)
    if before is None:
        change: Change = "new"
    elif card != before:
        change = "changed"
    else:
        change = "unchanged" if kept.get(entry.person) == before else "moved"
    old = before.contacts if before is not None else ()
    return Changed(
        person=entry.person,
        change=change,
        card=card,
        gained=tuple(contact for contact in card.contacts if not _same(contact, old)),
        lost=tuple(contact for contact in old if not _same(contact, card.contacts)),
    )


def _card(entry: Entry, before: Person, now: datetime) -> Person:
    return Person(
        name=entry.name or before.name or entry.person,
        contacts=tuple(_contact(contact, before.contacts, now) for contact in entry.contacts),
        away=entry.away or before.away,
        alternate=entry.alternate or before.alternate,
        zone=entry.zone or before.zone,
    )


def _contact(listed: ContactPoint, before: Collection[ContactPoint], now: datetime) -> ContactPoint:
    point = _same(listed, before)
    if point is None:
        return msgspec.structs.replace(listed, changed_at=now)
    return msgspec.structs.replace(
        point,
        domains=listed.domains or point.domains,
        stopped={**listed.stopped, **point.stopped},
        risk_at=max((at for at in (listed.risk_at, point.risk_at) if at is not None), default=None),
    )


def _same(listed: ContactPoint, among: Collection[ContactPoint]) -> ContactPoint | None:
    return next(
        (point for point in among if (point.channel, point.address) == (listed.channel, listed.address)),
        None,
    )


def _roles(listing: Listing, known: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the persons of each role afterwards: people whom the list does not name keep their roles."""
    if listing.whole_roles:
        yield from listing.roles.items()
        return
    named = {entry.person for entry in listing.entries} if listing.says_roles else set[str]()
    for role in dict.fromkeys((*known, *listing.roles)):
        listed = listing.roles.get(role, ())
        before = known.get(role, ())
        stay = tuple(person for person in before if person not in named or person in listed)
        yield role, (*stay, *(role for role in listed if role not in before))
