"""The schema of a store, and the upgrade steps from each older schema, for both databases.

A step can add tables, columns, indexes and triggers. Reading code must support a store before its upgrade: reading never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from runner.store.moving import schema_text

KEYED = 3
"""The first schema with a log of heads."""
SEALED = 4
"""The first schema whose sessions, links, tokens and the like are encrypted."""
SCHEMA_VERSION = 4
"""The version of ``schema.sql`` of both databases. A store of a later version of Tocsin is refused."""

_UNSEALED: tuple[LiteralString, ...] = (
    """DELETE FROM tocsin.marks WHERE name LIKE 'room-%' OR name LIKE 'login-invited/%' OR name LIKE 'step-link/%'
       OR name LIKE 'api-key/%' OR name LIKE 'verified/%'""",
    "UPDATE tocsin.marks SET name = 'unsealed/' || name WHERE name LIKE 'token/%' OR name LIKE 'calendar/%'",
)
"""Rows that anybody could write end; tokens and calendar addresses wait for an administrator."""
_ROW = "{0}.version, {0}.head, {0}.state, {0}.has_work, {0}.next_due, {0}.private"
_REFUSED = f"BEGIN SELECT RAISE(ABORT, '{schema_text(3)}'); END"

SQLITE: Mapping[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
    2: (
        "ALTER TABLE incidents ADD COLUMN mac BLOB",
        """CREATE TABLE head_log (place INTEGER PRIMARY KEY, n INTEGER, incident TEXT NOT NULL,
           entries INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL, recorded TEXT NOT NULL,
           salt BLOB NOT NULL, mac BLOB NOT NULL) STRICT""",
        "CREATE UNIQUE INDEX head_log_numbers ON head_log (n) WHERE n IS NOT NULL",
        """CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, recorded TEXT NOT NULL, peaks BLOB NOT NULL,
           note TEXT NOT NULL, token BLOB) STRICT, WITHOUT ROWID""",
        # A program of an older version, which has the file open, writes rows without a MAC.
        f"CREATE TRIGGER schema_3_insert BEFORE INSERT ON incidents WHEN NEW.mac IS NULL {_REFUSED}",
        f"""CREATE TRIGGER schema_3_update BEFORE UPDATE ON incidents
            WHEN NEW.mac IS OLD.mac AND NEW.mac IS NOT x''
            AND ({_ROW.format("NEW")}) IS NOT ({_ROW.format("OLD")}) {_REFUSED}""",
    ),
    3: tuple(one.replace("tocsin.", "") for one in _UNSEALED),
}
"""The statements of the upgrade from each schema to the next one."""

POSTGRES: Mapping[int, tuple[LiteralString, ...]] = {
    1: ('CREATE TABLE IF NOT EXISTS tocsin.marks (name text COLLATE "C" PRIMARY KEY, body bytea NOT NULL)',),
    2: (
        "ALTER TABLE tocsin.incidents ADD COLUMN mac bytea",
        """CREATE TABLE tocsin.head_log (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint,
           incident text COLLATE "C" NOT NULL, entries bigint NOT NULL, seq bigint NOT NULL, head bytea NOT NULL,
           recorded text NOT NULL, salt bytea NOT NULL, mac bytea NOT NULL)""",
        "CREATE UNIQUE INDEX head_log_numbers ON tocsin.head_log (n) WHERE n IS NOT NULL",
        """CREATE TABLE tocsin.checkpoints (size bigint PRIMARY KEY, recorded text NOT NULL,
           peaks bytea NOT NULL, note text NOT NULL, token bytea)""",
    ),
    # The fence of the upgrade to schema 3 refuses other schemas.
    3: ("DROP TRIGGER IF EXISTS other_schema ON tocsin.marks", *_UNSEALED),
}
