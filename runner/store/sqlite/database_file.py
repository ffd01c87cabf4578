"""The file of the embedded store: opening, creation, and checks of its application id and version."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from runner.errors import Refused, StoreCorrupt
from runner.store.campaigns import schema
from runner.store.database_errors import absent, locked, read_only, sqlite_failure, too_new
from runner.store.port import PATIENCE
from runner.store.upgrades import KEYED, SCHEMA_VERSION, SQLITE

APPLICATION_ID = 0x546F6373
_FULL = 2
Connect = Callable[[], sqlite3.Connection]
_TRIES = 3
"""Number of copies of a file that changes meanwhile."""


def connect(path: Path, create: bool, patience: timedelta, *, durable: bool = True) -> sqlite3.Connection:
    """Open the file; with ``create`` make the store in it. Writers wait ``patience`` for one another.

    Without ``durable`` a commit does not wait for the disk.

    Raises NotFound, StoreTooNew, StoreCorrupt, StoreLocked or StoreReadOnly.
    """
    if not create and not path.exists():
        raise absent(str(path))
    with _opening(path) as held:
        if create and not path.exists():
            _make_private(path)
        held.append(_connection(str(path), patience))
        held[0].execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        _prepare(held[0], path, create)
    return held[0]


def connect_first(
    path: Path, create: bool, patience: timedelta, *, durable: bool
) -> tuple[sqlite3.Connection, Connect | None]:
    """Open the file as ``connect`` does, or for reading only if its WAL has events; also return a function that opens it for writing.

    The last connection with write access checkpoints the WAL when it closes. So a command that only reads has no such connection.
    """
    writing = partial(connect, path, create, patience, durable=durable)
    if create or not path.exists() or not _has_events(path):
        return writing(), None
    with _opening(path) as held:
        held.append(_connection(f"{path.absolute().as_uri()}?mode=ro", patience, uri=True))
        _prepare(held[0], path, create=False)
    return held[0], writing


def _has_events(path: Path) -> bool:
    """Whether the WAL has data that is not in the file yet: a writer is alive, or was killed."""
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def connect_unwritable(path: Path, patience: timedelta) -> sqlite3.Connection:
    """Open a file on a read-only medium, for reading only; raises as ``connect`` does.

    SQLite reads a WAL through an index that it must write beside it. ``immutable`` needs no index, but ignores the WAL and its
    events without an error: so if there is a WAL, file and WAL are copied to a private folder and read there.
    """
    wal = path.with_name(f"{path.name}-wal")
    with _opening(path) as held:
        if not _has_events(path):
            held.append(_connection(f"{path.absolute().as_uri()}?immutable=1", patience, uri=True))
        else:
            with _copied(path, wal) as copy:
                held.append(_connection(str(copy), patience))
                _prepare(held[0], path, create=False)  # opens the WAL; afterwards the names are not needed
                if os.name == "nt":  # Windows cannot remove an open file: read it all into memory
                    memory = _connection(":memory:", patience)
                    held[0].backup(memory)
                    held[0].close()
                    held[0] = memory
        _prepare(held[0], path, create=False)
        held[0].execute("PRAGMA query_only = ON")
    return held[0]


@contextmanager
def still(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that reads the file as it is at its first read, while others go on writing."""
    with _opening(path) as held:
        held.append(_connection(f"{path.absolute().as_uri()}?mode=ro", PATIENCE, uri=True))
        held[0].execute("BEGIN")
        yield held[0]
        held[0].close()


def _connection(place: str, patience: timedelta, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=patience.total_seconds(), isolation_level=None, check_same_thread=False, uri=uri
    )


@contextmanager
def _opening(path: Path) -> Iterator[list[sqlite3.Connection]]:
    """Close the connection on an error, and translate SQLite's errors."""
    connections: list[sqlite3.Connection] = []
    try:
        yield connections
    except BaseException as error:
        for connection in connections:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise sqlite_failure(error, path) from error
        raise


@contextmanager
def _copied(path: Path, wal: Path) -> Iterator[Path]:
    """Yield a consistent copy of a file and its WAL; raises StoreReadOnly without space for the copy."""
    import shutil
    import tempfile

    memory = Path("/dev/shm")  # noqa: S108  # the folder in it is made for us alone
    for place in (folder for folder in (memory, Path(tempfile.gettempdir())) if folder.is_dir()):
        with suppress(OSError), tempfile.TemporaryDirectory(prefix="tocsin-", dir=place) as folder:
            copy = Path(folder) / path.name
            for _ in range(_TRIES):
                before = _states(path, wal)
                shutil.copyfile(path, copy)
                shutil.copyfile(wal, copy.with_name(wal.name))
                if _states(path, wal) == before:
                    yield copy
                    return
    raise read_only(str(path))


