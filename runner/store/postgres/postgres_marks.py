"""Marks in the shared store: read and changed inside one transaction.

A store that an older version made has no table for them: reading it finds none, and the first change makes it. Nothing
else of the schema moves, so that an older version goes on working with the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from runner.store.port import ChangeMarks
from runner.store.postgres.server import UNHURRIED, Connection

_EXISTS: LiteralString = (
    "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'tocsin' AND tablename = 'marks'"
)
_CREATE: LiteralString = """
CREATE TABLE IF NOT EXISTS tocsin.marks (name text COLLATE "C" PRIMARY KEY, body bytea NOT NULL)"""
# Rows that are not there yet cannot be locked; the table is small, its changes are rare, and readers do not wait.
_LOCK: LiteralString = "LOCK TABLE tocsin.marks IN EXCLUSIVE MODE"
_SELECT: LiteralString = "SELECT name, body FROM tocsin.marks WHERE starts_with(name, %s) ORDER BY name"
_SELECT_THESE: LiteralString = "SELECT name, body FROM tocsin.marks WHERE name = ANY(%s)"
_PUT: LiteralString = """
INSERT INTO tocsin.marks (name, body) VALUES (%s, %b)
ON CONFLICT (name) DO UPDATE SET body = excluded.body"""
_DELETE: LiteralString = "DELETE FROM tocsin.marks WHERE name = ANY(%s)"


def read(connection: Connection, prefix: str) -> dict[str, bytes]:
    """Return the marks whose names begin with ``prefix``."""
    if connection.execute(_EXISTS).fetchone() is None:
        return {}
    return dict(connection.execute(_SELECT, (prefix,), binary=True).fetchall())


def change(
    connection: Connection, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
) -> dict[str, bytes]:
    """Change marks in a transaction of their own."""
    if connection.execute(_EXISTS).fetchone() is None:
        connection.execute(_CREATE)
    with connection.transaction():
        if not waits:
            connection.execute(UNHURRIED)
        connection.execute(_LOCK)
        before: dict[str, bytes] = dict(
            connection.execute(_SELECT_THESE, ([*names],), binary=True).fetchall()
        )
        after = dict(change(before))
        if gone := [*(before.keys() - after.keys())]:
            connection.execute(_DELETE, (gone,))
        for name, body in after.items():
            if before.get(name) != body:
                connection.execute(_PUT, (name, body))
    return after
