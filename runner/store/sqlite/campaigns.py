"""Access of campaign tables to transactions and incident keys of the SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from runner.store.campaigns.rows import Run
from runner.store.encryption import Sealer, shredded
from runner.store.sqlite.transaction import SELECT_KEY, Execute, create_key
from runner.vault.keys import DataKey

Context = Callable[..., AbstractContextManager[Execute]]


class SqliteDoor:
    """See ``bulk.Door``."""

    def __init__(
        self,
        connection: Callable[[], sqlite3.Connection],
        writing: Context,
        reading: Context,
        sealer: Sealer,
    ) -> None:
        """Take the store's own parts; its connection is another once it has written."""
        self._connection, self._writing, self._reading, self._sealer = connection, writing, reading, sealer

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator[Run]:
        """See ``bulk.Door.writing``."""
        with self._writing(waits=waits):
            yield self._connection()

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """See ``bulk.Door.reading``."""
        with self._reading():
            yield self._connection()

    def key(self, incident: str) -> DataKey:
        """See ``bulk.Door.key``."""
        with self._reading() as run:
            found = run(SELECT_KEY, (incident,)).fetchone()
        if found is None:
            with self._writing() as run:
                found = run(SELECT_KEY, (incident,)).fetchone() or (create_key(run, self._sealer, incident),)
        if found[0] is None:
            raise shredded(incident)
        return self._sealer.key(incident, found[0])
