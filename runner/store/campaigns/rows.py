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
    Contact,
    Counters,
    OwedState,
    Reached,
    Way,
)
from runner.store.campaigns import schema as sql
from runner.vault.keys import DataKey

KeptState = CampaignState | Literal["partial"]
"""``partial``: its list is being read or taken away, or was when the process died; nobody is shown it."""


class Run(Protocol):
    """A transaction in which statements are executed."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Execute one statement and return a cursor."""

    def executemany(self, statement: str, values: Iterable[Sequence[Any]]) -> Any:
        """Execute one statement for each row."""


class Connection(Protocol):
    """What a store lends to its bulk tables."""

    def writing(self, *, waits: bool = True) -> AbstractContextManager[Run]:
        """Return a transaction that commits at its end, or leaves nothing behind.

        One that does not wait for the disk is there with the next that does.
        """

    def reading(self) -> AbstractContextManager[Run]:
        """Return a way to read."""

    def key(self, incident: str) -> DataKey:
        """Return an incident's data key, making one where there is none; raises Sealed once shredded."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as it stands in the store."""

    campaign: Campaign
    state: CampaignState
    counters: Counters
    chunks: int
    tag: bytes


class NewOwed(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a list on the way into the store."""

    n: int
    group: int
    state: OwedState
    ways: tuple[Way, ...]
    contact: Contact
    reference: bytes
    person: bytes
    address: bytes = b""
    domain: bytes = b""
    why: str = ""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a claimed chunk."""

    n: int
    group: int
    ways: tuple[Way, ...]
    tries: int
    reserved: bool
    """It waited for its turn at its destination, which has come."""
    domain: bytes
    address: bytes
    contact: Contact


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """What was claimed together; nothing of it has left when this is returned."""

    n: int
    way: Way
    people: tuple[Claimed, ...]


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One try for one person, as the chunk's digest covers it."""

    n: int
    way: str
    state: str
    code: str
    provider: str
    body: bytes
    at: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """How one person of a chunk stands afterwards."""

    n: int
    state: OwedState
    ways: tuple[Way, ...]
    evidence: Reached = "none"
    tries: int = 0
    not_before: datetime | None = None
    why: str = ""
    address: bytes | None = None
    """Of the way that is next; None where they are reached as before."""
    domain: bytes = b""
    """With ``address``."""
    hit: int = 0
    attempt: Attempt | None = None


class Standing(msgspec.Struct, frozen=True):
    """How one person stands, for a receipt that came."""

    campaign: str
    n: int
    group: int
    state: OwedState
    ways: tuple[Way, ...]
    evidence: Reached
    tries: int
    hit: int
    chunk: int
    address: bytes
    domain: bytes


def chunk_digest(attempts: Iterable[Attempt]) -> bytes:
    """Return SHA-256 over the attempts of a chunk, in the order of the list, one JSON line each."""
    digest = hashlib.sha256()
    for attempt in sorted(attempts, key=attrgetter("n")):
        digest.update(msgspec.json.encode(attempt) + b"\n")
    return digest.digest()


def _settlings(
    campaign: str, chunk: int, outcomes: Iterable[Settled], before: OwedState
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield a statement with its values for all of a chunk who stand alike afterwards: most of them do."""
    alike: dict[tuple[tuple[Any, ...], tuple[bytes, ...]], list[int]] = {}
    for outcome in outcomes:
        later = instant_text(outcome.not_before) if outcome.not_before is not None else ""
        way = outcome.ways[0] if outcome.ways else ""
        values = (
            outcome.state,
            " ".join(outcome.ways),
            way,
            outcome.evidence,
            outcome.tries,
            later,
            outcome.hit,
            outcome.why,
        )
        moved: tuple[bytes, ...] = () if outcome.address is None else (outcome.address, outcome.domain)
        alike.setdefault((values, moved), []).append(outcome.n)
    for (values, moved), numbers in alike.items():
        statement = sql.SETTLE.format(elsewhere=sql.ELSEWHERE if moved else "", numbers=_marks(numbers))
        yield statement, (*values, *moved, campaign, before, chunk, *numbers)


def _moved(campaign: str, outcomes: Iterable[Settled]) -> list[tuple[str, bytes, int]]:
    """Return what those are found by from now on who go another way."""
    return [(campaign, outcome.address, outcome.n) for outcome in outcomes if outcome.address]


def _known(row: Sequence[Any]) -> Known:
    _, state, body, tag, sent, bounced, complaints, chunks = row
    return Known(
        campaign=from_json(bytes(body), Campaign),
        state=state,
        counters=Counters(sent=sent, bounced=bounced, complaints=complaints),
        chunks=chunks,
        tag=bytes(tag),
    )


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _ways(text: str) -> tuple[Way, ...]:
    return tuple(text.split())  # type: ignore[arg-type]


def instant_text(instant: datetime) -> str:
    """Return an instant as the tables keep it: UTC, always with microseconds, comparable as text."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


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
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.close()


def contact_context(campaign: str, n: int) -> bytes:
    """Return what a sealed person is bound to: nobody's row opens in the place of another's."""
    return b"tocsin/bulk-contact/v1\0%b\0%d" % (campaign.encode(), n)
