"""Copies of the shared store: all tables read, and all tables written, in the form of the embedded one."""

from __future__ import annotations

import re
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from psycopg import sql

from runner.errors import Refused
from runner.store.campaigns import schema
from runner.store.journal_reader import PAGE
from runner.store.moving import COPIES, MOVED, Rows, Tables, tombstone
from runner.store.port import PATIENCE
from runner.store.postgres.server import Connection, Server
from runner.vault.secrets import Secret

_BULK = re.compile(r"\b(bulk_(?:campaigns|owed|keys|contacts|chunks|attempts|suppressed)|(?<= )settings)\b")


@lru_cache(maxsize=256)
def translated(statement: str) -> bytes:
    """Return a statement in PostgreSQL's form: its own placeholders, types and table names."""
    found = _BULK.sub(r"tocsin.\1", statement).replace("?", "%s")
    return found.replace(" BLOB ", " bytea ").replace(" WITHOUT ROWID", "").encode()


def tables_of(connection: Connection) -> Tables:
    """Read every table whole, in the order of the embedded store's columns, a page at a time; campaign tables if they exist."""
    bulk = {name: translated(query) for name, (query, _) in schema.COPIED.items()}
    shared = {name: query.encode() for name, query in COPIES}
    for table, query in (shared | bulk).items():
        if connection.execute("SELECT to_regclass(%s)", (f"tocsin.{table}",)).fetchone() == (None,):
            continue
        with connection.cursor(name=f"tocsin_{table}", binary=True) as cursor:
            cursor.itersize = PAGE
            cursor.execute(query)
            yield table, cursor


def write_tables(url: str, password: Secret | None, tables: Tables) -> None:
    """Make the schema in a database and write all tables, in one transaction.

    What a move that was not completed left there is replaced. Raises Refused for a database that has a store.
    """
    server = Server(url, password, PATIENCE)
    with closing(server), server.connection() as connection, connection.transaction():
        if connection.execute("SELECT to_regclass('tocsin.meta')").fetchone() != (None,):
            found = connection.execute(
                "SELECT value FROM tocsin.settings WHERE name = %s", (MOVED,)
            ).fetchone()
            left = tombstone(found[0] if found else None)
            if left is None or left.to:
                raise Refused(
                    f'Database "{server.place}" has a store of Tocsin. Nothing was written.',
                    hint="Name an empty database.",
                    code="store_exists",
                )
            connection.execute("DROP SCHEMA tocsin CASCADE")
        connection.execute(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8").encode())
        for table, rows in tables:
            if table == "bulk_campaigns":
                for statement in schema.TABLES:
                    connection.execute(translated(statement))
            _fill(connection, table, rows)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('tocsin.head_log', 'place'), max(place)) FROM tocsin.head_log"
        )


def _fill(connection: Connection, table: str, rows: Rows) -> None:
    named = next((query for name, query in COPIES if name == table), "")
    columns = re.split(r",\s*", named.partition("FROM")[0].removeprefix("SELECT ").strip()) if named else []
    words: list[Any] = [sql.Identifier("tocsin", table)]
    words += [sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))] if columns else []
    statement = sql.SQL("COPY {} FROM STDIN").format(sql.SQL(" ").join(words))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
