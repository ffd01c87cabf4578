"""Writes without a disk sync are visible at once, and the next commit syncs again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from runner.store.sqlite.database_file import connect, unhurried
from runner.store.sqlite.store import SqliteStore
from tests.store.journals import Place, vault


def level(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA synchronous").fetchone()
    return int(found)


def test_only_writes_inside_the_block_skip_the_sync(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "tocsin.db", True, timedelta(seconds=1))) as store:
        with unhurried(store):
            assert level(store) == 1
        assert level(store) == 2


def test_a_store_that_never_waits_stays_so(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "tocsin.db", vault(), create=True, durable=False)) as store:
        store.change_marks(["account/relay"], lambda before: {"account/relay": b"1"}, waits=False)
        assert store._one("PRAGMA synchronous") == (0,)


def test_a_mark_that_did_not_wait_is_seen_by_every_process(place: Place) -> None:
    with place.opened() as one, place.opened() as other:
        one.change_marks(["account/relay"], lambda before: {"account/relay": b"1"}, waits=False)
        assert other.marks() == {"account/relay": b"1"}
        one.change_marks(["account/relay"], lambda before: {"account/relay": b"2"})
        assert other.marks() == {"account/relay": b"2"}
