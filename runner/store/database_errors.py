"""Errors of the databases, translated into errors for people."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from runner.errors import (
    Bug,
    NotFound,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
    TocsinError,
)
from runner.store.moving import refusal
from runner.store.upgrades import SCHEMA_VERSION

_ROOM = 1 << 16
"""Bytes that SQLite needs for the index of its log; without them SQLite reports a failing disk."""


def absent(place: str) -> NotFound:
    """Return the error for a store that does not exist."""
    return NotFound(
        f'Database "{place}" does not exist.', hint="Create a database: tocsin init", code="no_store"
    )


def too_new(place: str, theirs: int, ours: int) -> StoreTooNew:
    """Return the error for a store of a later version of this program."""
    return StoreTooNew(
        f'Database "{place}" has schema {theirs}. This version of Tocsin knows {ours}. Nothing was changed.',
        hint="Install the version of Tocsin that wrote the database, or a later one.",
    )


def upgrade_due(place: str, theirs: int, ours: int) -> StoreError:
    """Return the error for a database of an older version that only its operator can dump."""
    return StoreError(
        f"the database {place} has schema {theirs}, and this version of Tocsin needs schema {ours}",
        hint="make a dump: pg_dump --exclude-schema=tocsin_queue; then upgrade it: tocsin doctor --repair",
        code="store_upgrade_due",
    )


def full(place: str) -> StoreFull:
    """Return the error for a full disk."""
    return StoreFull(
        f'The disk of database "{place}" is full. Nothing was written.',
        hint="Free space on the disk, then run the command again.",
    )


def locked(place: str) -> StoreLocked:
    """Return the error for a store that another process has locked for too long."""
    return StoreLocked(
        f'Another process blocks the database "{place}". Nothing was written.',
        hint="Wait for the other process, then run the command again.",
    )


def read_only(place: str) -> StoreReadOnly:
    """Return the error for a store without write permission."""
    return StoreReadOnly(
        f'Database "{place}" cannot be written.',
        hint="Check the owner and the permissions of the file and its folder, and the mount of the disk.",
    )


def corrupt(place: str, why: str) -> StoreCorrupt:
    """Return the error for a damaged store."""
    return StoreCorrupt(
        f'Database "{place}" is damaged: {why}.',
        hint="Copy the file. Restore a backup beside it. Run: tocsin audit verify",
    )


def would_forget(incident: str, version: int) -> StoreCorrupt:
    """Return the refusal to rebuild a row that is the last witness of missing or changed events."""
    return StoreCorrupt(
        f'The journal of "{incident}" does not end at entry {version}, as its row states.',
        hint="Run tocsin audit verify. Do not repair: a repair destroys the proof of missing entries.",
    )


def sqlite_failure(error: sqlite3.Error, path: Path) -> TocsinError:
    """Translate an error of ``sqlite3``; its texts contain no stored data."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    place = str(path)
    match code:
        case sqlite3.SQLITE_CONSTRAINT if found := refusal(place, str(error), SCHEMA_VERSION):
            return found
        case sqlite3.SQLITE_FULL:
            return full(place)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return locked(place)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return read_only(place)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return corrupt(place, str(error))
        case sqlite3.SQLITE_CANTOPEN if path.parent.exists() and not os.access(path.parent, os.W_OK):
            return read_only(place)
        case sqlite3.SQLITE_IOERR if _is_full(path.parent):
            return full(place)
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f'Database "{place}" cannot be opened: {error}.',
                hint="Check that the folder exists and can be written.",
                code="store_unopenable",
            )
        case sqlite3.SQLITE_IOERR:
            return StoreError(
                f'The disk of database "{place}" failed: {error}. Nothing was written.',
                hint="Check the disk.",
                code="store_io",
            )
        case _:
            return Bug(f'Database "{place}" refused the request: {error}.')


def _is_full(folder: Path) -> bool:
    import shutil  # and all that compresses: no command needs it that goes well

    return shutil.disk_usage(folder).free < _ROOM


UNWRITABLE = frozenset({"store_read_only", "store_unopenable", "store_io", "store_full"})
"""SQLite's error codes for a file whose WAL it cannot index, because the medium is full or read-only."""
