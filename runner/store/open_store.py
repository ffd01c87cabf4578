"""Open the store of a URL: a file for one machine, or PostgreSQL for several."""

from __future__ import annotations

from pathlib import Path

from runner.errors import Invalid
from runner.store.moving import Tables
from runner.store.port import Store
from runner.vault.keys import Vault
from runner.vault.secrets import Secret


def open_store(
    url: str,
    vault: Vault,
    *,
    base: Path,
    create: bool = False,
    or_copy: bool = False,
    older: bool = False,
    moved: bool = False,
    password: Secret | None = None,
) -> Store:
    """Open ``sqlite:PATH`` (from ``base`` when relative) or ``postgresql://USER@HOST:PORT/DATABASE``.

    With ``create`` a missing store is made. With ``or_copy`` a file on a read-only medium is opened for
    reading only. With ``older`` a database of an older version is opened, to upgrade it, and with ``moved`` one that is not in use. The password of a database is a secret by reference,
    or configured for libpq (``~/.pgpass``), never part of the URL.
    """
    scheme, _, rest = url.partition(":")
    match scheme:
        case "sqlite" if rest:
            from runner.store.sqlite.store import SqliteStore

            return SqliteStore(_path(rest, base), vault, create=create, or_copy=or_copy, moved=moved)
        case "postgresql" | "postgres":
            from runner.store.postgres.store import PostgresStore

            return PostgresStore(url, vault, create=create, older=older, moved=moved, password=password)
        case _:
            raise _unknown(scheme)


def write_store(url: str, tables: Tables, *, base: Path, password: Secret | None = None) -> None:
    """Make a store of rows; one that an incomplete move left is replaced. Raises Refused if the place has another store."""
    scheme, _, rest = url.partition(":")
    match scheme:
        case "sqlite" if rest:
            from runner.store.sqlite.database_file import write_copy
            from runner.store.sqlite.fences import remove_unfinished

            remove_unfinished(_path(rest, base))
            write_copy(_path(rest, base), tables)
        case "postgresql" | "postgres":
            from runner.store.postgres.copies import write_tables

            write_tables(url, password, tables)
        case _:
            raise _unknown(scheme)


def _path(rest: str, base: Path) -> Path:
    # sqlite:///srv/tocsin.db is an absolute path with the two slashes of a URL before it.
    return base / Path(rest.removeprefix("//")).expanduser()


def _unknown(scheme: str) -> Invalid:
    return Invalid(
        f'The URL of the database has the unknown scheme "{scheme}".',
        hint="Write sqlite:tocsin.db or postgresql://USER@HOST/DATABASE",
        code="store_url",
    )
