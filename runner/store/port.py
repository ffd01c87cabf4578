"""Interface of the store and its data types. One test suite checks both stores.

The store keeps payloads as opaque bytes; what they mean is the engine's business. It never reads a clock:
``recorded`` comes in with each append.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import msgspec

from runner.base.actor import Actor

if TYPE_CHECKING:
    from runner.store.campaigns.tables import BulkTables

IN_HAND = "work/in_hand/"
"""The marks of what workers have in hand, by worker."""
PATIENCE = timedelta(seconds=10)
"""How long a store waits by itself for another writer, before it raises StoreLocked."""
Stream = Literal["operational", "privileged", "hr"]
BreakKind = Literal["edited", "removed", "reordered", "truncated", "added"]


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event about to be appended; its place, recorded time and hash are the store's to give."""

    type: str
    at: datetime
    """The wall time the actor claims for it; aware."""
    actor: Actor
    payload: bytes
    stream: Stream = "operational"
    exercise_at: datetime | None = None
    """The exercise's own time, in an incident of kind exercise; aware."""
    personal: bool = False
    """The payload holds personal data: it is sealed under the incident's data key and can be shredded."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the journal holds it."""

    incident: str
    seq: int
    """Counts from 1 without a gap."""
    type: str
    stream: Stream
    at: datetime
    exercise_at: datetime | None
    recorded: datetime
    """When the store wrote it."""
    clock_offset_ms: int | None
    """How far this machine's clock was ahead of true time, where that was known."""
    actor: Actor
    payload: bytes | None
    """None once the incident is shredded, or where the payload is withheld."""
    personal: bool
    hash: str
    """64 hexadecimal digits: the head of the chain after this event."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier needs of one event, in a store or in a bundle: the payload may be left out."""

    seq: int
    """The place at which it was found; its header repeats the place at which it was written."""
    header: bytes
    """Canonical JSON, exactly the bytes that were hashed."""
    hash: bytes
    salt: bytes | None = None
    payload: bytes | None = None
    unsealed: bool = True
    """False when a sealed payload does not open although its key is here: someone changed it."""


class Head(msgspec.Struct, frozen=True):
    """Where a journal ends: the number of its events and the hash of the last (genesis when there is none)."""

    version: int
    hash: str


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What lists and the worker need of an incident without folding it; replaced with every append.

    ``title`` and ``summary`` are sealed once the incident has a data key, and come back empty after shredding.
    """

    id: str
    codename: str
    title: str
    kind: str
    state: str
    opened_at: datetime
    version: int
    next_due: datetime | None = None
    """When the worker must look again; None when only an event can make anything due."""
    has_work: bool = False
    """Something is due already: an effect to start, an attempt without an outcome."""
    summary: bytes = b""
    """The service's own: the severity."""
    unread: bool = False
    """Title and summary are sealed, and the master key is not here: the row must not be written back."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as folded up to one event: a projection, which saves folding what came before that event."""

    version: int
    """The last event folded in."""
    code: str
    """What folded it, and wrote it down: of no use to any other."""
    body: bytes


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """Events for one incident, valid only on top of ``expected_version``, and the row that follows from them."""

    incident: str
    expected_version: int
    """0 for an incident that is about to be born."""
    events: Sequence[NewEvent]
    row: IncidentRow
    """Its ``version`` must be ``expected_version + len(events)``."""


class Appended(msgspec.Struct, frozen=True):
    """The events are durable."""

    version: int
    head: str


class Conflict(msgspec.Struct, frozen=True):
    """Someone else appended first; nothing of this append was written."""

    actual: int


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """The first place at which a journal does not hold."""

    incident: str
    seq: int
    kind: BreakKind
    why: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found. ``unread`` payloads (shredded, or no key here) prove only that they existed."""

    events: int
    head: str
    """Of one incident; of a whole store, the hash over all its incidents and their heads."""
    broken: Broken | None = None
    unread: int = 0
    unwitnessed: tuple[str, ...] = ()
    """Incidents without a row: whether their last events are missing cannot be told without an anchor."""

    @property
    def ok(self) -> bool:
        """Is every event there, unchanged and in its place?"""
        return self.broken is None


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of documents and keys, of which the chain says nothing."""

    blobs: int
    unread: int = 0
    """Documents that cannot be opened here: shredded, or no master key."""
    changed: tuple[tuple[str, str], ...] = ()
    """Incident (empty where it is shared) and digest of each document whose bytes are not what was written."""
    keyless: tuple[str, ...] = ()
    """Journals with something sealed whose key is gone or was changed: shredded, or taken away."""


ChangeMarks = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]
"""From the marks that there are to those that shall be; pure."""


class Lock(Protocol):
    """A lock that ends with the process or session, however that ends."""

    def held(self) -> bool:
        """Is it still ours? A worker that lost its session must stop before it starts an effect."""

    def release(self) -> None:
        """Give it back on a clean stop; twice is harmless."""


class WorkerHandle(Lock, Protocol):
    """Proof that a worker lives, and what it has in hand."""

    def hold(self, body: bytes) -> None:
        """Keep the worker's mark below ``IN_HAND``, or remove it (empty). It survives the process, though perhaps no loss of power."""


