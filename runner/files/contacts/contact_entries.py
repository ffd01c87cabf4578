"""Entries of a contact list, in any form: people with addresses, roles and the position of each word."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from runner.base.instants import is_zone
from runner.base.text import near_hint, text_problem
from runner.errors import Problem
from runner.routing.messaging import ContactPoint

KINDS = ("email", "phone", "handle")
"""Kinds of addresses that several channels use."""
Spot = tuple[int, int]
"""Line and column, from 1."""


def names_of(channels: Iterable[str]) -> tuple[str, ...]:
    """Return all valid channel names of a contact: channels of the home, and kinds of addresses."""
    return tuple(dict.fromkeys((*channels, *KINDS)))


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a list; an empty field does not change the person."""

    person: str
    name: str = ""
    contacts: tuple[ContactPoint, ...] = ()
    zone: str = ""
    alternate: str = ""
    away: bool = False
    spots: Mapping[str, Spot] = {}
    """``person``, ``name``, ``zone``, ``alternate``, or the index of a contact → its position."""

    def spot(self, what: str) -> Spot:
        """Return the position of a field, or of the person."""
        return self.spots.get(what) or self.spots.get("person") or (1, 1)


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A contact list as read."""

    file: str
    entries: tuple[Entry, ...] = ()
    roles: Mapping[str, tuple[str, ...]] = {}
    """Role → its people in the list."""
    role_spots: Mapping[str, Spot] = {}
    says_roles: bool = False
    """Whether it names all roles of each of its people."""
    whole_roles: bool = False
    """Whether ``roles`` names all people of a role, or only those in the list."""
    problems: tuple[Problem, ...] = ()

    def problem(
        self, spot: Spot, message: str, hint: str = "", *, severity: str = "error", code: str = "contact-list"
    ) -> Problem:
        """Return a finding, without personal data."""
        line, column = spot
        return Problem(
            file=self.file,
            line=line,
            column=column,
            severity=severity,
            code=code,
            message=message,
            hint=hint,
        )


def check_entries(listing: Listing, names: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    """Yield the problems of a list, also in combination with the ``known`` people."""
    seen: dict[str, int] = {}
    everybody = {*known, *(entry.person for entry in listing.entries)}
    for entry in listing.entries:
        yield from _named(listing, entry, seen)
        yield from _contacts(listing, entry, names)
        if entry.zone and not is_zone(entry.zone):
            hint = "Write a time zone such as Europe/Berlin."
            yield listing.problem(entry.spot("zone"), "The time zone is not an IANA time zone.", hint)
        if entry.alternate:
            yield from _stranger(listing, entry.spot("alternate"), entry.alternate, everybody)
    for role, persons in listing.roles.items():
        for person in persons:
            yield from _stranger(listing, listing.role_spots.get(role, (1, 1)), person, everybody)


def is_short_name(text: str) -> bool:
    """Return whether a name is valid for ``--as``, in roles and in playbooks."""
    return bool(text) and not any(character.isspace() or character in ":," for character in text)


def _named(listing: Listing, entry: Entry, seen: dict[str, int]) -> Iterator[Problem]:
    line, _ = spot = entry.spot("person")
    if not is_short_name(entry.person):
        text = "The person has no short name of one word."
        yield listing.problem(spot, text, "Write letters, digits and hyphens, such as maria.")
    elif why := text_problem(entry.person):
        yield listing.problem(spot, f"The short name is not valid: {why}.")
    elif entry.person in seen:
        yield listing.problem(spot, f'Person "{entry.person}" is in line {seen[entry.person]} already.')
    seen.setdefault(entry.person, line)
    if why := text_problem(entry.name):
        yield listing.problem(entry.spot("name"), f"The name is not valid: {why}.")


def _contacts(listing: Listing, entry: Entry, names: Collection[str]) -> Iterator[Problem]:
    for index, contact in enumerate(entry.contacts):
        spot = entry.spot(str(index))
        if contact.channel not in names:
            hint = near_hint(contact.channel, names, f"known: {', '.join(names)}")
            yield listing.problem(
                spot, f'Channel "{contact.channel}" does not exist.', hint, severity="warning"
            )
        if not contact.address:
            yield listing.problem(spot, f'The address for channel "{contact.channel}" is empty.')
        elif why := text_problem(contact.address):
            yield listing.problem(spot, f'The address for channel "{contact.channel}" is not valid: {why}.')


def _stranger(listing: Listing, spot: Spot, person: str, everybody: Collection[str]) -> Iterator[Problem]:
    if person not in everybody:
        hint = near_hint(person, everybody, "Add the person to this list.")
        yield listing.problem(spot, f'Person "{person}" is not in the contact list.', hint)
