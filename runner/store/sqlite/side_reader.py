"""A second connection that only reads, for threads that must not wait for a commit of another one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

from runner.store.database_errors import sqlite_failure
from runner.store.sqlite.database_file import connect_beside
from runner.store.sqlite.transaction import Execute


class SideReader:
    """Reads over the connection that writes while that is free, else over one of its own, which is opened when it is needed."""

    def __init__(self, path: Path, patience: timedelta) -> None:
        """Open nothing yet."""
        self._path = path
        self._patience = patience
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def reading(
        self, main: threading.RLock, read: Callable[[], AbstractContextManager[Execute]], *, waits: bool
    ) -> Iterator[Execute]:
        """Read; ``main`` guards the connection that ``read`` reads over. With ``waits`` no other connection is opened."""
        if main.acquire(blocking=waits):
            try:
                with read() as run:
                    yield run
            finally:
                main.release()
            return
        with self._lock:
            if self._connection is None:
                self._connection = connect_beside(self._path, self._patience)
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise sqlite_failure(error, self._path) from error

    def close(self) -> None:
        """Close the connection, where there is one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
