"""People and roles: the home's file with the contact list of the store applied, and changes to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from runner.actions import Action
from runner.app.core.contact_store import ContactCache, ContactStore, read_book, record, shred
from runner.app.core.rights import refuse_own_role
from runner.base.states import AttemptState
from runner.base.text import nearest, text_problem
from runner.errors import Invalid, NotFound, Refused
from runner.files.contacts.contact_entries import KINDS, is_short_name
from runner.incident.people.account_journal import BREAK_GLASS
from runner.incident.people.contact_journal import (
    ContactConsented,
    ContactDistrusted,
    ContactRemoved,
    ContactStopped,
    ContactVerified,
    People,
    PersonAdded,
    PersonAway,
    RoleHeld,
    WayChecked,
    WayTried,
    fold_people,
)
from runner.routing.message_classes import laid_over
from runner.routing.messaging import BUILT_IN_CLASSES, Channel, ContactPoint
from runner.routing.organisation import Directory, Home, Person
from runner.yamlfile.limited_files import read_file

STATIONERY = 16 * 1024 * 1024
"""Bytes of a letterhead or a logo."""


class Office(ContactCache, Protocol):
    """The part of an opened home that people and roles need."""

    home: Home
    watched: Callable[[], bool]


def read_people(service: Office) -> People:
    """Return the present people and roles."""
    return fold_people(People(service.home.people, service.home.roles), read_book(service.store))


def read_directory(service: Office) -> Directory:
    """Return people, roles and channels; channels are described by their adapters."""
    people = read_people(service)
    channels, broken = read_channels(service.home, service.watched)
    return Directory(
        people=people.people,
        roles=people.roles,
        channels=channels,
        alternates=service.home.alternates,
        escalation=service.home.escalation,
        broken=broken,
        corporate=service.home.corporate,
        classes=laid_over(BUILT_IN_CLASSES, service.home.classes),
        checks=people.checks,
    )


def read_channels(
    home: Home, watched: Callable[[], bool] = lambda: True
) -> tuple[dict[str, Channel], dict[str, str]]:
    """Return the usable channels, and why each of the others is not: one bad channel blocks no other.

    ``watched`` tells whether a person sees the screen of the process that sends.
    """
    from runner.effects.gateway.gateway import Gateway

    gateway = Gateway()
    channels: dict[str, Channel] = {}
    broken: dict[str, str] = {}
    for name, config in home.channels.items():
        try:
            channels[name] = gateway.channel(name, config)
        except Invalid as error:
            broken[name] = error.message
    if any(one.screen for one in channels.values()) and not watched():
        replace = msgspec.structs.replace
        channels = {name: replace(one, unwatched=one.screen) for name, one in channels.items()}
    return channels, broken


def person(service: Office, name: str) -> Person:
    """Return a person by id; raises NotFound with the nearest name."""
    people = read_people(service).people
    if name not in people:
        near = nearest(name, people)
        hint = f"Use {near}" if near else f"Add the person: tocsin person add {name}"
        raise NotFound(f'Person "{name}" is not in the contact list.', hint=hint, code="unknown_person")
    return people[name]


def refuse_reserved(name: str) -> None:
    """Raise Refused for the name of the break-glass account."""
    if name == BREAK_GLASS:
        raise Refused(
            f'The name "{BREAK_GLASS}" is reserved for the break-glass account.',
            hint="Use another person id. To arm the account: tocsin account break-glass arm",
            code="reserved_name",
        )


def add_person(
    service: Office, name: str, title: str, contacts: tuple[ContactPoint, ...], by: str = ""
) -> None:
    """Record a person, or new contacts of a person; ``by`` is the author, if that is not who runs this process.

    Raises Refused for an invalid name, a kind of contact without a channel in the home, or an address that it cannot use.
    """
    if not is_short_name(name) or text_problem(name):
        raise Refused(
            "The person id is not one word of letters, digits and hyphens.",
            hint="Use an id such as maria. Put the full name into --name",
            code="bad_name",
        )
    refuse_reserved(name)
    contacts = tuple(_check(service, contact) for contact in contacts)
    if not (title := title.strip()) and name not in read_people(service).people:
        title = name
    author = by or service.principal.person
    record(service, PersonAdded(person=name, by=author, name=title, contacts=contacts))


def verify_contact(service: Office, name: str, channel: str, via: str) -> None:
    """Record that a contact method was proved over another channel."""
    _has_contact(service, name, channel)
    record(service, ContactVerified(person=name, by=service.principal.person, channel=channel, via=via))


def distrust_contact(service: Office, name: str, channel: str, why: str) -> None:
    """Record that an address may belong to somebody else: it is unverified and carries no approval until it is verified again."""
    _has_contact(service, name, channel)
    record(service, ContactDistrusted(person=name, by=service.principal.person, channel=channel, why=why))


def agree_contact(service: Office, name: str, channel: str, how: str) -> None:
    """Record that the owner consented to text messages."""
    _has_contact(service, name, channel)
    record(service, ContactConsented(person=name, by=service.principal.person, channel=channel, how=how))


def remove_contact(service: Office, name: str, channel: str, why: str, by: str = "") -> None:
    """Record that a contact is no longer used; raises NotFound without it. ``by`` is as in ``add_person``."""
    _has_contact(service, name, channel)
    author = by or service.principal.person
    record(service, ContactRemoved(person=name, by=author, channel=channel, why=why))


def record_try(service: Office, name: str, channel: str, worker: str, books: ContactStore) -> None:
    """Record the start of a channel test of one person, before anything is sent."""
    tried = WayTried(person=name, by=service.principal.person, channel=channel, worker=worker)
    record(service, tried, books=books)


def record_check(
    service: Office, name: str, channel: str, state: AttemptState, reason: str, books: ContactStore
) -> None:
    """Record the result of a channel test of one person."""
    checked = WayChecked(
        person=name, by=service.principal.person, channel=channel, state=state, reason=reason
    )
    record(service, checked, books=books)


def _has_contact(service: Office, name: str, channel: str) -> None:
    owner = person(service, name)
    if channel not in {contact.channel for contact in owner.contacts}:
        known = ", ".join(sorted({contact.channel for contact in owner.contacts})) or "none"
        raise NotFound(
            f'Person "{name}" has no contact "{channel}".',
            hint=f"Use one of: {known}",
            code="unknown_contact",
        )


def stop_contact(
    service: Office, name: str, adapter: str, address: str, how: str, *, stopped: bool = True
) -> bool:
    """Record an opt-out or opt-in of an address for one kind of channel; false if it is recorded already."""
    contacts = person(service, name).contacts
    if any(contact.address == address and (adapter in contact.stopped) is stopped for contact in contacts):
        return False
    event = ContactStopped(
        person=name, by=service.principal.person, adapter=adapter, address=address, stopped=stopped, how=how
    )
    record(service, event)
    return True


def stop_heard(service: Office, name: str, channel: str, how: str, *, stopped: bool) -> bool:
    """Record an opt-out or opt-in that a person heard, for a contact and every channel that uses it."""
    _has_contact(service, name, channel)
    points = [contact for contact in person(service, name).contacts if contact.channel == channel]
    ways = [
        config
        for config in read_channels(service.home)[0].values()
        if channel in (config.id, config.address_kind)
    ]
    adapters = {way.adapter for way in ways}
    done = [
        stop_contact(service, name, adapter, point.address, how, stopped=stopped)
        for point in points
        for adapter in sorted(adapters)
    ]
    return any(done)


class Located(Office, Protocol):
    """The part of an opened home that names failure domains."""

    @property
    def directory(self) -> Directory:
        """Return people and channels."""


def named_domains(service: Located) -> frozenset[str]:
    """Return every failure domain that a channel, a contact, a war room or the login provider names."""
    provider, rooms = service.home.identity.provider, service.home.war_rooms.values()
    logins = () if provider is None else (provider.domain,)
    return service.directory.domains.union(logins, *(room.domains for room in rooms))


USUAL = ("idp", "m365-tenant", "google-tenant", "corp-network", "phone")
"""Failure domains of most organisations: known before a channel names them."""


def known_domains(service: Located) -> frozenset[str]:
    """Return every failure domain to choose from: those on which something depends, those of ``corporate:``, and the usual ones."""
    return named_domains(service).union(service.home.corporate, USUAL)


def domains_meant(service: Located, text: str, more: Collection[str] = ()) -> tuple[str, ...]:
    """Return the failure domains of a name: of a domain, a machine, or a channel; ``more`` are known as well.

    A name on which nothing depends is a domain, too. Raises NotFound for one that is nearly a known name, unless ``=`` stands before it.
    """
    known, channel = {*known_domains(service), *more}, service.directory.channels.get(text)
    domain = service.directory.domain_meant(text.removeprefix("=").strip())
    if channel is not None and domain not in known:
        return tuple(sorted(channel.domains - channel.hosts))
    near = near_domain(service, text, more)
    if domain and not (near or text_problem(domain)):
        return (domain,)
    raise NotFound(
        f'No channel, contact, war room or login depends on "{text}".',
        hint=f'Write "{near}", the nearest name. If you mean exactly this name: "={text}"'
        if near
        else f"Use one of: {', '.join(sorted(known))}",
        code="unknown_domain",
    )


def near_domain(service: Located, text: str, more: Collection[str] = ()) -> str:
    """Return the known domain or channel with nearly this name; empty for a known name, and if no name is near."""
    known = {*known_domains(service), *more, *service.directory.channels}
    exact = text.startswith("=") or service.directory.domain_meant(text) in known
    return "" if exact else nearest(text, known)


def set_away(service: Office, name: str, away: bool, alternate: str) -> None:
    """Record that a person is away or back."""
    person(service, name)
    if alternate:
        person(service, alternate)
        for role, persons in read_people(service).roles.items():
            if name in persons:  # a deputy gets the role in new incidents
                refuse_own_role(service.principal, role, (alternate,), persons)
    record(service, PersonAway(person=name, by=service.principal.person, away=away, alternate=alternate))


def hold_role(service: Office, role: str, persons: tuple[str, ...]) -> None:
    """Record the persons of a role in new incidents."""
    for name in persons:
        person(service, name)
    refuse_own_role(service.principal, role, persons, read_people(service).roles.get(role, ()))
    record(service, RoleHeld(person=persons[0], by=service.principal.person, role=role, persons=persons))


def _check(service: Office, contact: ContactPoint) -> ContactPoint:
    """Return a valid contact, with the failure domains that its address shows."""
    from runner.effects.gateway.gateway import Gateway

    channels, broken = read_channels(service.home)
    if contact.channel in broken:
        raise Refused(broken[contact.channel], hint=Action("home.doctor"), code="broken_channel")
    ways = (*channels, *broken, *KINDS)
    if contact.channel not in ways:
        near = nearest(contact.channel, ways)
        raise Refused(
            f'"{contact.channel}" is not a channel and not a kind of address.',
            hint=f"Use {near}" if near else f"Use one of: {', '.join(ways)}",
            code="unknown_channel",
        )
    if problem := address_problem(channels, contact):
        raise Refused(
            f'The address for "{contact.channel}" is not valid: {problem}.',
            hint="Correct the address.",
            code="bad_address",
        )
    if contact.channel not in channels:
        return contact
    shown = Gateway().address_domains(channels[contact.channel], contact.address)
    return msgspec.structs.replace(contact, domains=contact.domains | shown)


def address_problem(channels: Mapping[str, Channel], contact: ContactPoint) -> str:
    """Return what the first channel of a contact refuses about its address, without repeating it."""
    from runner.effects.gateway.gateway import Gateway

    gateway = Gateway()
    for channel in channels.values():
        if contact.channel in (channel.id, channel.address_kind):
            problem = gateway.address_problem(channel, contact.address)
            if problem:
                return problem
    return ""


def bad_addresses(
    people: Mapping[str, Person], channels: Mapping[str, Channel], names: Collection[str]
) -> Iterator[str]:
    """Yield what is wrong with the addresses of the named people, without the addresses."""
    for name in names:
        for contact in people[name].contacts:
            if contact.address and (why := address_problem(channels, contact)):
                yield f"{name}: the address for {contact.channel} is not valid: {why}"


def forget_person(service: Office, name: str) -> int:
    """Destroy the key of a person's contacts; return how many older entries are under the shared key."""
    person(service, name)
    return shred(service, name)


def as_settings(service: Office) -> bytes:
    """Return all people and roles in the form of ``tocsin.yaml``, unencrypted."""
    import yaml

    people = read_people(service)
    known = msgspec.to_builtins({"people": people.people, "roles": people.roles})
    return yaml.safe_dump(known, allow_unicode=True, sort_keys=True).encode()


def read_stationery(folder: Path, named: str, what: str) -> bytes:
    """Return a file of the home that the settings name; raises NotFound if it cannot be read."""
    try:
        return read_file(folder / named, STATIONERY)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such name"
        raise NotFound(
            f'The {what} "{named}" cannot be read: {why}.',
            hint=f"Correct stationery.{what} in tocsin.yaml. The path is relative to the home folder.",
            code="file_unreadable",
        ) from None
