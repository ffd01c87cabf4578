"""What the database file itself refuses, to programs of any version, and the reading of all its tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from runner.errors import Refused
from runner.store.campaigns.schema import COPIED
from runner.store.moving import COPIES, MOVED, Tables, Tombstone, in_use, moved_text, tombstone
from runner.store.sqlite.transaction import Execute
from runner.store.worker_lock import worker_lock_held

_EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"


def tables_of(run: Execute) -> Tables:
    """Read every table whole; campaign tables if they exist."""
    for table, query in (*COPIES, *((name, query) for name, (query, _) in COPIED.items())):
        if run(_EXISTS, (table,)).fetchone():
            text = query.replace("tocsin.", "")
            yield table, run(text.replace("ORDER BY place", "ORDER BY rowid") if table == "blobs" else text)


def refuse_in_use(workers: Path) -> None:
    """Raise Refused while a worker, a server or a scheduler of any version has a lock."""
    # Those of programs are named by their kind and a number; a command has the others for a moment, or beside one of them.
    running = sorted(path.stem for path in workers.glob("*-*.lock") if not path.name.startswith("gate-"))
    if alive := [name for name in running if worker_lock_held(workers, name)]:
        raise in_use(", ".join(alive))


def remove_unfinished(path: Path) -> None:
    """Remove the file that an incomplete move left; raises Refused for every other file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return
    left = None
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as run,
    ):
        found = run.execute("SELECT value FROM settings WHERE name = ?", (MOVED,)).fetchone()
        left = tombstone(found[0] if found else None)
    if left is None or left.to:
        raise Refused(
            f'File "{path}" exists. Nothing was written.', hint="Name another file.", code="store_exists"
        )
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def bury(run: Execute, left: Tombstone) -> None:
    """Leave the tombstone, and refuse all writes."""
    run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (MOVED, left.text))
    names = run("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
    for (table,) in names:
        for change in ("INSERT", "UPDATE", "DELETE"):
            _fence(run, f"moved_{table}_{change}", f"{change} ON {table}", "1", moved_text(left.to))


def only_master(run: Execute, master: bytes) -> None:
    """Refuse keys that are wrapped under another master key: a program that has the old one still runs."""
    when = f"NEW.wrapped IS NOT NULL AND substr(NEW.wrapped, 2, 4) <> x'{master.hex()}'"
    text = f"other_master: the master key is {master.hex()} now"
    for change in ("INSERT", "UPDATE"):
        _fence(run, f"other_master_{change}", f"{change} ON keys", when, text)


def _fence(run: Execute, name: str, event: str, when: str, text: str) -> None:
    quoted = text.replace("'", "''")
    run(f"DROP TRIGGER IF EXISTS {name}")
    run(f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{quoted}'); END")
