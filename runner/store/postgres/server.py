"""Sessions with the PostgreSQL server: opening, sharing, failures, and the locks of live workers.

The pool keeps one session for each simultaneous caller. A broken session is dropped together with the
idle ones: the failed call raises StoreError, and the next call gets a new session.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, errors
from psycopg.pq import TransactionStatus

from runner.errors import Bug, StoreBusy, StoreError, StoreLocked, TocsinError
from runner.store.database_errors import absent, corrupt, full, locked, read_only, too_new, upgrade_due
from runner.store.moving import refusal
from runner.store.port import IN_HAND
from runner.store.upgrades import POSTGRES, SCHEMA_VERSION
from runner.vault.secrets import Secret

Connection = psycopg.Connection[tuple[Any, ...]]

# A dead machine or network is noticed within about a minute, on both ends, with traffic and without, and its worker lock is released.
KEEPALIVE = dict(keepalives=1, keepalives_idle=30, keepalives_interval=10, keepalives_count=3)  # noqa: C408  # a row
KEEPALIVE |= {"tcp_user_timeout": 60_000, "connect_timeout": 10}
_SESSION = """
SET synchronous_commit = on; SET lock_timeout = {patience}; SET client_min_messages = warning;
SET tocsin.schema = {schema}; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
SET tcp_user_timeout = 60000; SELECT pg_backend_pid()"""
UNHURRIED: LiteralString = "SET LOCAL synchronous_commit = off"
"""Makes a transaction durable with the next one that waits for the disk, in their order."""
_CROWDED = ("too many clients", "too many connections", "connection slots")
"""Message of a server without a free connection; libpq has no error code before a connection exists."""
_PROCESS: LiteralString = "SELECT pg_backend_pid()"
_PREPARING = int.from_bytes(b"tocsin!!", "big", signed=True)


PUT_MARK: LiteralString = """
INSERT INTO tocsin.marks (name, body) VALUES (%s, %b)
ON CONFLICT (name) DO UPDATE SET body = excluded.body"""
DELETE_MARKS: LiteralString = "DELETE FROM tocsin.marks WHERE name = ANY(%s)"


class Server:
    """Connection data of the database, and the translation of its failures."""

    def __init__(self, url: str, password: Secret | None, patience: timedelta) -> None:
        """Store the connection data; ``patience`` is how long a writer waits for another."""
        self._password = password
        self._patience = patience
        try:
            self._parts = conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise StoreError(
                "The URL of the database is not a valid PostgreSQL URL.", code="store_url"
            ) from error
        self._guard = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False
        self._pooled = False
        self.several = "," in str(self._parts.get("host") or self._parts.get("hostaddr") or "")
        self.place = f"{self._parts.get('host') or 'localhost'}/{self._parts.get('dbname') or ''}"

    def connect(self, *, checked: bool = False) -> Connection:
        """Return a new session in autocommit, or raise the translated failure; ``checked`` allows any pooler."""
        parts: dict[str, Any] = KEEPALIVE | self._parts
        if self._password is not None:
            parts["password"] = self._password.reveal()
        try:
            connection = psycopg.connect(**parts, autocommit=True)
            patience = str(int(self._patience.total_seconds() * 1000))
            begun = connection.execute(_SESSION.format(patience=patience, schema=SCHEMA_VERSION))
            while begun.nextset():
                pass
            process = begun.fetchone()
            # A pooler gives each client a number of its own, in place of the server's process.
            if process != (connection.info.backend_pid,) and not (checked or self._pooled):
                self._refuse_shared(connection, process)
                self._pooled = True
        except psycopg.Error as error:
            # The driver's text names host, user and database, never the password.
            why = " ".join(str(error).split())
            if any(words in why for words in _CROWDED):
                raise StoreBusy(
                    f'Database "{self.place}" accepts no more connections now.',
                    hint="Run the command again. If it fails again, raise max_connections of the server.",
                ) from None
            raise StoreError(
                f'Database "{self.place}" refuses the connection: {why}.',
                hint="Check the server, the URL of the database, and the reference of the password.",
                code="store_unreachable",
            ) from None
        return connection

    def _refuse_shared(self, connection: Connection, process: object) -> None:
        """Raise StoreError if a pooler lends the server's session to other clients between two statements."""
        for _ in range(3):
            with closing(self.connect(checked=True)) as other, other.transaction():
                taken = other.execute(_PROCESS).fetchone() == process
                if taken or connection.execute(_PROCESS).fetchone() != process:
                    connection.close()
                    raise StoreError(
                        f'Database "{self.place}" is behind a pooler in transaction mode. Nothing was changed.',
                        hint="Connect to PostgreSQL directly, or set pool_mode = session in the pooler.",
                        code="store_pooled",
                    )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a session in autocommit; its errors are translated, and an open transaction is rolled back."""
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self.connect()
        try:
            yield connection
        except errors.UniqueViolation:
            raise  # a race that the store repeats
        except psycopg.Error as error:
            raise self.failure(error) from error
        finally:
            _roll_back(connection)
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        with self._guard:
            dropped = [connection] if self._closed else []
            if connection.closed:
                dropped, self._idle = self._idle, []
            elif not self._closed:
                self._idle.append(connection)
        for connection in dropped:
            connection.close()

    def close(self) -> None:
        """End the idle sessions; a lent session ends when it is returned."""
        with self._guard:
            self._closed = True
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()

    def prepare(self, connection: Connection, *, create: bool, older: bool) -> int:
        """Check that the schema exists and is Tocsin's, and return its version; with ``create`` make it, with ``older`` allow one to upgrade."""
        version = self._version(connection)
        if version is None and create:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARING,))
                if self._version(connection) is None:
                    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
                    connection.execute(schema)
            version = self._version(connection)
        if version is None:
            raise absent(self.place)
        if version > SCHEMA_VERSION:
            raise too_new(self.place, version, SCHEMA_VERSION)
        if version < SCHEMA_VERSION and not older:
            raise upgrade_due(self.place, version, SCHEMA_VERSION)
        return version

    def upgrade(self, connection: Connection) -> None:
        """Upgrade an older schema to the current one, all steps in one transaction."""
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARING,))
            for step in range(self._version(connection) or SCHEMA_VERSION, SCHEMA_VERSION):
                for statement in POSTGRES[step]:
                    connection.execute(statement)
            connection.execute("UPDATE tocsin.meta SET schema_version = %s", (SCHEMA_VERSION,))

    def _version(self, connection: Connection) -> int | None:
        # Read from the catalogue's table: the session's cache may not have a new schema yet.
        found = connection.execute(
            "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'tocsin' AND tablename = 'meta'"
        ).fetchone()
        if found is None:
            return None
        row = connection.execute("SELECT schema_version FROM tocsin.meta").fetchone()
        return None if row is None else int(row[0])

    def failure(self, error: psycopg.Error) -> TocsinError:
        """Translate an error without the details and values in its text, which may be personal."""
        match error:
            case errors.DiskFull():
                return full(self.place)
            case errors.ReadOnlySqlTransaction() | errors.InsufficientPrivilege():
                return read_only(self.place)
            case errors.LockNotAvailable() | errors.DeadlockDetected():
                return locked(self.place)
            case errors.DataCorrupted() | errors.IndexCorrupted():
                return corrupt(self.place, error.diag.message_primary or "")
            case errors.RaiseException() if found := refusal(
                self.place, error.diag.message_primary or "", SCHEMA_VERSION
            ):
                return found
            case psycopg.OperationalError():
                return StoreError(
                    f'The connection to database "{self.place}" was lost.',
                    hint="Run the command again. It reports if the first run was saved.",
                    code="store_unreachable",
                )
            case _:
                why = error.diag.message_primary or type(error).__name__
                return Bug(f'Database "{self.place}" refused the request: {why}.')


