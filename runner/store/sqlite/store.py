"""The embedded store: one SQLite file, one connection, one commit for a whole batch.

Durability is SQLite's WAL with ``synchronous=FULL``: a commit that has returned survives the loss of power.
The connection is guarded by a lock, so threads may share it; other processes have connections of their own,
and ``BEGIN IMMEDIATE`` makes writers wait for one another up to ``PATIENCE``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from runner.errors import Bug, StoreCorrupt, StoreError
from runner.store import chain, encryption, rows
from runner.store.database_errors import UNWRITABLE, sqlite_failure, would_forget
from runner.store.head_log import HeadLog
from runner.store.heads import ROOT
from runner.store.journal_reader import JournalReader
from runner.store.moving import MOVED, Frozen, Select, refuse_moved, upgraded
from runner.store.port import (
    IN_HAND,
    PATIENCE,
    UNFINISHED,
    Append,
    Appended,
    ChangeMarks,
    Conflict,
    IncidentRow,
    Snapshot,
)
from runner.store.sqlite import transaction
from runner.store.sqlite.database_file import (
    connect_first,
    connect_unwritable,
    new_file,
    still,
    unhurried,
    upgrade,
)
from runner.store.sqlite.fences import bury, only_master, refuse_in_use, tables_of
from runner.store.sqlite.transaction import (
    PUT_ROW,
    PUT_SNAPSHOT,
    SELECT_ENDING,
    SELECT_KEY,
    SELECT_TAIL,
    Batch,
    Execute,
    Known,
    create_key,
    head_of,
)
from runner.store.upgrades import SCHEMA_VERSION
from runner.store.worker_lock import FileLock, Left, in_hand, worker_lock_held
from runner.vault.keys import DataKey, Vault

if TYPE_CHECKING:
    from runner.store.campaigns.rows import Run
    from runner.store.campaigns.tables import BulkTables

PLACES_KEPT = 4096
"""Number of cached ends of journals between appends."""
_SELECT_EVENTS: LiteralString = """
SELECT seq, CAST(header AS BLOB), salt, payload, hash FROM events WHERE incident = ? AND seq > ?
ORDER BY seq LIMIT ?"""


@lru_cache(maxsize=64)
def _translated(query: str) -> str:
    """Return a shared query in SQLite's form."""
    return query.replace("tocsin.", "").replace("%s", "?")


def _run(run: Execute, query: LiteralString, values: tuple[Any, ...]) -> list[Any]:
    return run(_translated(query), values).fetchall()


