"""Reader of contact lists in the form of ``tocsin.yaml``: its ``people`` and ``roles``.

Properties that would allow more (verified, consent, long unchanged) are never read from a file: a person who edits a list
proves nothing. Properties that allow less (an opt-out, a risk) are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from runner.base.text import sentence
from runner.decoding import convert
from runner.errors import Problem, Usage, no_file
from runner.files.contacts.contact_entries import Entry, Listing
from runner.routing.organisation import Person
from runner.yamlfile.positions import place_of
from runner.yamlfile.source import Source, load

TRUSTING = ("verified_at", "consented_at", "changed_at")


def read_yaml(path: Path) -> Listing:
    """Return the people and roles of a file; raises Invalid if it is not YAML."""
    source = load(path, code="contact-list", data=True)
    data: Any = source.data if isinstance(source.data, dict) else {}
    problems: list[Problem] = []
    if not isinstance(data.get("people"), dict):
        problems.append(
            source.problem((), "contact-list", "The file has no people.", hint="Add people: {maria: …}.")
        )
    people: dict[str, Person] = _read(source, data, "people", Person, problems)
    roles: dict[str, tuple[str, ...]] = _read(source, data, "roles", tuple[str, ...], problems)
    return Listing(
        file=source.file,
        entries=tuple(_entry(source, name, person) for name, person in people.items()),
        roles=roles,
        role_spots={role: source.position(("roles", role)) for role in roles},
        whole_roles=True,
        problems=tuple(problems),
    )


def _read(source: Source, data: Any, key: str, kind: Any, problems: list[Problem]) -> dict[str, Any]:
    """Return the valid values under a key, by name."""
    entries: dict[str, Any] = {}
    table = data.get(key)
    for name, value in table.items() if isinstance(table, dict) else ():
        try:
            entries[name] = convert(value, kind)
        except msgspec.ValidationError as error:
            where, why = place_of(str(error))
            problems.append(source.problem((key, name, *where), "contact-list", sentence(why)))
    return entries


def _entry(source: Source, name: str, person: Person) -> Entry:
    where = ("people", name)
    spots = {part: source.position((*where, part)) for part in ("name", "zone", "alternate")}
    spots |= {
        str(index): source.position((*where, "contacts", index)) for index in range(len(person.contacts))
    }
    return Entry(
        person=name,
        name=person.name,
        contacts=tuple(
            msgspec.structs.replace(contact, **dict.fromkeys(TRUSTING)) for contact in person.contacts
        ),
        zone=person.zone,
        alternate=person.alternate,
        away=person.away,
        spots={"person": source.position(where, key=True), **spots},
    )


def trusting(path: Path) -> Iterator[Problem]:
    """Yield a warning for each property of a file that is ignored because it proves nothing."""
    source = load(path, code="contact-list", data=True)
    people = source.data.get("people") if isinstance(source.data, dict) else None
    for name, person in people.items() if isinstance(people, dict) else ():
        for index, contact in enumerate(person.get("contacts") or () if isinstance(person, dict) else ()):
            for word in TRUSTING if isinstance(contact, dict) else ():
                if word in contact:
                    where = ("people", name, "contacts", index, word)
                    yield source.problem(
                        where,
                        "contact-list",
                        f'The key "{word}" of a file is not imported.',
                        hint="Record the verification and the consent of each person again.",
                        severity="warning",
                        key=True,
                    )


ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".vcf": "vcard",
    ".vcard": "vcard",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def read_list(path: Path, names: Collection[str]) -> Listing:
    """Return the contents of a list; raises NotFound, Usage for another file ending, or Invalid if it cannot be read."""
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise Usage(
            f'File "{path}" does not end in {" or ".join(ENDINGS)}.',
            hint="Export the file as CSV or vCard.",
            code="unknown_ending",
        )
    if not path.is_file():
        raise no_file(path)
    match form:
        case "csv":
            from runner.files.contacts.csv_contacts import read_csv

            return read_csv(path, names)
        case "vcard":
            from runner.files.contacts.vcard_contacts import read_vcards

            return read_vcards(path)
        case _:
            return read_yaml(path)
