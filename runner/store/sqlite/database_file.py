"""The file of the embedded store: how it is opened, made, and recognised as ours and not too new."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from runner.errors import Refused, StoreCorrupt
from runner.store.campaigns import schema
from runner.store.database_errors import absent, read_only, sqlite_failure, too_new

APPLICATION_ID = 0x546F6373
SCHEMA_VERSION = 1
Connect = Callable[[], sqlite3.Connection]
_TRIES = 3
"""How often a file is copied that changes meanwhile."""


def connect(path: Path, create: bool, patience: timedelta, *, durable: bool = True) -> sqlite3.Connection:
    """Open the file, making the store in it with ``create``; writers wait ``patience`` for one another.

    Where it is not ``durable`` a commit does not wait for the disk.

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
    """Open the file as ``connect`` does; where its WAL holds events, for reading only, and return what opens it for writing.

    The last connection that may write checkpoints the WAL when it closes. So a command that only reads has none.
    """
    writing = partial(connect, path, create, patience, durable=durable)
    if create or not path.exists() or not _has_events(path):
        return writing(), None
    return connect_beside(path, patience), writing


def connect_beside(path: Path, patience: timedelta) -> sqlite3.Connection:
    """Open a store for reading only, beside the connection that writes; raises as ``connect`` does."""
    with _opening(path) as held:
        held.append(_connection(f"{path.absolute().as_uri()}?mode=ro", patience, uri=True))
        _prepare(held[0], path, create=False)
    return held[0]


def _has_events(path: Path) -> bool:
    """Does the WAL hold what is not in the file yet? A writer lives, or was killed."""
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def connect_unwritable(path: Path, patience: timedelta) -> sqlite3.Connection:
    """Open a file on a medium that takes no writes, for reading only; raises as ``connect`` does.

    SQLite reads a WAL through an index that it has to write beside it. ``immutable`` does without, but ignores the WAL, and the
    last events with it, without a word: so where there is a WAL, file and WAL are copied to a private folder and read there.
    """
    wal = path.with_name(f"{path.name}-wal")
    with _opening(path) as held:
        if not _has_events(path):
            held.append(_connection(f"{path.absolute().as_uri()}?immutable=1", patience, uri=True))
        else:
            with _copied(path, wal) as copy:
                held.append(_connection(str(copy), patience))
                _prepare(held[0], path, create=False)  # opens the WAL; after that the names are not needed
                if os.name == "nt":  # there an open file cannot be removed: read it all into memory
                    memory = _connection(":memory:", patience)
                    held[0].backup(memory)
                    held[0].close()
                    held[0] = memory
        _prepare(held[0], path, create=False)
        held[0].execute("PRAGMA query_only = ON")
    return held[0]


def _connection(place: str, patience: timedelta, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=patience.total_seconds(), isolation_level=None, check_same_thread=False, uri=uri
    )


@contextmanager
def _opening(path: Path) -> Iterator[list[sqlite3.Connection]]:
    """Close what was opened where it turns out to be of no use, and say in our words what SQLite says."""
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
    """Yield a copy of a file and its WAL that belong together; raises StoreReadOnly where there is no room for one."""
    import shutil
    import tempfile

    memory = Path("/dev/shm")  # noqa: S108  # the folder in it is made for us alone
    for place in (one for one in (memory, Path(tempfile.gettempdir())) if one.is_dir()):
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
    """Make an empty file of its owner's alone: what SQLite keeps beside it gets the same mode."""
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
            f"{path} is not a store of Tocsin",
            hint="check the store's URL in tocsin.yaml",
            code="not_a_store",
        )
    if version > SCHEMA_VERSION:
        raise too_new(str(path), version, SCHEMA_VERSION)


def _create(connection: sqlite3.Connection) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        return  # somebody else's database: left alone, and refused by its application id
    statement = ""
    for line in Path(__file__).with_name("schema.sql").read_text(encoding="utf-8").splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def unhurried(connection: sqlite3.Connection) -> Iterator[None]:
    """Let commits of a durable store reach the disk with the next one that waits for it, in their order.

    Who dies meanwhile loses nothing; a loss of power may take them back, the last first.
    """
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a name to write a copy under; on success it is durable and becomes ``path``, else it is removed."""
    if path.exists():
        raise Refused(f"there is a file {path} already", hint="name another file", code="file_exists")
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
    """Write an embedded store that holds ``tables``, whose rows have its columns in their order."""
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
    "incidents": "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "keys": "INSERT INTO keys VALUES (?, ?)",
    "blobs": "INSERT INTO blobs VALUES (?, ?, ?)",
    "settings": "INSERT INTO settings VALUES (?, ?)",
    **{table: insert for table, (_, insert) in schema.COPIED.items()},
}