class SqliteStore(JournalReader):
    """A store in the file at ``path``; the locks of live workers are in ``workers`` beside it."""

    def __init__(
        self,
        path: Path,
        vault: Vault,
        *,
        create: bool = False,
        or_copy: bool = False,
        moved: bool = False,
        patience: timedelta = PATIENCE,
        chance: Callable[[int], bytes] = os.urandom,
        durable: bool = True,
    ) -> None:
        """Open the store; with ``create`` make a missing store, with ``or_copy`` read it if it cannot be written, with ``moved`` one not in use.

        A store that is not ``durable`` is deleted with its process: for tests and for exercises without people.

        Raises NotFound, StoreTooNew, StoreCorrupt, StoreLocked or StoreReadOnly.
        """
        self.path = path
        super().__init__(encryption.Sealer(vault), self._select, _SELECT_EVENTS)
        self.log = HeadLog(self._sealer, self._select, self._changing, self._still, lambda: self.schema)
        self._chance = chance
        self._lock = threading.RLock()
        self._commits = 0
        self._handles: list[FileLock] = []
        self._known: dict[str, Known] = {}
        self._others = -1
        self._durable = durable
        self.read_only = False
        try:
            self._connection, self._write = connect_first(path, create, patience, durable=durable)
        except StoreError as error:
            if not or_copy or error.code not in UNWRITABLE:
                raise
            self._connection, self._write = connect_unwritable(path, patience), None
            self.read_only = True
        self.schema = int(self._select("PRAGMA user_version")[0][0])
        try:
            if not moved:
                refuse_moved(str(path), self.setting(MOVED))
        except StoreCorrupt:
            pass  # the reading of what is damaged says so
        except StoreError:
            self._connection.close()
            raise

    # --- the journal -------------------------------------------------------------------------------------

    def append(
        self, batch: Sequence[Append], *, recorded: datetime, clock_offset_ms: int | None = None
    ) -> list[Appended | Conflict]:
        stamp = rows.Stamp(chain.utc(recorded), clock_offset_ms, self._chance)
        with self._lock:
            self._writer()
            heads = self.log.key()
            with self._writing() as run:
                places = self._places()
                work = Batch(run, self._sealer, places, heads)
                results = [work.append(append, stamp) for append in batch]
                work.write(self._connection.executemany)
            self._known = places
        return results

    def _places(self) -> dict[str, Known]:
        """Return the cached ends of the journals written last, unless another connection has written since."""
        return {} if len(self._known) > PLACES_KEPT else self._known

    def _key_of(self, run: Execute, incident: str) -> DataKey | None:
        found = run(SELECT_KEY, (incident,)).fetchone()
        return None if found is None or found[0] is None else self._sealer.key(incident, found[0])

    # --- the projection ----------------------------------------------------------------------------------

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        with self._writing() as run:
            ending = run(SELECT_ENDING, (incident, snapshot.version)).fetchone()
            if ending is None:
                return
            (head,) = ending
            found = run(SELECT_KEY, (incident,)).fetchone()
            wrapped = create_key(run, self._sealer, incident) if found is None else found[0]
            if wrapped is None:
                return
            context = encryption.snapshot_context(incident, snapshot.version, snapshot.code, head)
            body = self._sealer.key(incident, wrapped).seal(snapshot.body, context)
            run(PUT_SNAPSHOT, (incident, snapshot.version, head, snapshot.code, body))

    def rebuild(self, replacement: Sequence[IncidentRow]) -> None:
        with self._writing() as run:
            heads, vouched = self.log.rebuilding(partial(_run, run))
            for name, version, head in run("SELECT id, version, head FROM incidents").fetchall():
                if run(SELECT_TAIL, (name,)).fetchone() != (version, head):
                    raise would_forget(name, version)
            run("DELETE FROM incidents")
            run("DELETE FROM snapshots")
            for row in replacement:
                version, head = head_of(run, row.id)
                if row.version != version:
                    raise Bug(f"the row of {row.id} does not follow from its journal")
                key = heads if row.id in vouched else None
                run(PUT_ROW, rows.incident_values(row, head, self._key_of(run, row.id), key))

    def changed(self) -> str:
        """See Store.changed. SQLite counts the commits of other connections; this class counts its own."""
        [(others,)] = self._select("PRAGMA data_version")
        return f"{others}.{self._commits}"

    # --- documents and settings --------------------------------------------------------------------------

    def put_blob(self, incident: str | None, data: bytes) -> str:
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
                    incident, found[0] if found else create_key(run, self._sealer, incident)
                )
                body = key.seal(data, encryption.blob_context(incident, digest))
            run("INSERT INTO blobs (digest, incident, body) VALUES (?, ?, ?)", (digest, name, body))
        return digest

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
                    mark = "INSERT OR REPLACE INTO settings (name, value) VALUES (?, hex(randomblob(8)))"
                    run(mark, (UNFINISHED,))
            finally:
                self._pragma("PRAGMA secure_delete = OFF")
            self._sealer.forget(incident)
            self.finish_erasure()

    def finish_erasure(self) -> bool:
        """See Store.finish_erasure. SQLite cannot empty the write-ahead log while a connection reads an older state."""
        if (mark := self.setting(UNFINISHED)) is None:
            return True
        # A connection of its own: while it waits for readers, a second at most, nobody else can write.
        with self._reading(), closing(sqlite3.connect(self.path, timeout=1)) as alone:
            (busy, _, _) = alone.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            with self._writing() as run:  # the mark of another erasure, made meanwhile, stays
                run("DELETE FROM settings WHERE name = ? AND value = ?", (UNFINISHED, mark))
        return not busy

    def set_setting(self, name: str, value: str | None) -> None:
        with self._writing() as run:
            if value is None:
                run("DELETE FROM settings WHERE name = ?", (name,))
            else:
                run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """See Store.marks. A worker's current work is in its lock file."""
        with self._reading() as run:
            kept = transaction.read(run, prefix)
        if prefix.startswith(IN_HAND) or IN_HAND.startswith(prefix):
            held = {IN_HAND + worker: body for worker, body in in_hand(self._workers()).items()}
            kept |= {name: body for name, body in held.items() if name.startswith(prefix)}
        return kept

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """See Store.change_marks. The work of a dead worker is counted once: its file is locked until it is removed after the commit."""
        left = {
            name: Left(self._workers(), name.removeprefix(IN_HAND))
            for name in names
            if name.startswith(IN_HAND)
        }
        found = {name: one.body for name, one in left.items() if one.body}
        changed: dict[str, bytes] | None = None
        try:
            with self._lock:
                with self._writing(waits=waits) as run:
                    places = self._known  # a mark does not move the end of a journal
                    made = transaction.change(run, names, lambda kept: change({**found, **kept}))
                changed, self._known = (
                    made,
                    places,
                )  # not before the commit: a file whose work is not counted stays
            return made
        finally:
            for name, one in left.items():
                one.close(drop=changed is not None and name not in changed)

    # --- workers, copies, the end ------------------------------------------------------------------------

    def shared_server(self) -> None:
        """See Store.shared_server."""

    def register_worker(self, worker: str) -> FileLock:
        if self.schema < SCHEMA_VERSION:
            self._writer()
        handle = FileLock(self._workers(), worker)
        self._handles.append(handle)
        return handle

    def worker_alive(self, worker: str) -> bool:
        return worker_lock_held(self._workers(), worker)

    def gate(self, journal: str) -> FileLock:
        return FileLock(self._workers(), f"gate-{journal}")

    def _workers(self) -> Path:
        return self.path.parent / "workers"

    def bulk(self) -> BulkTables:
        from runner.store.campaigns.tables import BulkTables

        return BulkTables(self, self._chance(32))

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator[Run]:
        """See ``bulk.Door``."""
        with self._writing(waits=waits):
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """See ``bulk.Door``."""
        with self._reading():
            yield self._connection

    def key(self, incident: str) -> DataKey:
        """See ``bulk.Door``."""
        with self._reading() as run:
            found = run(SELECT_KEY, (incident,)).fetchone()
        if found is None:
            with self._writing() as run:
                found = run(SELECT_KEY, (incident,)).fetchone() or (create_key(run, self._sealer, incident),)
        if found[0] is None:
            raise encryption.shredded(incident)
        return self._sealer.key(incident, found[0])

    def backup(self, path: Path) -> None:
        """See Store.backup. The copy is complete and durable before it gets its name."""
        with new_file(path) as partial, self._reading() as run:
            run(
                "PRAGMA query_only = OFF"
            )  # for a medium that cannot be written: it also forbids to write the copy
            try:
                run("VACUUM INTO ?", (str(partial),))
            except sqlite3.OperationalError as error:
                raise sqlite_failure(
                    error, path if error.sqlite_errorcode == sqlite3.SQLITE_FULL else self.path
                ) from error
            finally:
                run(f"PRAGMA query_only = {'ON' if self.read_only else 'OFF'}")

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """See Store.frozen. What is replaced is overwritten in the file and in the write-ahead log."""
        refuse_in_use(self._workers())
        self._writer()
        self._pragma("PRAGMA secure_delete = ON")
        try:
            with self._writing() as run:
                fences = (partial(bury, run), partial(only_master, run))
                yield Frozen(partial(_run, run), partial(tables_of, run), *fences)
        finally:
            self._pragma("PRAGMA secure_delete = OFF")
        self._pragma("PRAGMA wal_checkpoint(TRUNCATE)")

    def upgrade(self) -> Path | None:
        """See Store.upgrade. The first writer upgrades the store."""
        with self._reading():
            self._sealer.create_key(ROOT)  # without the master key nothing is copied
            if self._connection.execute("PRAGMA user_version").fetchone() < (SCHEMA_VERSION,):
                refuse_in_use(self._workers())
            adopt = partial(self.log.adopt, partial(_run, self._connection.execute), self._chance)
            copy = upgrade(self._connection, self.path, self.backup, adopt)
            self.schema = SCHEMA_VERSION
        return copy

    def close(self) -> None:  # type: ignore[explicit-override]
        with self._lock:
            for handle in self._handles:
                handle.release()
            self._connection.close()

    # --- the connection ----------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, *, waits: bool = True) -> Iterator[Execute]:
        """Acquire the write lock of the file; commit at the end, or change nothing. See ``unhurried`` for a commit that does not wait."""
        with self._lock, nullcontext() if waits or not self._durable else unhurried(self._writer()):
            run = self._writer().execute
            try:
                try:
                    run("BEGIN IMMEDIATE")
                    self._meet_others(run)
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

    def _meet_others(self, run: Execute) -> None:
        """Forget the cached ends of journals if another connection has written; it may have upgraded the store, too."""
        (others,) = run("PRAGMA data_version").fetchone()
        if others == self._others:
            return
        (schema,) = run("PRAGMA user_version").fetchone()
        if schema > SCHEMA_VERSION:
            raise upgraded(str(self.path), schema, SCHEMA_VERSION)
        self._known, self._others = {}, others

    @contextmanager
    def _changing(self, *, alone: bool = False) -> Iterator[Select]:
        """See ``head_log.Changing``; every writer is alone here."""
        with self._writing() as run:
            yield partial(_run, run)

    @contextmanager
    def _still(self) -> Iterator[Select]:  # type: ignore[explicit-override]
        """See ``head_log.HeadLog``. A connection of its own, so that other threads go on; a medium that cannot be written is still."""
        if self.read_only:
            yield self._select
            return
        with still(self.path) as connection:
            yield partial(_run, connection.execute)

    def _writer(self) -> sqlite3.Connection:
        """Return the connection that writes; a command that only reads never opens it."""
        if self._write is not None:
            reader, self._connection = self._connection, self._write()
            self._write, self._others = None, -1
            reader.close()
        if (old := self.schema) < SCHEMA_VERSION and not self.read_only and (copy := self.upgrade()):
            self.upgraded(old, copy)
        return self._connection

    @contextmanager
    def _reading(self) -> Iterator[Execute]:
        with self._lock:
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise sqlite_failure(error, self.path) from error

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reading() as run:
            return run(_translated(query), values).fetchall()

    def _pragma(self, text: str) -> None:
        self._select(text)
