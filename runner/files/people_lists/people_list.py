"""Check of a list of people row by row before letters are made; every invalid row is named."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from runner.base.jurisdictions import place_problem
from runner.base.text import clean, text_problem
from runner.errors import Invalid, Problem
from runner.files.people_lists.list_rows import People, Row
from runner.files.people_lists.person_contacts import NO, YES, same_person
from runner.incident.notices.letters import VARIANTS, Person

REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,62}[A-Za-z0-9]|[A-Za-z0-9]")
"""Valid file names: letters, digits, and single dots, hyphens or underscores between them."""
LANGUAGE = re.compile(r"[a-z]{2}", re.ASCII)
MAX_NAME, MAX_ADDRESS, MAX_LINES = 120, 400, 8
_ADDRESS = re.compile(r"address[ _]?\d*")

Placed = Callable[[Person], str]
"""Returns why there is no letter for a person's place and population, or nothing."""


class Checked(NamedTuple):
    """One row of the list: a person, or the problem."""

    row: Row
    person: Person | None
    problems: tuple[str, ...]
    twin: int = 0
    """The line of an earlier row with the same name and address; 0 without one."""


def check_columns(people: People, wanted: Sequence[str], *, postal: bool = True) -> None:
    """Raise Invalid with one problem for each missing column."""
    missing = [
        name
        for name in ("reference", "name", *(["address"] if postal else []), *wanted)
        if name not in people.columns and not (name == "address" and _address_columns(people.columns))
    ]
    if missing:
        has = ", ".join(people.columns) or "none"
        problems = [
            _problem(people.path, 1, f'Column "{name}" is missing.', f"Rename a column. The file has: {has}.")
            for name in missing
        ]
        raise Invalid(
            f'File "{people.path}" has {len(missing)} missing columns.', code="people", problems=problems
        )


def checked(people: People, population: str, placed: Placed, *, postal: bool = True) -> Iterator[Checked]:
    """Read the whole list and check every row; references are compared on disk, so that memory does not grow.

    ``population`` is the default for rows without one. Without ``postal`` an address is optional.
    """
    addresses = _address_columns(people.columns)
    coded = "code" in people.columns
    with closing(sqlite3.connect("")) as seen:
        for mode in ("journal_mode = OFF", "synchronous = OFF"):
            seen.execute(f"PRAGMA {mode}")  # it is deleted with the process
        seen.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        for row in people.rows():
            if row.problem:
                yield Checked(row, None, (row.problem,))
                continue
            person = _person(row, addresses, population)
            problems = tuple(_problems(person, row, postal=postal, coded=coded))
            if not problems:
                problems = tuple(filter(None, (placed(person), *_repeated(seen, person, row.line))))
            twin = 0 if problems or not postal else _seen_before(seen, _twin(person), row.line)
            yield Checked(row, None if problems else person, problems, twin)


def as_problem(path: Path, found: Checked) -> Problem:
    """Return an invalid row in readable form, without personal data."""
    return _problem(path, found.row.line, "; ".join(found.problems))


def _problem(path: Path, line: int, message: str, hint: str = "") -> Problem:
    return Problem(
        file=str(path), line=line, column=1, severity="error", code="people", message=message, hint=hint
    )


def _address_columns(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if _ADDRESS.fullmatch(name))


def _person(row: Row, addresses: Sequence[str], population: str) -> Person:
    lines = (line.strip() for name in addresses for line in clean(row.cells[name]).splitlines())
    named = row.cells.get("variant", "").strip().lower()
    dead = row.cells.get("deceased", "").strip().lower() in YES
    return Person(
        reference=row.cells["reference"].strip(),
        name=clean(row.cells["name"]),
        address="\n".join(line for line in lines if line),
        jurisdiction=row.cells.get("jurisdiction", "").strip().upper(),
        population=row.cells.get("population", "").strip() or population,
        variant=next((one for one in VARIANTS if one == named), "") or ("deceased" if dead else ""),
        salutation=clean(row.cells.get("salutation", "")),
        code=row.cells.get("code", "").strip(),
        language=row.cells.get("language", "").strip().lower().partition("-")[0],
    )


def _problems(person: Person, row: Row, *, postal: bool, coded: bool) -> Iterator[str]:
    if not REFERENCE.fullmatch(person.reference):
        yield "the reference must be letters and digits, with single . - _ between them, at most 64"
    yield from _text("name", person.name, MAX_NAME)
    if postal or person.address:
        yield from _text("address", person.address, MAX_ADDRESS, many_lines=True)
    if person.address.count("\n") >= MAX_LINES:
        yield f"the address has more than {MAX_LINES} lines"
    for what, text, needed in (("salutation", person.salutation, False), ("code", person.code, coded)):
        if text or needed:
            yield from _text(what, text, MAX_NAME)
    if row.cells.get("variant", "").strip().lower() not in ("adult", *VARIANTS):
        yield "the variant must be adult, minor or deceased"
    dead = row.cells.get("deceased", "").strip().lower()
    if dead not in YES | NO or (dead in YES and person.variant != "deceased"):
        yield "the answer in deceased must be yes or no, and yes needs the variant deceased"
    if person.language and not LANGUAGE.fullmatch(person.language):
        yield "the language must be a code of two letters, such as de"
    if person.jurisdiction and (why := place_problem(person.jurisdiction)):
        yield f"the jurisdiction: {why}"


def _text(what: str, text: str, most: int, *, many_lines: bool = False) -> Iterator[str]:
    if not text:
        yield f"the {what} is empty"
    elif len(text) > most:
        yield f"the {what} has {len(text)} characters; a letter has space for {most}"
    elif why := text_problem(text, many_lines=many_lines):
        yield f"its {what}: {why}"


def _twin(person: Person) -> str:
    return f"twin {same_person(person, ' '.join(person.address.casefold().split()))}"


def _repeated(seen: sqlite3.Connection, person: Person, line: int) -> Iterator[str]:
    for what, value in (("reference", person.reference.lower()), ("code", person.code)):
        if value and (first := _seen_before(seen, f"{what} {value}", line)):
            yield f"the {what} is used in line {first} already"


def _seen_before(seen: sqlite3.Connection, value: str, line: int) -> int:
    """Return the line that had a value first, 0 if none did; only digests are compared."""
    key = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    if seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
        return 0
    return int(seen.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()[0])
