"""Import of a list into the store: rows in the order of the list, search keys in sorted order.

References and addresses stand as keyed digests, which come in no order at all. An index over them that grows with every row would
have each commit write to pages all over the file, and the more the longer the list. So they are kept in a file of their own while
the list is read, which nobody else sees and which is gone with the process, and go into the store at the end, sorted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import msgspec

from runner.store.campaigns import schema as sql
from runner.store.campaigns.rows import Connection, NewOwed
from runner.vault.keys import DataKey

_KEYS_AT_ONCE = 20_000
"""What people are found by, in one commit."""
_ASKED = 500
_ASIDE = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE taken (key BLOB PRIMARY KEY, n INTEGER, person BLOB) WITHOUT ROWID",
    "CREATE TABLE named (key BLOB, n INTEGER)",
    "BEGIN",
)
_TAKE = "INSERT INTO taken VALUES (?, ?, ?)"
_NAME = "INSERT INTO named VALUES (?, ?)"
_TAKEN = "SELECT key, person FROM taken WHERE key IN ({keys})"
_SORTED = "SELECT key, n FROM (SELECT key, n FROM taken UNION ALL SELECT key, n FROM named) ORDER BY key"


class Intake:
    """One list that is being taken in. Its campaign is whole once ``finish`` has returned."""

    def __init__(self, door: Connection, campaign: str, key: DataKey) -> None:
        """Take the store's door, the campaign's name and the key of its incident."""
        self._door, self._campaign, self._key = door, campaign, key
        self._aside = sqlite3.connect("", isolation_level=None)
        for statement in _ASIDE:
            self._aside.execute(statement)

    def add(self, people: Sequence[NewOwed]) -> None:
        """Take in some people of the list, in one commit."""
        owed, contacts, named, taken = [], [], [], []
        campaign, seal, encode = self._campaign, self._key.seal, msgspec.msgpack.encode
        for person in people:
            way = person.ways[0] if person.ways else ""
            owed.append(
                (
                    *(
                        campaign,
                        person.n,
                        person.group,
                        person.state,
                        " ".join(person.ways),
                        way,
                        "none",
                        person.why,
                    ),
                    *(person.reference, person.person, person.address, person.domain),
                )
            )
            contacts.append(
                (campaign, person.n, seal(encode(person.contact), contact_context(campaign, person.n)))
            )
            named.append((person.reference, person.n))
            if person.address:
                taken.append((person.address, person.n, person.person))
        with self._door.writing() as run:
            run.executemany(sql.INSERT_OWED, owed)
            run.executemany(sql.INSERT_CONTACT, contacts)
        self._aside.executemany(_NAME, named)
        self._aside.executemany(_TAKE, sorted(taken))

    def taken(self, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return which of these addresses somebody of the list has already, and whose each is."""
        wanted = sorted(addresses)
        found: dict[bytes, bytes] = {}
        for start in range(0, len(wanted), _ASKED):
            page = wanted[start : start + _ASKED]
            found.update(self._aside.execute(_TAKEN.format(keys=", ".join("?" * len(page))), page))
        return found

    def finish(self) -> None:
        """Have everybody found again by reference and address."""
        found = self._aside.execute(_SORTED)
        while page := found.fetchmany(_KEYS_AT_ONCE):
            with self._door.writing() as run:
                run.executemany(sql.INSERT_KEY, [(self._campaign, key, n) for key, n in page])

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self._aside.close()


def contact_context(campaign: str, n: int) -> bytes:
    """Return what a sealed person is bound to: nobody's row opens in the place of another's."""
    return b"tocsin/bulk-contact/v1\0%b\0%d" % (campaign.encode(), n)