_HOLDERS: LiteralString = """
FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND classid = %s::bigint::oid AND objid = %s::bigint::oid"""
"""The sessions with a worker's lock."""


class SessionLock:
    """The lock of one worker in a session of its own; the server releases it with the session."""

    def __init__(self, server: Server, worker: str) -> None:
        """Acquire the lock; raises StoreLocked if a worker of this id is alive."""
        self._server = server
        self._worker = worker
        self._connection: Connection | None = None
        self._lock()

    def _lock(self) -> None:
        self._connection = self._server.connect()
        self._connection.execute("SET synchronous_commit = off")  # only the current work is written here
        number = lock_number(self._worker)
        if self._connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() != (True,):
            self.release()
            raise StoreLocked(
                f'Worker "{self._worker}" runs already.', hint="Stop that worker first.", code="worker_runs"
            )

    def renew(self) -> None:
        """See WorkerHandle.renew. The server may have the old session for a minute after its network failed."""
        if self.held():
            return
        self.release()
        with self._server.connection() as connection:
            if advisory_lock_held(connection, self._worker):
                connection.execute(f"SELECT pg_terminate_backend(pid) {_HOLDERS}", _place(self._worker))
        self._lock()

    def held(self) -> bool:
        """Whether the session still answers. The lock lasts as long as the session."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def hold(self, body: bytes) -> None:
        """See WorkerHandle.hold. Only this worker writes this mark, so no mark is locked for it."""
        if self._connection is None:
            return
        try:
            if body:
                self._connection.execute(PUT_MARK, (IN_HAND + self._worker, body))
            else:
                self._connection.execute(DELETE_MARKS, ([IN_HAND + self._worker],))
        except psycopg.Error as error:
            raise self._server.failure(error) from error

    def release(self) -> None:
        """Release the lock and end the session; the server notices an end late, so the lock is released first."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock_all()")
            connection.close()


class GateLock:
    """A lock with a queue. Its session remains usable, so that a waiting caller needs no second session."""

    def __init__(self, server: Server, name: str) -> None:
        """Wait for the lock; raises StoreLocked if others have it for too long."""
        self._number = lock_number(name)
        with server.connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (self._number,))
        self._connection: Connection | None = connection

    def held(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def release(self) -> None:
        """Release the lock for the next caller."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock(%s)", (self._number,))


def advisory_lock_held(connection: Connection, worker: str) -> bool:
    """Whether any session has the lock of ``worker``, without acquiring it."""
    return connection.execute(f"SELECT 1 {_HOLDERS}", _place(worker)).fetchone() is not None


def _place(worker: str) -> tuple[int, int]:
    number = lock_number(worker) % 2**64
    return number >> 32, number & 0xFFFFFFFF


def _roll_back(connection: Connection) -> None:
    """Roll back a failed transaction; close the session if that fails."""
    try:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()


def lock_number(worker: str) -> int:
    """Return the number of a worker's advisory lock: 64 bits, signed, in the server's form."""
    return int.from_bytes(
        hashlib.sha256(b"tocsin/worker\0" + worker.encode()).digest()[:8], "big", signed=True
    )
