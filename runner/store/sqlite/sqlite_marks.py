"""Marks in the embedded store: read and changed inside one transaction.

A store that an older version made has no table for them: reading it finds none, and the first change makes it. Nothing
else of the schema moves, so that an older version goes on working with the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.store.port import ChangeMarks
from runner.store.sqlite.transaction import Execute

_EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'marks'"
_CREATE = "CREATE TABLE marks (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID"
_SELECT = "SELECT name, body FROM marks WHERE substr(name, 1, length(?)) = ? ORDER BY name"
_SELECT_ONE = "SELECT body FROM marks WHERE name = ?"
_PUT = "INSERT OR REPLACE INTO marks (name, body) VALUES (?, ?)"
_DELETE = "DELETE FROM marks WHERE name = ?"


def read(run: Execute, prefix: str) -> dict[str, bytes]:
    """Return the marks whose names begin with ``prefix``."""
    if run(_EXISTS).fetchone() is None:
        return {}
    return dict(run(_SELECT, (prefix, prefix)).fetchall())


def change(run: Execute, names: Sequence[str], change: ChangeMarks) -> dict[str, bytes]:
    """Change marks inside the writing transaction of ``run``."""
    there = run(_EXISTS).fetchone() is not None
    found = {name: run(_SELECT_ONE, (name,)).fetchone() for name in names} if there else {}
    before = {name: row[0] for name, row in found.items() if row is not None}
    after = dict(change(before))
    if after != before and not there:
        run(_CREATE)
    for name in before.keys() - after.keys():
        run(_DELETE, (name,))
    for name, body in after.items():
        if before.get(name) != body:
            run(_PUT, (name, body))
    return after
