"""Interface of the store and its data types. One test suite checks both stores.

The store keeps payloads as opaque bytes; only the engine reads their meaning. It never reads a clock:
each append passes ``recorded``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

import msgspec

from runner.base.actor import Actor

if TYPE_CHECKING:
    from runner.proof.note import Checkpoint, NoteKey
    from runner.store.campaigns.tables import BulkTables
    from runner.store.heads import Leaf
    from runner.store.moving import Frozen
    from runner.vault.keys import DataKey

IN_HAND = "work/in_hand/"
"""Prefix of the marks of workers' current work, by worker."""
HOME_KEYS = "home/"
"""Prefix of the keys of the home itself, beside those of incidents; no journal has such a name."""
UNFINISHED = "erasure_unfinished"
"""The setting of a store whose files still have the bytes of a destroyed key."""
PATIENCE = timedelta(seconds=10)
"""How long a store waits for another writer before it raises StoreLocked."""
Stream = Literal["operational", "privileged", "hr"]
HeadFaultCode = Literal[
    "row_changed", "leaf_changed", "head_differs", "unlogged", "log_gap", "log_rewritten", "checkpoint_forged",
    "checkpoint_missing", "rolled_back", "root_key_missing", "two_copies",
]  # fmt: skip
BreakKind = Literal["edited", "removed", "reordered", "truncated", "added"]


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to append; the store sets its place, recorded time and hash."""

    type: str
    at: datetime
    """The wall time that the actor claims; aware."""
    actor: Actor
    payload: bytes
    stream: Stream = "operational"
    exercise_at: datetime | None = None
    """The exercise time, in an incident of kind exercise; aware."""
    personal: bool = False
    """The payload has personal data: it is encrypted with the incident's data key and can be shredded."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event in the journal."""

    incident: str
    seq: int
    """Counts from 1 without a gap."""
    type: str
    stream: Stream
    at: datetime
    exercise_at: datetime | None
    recorded: datetime
    """Time of the store's write."""
    clock_offset_ms: int | None
    """How far this machine's clock was ahead of true time, if known."""
    actor: Actor
    payload: bytes | None
    """None once the incident is shredded, or if the payload is withheld."""
    personal: bool
    hash: str
    """64 hexadecimal digits: the head of the chain after this event."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Data of one event for a verifier, in a store or in a bundle; the payload is optional."""

    seq: int
    """The place at which it was read; its header repeats the place at which it was written."""
    header: bytes
    """Canonical JSON, exactly the bytes that were hashed."""
    hash: bytes
    salt: bytes | None = None
    payload: bytes | None = None
    unsealed: bool = True
    """False if a sealed payload does not decrypt although its key is available: someone changed it."""


class Head(msgspec.Struct, frozen=True):
    """The end of a journal: the number of its events and the hash of the last one (genesis without events)."""

    version: int
    hash: str


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """Data of an incident for lists and the worker, without folding; replaced with every append.

    ``title`` and ``summary`` are sealed once the incident has a data key, and are empty after shredding.
    """

    id: str
    codename: str
    title: str
    kind: str
    state: str
    opened_at: datetime
    version: int
    next_due: datetime | None = None
    """Time of the worker's next check; None if only an event can make work due."""
    has_work: bool = False
    """Work is due already: an effect to start, an attempt without an outcome."""
    summary: bytes = b""
    """Set by the service: the severity, and what counts beyond the incident."""
    unread: bool = False
    """Title and summary are sealed, and the master key is not available: the row must not be written back."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An incident folded up to one event: a projection that avoids folding the earlier events again."""

    version: int
    """The last folded event."""
    code: str
    """Version of the code that folded and encoded it; other versions cannot use it."""
    body: bytes


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """Events for one incident, valid only at ``expected_version``, and the row that follows from them."""

    incident: str
    expected_version: int
    """0 for a new incident."""
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
    """The first invalid place of a journal."""

    incident: str
    seq: int
    kind: BreakKind
    why: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a verification. ``unread`` payloads (shredded, or without the key) prove only that they existed."""

    events: int
    head: str
    """The head of one incident; for a whole store, the hash over all its incidents and their heads."""
    broken: Broken | None = None
    others: tuple[Broken, ...] = ()
    """The first invalid places of further journals."""
    unread: int = 0
    unwitnessed: tuple[str, ...] = ()
    """Incidents without a row: only an anchor can show whether their last events are missing."""

    @property
    def ok(self) -> bool:
        """Whether every event is present, unchanged and in its place."""
        return self.broken is None


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """Findings about documents and keys, which the chain does not cover."""

    blobs: int
    unread: int = 0
    """Documents that cannot be decrypted here: shredded, or no master key."""
    changed: tuple[tuple[str, str], ...] = ()
    """Incident (empty if shared) and digest of each document whose bytes changed."""
    keyless: tuple[str, ...] = ()
    """Journals with sealed data whose key is missing or changed: shredded, or removed."""


class HeadFault(msgspec.Struct, frozen=True, kw_only=True):
    """The first fault of one kind in the keyed heads or the log of heads."""

    code: HeadFaultCode
    incident: str
    """Empty for a fault of the whole log."""
    seq: int
    why: str
    more: int = 0
    """The number of further faults of this kind."""


class HeadsCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Result of the check of rows, log of heads and checkpoints."""

    leaves: int
    """0 for a store that no version with a log of heads has written."""
    size: int
    """The number of heads in the newest checkpoint."""
    keyed: bool
    """Whether the MACs were checked; False without the master key."""
    uncovered_since: datetime | None = None
    """When the oldest head that is in no checkpoint was recorded."""
    older: tuple[tuple[str, int], ...] = ()
    """Journals with entries from before heads were keyed, and the last of them: nobody vouches for these."""
    faults: tuple[HeadFault, ...] = ()


class KeptCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed checkpoint of the log of heads."""

    size: int
    recorded: datetime
    note: str
    token: bytes | None = None
    """The whole reply of a timestamp authority (RFC 3161) about the note."""


class Covered(NamedTuple):
    """A head under a checkpoint."""

    number: int
    """The place of the leaf in the tree, from 0."""
    leaf: Leaf
    path: list[bytes]
    """The inclusion path, the nearest sibling first."""
    checkpoint: KeptCheckpoint


ChangeMarks = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]
"""Returns the new marks from the current ones; pure."""


class Log(Protocol):
    """The log of heads: a leaf for each append to each journal, and the checkpoints of the tree of all leaves."""

    def newest(self, size: int | None = None) -> KeptCheckpoint | None:
        """Return the newest checkpoint, or the one of a size; None without one."""

    def recorded(self, *, latest: bool = False) -> datetime | None:
        """Return when the newest append was recorded, or the latest such time; None without one."""

    def checkpoint(self, recorded: datetime, signed: Callable[[int, bytes], str]) -> KeptCheckpoint | None:
        """Number the new leaves and keep a checkpoint of all; return the newest, which is older if nothing changed.

        ``signed`` returns the signed note of a size and a root.
        """

    def covering(self, incident: str, seq: int, by: NoteKey) -> Covered | None:
        """Return the head of an incident after an append, under the first checkpoint of a key, one with a token if there is one.

        None without such a checkpoint.
        """

    def vouched(self) -> frozenset[str]:
        """Return the incidents whose row the key made at their last entry; all of an older store. Raises Sealed without the master key."""

    def keep_token(self, size: int, token: bytes) -> None:
        """Keep the reply of a timestamp authority with the checkpoint of a size."""

    def check(
        self, keys: Iterable[NoteKey], remembered: Sequence[Checkpoint] = (), incident: str | None = None
    ) -> HeadsCheck:
        """Check rows, leaves and checkpoints; go on after a fault, and name the first of each kind.

        ``keys`` sign checkpoints; ``remembered`` were seen outside of the store. Only the MACs need the master key.
        """


class Lock(Protocol):
    """A lock that ends with the process or session, also after a crash."""

    def held(self) -> bool:
        """Whether this worker still has the lock. A worker that lost its session must stop before it starts an effect."""

    def release(self) -> None:
        """Release it on a clean stop; repetition is harmless."""


class WorkerHandle(Lock, Protocol):
    """Proof that a worker is alive, and its current work."""

    def hold(self, body: bytes) -> None:
        """Store the worker's mark below ``IN_HAND``, or remove it (empty). It survives the process, but perhaps not a loss of power."""

    def renew(self) -> None:
        """Take the lock again if its session or file is gone; raises StoreError if it cannot be taken now."""


class SharedServer(msgspec.Struct, frozen=True, kw_only=True):
    """What matters of a database server that several machines use."""

    offset: timedelta
    """The clock of this machine minus that of the server."""
    standbys: str
    """The standby servers that a commit waits for; empty if for none."""
    several: bool
    """The URL names more than one server."""


