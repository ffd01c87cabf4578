"""The database and what SQLite keeps beside it are their owner's alone, whatever the umask."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from tests.store.journals import Place, event, write


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access in lists, not in modes")
def test_a_new_database_and_its_copy_are_private(sqlite: Place) -> None:
    before = os.umask(0)
    try:
        with sqlite.opened() as store:
            write(store, "a", event())
            store.backup(sqlite.base / "copy.db")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sqlite.base.glob("*.db*")}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("tocsin.db", "tocsin.db-wal", "tocsin.db-shm", "copy.db"), 0o600)
