"""What the databases say when something is wrong, as the errors that a person sees."""

from __future__ import annotations

import os
import shutil
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

_ROOM = 1 << 16
"""Bytes that SQLite's index of its log needs; without them SQLite reports a failing disk."""


def absent(place: str) -> NotFound:
    """Return the error for a store that was never made."""
    return NotFound(f"there is no store at {place}", hint="make one with tocsin init", code="no_store")


def too_new(place: str, theirs: int, ours: int) -> StoreTooNew:
    """Return the error for a store that a later version of this program wrote."""
    return StoreTooNew(
        f"the store {place} has schema {theirs}, and this version of Tocsin knows {ours}",
        hint="install the newer version of Tocsin that wrote it; nothing was changed",
    )


def upgrade_due(place: str, theirs: int, ours: int) -> StoreError:
    """Return the error for a database of an older version, of which only its operator can make a dump."""
    return StoreError(
        f"the database {place} has schema {theirs}, and this version of Tocsin needs schema {ours}",
        hint="make a dump: pg_dump --exclude-schema=tocsin_queue; then upgrade it: tocsin doctor --repair",
        code="store_upgrade_due",
    )


def full(place: str) -> StoreFull:
    """Return the error for a disk without room."""
    return StoreFull(
        f"no room is left for the store {place}",
        hint="free space on that disk and repeat; nothing of this was written",
    )


def locked(place: str) -> StoreLocked:
    """Return the error for a store that someone else has held too long."""
    return StoreLocked(
        f"another process has held the store {place} for too long",
        hint="see who uses it, then repeat; nothing of this was written",
    )


def read_only(place: str) -> StoreReadOnly:
    """Return the error for a store that we may not write."""
    return StoreReadOnly(
        f"the store {place} cannot be written",
        hint="check who owns it, its folder's permissions, and that the disk is not mounted read-only",
    )


def corrupt(place: str, why: str) -> StoreCorrupt:
    """Return the error for a store whose bytes are damaged."""
    return StoreCorrupt(
        f"the store {place} is damaged: {why}",
        hint="keep a copy of it as it is, restore a backup beside it, and run tocsin audit verify",
    )


def would_forget(incident: str, version: int) -> StoreCorrupt:
    """Return the refusal to rebuild over the last witness of missing or changed events."""
    return StoreCorrupt(
        f"the journal of {incident} does not end as its row remembers (event {version})",
        hint="run tocsin audit verify: rebuilding would destroy the proof of what is missing",
    )


def sqlite_failure(error: sqlite3.Error, path: Path) -> TocsinError:
    """Translate an error of ``sqlite3``; its texts hold no data of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    place = str(path)
    match code:
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
        case sqlite3.SQLITE_IOERR if shutil.disk_usage(path.parent).free < _ROOM:
            return full(place)
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f"the store {place} cannot be opened: {error}",
                hint="check that its folder exists and may be written",
                code="store_unopenable",
            )
        case sqlite3.SQLITE_IOERR:
            return StoreError(
                f"the disk failed under the store {place}: {error}",
                hint="check the disk; nothing of this was written",
                code="store_io",
            )
        case _:
            return Bug(f"the store {place} refused what we asked of it: {error}")


UNWRITABLE = frozenset({"store_read_only", "store_unopenable", "store_io", "store_full"})
"""What SQLite says of a file whose WAL it cannot index, because the medium is full or takes no writes."""