class Store(Protocol):
    """The journals, blobs and projections of one organisation. Safe to call from several threads."""

    read_only: bool
    """It is on a read-only medium and was opened for reading only."""
    schema: int
    """Its version; older than ``upgrades.SCHEMA_VERSION`` if an upgrade is due."""
    upgraded: Callable[[int, Path], None]
    """Called when the first write upgraded the store: with its old version, and the copy made before."""

    @property
    def log(self) -> Log:
        """The log of heads."""

    def append(
        self, batch: Sequence[Append], *, recorded: datetime, clock_offset_ms: int | None = None
    ) -> list[Appended | Conflict]:
        """Write the whole batch in one transaction and one commit; return one result each, in order.

        A conflict of one append does not affect the others. Any StoreError (full, locked, read-only, sealed) means
        that nothing of the batch was written, except that the result of a connection lost during the commit is
        unknown: a repeated append returns Conflict if it was written.
        """

    def read(self, incident: str, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the events of an incident after ``after`` in order, with decrypted payloads."""

    def read_payloads(self, incident: str, after: int = 0) -> Iterator[tuple[int, datetime, bytes | None]]:
        """Yield ``(seq, at, payload)`` for folding, without the rest; None if shredded.

        ``at`` is the incident time: exercise time, if the event has one.
        """

    def links(self, incident: str, after: int = 0) -> Iterator[Link]:
        """Yield the links of the chain, for export; payloads are decrypted if the key is available."""

    def head(self, incident: str) -> Head:
        """Return the version and hash at the end of a journal; version 0 for an unknown incident."""

    def rows(self, state: str | None = None) -> list[IncidentRow]:
        """Return the incidents, oldest first, of one state or all."""

    def row(self, incident: str) -> IncidentRow | None:
        """Return one incident's row."""

    def due(self, now: datetime) -> list[str]:
        """Return the incidents with work, or whose ``next_due`` is not after ``now``."""

    def next_due(self, after: datetime | None = None) -> datetime | None:
        """Return the earliest ``next_due`` of all incidents, which can be in the past; or the earliest after an instant."""

    def verify(
        self,
        incident: str | None = None,
        anchors: Mapping[str, Head] | None = None,
        seen: Callable[[int], None] | None = None,
    ) -> Verification:
        """Check one journal or all against themselves, their rows, and heads known from elsewhere.

        ``seen`` receives the number of further events read, at intervals.
        """

    def inspect(self, incident: str | None = None, seen: Callable[[int], None] | None = None) -> Inspection:
        """Read every document of one incident or of all, and check the key of all sealed data."""

    def changed(self) -> str:
        """Return a token that differs after any commit; cheap enough to poll (microseconds)."""

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """Store a document, durable on return, and return its SHA-256 (64 hexadecimal digits).

        With an incident it is encrypted with its data key; with None it is shared and plain (pinned playbooks).
        """

    def get_blob(self, digest: str) -> bytes:
        """Return a document; raises NotFound, Sealed if shredded, StoreCorrupt if its bytes changed."""

    def vouch(self, incident: str, data: bytes) -> bytes:
        """Return 32 bytes for ``data`` that only the incident's data key can compute: for codes and links.

        Raises Sealed without such a key: not available, shredded, or not made yet.
        """

    def key(self, journal: str) -> DataKey:
        """Return the data key of an incident, or a key of the home (``HOME_KEYS``); it is made at the first call.

        Raises Sealed for a shredded incident, and without the master key.
        """

    def has_blob(self, digest: str) -> bool:
        """Whether a document of this name is stored, for any incident."""

    def shred(self, incident: str) -> None:
        """Destroy the incident's data key: its personal payloads, blobs, summary and snapshot can never be read again.

        The chain still verifies. The incident cannot store personal payloads any more. Repetition is harmless.
        """

    def finish_erasure(self) -> bool:
        """Remove the bytes of destroyed keys that a reader of an older state kept in the files; return whether all are gone.

        Until then the setting ``UNFINISHED`` is there.
        """

    def setting(self, name: str) -> str | None:
        """Return a small setting of this store (the chosen incident)."""

    def set_setting(self, name: str, value: str | None) -> None:
        """Store a small setting; None removes it."""

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """Return the marks whose names begin with ``prefix``: the current state that all processes of this store share.

        A mark is not evidence and not part of the journal; a lost mark is determined again.
        """

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """Call ``change`` with the existing marks of these names, store its result, and return it.

        No other process changes a mark meanwhile: of two changes of one mark, the second gets the result of the first.
        ``change`` can be called again if another writer was first, so it must be pure. Durable on return, unless it
        does not wait: then durable with the next commit that waits. An unchanged result is not written. A name missing in the result is removed.
        """

    def snapshot(self, incident: str) -> Snapshot | None:
        """Return the incident's snapshot if its last event is in the journal, else None.

        None as well if it cannot be decrypted: shredded, without the master key, or changed.
        """

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        """Replace an incident's snapshot; it is encrypted with the data key, and not stored once that is shredded."""

    def rebuild(self, replacement: Sequence[IncidentRow]) -> None:
        """Drop all rows and snapshots and write these rows; refuses (StoreCorrupt) if an old row proves that events are missing."""

    def shared_server(self) -> SharedServer | None:
        """Return the state of the server; None for a file."""

    def register_worker(self, worker: str) -> WorkerHandle:
        """Prove from now on that ``worker`` is alive, after a due upgrade of a file; raises StoreLocked if one of that name is."""

    def worker_alive(self, worker: str) -> bool:
        """Whether this worker's process or session still exists."""

    def gate(self, journal: str) -> Lock:
        """Lock the queue of processes that change a journal: one at a time. It does not prevent other writes.

        Raises StoreLocked while another process has it: at once, or after ``PATIENCE`` if the store has a queue.
        """

    def bulk(self) -> BulkTables:
        """Return the tables of notices to many people; they are made at the first call."""

    def backup(self, path: Path) -> None:
        """Write a consistent copy while others continue to write; refuses to replace a file."""

    def frozen(self) -> AbstractContextManager[Frozen]:
        """Keep every writer out for one transaction; raises Refused while a worker or server has a lock."""

    def upgrade(self) -> Path | None:
        """Upgrade an older store to the current schema, all steps in one transaction; return the copy made before, if the store makes one.

        Raises Refused while a worker or server has a lock: an older one could not record what it sends.
        """
        ...

    def close(self) -> None:
        """Close files and connections; repetition is harmless."""

    def __enter__(self) -> Self:
        """Return the store."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
