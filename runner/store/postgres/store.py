"""The shared store: the same journal in PostgreSQL, for several machines at once.

A batch needs two round trips: one locks the incidents' rows in the order of their ids (so that two batches
never deadlock) and reads their heads, one writes and commits. ``synchronous_commit`` is
on in every session, whatever the server's default. This module imports ``psycopg``, and is imported itself
only if the store's URL names PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

from psycopg.errors import UniqueViolation

from runner.errors import StoreError
from runner.store import chain, encryption, rows
from runner.store.campaigns.rows import Run
from runner.store.database_errors import would_forget
from runner.store.head_log import HeadLog
from runner.store.heads import HeadKey
from runner.store.journal_reader import JournalReader
from runner.store.moving import MOVED, Frozen, Select, refuse_moved
from runner.store.port import (
    PATIENCE,
    UNFINISHED,
    Append,
    Appended,
    ChangeMarks,
    Conflict,
    IncidentRow,
    SharedServer,
    Snapshot,
)
from runner.store.postgres import transaction
from runner.store.postgres.copies import tables_of, translated
from runner.store.postgres.fences import bury, freeze, only_master, only_schema, refuse_in_use
from runner.store.postgres.server import (
    UNHURRIED,
    Connection,
    GateLock,
    Server,
    SessionLock,
    advisory_lock_held,
    lock_number,
)
from runner.store.postgres.transaction import SELECT_TAILS, begin
from runner.store.sqlite.database_file import write_copy
from runner.store.upgrades import KEYED, SCHEMA_VERSION
from runner.vault.keys import DataKey, Vault
from runner.vault.secrets import Secret

if TYPE_CHECKING:
    from runner.store.campaigns.tables import BulkTables

_RACES = 16
_T = TypeVar("_T")
Within = Callable[[Connection, Sequence[str]], None]
"""Called with the connection and the incidents appended to, inside the transaction, before its commit."""
_SELECT_ENDING: LiteralString = "SELECT hash FROM tocsin.events WHERE incident = %s AND seq = %s"
_PUT_SNAPSHOT: LiteralString = """
INSERT INTO tocsin.snapshots (incident, version, head, code, body) VALUES (%s, %s, %b, %s, %b)
ON CONFLICT (incident) DO UPDATE SET version = excluded.version, head = excluded.head, code = excluded.code,
    body = excluded.body"""
_SELECT_EVENTS: LiteralString = """
SELECT seq, convert_to(header, 'UTF8'), salt, payload, hash FROM tocsin.events WHERE incident = %s AND seq > %s
ORDER BY seq LIMIT %s"""


class PostgresStore(JournalReader):
    """A store in the schema ``tocsin`` of a database."""

    def __init__(
        self,
        url: str,
        vault: Vault,
        *,
        create: bool = False,
        password: Secret | None = None,
        older: bool = False,
        moved: bool = False,
        patience: timedelta = PATIENCE,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Open the store; with ``create`` make a missing schema, with ``older`` open an older one to upgrade it, with ``moved`` one not in use.

        Raises NotFound, StoreTooNew, or StoreError if the server does not answer, the schema is older, or the store moved.
        """
        self.read_only = False
        self.server = Server(url, password, patience)
        super().__init__(encryption.Sealer(vault), self._select, _SELECT_EVENTS)
        self.log = HeadLog(self._sealer, self._select, self._changing, self._still, lambda: self.schema)
        self._chance = chance
        self._handles: list[SessionLock] = []
        try:
            with self.server.connection() as connection:
                self.schema = self.server.prepare(connection, create=create, older=older)
            if not moved:
                refuse_moved(self.server.place, self.setting(MOVED))
        except BaseException:
            self.server.close()
            raise

    # --- the journal -------------------------------------------------------------------------------------

    def append(
        self,
        batch: Sequence[Append],
        *,
        recorded: datetime,
        clock_offset_ms: int | None = None,
        within: Within | None = None,
    ) -> list[Appended | Conflict]:
        """See Store.append. ``within`` runs in the same transaction: a job deferred there is as durable as
        the events, or absent with them."""
        stamp = rows.Stamp(chain.utc(recorded), clock_offset_ms, self._chance)
        heads = self.log.key()
        return self._racing(lambda connection: self._append(connection, batch, stamp, heads, within))

    def _append(
        self,
        connection: Connection,
        batch: Sequence[Append],
        stamp: rows.Stamp,
        heads: HeadKey,
        within: Within | None,
    ) -> list[Appended | Conflict]:
        with connection.pipeline():
            connection.execute("BEGIN")
            work = begin(connection, self._sealer, [append.incident for append in batch], heads)
            results = [work.append(append, stamp) for append in batch]
            work.write(connection)
            if within is None:
                connection.execute("COMMIT")
        if within is not None:
            within(connection, tuple(work.rows))
            connection.execute("COMMIT")
        return results

    # --- the projection ----------------------------------------------------------------------------------

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        self._racing(lambda connection: self._put_snapshot(connection, incident, snapshot))

    def _put_snapshot(self, connection: Connection, incident: str, snapshot: Snapshot) -> None:
        version, code = snapshot.version, snapshot.code
        with connection.transaction():
            work = begin(connection, self._sealer, [incident])
            ending = connection.execute(_SELECT_ENDING, (incident, version), binary=True).fetchone()
            key = None if work.is_shredded(incident) else work.key(incident, needed=True)
            if ending is None or key is None:
                return
            body = key.seal(snapshot.body, encryption.snapshot_context(incident, version, code, ending[0]))
            work.write(connection)
            connection.execute(_PUT_SNAPSHOT, (incident, version, ending[0], code, body))

    def rebuild(self, replacement: Sequence[IncidentRow]) -> None:
        with self.server.connection() as connection, connection.transaction():
            connection.execute("LOCK TABLE tocsin.incidents IN ACCESS EXCLUSIVE MODE")
            old = connection.execute("SELECT id, version, head FROM tocsin.incidents").fetchall()
            heads, vouched = self.log.rebuilding(partial(_run, connection))
            work = begin(connection, self._sealer, [row.id for row in replacement], heads)
            work.vouch_only(vouched)
            tails = connection.execute(SELECT_TAILS, ([*work.heads, *(name for name, *_ in old)],)).fetchall()
            for name, version, head in old:
                if (name, version, head) not in tails:
                    raise would_forget(name, version)
            connection.execute("DELETE FROM tocsin.incidents")
            connection.execute("DELETE FROM tocsin.snapshots")
            for row in replacement:
                work.put_row(row)
            work.write(connection)

    def changed(self) -> str:
        """See Store.changed. A snapshot names the transactions in progress: it differs after each commit."""
        return str(self._select("SELECT pg_current_snapshot()::text")[0][0])

    # --- documents and settings --------------------------------------------------------------------------

    def put_blob(self, incident: str | None, data: bytes) -> str:
        digest = encryption.blob_digest(data)
        self._racing(lambda connection: self._put_blob(connection, incident, digest, data))
        return digest

    def _put_blob(self, connection: Connection, incident: str | None, digest: str, data: bytes) -> None:
        name, body = incident or "", data
        with connection.transaction():
            work = begin(connection, self._sealer, [] if incident is None else [incident])
            if connection.execute(
                "SELECT 1 FROM tocsin.blobs WHERE digest = %s AND incident = %s", (digest, name)
            ).fetchone():
                return
            if incident is not None:
                key = work.key(incident, needed=True)
                body = data if key is None else key.seal(data, encryption.blob_context(incident, digest))
            work.write(connection)
            connection.execute(
                "INSERT INTO tocsin.blobs (digest, incident, body) VALUES (%s, %s, %b)", (digest, name, body)
            )

    def shred(self, incident: str) -> None:
        """See Store.shred. Copies of the key in the server's log and backups exist as long as the log and backups."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("LOCK TABLE tocsin.keys IN ACCESS EXCLUSIVE MODE")
            connection.execute(
                """INSERT INTO tocsin.keys (incident, wrapped) VALUES (%s, NULL)
                   ON CONFLICT (incident) DO UPDATE SET wrapped = NULL""",
                (incident,),
            )
            connection.execute("DELETE FROM tocsin.snapshots WHERE incident = %s", (incident,))
        self._sealer.forget(incident)
        with self.server.connection() as connection:
            connection.execute("VACUUM tocsin.keys, tocsin.snapshots")

    def finish_erasure(self) -> bool:
        """See Store.finish_erasure. An erasure waits for all who read the keys: a mark came from another store that was moved here."""
        self.set_setting(UNFINISHED, None)
        return True

    def set_setting(self, name: str, value: str | None) -> None:
        with self.server.connection() as connection:
            if value is None:
                connection.execute("DELETE FROM tocsin.settings WHERE name = %s", (name,))
            else:
                connection.execute(
                    """INSERT INTO tocsin.settings (name, value) VALUES (%s, %s)
                       ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                    (name, value),
                )

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        with self.server.connection() as connection:
            return transaction.read(connection, prefix)

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        return self._racing(lambda connection: transaction.change(connection, names, change, waits=waits))

    # --- workers, copies, the end ------------------------------------------------------------------------

    def shared_server(self) -> SharedServer:
        """See Store.shared_server."""
        query: LiteralString = "SELECT clock_timestamp(), current_setting('synchronous_standby_names')"
        before = datetime.now(UTC)  # noqa: TID251  # the clock of the machine is compared
        [(theirs, standbys)] = self._select(query)
        offset = before + (datetime.now(UTC) - before) / 2 - theirs  # noqa: TID251
        return SharedServer(offset=offset, standbys=standbys, several=self.server.several)

    def register_worker(self, worker: str) -> SessionLock:
        handle = SessionLock(self.server, worker)
        self._handles.append(handle)
        return handle

    def worker_alive(self, worker: str) -> bool:
        with self.server.connection() as connection:
            return advisory_lock_held(connection, worker)

    def gate(self, journal: str) -> GateLock:
        """See Store.gate. The server has the queue."""
        return GateLock(self.server, f"gate-{journal}")

    def bulk(self) -> BulkTables:
        from runner.store.campaigns.tables import BulkTables

        return BulkTables(self, self._chance(32))

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator[Run]:
        """See ``bulk.Door``."""
        with self.server.connection() as connection, connection.transaction():
            if not waits:
                connection.execute(UNHURRIED)
            yield PostgresRun(connection)

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """See ``bulk.Door``."""
        with self.server.connection() as connection:
            yield PostgresRun(connection)

    def key(self, incident: str) -> DataKey:
        """See ``bulk.Door``."""
        key = self._reading_key(incident, strict=True)
        if key is not None:
            return key
        with self.server.connection() as connection, connection.transaction():
            work = begin(connection, self._sealer, [incident])
            made = work.key(incident, needed=True)
            work.write(connection)
        if made is None:
            raise encryption.shredded(incident)
        return made

    def backup(self, path: Path) -> None:
        """See Store.backup. The copy is an embedded store: one file, which every Tocsin can open and verify."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            write_copy(path, tables_of(connection))

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """See Store.frozen. Readers go on; writers wait for the end of the transaction."""
        with self.server.connection() as connection, connection.transaction():
            freeze(connection)
            fences = (partial(bury, connection), partial(only_master, connection))
            yield Frozen(partial(_run, connection), partial(tables_of, connection), *fences)

    def upgrade(self) -> None:
        """See Store.upgrade. The operator has made a dump. Programs that run can read afterwards, and no longer write.

        Raises Refused while workers or servers run: an older one could not record what it sends.
        """
        with self.server.connection() as connection, connection.transaction():
            refuse_in_use(connection)
            self.server.upgrade(connection)
            if self.schema < KEYED:
                self.log.adopt(partial(_run, connection), self._chance)
            only_schema(connection, SCHEMA_VERSION)
        self.schema = SCHEMA_VERSION

    def close(self) -> None:  # type: ignore[explicit-override]
        self.server.close()
        for handle in self._handles:
            handle.release()

    # --- queries -----------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, *, alone: bool = False) -> Iterator[Select]:
        """See ``head_log.Changing``. Checkpoints wait for one another, and appends only for who must be alone."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number("head log"),))
            if alone:
                connection.execute("LOCK TABLE tocsin.incidents IN EXCLUSIVE MODE")
            yield partial(_run, connection)

    @contextmanager
    def _still(self) -> Iterator[Select]:  # type: ignore[explicit-override]
        """See ``head_log.HeadLog``."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield partial(_run, connection)

    def _racing(self, attempt: Callable[[Connection], _T]) -> _T:
        """Repeat an attempt that lost the race to create a row or table: the second time it exists."""
        for _ in range(_RACES):
            try:
                with self.server.connection() as connection:
                    return attempt(connection)
            except UniqueViolation:
                continue
        raise StoreError(
            "Other processes write to the database at the same time.",
            hint="Run the command again.",
            code="store_raced",
        )

    def _select(self, query: LiteralString, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.server.connection() as connection:
            return connection.execute(query, values, binary=True).fetchall()


def _run(connection: Connection, query: LiteralString, values: tuple[Any, ...]) -> list[Any]:
    cursor = connection.execute(query, values, binary=True)
    return [] if cursor.description is None else cursor.fetchall()


class PostgresRun:
    """One session in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._connection.execute(translated(statement), tuple(values), binary=True)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]]) -> Any:
        with self._connection.cursor() as cursor:
            cursor.executemany(translated(statement), [tuple(row) for row in values])