def _states(*paths: Path) -> list[tuple[int, int]]:
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner can read: SQLite gives its other files the same mode."""
    with suppress(OSError):  # SQLite says why
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path, create: bool) -> None:
    run = connection.execute
    run("PRAGMA fullfsync = ON")  # macOS: a plain fsync does not reach the disk there
    (version,) = run("PRAGMA user_version").fetchone()
    if version == 0 and create:
        run("PRAGMA journal_mode = WAL")
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        if version == 0:
            _create(connection)
            version = SCHEMA_VERSION
        run("COMMIT")
    (application,) = run("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StoreCorrupt(
            f'File "{path}" is not a database of Tocsin.',
            hint="Check the URL of the database in tocsin.yaml.",
            code="not_a_store",
        )
    if version > SCHEMA_VERSION:
        raise too_new(str(path), version, SCHEMA_VERSION)


def _create(connection: sqlite3.Connection) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        return  # a foreign database: unchanged, and refused by its application id
    statement = ""
    for line in Path(__file__).with_name("schema.sql").read_text(encoding="utf-8").splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade(
    connection: sqlite3.Connection, path: Path, backup: Callable[[Path], None], adopt: Callable[[], None]
) -> Path | None:
    """Upgrade an older store to the current schema, all steps in one transaction; return the copy made before.

    The copy equals the state at the start of the transaction: if another process wrote meanwhile, it is made again. Returns None if
    another process has upgraded the store.
    """
    run = connection.execute
    for _ in range(_TRIES):
        (version,) = run("PRAGMA user_version").fetchone()
        if version >= SCHEMA_VERSION:
            return None
        before = run("PRAGMA data_version").fetchone()
        folder = path.parent / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        names = (f"{path.stem}.schema-{version}-{n}{path.suffix}" for n in count(1))
        copy = next(folder / name for name in names if not (folder / name).exists())
        backup(copy)
        try:
            run("BEGIN IMMEDIATE")
            (version,) = run("PRAGMA user_version").fetchone()
            if run("PRAGMA data_version").fetchone() == before:
                for step in range(version, SCHEMA_VERSION):
                    for statement in SQLITE[step]:
                        run(statement)
                if version < KEYED:
                    adopt()
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
                run("COMMIT")
                return copy
        finally:
            if connection.in_transaction:
                run("ROLLBACK")
        copy.unlink()
    raise locked(str(path))


@contextmanager
def unhurried(connection: sqlite3.Connection) -> Iterator[None]:
    """Make commits of a durable store reach the disk with the next one that waits for it, in their order.

    The death of the process loses nothing; a loss of power can undo the commits, the last first.
    """
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name for a copy; on success it is durable and renamed to ``path``, else it is removed."""
    if path.exists():
        raise Refused(
            f'File "{path}" exists. Nothing was written.', hint="Name another file.", code="file_exists"
        )
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    _make_private(partial)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.rename(path)
    except sqlite3.Error as error:
        raise sqlite_failure(error, path) from error
    finally:
        partial.unlink(missing_ok=True)


def write_copy(path: Path, tables: Iterable[tuple[str, Iterable[tuple[Any, ...]]]]) -> None:
    """Write an embedded store with ``tables``, whose rows have its columns in their order."""
    with new_file(path) as partial, closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # made durable as a whole, before it gets its name
        connection.execute("BEGIN")
        _create(connection)
        for table, values in tables:
            if table == "bulk_campaigns":
                for statement in schema.TABLES:
                    connection.execute(statement)
            connection.executemany(_COPY[table], values)
        connection.execute("COMMIT")


_COPY = {
    "events": "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
    "incidents": "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "keys": "INSERT INTO keys VALUES (?, ?)",
    "blobs": "INSERT INTO blobs VALUES (?, ?, ?)",
    "settings": "INSERT INTO settings VALUES (?, ?)",
    "marks": "INSERT INTO marks VALUES (?, ?)",
    "head_log": "INSERT INTO head_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "checkpoints": "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)",
    **{table: insert for table, (_, insert) in schema.COPIED.items()},
}
