"""The embedded store: one SQLite file, one connection, one commit for a whole batch.

Durability is SQLite's WAL with ``synchronous=FULL``: a commit that has returned survives the loss of power.
The connection is guarded by a lock, so threads may share it; other processes have connections of their own,
and ``BEGIN IMMEDIATE`` makes writers wait for one another up to ``PATIENCE``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runner.errors import Bug, NotFound, Sealed, StoreError
from runner.store import chain, encryption, inspection, rows
from runner.store.database_errors import UNWRITABLE, sqlite_failure, would_forget
from runner.store.port import (
    PATIENCE,
    Append,
    Appended,
    ChangeMarks,
    Conflict,
    Head,
    IncidentRow,
    Inspection,
    Link,
    Snapshot,
    StoredEvent,
    Verification,
)
from runner.store.sqlite import transaction
from runner.store.sqlite.database_file import connect_first, connect_unwritable, new_file, unhurried
from runner.store.sqlite.side_reader import SideReader
from runner.store.sqlite.transaction import SELECT_BLOB, SELECT_KEY, Batch, Execute, Known
from runner.store.worker_lock import FileLock, worker_lock_held
from runner.vault.keys import DataKey, Vault

if TYPE_CHECKING:
    from runner.store.campaigns.tables import BulkTables


_PAGE = 2000


PLACES_KEPT = 4096
"""Ends of journals remembered from one append to the next."""


_SELECT_ROWS = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, wrapped
FROM incidents LEFT JOIN keys ON keys.incident = incidents.id"""


_SELECT_SNAPSHOT = """
SELECT s.version, s.code, s.head, s.body, k.wrapped FROM snapshots s
JOIN events e ON e.incident = s.incident AND e.seq = s.version AND e.hash = s.head
LEFT JOIN keys k ON k.incident = s.incident WHERE s.incident = ?"""


_SELECT_ENDING = "SELECT hash FROM events WHERE incident = ? AND seq = ?"


_PUT_SNAPSHOT = (
    "INSERT OR REPLACE INTO snapshots (incident, version, head, code, body) VALUES (?, ?, ?, ?, ?)"
)


_SELECT_EVENTS = """
SELECT seq, CAST(header AS BLOB), salt, payload, hash FROM events WHERE incident = ? AND seq > ?
ORDER BY seq LIMIT ?"""