class Store(Protocol):
    """The journals, blobs and projections of one organisation. Safe to call from several threads."""

    read_only: bool
    schema: int
    """Its version; older than ``upgrades.SCHEMA_VERSION`` where an upgrade is due."""
    """It is on a medium that takes no writes, and was opened for reading all the same."""

    def append(
        self, batch: Sequence[Append], *, recorded: datetime, clock_offset_ms: int | None = None
    ) -> list[Appended | Conflict]:
        """Write the whole batch in one transaction and one commit; return one result each, in order.

        A conflict of one does not hinder the others. Any StoreError (full, locked, read-only, sealed) means
        that nothing of the batch was written, save that a connection lost during the commit itself leaves it
        open: appending again answers Conflict if it was written.
        """

    def read(self, incident: str, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the events of an incident behind ``after`` in order; payloads are opened."""

    def read_payloads(self, incident: str, after: int = 0) -> Iterator[tuple[int, datetime, bytes | None]]:
        """Yield ``(seq, at, payload)`` as folding needs them, without the rest; None where shredded.

        ``at`` is the time by which the incident counts: exercise time, where the event has one.
        """

    def links(self, incident: str, after: int = 0) -> Iterator[Link]:
        """Yield what proves the chain, for export; payloads are opened where the key is here."""

    def head(self, incident: str) -> Head:
        """Return the version and hash at the end of a journal; version 0 for an unknown incident."""

    def rows(self, state: str | None = None) -> list[IncidentRow]:
        """Return the incidents, oldest first, of one state or all."""

    def row(self, incident: str) -> IncidentRow | None:
        """Return one incident's row."""

    def due(self, now: datetime) -> list[str]:
        """Return the incidents that have work, or whose ``next_due`` is not after ``now``."""

    def next_due(self, after: datetime | None = None) -> datetime | None:
        """Return the earliest ``next_due`` of all incidents, which may lie in the past; or the earliest after an instant."""

    def verify(
        self,
        incident: str | None = None,
        anchors: Mapping[str, Head] | None = None,
        seen: Callable[[int], None] | None = None,
    ) -> Verification:
        """Check one journal or all against themselves, their rows, and heads known from elsewhere.

        ``seen`` is told now and then how many more events were read.
        """

    def inspect(self, incident: str | None = None, seen: Callable[[int], None] | None = None) -> Inspection:
        """Read every document of one incident or of all, and look for the key of everything that is sealed."""

    def changed(self) -> str:
        """Return a token that differs after a commit by anyone; cheap enough to poll (microseconds)."""

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """Keep a document, durable on return, and return its SHA-256 (64 hexadecimal digits).

        With an incident it is sealed under its data key; with None it is shared and plain (pinned playbooks).
        """

    def get_blob(self, digest: str) -> bytes:
        """Return a document; raises NotFound, Sealed when shredded, StoreCorrupt when its bytes changed."""

    def vouch(self, incident: str, data: bytes) -> bytes:
        """Return 32 bytes that only a holder of the incident's data key can tell for ``data``: for codes and links.

        Raises Sealed where there is no such key: not here, shredded, or not made yet.
        """

    def has_blob(self, digest: str) -> bool:
        """Is a document of this name kept, for whichever incident?"""

    def shred(self, incident: str) -> None:
        """Destroy the incident's data key: its personal payloads, blobs, summary and snapshot can never be read again.

        The chain still verifies. An incident cannot take personal payloads any more. Twice is harmless.
        """

    def setting(self, name: str) -> str | None:
        """Return a small setting of this store (the chosen incident)."""

    def set_setting(self, name: str, value: str | None) -> None:
        """Keep a small setting; None removes it."""

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """Return the marks whose names begin with ``prefix``: what all processes on this store know of the world now.

        A mark is no evidence and no part of the journal; one that is lost is found out again.
        """

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """Give ``change`` the marks of these names that there are, keep what it returns, and return that.

        Nobody else changes any mark meanwhile: of two that change one mark, the second is given what the first kept.
        ``change`` may be called again when another writer was first, so it only computes. Durable on return, unless it
        does not wait: then as soon as the next commit is that does. When it returns what it was given nothing is written. A name that it leaves out is removed.
        """

    def snapshot(self, incident: str) -> Snapshot | None:
        """Return the incident's snapshot if its last event stands in the journal, else None.

        None as well where it cannot be opened: shredded, without the master key, or changed by somebody.
        """

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        """Replace an incident's snapshot; it is sealed under the data key, and nothing is kept once that is shredded."""

    def rebuild(self, replacement: Sequence[IncidentRow]) -> None:
        """Drop all rows and snapshots and write these rows; refuses (StoreCorrupt) when an old row proves events missing."""

    def register_worker(self, worker: str) -> WorkerHandle:
        """Prove from now on that ``worker`` lives; raises StoreLocked when one of that name does."""

    def worker_alive(self, worker: str) -> bool:
        """Does this worker's process or session still exist?"""

    def gate(self, journal: str) -> Lock:
        """Lock the gate for those who wait to change a journal: one has it at a time. Nobody is kept from writing.

        Raises StoreLocked while another has it: at once, or after ``PATIENCE`` where the store has a queue.
        """

    def bulk(self) -> BulkTables:
        """Return what is kept of notices to many people; its tables are made when they are first asked for."""

    def backup(self, path: Path) -> None:
        """Write a consistent copy while others go on writing; refuses to replace a file."""

    def upgrade(self) -> Path | None:
        """Bring an older store to our schema, all steps in one transaction; return the copy that was made before, if the store makes one."""
        ...

    def close(self) -> None:
        """Let go of files and connections; twice is harmless."""

    def __enter__(self) -> Self:
        """Return the store."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
