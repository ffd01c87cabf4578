"""Rows of the campaign tables, and the store interface that they need."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from operator import attrgetter
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import msgspec

from runner.decoding import from_json
from runner.incident.campaigns.campaign import (
    Campaign,
    CampaignState,
    Claimed,
    Counters,
    NewOwed,
    Owed,
    Way,
)
from runner.store.campaigns import schema as sql
from runner.vault.keys import DataKey

KeptState = CampaignState | Literal["partial"]
"""``partial``: its list is being read or deleted, or was when the process died; it is not shown."""


class Run(Protocol):
    """A transaction in which statements are executed."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Execute one statement and return a cursor."""

    def executemany(self, statement: str, values: Iterable[Sequence[Any]]) -> Any:
        """Execute one statement for each row."""


class Connection(Protocol):
    """Functions of a store for its campaign tables."""

    def writing(self, *, waits: bool = True) -> AbstractContextManager[Run]:
        """Return a transaction that commits at its end, or has no effect.

        A transaction that does not wait for the disk is durable with the next one that does.
        """

    def reading(self) -> AbstractContextManager[Run]:
        """Return a reader."""

    def key(self, incident: str) -> DataKey:
        """Return an incident's data key, made at the first call; raises Sealed once shredded."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as stored."""

    campaign: Campaign
    state: CampaignState
    counters: Counters
    tag: bytes


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed batch; nothing of it is sent when this is returned."""

    n: int
    way: Way
    people: tuple[Claimed, ...]


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One attempt for one person, as the batch's digest covers it."""

    n: int
    way: str
    state: str
    code: str
    provider: str
    body: bytes
    at: str


def chunk_digest(attempts: Iterable[Attempt]) -> bytes:
    """Return SHA-256 over the attempts of a batch, in the order of the list, one JSON line each."""
    digest = hashlib.sha256()
    for attempt in sorted(attempts, key=attrgetter("n")):
        digest.update(msgspec.json.encode(attempt) + b"\n")
    return digest.digest()


def settlings(turned: Iterable[tuple[Owed, Owed]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield a statement with its values for all people with the same old and new state: most of a batch."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for before, after in turned:
        values = (
            after.state,
            " ".join(after.ways),
            after.ways[0] if after.ways else "",
            after.evidence,
            after.tries,
            instant_text(after.not_before),
            after.hit,
            after.why,
            *((after.address, after.domain) if after.address != before.address else ()),
            before.campaign,
            before.state,
            before.chunk,
        )
        alike.setdefault(values, []).append(before.n)
    for values, numbers in alike.items():
        elsewhere = sql.ELSEWHERE if len(values) > sql.SETTLED else ""
        yield sql.SETTLE.format(elsewhere=elsewhere, numbers=marks(numbers)), (*values, *numbers)


def new_keys(turned: Iterable[tuple[Owed, Owed]]) -> list[tuple[str, bytes, int]]:
    """Return the new look-up keys of people who use another channel now."""
    return [
        (after.campaign, after.address, after.n)
        for before, after in turned
        if after.address not in (b"", before.address)
    ]


def known(row: Sequence[Any]) -> Known:
    """Return a campaign from a row of ``schema.CAMPAIGN``."""
    state, body, tag, *counts = row
    return Known(
        campaign=from_json(bytes(body), Campaign), state=state, counters=Counters(*counts), tag=bytes(tag)
    )


def owed_values(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of ``Owed`` from a row of ``schema.STANDING``."""
    campaign, n, group, state, ways, evidence, tries, later, chunk, hit, why, address, domain = row
    not_before = datetime.fromisoformat(later) if later else None
    stands = (campaign, n, group, state, tuple(ways.split()), evidence, tries, not_before, chunk, hit, why)
    return (*stands, bytes(address), bytes(domain))


def marks(values: Sequence[Any]) -> str:
    """Return one placeholder of a statement for each value."""
    return ", ".join("?" * len(values))


def instant_text(instant: datetime | None) -> str:
    """Return an instant in the form of the tables: UTC, always with microseconds, comparable as text; empty for none."""
    return "" if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds")


_KEYS_AT_ONCE = 20_000
"""Look-up keys of people in one commit."""
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
    """The import of one list. Its campaign is complete once ``finish`` has returned."""

    def __init__(self, door: Connection, campaign: str, key: DataKey) -> None:
        """Store the store's functions, the campaign's name and the key of its incident."""
        self._door, self._campaign, self._key = door, campaign, key
        self._aside = sqlite3.connect("", isolation_level=None)
        for statement in _ASIDE:
            self._aside.execute(statement)

    def add(self, people: Sequence[NewOwed]) -> None:
        """Import some people of the list, in one commit."""
        seal, encode = self._key.seal, msgspec.msgpack.encode
        owed, contacts, named, taken = [], [], [], []
        for one in people:
            ways = (" ".join(one.ways), one.ways[0] if one.ways else "")
            found_by = (one.reference, one.person, one.address, one.domain)
            owed.append(
                (one.campaign, one.n, one.group, one.state, *ways, "none", one.hit, one.why, *found_by)
            )
            sealed = seal(encode(one.contact), contact_context(one.campaign, one.n))
            contacts.append((one.campaign, one.n, sealed))
            named.append((one.reference, one.n))
            if one.address:
                taken.append((one.address, one.n, one.person))
        with self._door.writing() as run:
            run.executemany(sql.INSERT_OWED, owed)
            run.executemany(sql.INSERT_CONTACT, contacts)
        self._aside.executemany(_NAME, named)
        self._aside.executemany(_TAKE, sorted(taken))

    def taken(self, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return which of these addresses the list has already, and the person of each."""
        wanted = sorted(addresses)
        found: dict[bytes, bytes] = {}
        for start in range(0, len(wanted), _ASKED):
            page = wanted[start : start + _ASKED]
            found.update(self._aside.execute(_TAKEN.format(keys=marks(page)), page))
        return found

    def finish(self) -> None:
        """Write the look-up keys (reference and address) of all people."""
        found = self._aside.execute(_SORTED)
        while page := found.fetchmany(_KEYS_AT_ONCE):
            with self._door.writing() as run:
                run.executemany(sql.INSERT_KEY, [(self._campaign, key, n) for key, n in page])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.close()


def contact_context(campaign: str, n: int) -> bytes:
    """Return the context of a sealed person: a row does not decrypt in the place of another one."""
    return b"tocsin/bulk-contact/v1\0%b\0%d" % (campaign.encode(), n)
