"""The shared store: the same journal in PostgreSQL, for several machines at once.

A batch takes two round trips: one locks the incidents' rows in the order of their ids (so that two batches
never wait for each other in a ring) and reads their heads, one writes and commits. ``synchronous_commit`` is
on in every session, whatever the server's default. ``psycopg`` is imported when the module is, and the module
only when the store's URL names PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, LiteralString, Self, TypeVar

from psycopg.errors import UniqueViolation

from runner.errors import NotFound, Sealed, StoreError
from runner.store import chain, encryption, inspection, rows
from runner.store.database_errors import would_forget
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
from runner.store.postgres import transaction
from runner.store.postgres.campaigns import bulk_copies
from runner.store.postgres.server import Connection, GateLock, Server, SessionLock, advisory_lock_held
from runner.store.postgres.transaction import SELECT_TAILS, begin
from runner.store.sqlite.database_file import write_copy
from runner.vault.keys import DataKey, Vault
from runner.vault.secrets import Secret

if TYPE_CHECKING:
    from runner.store.campaigns.tables import BulkTables

_RACES = 16
_PAGE = 2000

_T = TypeVar("_T")

Within = Callable[[Connection, Sequence[str]], None]
"""Called with the connection and the incidents appended to, inside the transaction, before its commit."""

_SELECT_ROWS = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, wrapped
FROM tocsin.incidents LEFT JOIN tocsin.keys ON keys.incident = incidents.id"""
_COPIES: tuple[tuple[str, LiteralString], ...] = (
    ("events", "SELECT incident, seq, header, salt, payload, hash FROM tocsin.events ORDER BY incident, seq"),
    (
        "incidents",
        """SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private
           FROM tocsin.incidents""",
    ),
    ("keys", "SELECT incident, wrapped FROM tocsin.keys"),
    ("blobs", "SELECT digest, incident, body FROM tocsin.blobs ORDER BY place"),
    ("settings", "SELECT name, value FROM tocsin.settings"),
)
_SELECT_SNAPSHOT: LiteralString = """
SELECT s.version, s.code, s.head, s.body, k.wrapped FROM tocsin.snapshots s
JOIN tocsin.events e ON e.incident = s.incident AND e.seq = s.version AND e.hash = s.head
LEFT JOIN tocsin.keys k ON k.incident = s.incident WHERE s.incident = %s"""
_SELECT_ENDING: LiteralString = "SELECT hash FROM tocsin.events WHERE incident = %s AND seq = %s"
_PUT_SNAPSHOT: LiteralString = """
INSERT INTO tocsin.snapshots (incident, version, head, code, body) VALUES (%s, %s, %b, %s, %b)
ON CONFLICT (incident) DO UPDATE SET version = excluded.version, head = excluded.head, code = excluded.code,
    body = excluded.body"""
_SELECT_EVENTS = """
SELECT seq, convert_to(header, 'UTF8'), salt, payload, hash FROM tocsin.events WHERE incident = %s AND seq > %s
ORDER BY seq LIMIT %s"""


