"""The schema of a store, and the upgrade steps from each older schema, for both databases.

A step can add tables and columns. Reading code must support a store before its upgrade: reading never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

SCHEMA_VERSION = 2
"""The version of ``schema.sql`` of both databases. A store of a later version of Tocsin is refused."""

SQLITE: Mapping[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
}
"""The statements of the upgrade from each schema to the next one."""

POSTGRES: Mapping[int, tuple[LiteralString, ...]] = {
    1: ('CREATE TABLE IF NOT EXISTS tocsin.marks (name text COLLATE "C" PRIMARY KEY, body bytea NOT NULL)',),
}
