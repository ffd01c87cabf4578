"""A store that moves to another database: what is copied, how two copies are compared, and what the old one says afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, LiteralString, NamedTuple

import msgspec

from runner.decoding import from_json
from runner.errors import Refused, Sealed, StoreError, StoreTooNew

Select = Callable[[LiteralString, tuple[Any, ...]], list[Any]]
"""Runs one statement in PostgreSQL's form and returns its rows."""
Rows = Iterable[tuple[Any, ...]]
Tables = Iterator[tuple[str, Rows]]
MOVED = "moved"
"""The setting of a store that is not in use: the old one after a move, and the new one until the move is complete."""
COPIES: tuple[tuple[str, LiteralString], ...] = (
    ("events", "SELECT incident, seq, header, salt, payload, hash FROM tocsin.events ORDER BY incident, seq"),
    (
        "incidents",
        """SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac
           FROM tocsin.incidents""",
    ),
    ("keys", "SELECT incident, wrapped FROM tocsin.keys"),
    ("blobs", "SELECT digest, incident, body FROM tocsin.blobs ORDER BY place"),
    ("settings", "SELECT name, value FROM tocsin.settings"),
    ("marks", "SELECT name, body FROM tocsin.marks"),
    (
        "head_log",
        "SELECT place, n, incident, entries, seq, head, recorded, salt, mac FROM tocsin.head_log ORDER BY place",
    ),
    ("checkpoints", "SELECT size, recorded, peaks, note, token FROM tocsin.checkpoints"),
)
"""The tables of a copy, in the order of its columns; a snapshot is computed again."""


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``MOVED``."""

    id: str
    """Of the move; the two databases of a move have the same."""
    to: str = ""
    """The URL of the new database; empty in the new one itself."""

    @property
    def text(self) -> str:
        """The form in which it is kept."""
        return msgspec.json.encode(self).decode()


class Frozen(NamedTuple):
    """A store without writers, inside one transaction."""

    run: Select
    tables: Callable[[], Tables]
    leave: Callable[[Tombstone], None]
    """Makes the database refuse every later write, by any version of this program, from the end of the transaction."""
    only_master: Callable[[bytes], None]
    """Makes the database refuse new keys that are not wrapped under the master key of this id."""


def tombstone(text: str | None) -> Tombstone | None:
    """Return the tombstone of a setting."""
    return None if text is None else from_json(text, Tombstone)


def moved_text(to: str) -> str:
    """Return what an old database answers to a writer."""
    return f"moved: this database was moved to {to} and refuses writing"


def schema_text(schema: int) -> str:
    """Return what an upgraded database answers to a program of an older version."""
    return f"schema {schema}: this database was upgraded by a later version of Tocsin; update Tocsin here"


def refusal(place: str, text: str, ours: int) -> StoreError | None:
    """Return the error of a database that refuses a write with one of these texts; None for another text."""
    if text.startswith("moved: "):
        return moved_away(place, text.removeprefix(moved_text("\0").partition("\0")[0]).partition(" and ")[0])
    if text.startswith("schema "):
        return upgraded(place, text.split()[1].strip(":"), ours)
    if text.startswith("other_master: "):
        return Sealed(
            "The master key was changed while this program ran. Nothing was written.",
            hint="Start the program again.",
            code="other_master",
        )
    return None


def upgraded(place: str, theirs: object, ours: int) -> StoreTooNew:
    """Return the error for a program that had the store open while a later version upgraded it."""
    return StoreTooNew(
        f'Database "{place}" was upgraded to schema {theirs}. This program knows {ours}. Nothing was written.',
        hint="Update Tocsin on this machine, then start this program again.",
    )


def moved_away(place: str, to: str) -> StoreError:
    """Return the error for a database that is not in use any more."""
    return StoreError(
        f'Database "{place}" was moved to {to}. It refuses writing.',
        hint=f"Write in tocsin.yaml: store: {to}",
        code="store_moved",
    )


def refuse_moved(place: str, text: str | None) -> None:
    """Raise StoreError for a database that is not in use."""
    found = tombstone(text)
    if found is not None and found.to:
        raise moved_away(place, found.to)
    if found is not None:
        raise StoreError(
            f'The move into database "{place}" is not complete.',
            hint="With the settings of the old database, run again: tocsin store move URL",
            code="store_unfinished",
        )


def with_mark(tables: Tables, mark: Tombstone) -> Tables:
    """Return the tables of a copy that is not in use until the move is complete."""
    for table, rows in tables:
        yield table, chain(rows, [(MOVED, mark.text)]) if table == "settings" else rows


def sums(tables: Tables) -> dict[str, tuple[int, int]]:
    """Return for each table with rows their number and the sum of their digests, which has no order."""
    found: dict[str, tuple[int, int]] = {}
    for table, values in tables:
        count = total = 0
        for row in values:
            if table == "settings" and row[0] == MOVED:
                continue
            plain = [int(value) if isinstance(value, bool) else value for value in row]
            total += int.from_bytes(hashlib.sha256(msgspec.msgpack.encode(plain)).digest(), "big")
            count += 1
        if count:
            found[table] = (count, total)
    return found


def in_use(who: str) -> Refused:
    """Return the refusal to change a store while others work with it."""
    return Refused(
        f"Other programs use the database: {who}. Nothing was changed.",
        hint="Stop all workers and servers of all machines: tocsin worker stop. Then run the command again.",
        code="store_in_use",
    )