class PostgresStore:
    """A store in the schema ``tocsin`` of a database."""

    def __init__(
        self,
        url: str,
        vault: Vault,
        *,
        create: bool = False,
        password: Secret | None = None,
        patience: timedelta = PATIENCE,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Open the store; with ``create`` make its schema where there is none.

        Raises NotFound, StoreTooNew, or StoreError when the server does not answer.
        """
        self.read_only = False
        self.server = Server(url, password, patience)
        self._sealer = encryption.Sealer(vault)
        self._chance = chance
        self._handles: list[SessionLock] = []
        try:
            with self.server.connection() as connection:
                self.server.prepare(connection, create=create)
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
        the events, or as absent."""
        stamp = rows.Stamp(chain.utc(recorded), clock_offset_ms, self._chance)
        return self._racing(lambda connection: self._append(connection, batch, stamp, within))

    def _append(
        self, connection: Connection, batch: Sequence[Append], stamp: rows.Stamp, within: Within | None
    ) -> list[Appended | Conflict]:
        with connection.pipeline():
            connection.execute("BEGIN")
            work = begin(connection, self._sealer, [append.incident for append in batch])
            results = [work.append(append, stamp) for append in batch]
            work.write(connection)
            if within is None:
                connection.execute("COMMIT")
        if within is not None:
            within(connection, tuple(work.rows))
            connection.execute("COMMIT")
        return results

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
        found = self._one("SELECT wrapped FROM tocsin.keys WHERE incident = %s", (incident,))
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

    def _events(self, incident: str, after: int) -> Iterator[tuple[Any, ...]]:
        while True:
            page = self._all(_SELECT_EVENTS, (incident, after, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def head(self, incident: str) -> Head:
        """See Store.head."""
        found = self._one("SELECT version, head FROM tocsin.incidents WHERE id = %s", (incident,))
        if found is None:
            tail = self._one(SELECT_TAILS, ([incident],))
            found = (0, chain.genesis(incident)) if tail is None else tail[1:]
        return Head(found[0], found[1].hex())

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
            for name, version, head in self._all("SELECT id, version, head FROM tocsin.incidents")
        }
        if incident is not None:
            links = chain.told(self.links(incident), seen)
            return chain.check(incident, links, witness=witnesses.get(incident), anchor=known.get(incident))
        journals = {name for (name,) in self._all("SELECT DISTINCT incident FROM tocsin.events")}
        return chain.check_store(lambda name: chain.told(self.links(name), seen), journals, witnesses, known)

    def inspect(self, incident: str | None = None, seen: Callable[[int], None] | None = None) -> Inspection:
        """See Store.inspect."""
        return inspection.inspect(self._sealer, self._all, incident, seen)

    # --- the projection ----------------------------------------------------------------------------------

    def rows(self, state: str | None = None) -> list[IncidentRow]:
        """See Store.rows."""
        found = self._all(
            _SELECT_ROWS + " WHERE %s::text IS NULL OR state = %s ORDER BY opened_at, id", (state, state)
        )
        return [rows.incident_row(self._sealer, row[:-1], row[-1]) for row in found]

    def row(self, incident: str) -> IncidentRow | None:
        """See Store.row."""
        found = self._one(_SELECT_ROWS + " WHERE id = %s", (incident,))
        return None if found is None else rows.incident_row(self._sealer, found[:-1], found[-1])

    def due(self, now: datetime) -> list[str]:
        """See Store.due."""
        found = self._all(
            "SELECT id FROM tocsin.incidents WHERE has_work OR next_due <= %s ORDER BY id", (rows.text(now),)
        )
        return [name for (name,) in found]

    def next_due(self, after: datetime | None = None) -> datetime | None:
        """See Store.next_due."""
        behind = "" if after is None else rows.text(after)
        found = self._one("SELECT min(next_due) FROM tocsin.incidents WHERE next_due > %s", (behind,))
        return None if found is None or found[0] is None else datetime.fromisoformat(found[0])

    def snapshot(self, incident: str) -> Snapshot | None:
        """See Store.snapshot."""
        return encryption.open_snapshot(self._sealer, incident, self._one(_SELECT_SNAPSHOT, (incident,)))

    def put_snapshot(self, incident: str, snapshot: Snapshot) -> None:
        """See Store.put_snapshot."""
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
        """See Store.rebuild."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("LOCK TABLE tocsin.incidents IN ACCESS EXCLUSIVE MODE")
            old = connection.execute("SELECT id, version, head FROM tocsin.incidents").fetchall()
            work = begin(connection, self._sealer, [row.id for row in replacement])
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
        return str(self._one("SELECT pg_current_snapshot()::text")[0])

    # --- documents and settings --------------------------------------------------------------------------

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """See Store.put_blob."""
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

    def get_blob(self, digest: str) -> bytes:
        """See Store.get_blob."""
        found = self._one(
            """SELECT b.incident, k.wrapped, b.body FROM tocsin.blobs b
               LEFT JOIN tocsin.keys k ON k.incident = b.incident
               WHERE b.digest = %s ORDER BY b.incident <> '' AND k.wrapped IS NULL, b.incident LIMIT 1""",
            (digest,),
        )
        if found is None:
            raise NotFound(f'Document "{digest[:12]}…" does not exist.', code="blob_missing")
        return encryption.open_blob(self._sealer, digest, *found)

    def has_blob(self, digest: str) -> bool:
        """See Store.has_blob."""
        return self._one("SELECT 1 FROM tocsin.blobs WHERE digest = %s LIMIT 1", (digest,)) is not None

    def blob_names(self, incident: str | None = None) -> list[str]:
        """See Store.blob_names."""
        found = self._all(
            "SELECT digest FROM tocsin.blobs WHERE incident = %s ORDER BY place", (incident or "",)
        )
        return [digest for (digest,) in found]

    def shred(self, incident: str) -> None:
        """See Store.shred. Copies of the key in the server's log and backups live as long as those do."""
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

    def setting(self, name: str) -> str | None:
        """See Store.setting."""
        found = self._one("SELECT value FROM tocsin.settings WHERE name = %s", (name,))
        return None if found is None else str(found[0])

    def set_setting(self, name: str, value: str | None) -> None:
        """See Store.set_setting."""
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
        """See Store.marks."""
        with self.server.connection() as connection:
            return transaction.read(connection, prefix)

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """See Store.change_marks."""
        return self._racing(lambda connection: transaction.change(connection, names, change, waits=waits))

    # --- workers, copies, the end ------------------------------------------------------------------------

    def register_worker(self, worker: str) -> SessionLock:
        """See Store.register_worker."""
        handle = SessionLock(self.server, worker)
        self._handles.append(handle)
        return handle

    def worker_alive(self, worker: str) -> bool:
        """See Store.worker_alive."""
        with self.server.connection() as connection:
            return advisory_lock_held(connection, worker)

    def gate(self, journal: str) -> GateLock:
        """See Store.gate. The server keeps the queue."""
        return GateLock(self.server, f"gate-{journal}")

    def bulk(self) -> BulkTables:
        """See Store.bulk."""
        from runner.store.campaigns.tables import BulkTables
        from runner.store.postgres.campaigns import PostgresDoor

        return BulkTables(PostgresDoor(self.server, self._sealer), self._chance(32))

    def backup(self, path: Path) -> None:
        """See Store.backup. The copy is an embedded store: one file, which every Tocsin can open and verify."""
        with self.server.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            write_copy(path, _tables(connection))

    def close(self) -> None:
        """See Store.close."""
        self.server.close()
        for handle in self._handles:
            handle.release()

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    # --- queries -----------------------------------------------------------------------------------------

    def _racing(self, attempt: Callable[[Connection], _T]) -> _T:
        """Repeat an attempt that lost the race to create something: the second time it is there."""
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

    def _all(self, query: LiteralString, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.server.connection() as connection:
            return connection.execute(query, values, binary=True).fetchall()

    def _one(self, query: LiteralString, values: tuple[Any, ...] = ()) -> Any:
        with self.server.connection() as connection:
            return connection.execute(query, values, binary=True).fetchone()


def _tables(connection: Connection) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """Read every table whole, in the order of the embedded store's columns, a page at a time."""
    for table, query in _COPIES:
        with connection.cursor(name=f"tocsin_{table}", binary=True) as cursor:
            cursor.itersize = _PAGE
            cursor.execute(query)
            yield table, cursor
    yield from bulk_copies(connection)
