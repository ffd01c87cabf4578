"""Access of campaign tables to transactions and incident keys of the PostgreSQL store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from runner.store.campaigns.rows import Run
from runner.store.campaigns.schema import COPIED
from runner.store.encryption import Sealer, shredded
from runner.store.postgres.server import UNHURRIED, Connection, Server
from runner.store.postgres.transaction import begin
from runner.vault.keys import DataKey

_SELECT_KEY = "SELECT wrapped FROM tocsin.keys WHERE incident = %s"


_TABLES = re.compile(r"\b(bulk_(?:campaigns|owed|keys|contacts|chunks|attempts|suppressed)|(?<= )settings)\b")


@lru_cache(maxsize=256)
def translated(statement: str) -> bytes:
    """Return a statement as PostgreSQL writes it: its own marks, types and names of tables."""
    found = _TABLES.sub(r"tocsin.\1", statement).replace("?", "%s")
    return found.replace(" BLOB ", " bytea ").replace(" WITHOUT ROWID", "").encode()


class PostgresRun:
    """One session in a transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the session."""
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """See ``bulk.Run.execute``."""
        return self._connection.execute(translated(statement), tuple(values), binary=True)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]]) -> Any:
        """See ``bulk.Run.executemany``."""
        with self._connection.cursor() as cursor:
            cursor.executemany(translated(statement), [tuple(row) for row in values])


class PostgresDoor:
    """See ``bulk.Door``."""

    def __init__(self, server: Server, sealer: Sealer) -> None:
        """Take the store's own parts."""
        self._server, self._sealer = server, sealer

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator[Run]:
        """See ``bulk.Door.writing``."""
        with self._server.connection() as connection, connection.transaction():
            if not waits:
                connection.execute(UNHURRIED)
            yield PostgresRun(connection)

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """See ``bulk.Door.reading``."""
        with self._server.connection() as connection:
            yield PostgresRun(connection)

    def key(self, incident: str) -> DataKey:
        """See ``bulk.Door.key``."""
        with self._server.connection() as connection:
            found = connection.execute(_SELECT_KEY, (incident,)).fetchone()
            if found is not None and found[0] is None:
                raise shredded(incident)
            if found is not None:
                return self._sealer.key(incident, found[0])
            with connection.transaction():
                work = begin(connection, self._sealer, [incident])
                key = work.key(incident, needed=True)
                work.write(connection)
        if key is None:
            raise shredded(incident)
        return key


def bulk_copies(connection: Connection) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """Read the bulk tables whole, where they are, for a copy."""
    for table, (query, _) in COPIED.items():
        if connection.execute("SELECT to_regclass(%s)", (f"tocsin.{table}",)).fetchone() == (None,):
            continue
        with connection.cursor(name=f"tocsin_{table}", binary=True) as cursor:
            cursor.itersize = 2000
            cursor.execute(translated(query))
            yield table, cursor