class SqliteStore:
    """A store in the file at ``path``; workers prove their lives with locks in ``workers`` beside it."""

    def __init__(
        self,
        path: Path,
        vault: Vault,
        *,
        create: bool = False,
        or_copy: bool = False,
        patience: timedelta = PATIENCE,
        chance: Callable[[int], bytes] = os.urandom,
        durable: bool = True,
    ) -> None:
        """Open the store; with ``create`` make it when it is not there, with ``or_copy`` read it where it cannot be written.

        One that is not ``durable`` goes away with whoever opened it: a stage of a test or of an exercise without people.

        Raises NotFound, StoreTooNew, StoreCorrupt, StoreLocked or StoreReadOnly.
        """
        self.path = path
        self._sealer = encryption.Sealer(vault)
        self._chance = chance
        self._lock = threading.RLock()
        self._commits = 0
        self._handles: list[FileLock] = []
        self._known: dict[str, Known] = {}
        self._others = -1
        self._durable = durable
        self._side = SideReader(path, patience)
        self.read_only = False
        try:
            self._connection, self._write = connect_first(path, create, patience, durable=durable)
        except StoreError as error:
            if not or_copy or error.code not in UNWRITABLE:
                raise
            self._connection, self._write = connect_unwritable(path, patience), None
            self.read_only = True

    # --- the journal -------------------------------------------------------------------------------------

    def append(
        self, batch: Sequence[Append], *, recorded: datetime, clock_offset_ms: int | None = None
    ) -> list[Appended | Conflict]:
        """See Store.append."""
        stamp = rows.Stamp(chain.utc(recorded), clock_offset_ms, self._chance)
        with self._lock:
            with self._writing() as run:
                places = self._places(run)
                work = Batch(run, self._sealer, places)
                results = [work.append(append, stamp) for append in batch]
                work.write(self._connection.executemany)
            self._known = places
        return results

    def _places(self, run: Execute) -> dict[str, Known]:
        """Return where the journals ended that were written last, unless another connection has written since."""
        (others,) = run("PRAGMA data_version").fetchone()
        if others != self._others or len(self._known) > PLACES_KEPT:
            self._others = others
            return {}
        return self._known

    def _key_of(self, run: Execute, incident: str) -> DataKey | None:
        found = run(SELECT_KEY, (incident,)).fetchone()
        return None if found is None or found[0] is None else self._sealer.key(incident, found[0])

    def read(self, incident: str, after: int = 0) -> Iterator[StoredEvent]:
        """See Store.read."""
        key = self._reading_key(incident, strict=True)
        for found in self._events(incident, after):
            yield chain.event_of(rows.link_of(key, incident, found))

    def links(self, incident: str, after: int = 0) -> Iterator[Link]:
        """See Store.links."""
        key = self._reading_key(incident, strict=False)
        for found in self._events(incident, after):
            yield rows.link_of(key, incident, found)

    def read_payloads(self, incident: str, after: int = 0) -> Iterator[tuple[int, datetime, bytes | None]]:
        """See Store.read_payloads."""
        key = self._reading_key(incident, strict=True)
        instant_of = chain.instant_of
        for seq, header, salt, payload, _hash in self._events(incident, after):
            if salt is not None:
                yield seq, instant_of(header), payload
            else:
                opened = None if key is None else encryption.open_payload(key, incident, seq, payload)[1]
                yield seq, instant_of(header), opened

    def _reading_key(self, incident: str, *, strict: bool) -> DataKey | None:
        """Return the key that opens payloads; without the master key raise Sealed, or do without."""
        with self._beside() as run:
            found = run(SELECT_KEY, (incident,)).fetchone()
        if found is None or found[0] is None:
            return None
        try:
            return self._sealer.key(incident, found[0])
        except Sealed:
            if strict:
                raise
            return None

    def vouch(self, incident: str, data: bytes) -> bytes:
        """See Store.vouch."""
        key = self._reading_key(incident, strict=True)
        if key is None:
            raise encryption.shredded(incident)
        return key.vouch(data)

    def _events(self, incident: str, after: int) -> Iterator[Any]:
        while True:
            page = self._all(_SELECT_EVENTS, (incident, after, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def head(self, incident: str) -> Head:
        """See Store.head."""
        with self._reading() as run:
            version, head = transaction.head_of(run, incident)
        return Head(version, head.hex())

    def verify(
        self,
        incident: str | None = None,
        anchors: Mapping[str, Head] | None = None,
        seen: Callable[[int], None] | None = None,
    ) -> Verification:
        """See Store.verify."""
        known = anchors or {}
        witnesses = {
            name: Head(version, head.hex())
            for name, version, head in self._all("SELECT id, version, head FROM incidents")
        }
        if incident is not None:
            links = chain.told(self.links(incident), seen)
            return chain.check(incident, links, witness=witnesses.get(incident), anchor=known.get(incident))
        journals = {name for (name,) in self._all("SELECT DISTINCT incident FROM events")}
        return chain.check_store(lambda name: chain.told(self.links(name), seen), journals, witnesses, known)

    def inspect(self, incident: str | None = None, seen: Callable[[int], None] | None = None) -> Inspection:
        """See Store.inspect."""

        def read(query: str, values: tuple[str, ...]) -> list[Any]:
            return self._all(query.replace("tocsin.", "").replace("%s", "?"), values)

        return inspection.inspect(self._sealer, read, incident, seen)

    # --- the projection ----------------------------------------------------------------------------------

    def rows(self, state: str | None = None) -> list[IncidentRow]:
        """See Store.rows."""
        where = "" if state is None else " WHERE state = ?"
        found = self._all(f"{_SELECT_ROWS}{where} ORDER BY opened_at, id", () if state is None else (state,))
        return [rows.incident_row(self._sealer, one[:-1], one[-1]) for one in found]

    def row(self, incident: str) -> IncidentRow | None:
        """See Store.row."""
        found = self._one(_SELECT_ROWS + " WHERE id = ?", (incident,))
        return None if found is None else rows.incident_row(self._sealer, found[:-1], found[-1])

    def due(self, now: datetime) -> list[str]:
        """See Store.due."""
        found = self._all("SELECT id FROM incidents WHERE has_work OR next_due <= ?", (rows.text(now),))
        return [name for (name,) in found]

    def next_due(self, after: datetime | None = None) -> datetime | None:
        """See Store.next_due."""
        behind = "" if after is None else rows.text(after)
        (found,) = self._one("SELECT min(next_due) FROM incidents WHERE next_due > ?", (behind,))
        return None if found is None else datetime.fromisoformat(found)

    def snapshot(self, incident: str) -> Snapshot | None:
        """See Store.snapshot."""
        return encryption.open_snapshot(self._sealer, incident, self._one(_SELECT_SNAPSHOT, (incident,)))

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        """See Store.put_snapshot."""
        with self._writing() as run:
            ending = run(_SELECT_ENDING, (incident, snapshot.version)).fetchone()
            if ending is None:
                return
            (head,) = ending
            found = run(SELECT_KEY, (incident,)).fetchone()
            wrapped = transaction.create_key(run, self._sealer, incident) if found is None else found[0]
            if wrapped is None:
                return
            context = encryption.snapshot_context(incident, snapshot.version, snapshot.code, head)
            body = self._sealer.key(incident, wrapped).seal(snapshot.body, context)
            run(_PUT_SNAPSHOT, (incident, snapshot.version, head, snapshot.code, body))

    def rebuild(self, replacement: Sequence[IncidentRow]) -> None:
        """See Store.rebuild."""
        with self._writing() as run:
            for name, version, head in run("SELECT id, version, head FROM incidents").fetchall():
                if run(transaction.SELECT_TAIL, (name,)).fetchone() != (version, head):
                    raise would_forget(name, version)
            run("DELETE FROM incidents")
            run("DELETE FROM snapshots")
            for row in replacement:
                version, head = transaction.head_of(run, row.id)
                if row.version != version:
                    raise Bug(f"the row of {row.id} does not follow from its journal")
                run(transaction.PUT_ROW, rows.incident_values(row, head, self._key_of(run, row.id)))

    def changed(self) -> str:
        """See Store.changed. SQLite counts the commits of others; we count our own."""
        (others,) = self._one("PRAGMA data_version")
        return f"{others}.{self._commits}"

    # --- documents and settings --------------------------------------------------------------------------

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """See Store.put_blob."""
        digest = encryption.blob_digest(data)
        with self._writing() as run:
            name, body = incident or "", data
            if run("SELECT 1 FROM blobs WHERE digest = ? AND incident = ?", (digest, name)).fetchone():
                return digest
            if incident is not None:
                found = run(SELECT_KEY, (incident,)).fetchone()
                if found is not None and found[0] is None:
                    raise encryption.shredded(incident)
                key = self._sealer.key(
                    incident, found[0] if found else transaction.create_key(run, self._sealer, incident)
                )
                body = key.seal(data, encryption.blob_context(incident, digest))
            run("INSERT INTO blobs (digest, incident, body) VALUES (?, ?, ?)", (digest, name, body))
        return digest

    def get_blob(self, digest: str) -> bytes:
        """See Store.get_blob."""
        with self._beside() as run:
            found = run(SELECT_BLOB, (digest,)).fetchone()
        if found is None:
            raise NotFound(f"no document {digest[:12]}… is kept here", code="blob_missing")
        return encryption.open_blob(self._sealer, digest, *found)

    def has_blob(self, digest: str) -> bool:
        """See Store.has_blob."""
        return self._one("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is not None

    def blob_names(self, incident: str | None = None) -> list[str]:
        """See Store.blob_names."""
        found = self._all("SELECT digest FROM blobs WHERE incident = ? ORDER BY rowid", (incident or "",))
        return [digest for (digest,) in found]

    def shred(self, incident: str) -> None:
        """See Store.shred. The key's bytes are overwritten in the file and in the write-ahead log."""
        with self._lock:
            self._writer()
            self._pragma("PRAGMA secure_delete = ON")
            try:
                with self._writing() as run:
                    run(
                        "INSERT INTO keys (incident, wrapped) VALUES (?, NULL)"
                        " ON CONFLICT (incident) DO UPDATE SET wrapped = NULL",
                        (incident,),
                    )
                    run("DELETE FROM snapshots WHERE incident = ?", (incident,))
            finally:
                self._pragma("PRAGMA secure_delete = OFF")
            self._sealer.forget(incident)
            self._pragma("PRAGMA wal_checkpoint(TRUNCATE)")

    def setting(self, name: str) -> str | None:
        """See Store.setting."""
        found = self._one("SELECT value FROM settings WHERE name = ?", (name,))
        return None if found is None else str(found[0])

    def set_setting(self, name: str, value: str | None) -> None:
        """See Store.set_setting."""
        with self._writing() as run:
            if value is None:
                run("DELETE FROM settings WHERE name = ?", (name,))
            else:
                run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """See Store.marks."""
        with self._reading() as run:
            return transaction.read(run, prefix)

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """See Store.change_marks."""
        with self._lock:
            places = self._known  # a mark moves the end of no journal
            with self._writing(waits=waits) as run:
                found = transaction.change(run, names, change)
            self._known = places
        return found

    # --- workers, copies, the end ------------------------------------------------------------------------

    def register_worker(self, worker: str) -> FileLock:
        """See Store.register_worker."""
        handle = FileLock(self._workers(), worker)
        self._handles.append(handle)
        return handle

    def worker_alive(self, worker: str) -> bool:
        """See Store.worker_alive."""
        return worker_lock_held(self._workers(), worker)

    def gate(self, journal: str) -> FileLock:
        """See Store.gate."""
        return FileLock(self._workers(), f"gate-{journal}")

    def _workers(self) -> Path:
        return self.path.parent / "workers"

    def bulk(self) -> BulkTables:
        """See Store.bulk."""
        from runner.store.campaigns.tables import BulkTables
        from runner.store.sqlite.campaigns import SqliteDoor

        door = SqliteDoor(lambda: self._connection, self._writing, self._reading, self._sealer)
        return BulkTables(door, self._chance(32))

    def backup(self, path: Path) -> None:
        """See Store.backup. The copy is complete and durable before it bears its name."""
        with new_file(path) as partial, self._reading() as run:
            run("VACUUM INTO ?", (str(partial),))

    def close(self) -> None:
        """See Store.close."""
        with self._lock:
            for handle in self._handles:
                handle.release()
            self._side.close()
            self._connection.close()

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    # --- the connection ----------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, *, waits: bool = True) -> Iterator[Execute]:
        """Hold the write lock of the file; commit at the end, or leave nothing behind. See ``unhurried`` for one that does not wait."""
        with self._lock, nullcontext() if waits or not self._durable else unhurried(self._writer()):
            run = self._writer().execute
            try:
                try:
                    run("BEGIN IMMEDIATE")
                    yield run
                    run("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        run("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise sqlite_failure(error, self.path) from error
            finally:
                self._known = {}
            self._commits += 1

    def _writer(self) -> sqlite3.Connection:
        """Return the connection that writes; a command that only reads never opens it."""
        if self._write is not None:
            reader, self._connection = self._connection, self._write()
            self._write, self._others = None, -1
            reader.close()
        return self._connection

    @contextmanager
    def _reading(self) -> Iterator[Execute]:
        with self._lock:
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise sqlite_failure(error, self.path) from error

    def _beside(self) -> AbstractContextManager[Execute]:
        """Read without waiting for a commit of another thread, which waits for the disk."""
        waits = self.read_only or self._write is not None
        return self._side.reading(self._lock, self._reading, waits=waits)

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reading() as run:
            return run(query, values).fetchall()

    def _one(self, query: str, values: tuple[Any, ...] = ()) -> Any:
        with self._reading() as run:
            return run(query, values).fetchone()

    def _pragma(self, text: str) -> None:
        self._one(text)
