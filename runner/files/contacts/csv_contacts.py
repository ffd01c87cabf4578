"""Reader of contact lists in CSV, with commas, semicolons or tabs; one row for each person.

``person`` is required; ``name``, ``zone``, ``alternate`` and ``roles`` are optional; every other column is a channel of the home or a kind
of address, and ``CHANNEL.domains`` are the failure domains of that address. Roles and domains are separated by spaces or semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from runner.base.text import clean, near_hint
from runner.errors import Problem, unreadable
from runner.files.contacts.contact_entries import Entry, Listing, Spot
from runner.files.people_lists.list_rows import Row, open_people, separator
from runner.routing.messaging import ContactPoint
from runner.yamlfile.limited_files import read_file
from runner.yamlfile.source import MAX_BYTES

FIXED = ("person", "name", "zone", "alternate", "roles")
_APART = re.compile(r"[\s;]+")
_DOMAINS = ".domains"


def read_csv(path: Path, names: Collection[str]) -> Listing:
    """Return the contents of a list, with a problem for every invalid row; raises Invalid without rows."""
    people = open_people(path)
    try:
        ruler = _Ruler(read_file(path, MAX_BYTES).decode("utf-8-sig", errors="replace"))
    except OSError as error:
        raise unreadable(path, error, "Export fewer people.") from None
    empty = Listing(file=str(path))
    problems = _columns(empty, people.columns, names, ruler)
    if problems:
        return Listing(file=str(path), problems=tuple(problems))
    called = {name.lower(): name for name in names}
    entries: list[Entry] = []
    roles: dict[str, list[str]] = {}
    places: dict[str, Spot] = {}
    for row in people.rows():
        if row.problem:
            problems.append(empty.problem((row.line, 1), row.problem))
            continue
        entry = _entry(row, people.columns, called, ruler)
        entries.append(entry)
        for role in _words(row.cells.get("roles", "")):
            roles.setdefault(role, []).append(entry.person)
            places.setdefault(role, ruler.spot(row.line, people.columns.index("roles")))
    held = {role: tuple(persons) for role, persons in roles.items()}
    return Listing(
        file=str(path),
        entries=tuple(entries),
        roles=held,
        role_spots=places,
        says_roles="roles" in people.columns,
        problems=tuple(problems),
    )


def _columns(empty: Listing, columns: Sequence[str], names: Collection[str], ruler: _Ruler) -> list[Problem]:
    """Return the problems of the first line, without its text: in a file without column names it is a person."""
    possible = [*FIXED, *(name.lower() for name in names)]
    problems = [
        empty.problem(
            ruler.spot(1, index),
            "The column is unknown.",
            near_hint(column, possible, f"columns: {', '.join(possible)}"),
        )
        for index, column in enumerate(columns)
        if column.removesuffix(_DOMAINS) not in possible
    ]
    if "person" not in columns:
        problems.append(
            empty.problem(
                (1, 1), 'Column "person" is missing.', "Add a column `person` with the short names."
            )
        )
    return problems


def _entry(row: Row, columns: Sequence[str], called: Mapping[str, str], ruler: _Ruler) -> Entry:
    contacts: list[ContactPoint] = []
    spots = {name: ruler.spot(row.line, columns.index(name)) for name in FIXED if name in columns}
    for index, column in enumerate(columns):
        address = clean(row.cells[column])
        if column in called and column not in FIXED and address:
            spots[str(len(contacts))] = ruler.spot(row.line, index)
            domains = frozenset(_words(row.cells.get(f"{column}{_DOMAINS}", "")))
            contacts.append(ContactPoint(channel=called[column], address=address, domains=domains))
    return Entry(
        person=clean(row.cells["person"]),
        name=clean(row.cells.get("name", "")),
        zone=clean(row.cells.get("zone", "")),
        alternate=clean(row.cells.get("alternate", "")),
        contacts=tuple(contacts),
        spots=spots,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _APART.split(text.strip()) if word)


class _Ruler:
    """Finds the column at which a cell begins, in rows of one line."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._separator = separator(self._lines[0] if self._lines else "")

    def spot(self, line: int, cell: int) -> Spot:
        """Return line and column of a cell, counted from 0; column 1 if the row has several lines."""
        quoted = False
        passed = 0
        for column, character in enumerate(self._lines[line - 1] if line <= len(self._lines) else "", 1):
            if passed == cell:
                return line, column
            quoted ^= character == '"'
            passed += character == self._separator and not quoted
        return line, 1
