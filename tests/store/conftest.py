"""Every test that asks for ``place`` or ``store`` runs against both stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.store.port import Store
from tests.servers.postgres import postgres_server, postgres_url
from tests.store.journals import Place

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty store will be made."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    url = request.getfixturevalue("postgres_url")

    def execute(statement: str) -> None:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET search_path = tocsin; SET session_replication_role = replica")
            connection.execute(statement.replace("AS BLOB", "AS bytea"))

    return Place(url, tmp_path, execute)


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """Where an empty embedded store will be made."""
    return sqlite_place(tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """An open, empty store."""
    with place.opened() as opened:
        yield opened


def sqlite_place(folder: Path) -> Place:
    """Return a place whose triggers are dropped before someone changes it."""
    path = folder / "tocsin.db"

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement)

    return Place(f"sqlite:{path}", folder, execute)
