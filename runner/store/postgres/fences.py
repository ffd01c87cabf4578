"""What the database itself refuses, to programs of any version: writes after a move or an upgrade, and keys of another master."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from runner.store.moving import MOVED, Tombstone, in_use, moved_text, schema_text
from runner.store.postgres.server import Connection

_OTHERS = """
SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def freeze(connection: Connection) -> None:
    """Keep every writer out until the end of the transaction; raises Refused while workers or servers run."""
    refuse_in_use(connection)
    names = sql.SQL(", ").join(sql.Identifier("tocsin", name) for name in _all(connection))
    connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))


def refuse_in_use(connection: Connection) -> None:
    """Raise Refused if other sessions have a lock of a worker, a server or a queue: their programs live."""
    found = connection.execute(_OTHERS).fetchone()
    if found is not None and found[0]:
        raise in_use(f"{found[0]} sessions with a lock")


def bury(connection: Connection, left: Tombstone) -> None:
    """Leave the tombstone, and refuse all writes."""
    connection.execute(
        "INSERT INTO tocsin.settings (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (MOVED, left.text),
    )
    _fence(connection, "moved", "true", moved_text(left.to), _all(connection))


def only_schema(connection: Connection, schema: int) -> None:
    """Refuse entries of sessions of a program that knows another schema: it was started before an upgrade."""
    old = f"coalesce(current_setting('tocsin.schema', true), '') <> '{schema}'"
    _fence(connection, "other_schema", old, schema_text(schema), ("events", "incidents", "marks"))


def only_master(connection: Connection, master: bytes) -> None:
    """Refuse keys that are wrapped under another master key: a program that has the old one still runs."""
    text = f"other_master: the master key is {master.hex()} now"
    old = f"NEW.wrapped IS NOT NULL AND substr(NEW.wrapped, 2, 4) <> '\\x{master.hex()}'::bytea"
    _fence(connection, "other_master", old, text, ("keys",), row=True)


def _fence(
    connection: Connection, name: str, when: str, text: str, tables: Iterable[str], *, row: bool = False
) -> None:
    """Make the database refuse changes of tables with a text while a condition holds."""
    function = sql.Identifier("tocsin", f"refuse_{name}")
    body = sql.SQL("BEGIN IF {} THEN RAISE EXCEPTION USING MESSAGE = {}; END IF; RETURN {}; END").format(
        sql.SQL(when),
        sql.Literal(text),
        sql.SQL("NEW" if row else "NULL"),
    )
    made = sql.SQL("CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}")
    connection.execute(made.format(function, sql.Literal(body.as_string(connection))))
    trigger, each = sql.Identifier(name), sql.SQL("ROW" if row else "STATEMENT")
    changes = sql.SQL("INSERT OR UPDATE" if row else "INSERT OR UPDATE OR DELETE OR TRUNCATE")
    for table in tables:
        place = sql.Identifier("tocsin", table)
        connection.execute(sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(trigger, place))
        connection.execute(
            sql.SQL("CREATE TRIGGER {} BEFORE {} ON {} FOR EACH {} EXECUTE FUNCTION {}()").format(
                trigger, changes, place, each, function
            )
        )


def _all(connection: Connection) -> list[str]:
    found = connection.execute("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'tocsin'")
    return sorted(name for (name,) in found)
