"""Open the store of a URL: a file for one machine, or PostgreSQL for several."""

from __future__ import annotations

from pathlib import Path

from runner.errors import Invalid
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
    password: Secret | None = None,
) -> Store:
    """Open ``sqlite:PATH`` (from ``base`` when relative) or ``postgresql://USER@HOST:PORT/DATABASE``.

    With ``create`` a missing store is made. With ``or_copy`` a file on a read-only medium is opened for
    reading only. With ``older`` a database of an older version is opened, to upgrade it. The password of a database is a secret by reference,
    or configured for libpq (``~/.pgpass``), never part of the URL.
    """
    scheme, _, rest = url.partition(":")
    match scheme:
        case "sqlite" if rest:
            from runner.store.sqlite.store import SqliteStore

            # sqlite:///srv/tocsin.db is an absolute path with the two slashes of a URL before it.
            path = Path(rest.removeprefix("//")).expanduser()
            return SqliteStore(base / path, vault, create=create, or_copy=or_copy)
        case "postgresql" | "postgres":
            from runner.store.postgres.store import PostgresStore

            return PostgresStore(url, vault, create=create, older=older, password=password)
        case _:
            raise Invalid(
                f'The URL of the database has the unknown scheme "{scheme}".',
                hint="Write sqlite:tocsin.db or postgresql://USER@HOST/DATABASE",
                code="store_url",
            )
