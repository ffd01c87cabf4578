"""The schema of a store, and the steps from each older one to it, in the words of both databases.

A step may add tables and columns. What reads must still understand a store before its upgrade: reading never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

SCHEMA_VERSION = 2
"""What ``schema.sql`` of both databases makes. A store of a later version of Tocsin is refused."""

SQLITE: Mapping[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
}
"""The statements that lead from a schema to the next one."""

POSTGRES: Mapping[int, tuple[LiteralString, ...]] = {
    1: ('CREATE TABLE IF NOT EXISTS tocsin.marks (name text COLLATE "C" PRIMARY KEY, body bytea NOT NULL)',),
}
