"""The embedded store on a disk that is full, read-only, locked, damaged or too new: each a clear error, and
nothing half written."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runner.errors import Bug, StoreCorrupt, StoreError, StoreFull, StoreLocked, StoreReadOnly, StoreTooNew
from runner.store.database_errors import sqlite_failure
from runner.store.sqlite.store import SqliteStore
from runner.store.upgrades import SCHEMA_VERSION
from tests.refusals import refused
from tests.store.journals import T0, an_append, event, personal, vault, write

INSTANTLY = timedelta(0)


def opened(path: Path, **options) -> closing[SqliteStore]:
    return closing(SqliteStore(path, vault(), create=True, **options))


def sqlite_code(error: BaseException) -> int:
    """Return what SQLite itself said, without what it adds."""
    cause = error.__cause__
    assert isinstance(cause, sqlite3.Error)
    return cause.sqlite_errorcode & 0xFF


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("NOT TESTED: a full disk (mounting a small one needs the rights of root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_nothing_of_the_batch_is_written(tiny_disk):
    with opened(tiny_disk / "tocsin.db") as store:
        write(store, "small", event())
        too_much = [an_append("a", 0, [event()]), an_append("b", 0, [event(b"x" * 2_000_000)])]
        with refused("store_full", StoreFull) as found:
            store.append(too_much, recorded=T0)
        assert str(tiny_disk / "tocsin.db") in found.value.message
        assert found.value.hint
        assert [store.head(name).version for name in ("a", "b")] == [0, 0]
        with pytest.raises(StoreFull):
            store.put_blob("a", b"x" * 2_000_000)
        assert not store.has_blob(hashlib.sha256(b"x" * 2_000_000).hexdigest())
        assert store.verify().ok
        write(store, "small", event())
    with opened(tiny_disk / "tocsin.db") as store:
        assert store.verify().events == 2


def test_a_disk_that_fills_up_step_by_step_loses_nothing_that_was_acknowledged(tiny_disk):
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        while True:
            append = an_append("i", acknowledged, [event(b"x" * 3000)])
            (result,) = store.append([append], recorded=T0)
            acknowledged = result.version

    with opened(tiny_disk / "tocsin.db") as store:
        with pytest.raises(StoreFull):
            fill()
        assert store.head("i").version == acknowledged > 20
    with opened(tiny_disk / "tocsin.db") as store:
        assert (store.verify().ok, store.head("i").version) == (True, acknowledged)


def test_a_copy_that_does_not_fit_leaves_nothing_behind(tmp_path, tiny_disk):
    with opened(tmp_path / "tocsin.db") as store:
        store.put_blob(None, b"x" * 2_000_000)
        with pytest.raises(StoreFull):
            store.backup(tiny_disk / "copy.db")
    assert list(tiny_disk.iterdir()) == []


def test_a_file_that_may_not_be_written_is_said(tmp_path):
    path = tmp_path / "tocsin.db"
    with opened(path) as store:
        write(store, "i", event())
    with opened(path) as store:
        store._connection.execute("PRAGMA query_only = ON")
        with refused("store_read_only", StoreReadOnly):
            write(store, "i", event())
        assert store.head("i").version == 1


def test_someone_elses_folder_is_read_only(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: another user's folder (becoming another user needs the rights of root)")
    folder = Path("/var/tmp") / f"tocsin-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        with opened(folder / "tocsin.db") as store:
            write(store, "i", event())
            for path in folder.iterdir():  # its owner lets others read
                path.chmod(0o644)
            done = subprocess.run(
                [sys.executable, "-c", _WRITE_AS_NOBODY, folder / "tocsin.db"],
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.split() == ["store_read_only"]
            assert store.verify().events == 1
    finally:
        shutil.rmtree(folder)


_WRITE_AS_NOBODY = """
import os, pwd, sys
from pathlib import Path
from runner.errors import StoreError
from runner.store.sqlite.store import SqliteStore
from runner.vault.keys import Vault
os.setgroups([])
os.setuid(pwd.getpwnam("nobody").pw_uid)
try:
    SqliteStore(Path(sys.argv[1]), Vault(lambda: b"m" * 32)).set_setting("incident", "i")
except StoreError as error:
    print(error.code)
"""


def test_a_writer_that_waits_too_long_gets_store_locked(tmp_path):
    path = tmp_path / "tocsin.db"
    with (
        opened(path, patience=INSTANTLY) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with refused("store_locked", StoreLocked):
            write(store, "i", event())
        assert store.rows() == []
        other.execute("ROLLBACK")
        write(store, "i", event())


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "tocsin.db"
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    with refused("store_too_new", StoreTooNew) as found:
        SqliteStore(path, vault(), create=True)
    assert set(re.findall(r"\b\d\b", found.value.message.replace(str(path), ""))) == {
        "7",
        str(SCHEMA_VERSION),
    }
    assert path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_reported(tmp_path):
    path = tmp_path / "tocsin.db"
    path.write_bytes(b"this is a text, not a database\n" * 200)
    with refused("store_corrupt", StoreCorrupt) as found:
        SqliteStore(path, vault())
    assert sqlite_code(found.value) == sqlite3.SQLITE_NOTADB


def test_someone_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with refused("not_a_store", StoreCorrupt):
        SqliteStore(path, vault(), create=True)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_an_empty_file_becomes_a_store_only_on_creation(tmp_path):
    path = tmp_path / "tocsin.db"
    path.touch()
    with refused("not_a_store", StoreCorrupt):
        SqliteStore(path, vault())
    with opened(path) as store:
        write(store, "i", event())


def test_damaged_pages_are_said(tmp_path):
    path = tmp_path / "tocsin.db"
    with opened(path) as store:
        for version in range(50):
            store.append([an_append("i", version, [event(b"x" * 3000)])], recorded=T0)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 4096 * 20)
    with opened(path) as store, refused("store_corrupt", StoreCorrupt) as found:
        list(store.read("i"))
    assert sqlite_code(found.value) == sqlite3.SQLITE_CORRUPT


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with refused("store_unopenable", StoreError):
        SqliteStore(tmp_path / "nowhere" / "tocsin.db", vault(), create=True)


def test_a_failed_append_leaves_the_store_usable(tmp_path):
    with opened(tmp_path / "tocsin.db") as store:
        write(store, "i", personal())
        store.shred("i")
        for _ in range(3):
            with pytest.raises(StoreError):
                write(store, "i", personal())
        write(store, "i", event())
        assert store.verify().ok


@pytest.mark.parametrize(
    ("code", "kind", "ours"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, "store_io"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreLocked, "store_locked"),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreReadOnly, "store_read_only"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Bug, "bug"),
    ],
)
def test_extended_codes_map_to_the_error_of_their_kind(tmp_path, code, kind, ours):
    error = sqlite3.OperationalError("text")
    error.sqlite_errorcode = code
    found = sqlite_failure(error, tmp_path)
    assert type(found) is kind
    assert found.code == ours


def test_a_store_is_durable_by_its_settings(tmp_path):
    with opened(tmp_path / "tocsin.db") as store:
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_only_a_store_that_goes_away_does_not_wait_for_the_disk(tmp_path):
    with opened(tmp_path / "stage.db", durable=False) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (0,)
        write(store, "a", event())
    with closing(SqliteStore(tmp_path / "stage.db", vault())) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store.head("a").version == 1
