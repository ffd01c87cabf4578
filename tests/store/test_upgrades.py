"""A store of an older version: it is read as it is, copied before the first write, and upgraded as a whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.errors import Bug, StoreError, StoreTooNew
from runner.store.upgrades import POSTGRES, SCHEMA_VERSION, SQLITE
from runner.store.worker_lock import FileLock
from tests.refusals import refused
from tests.store.journals import Place, event, write

OLDER = (
    "DROP TABLE marks",
    "DROP TABLE head_log",
    "DROP TABLE checkpoints",
    "ALTER TABLE incidents DROP COLUMN mac",
    "DELETE FROM keys WHERE incident = 'home/root'",
)


def older(place: Place) -> None:
    """Make a store as the first version did."""
    with place.opened() as store:
        write(store, "i", event())
    for statement in OLDER:
        place.execute(statement)
    place.execute("PRAGMA user_version = 1")


def versions(path: Path) -> tuple[int, ...]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        (marks,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'marks'").fetchone()
    return version, events, marks


def test_there_is_a_step_from_every_older_schema() -> None:
    assert list(SQLITE) == list(POSTGRES) == list(range(1, SCHEMA_VERSION))


def test_reading_leaves_an_older_store_as_it_is(sqlite: Place) -> None:
    older(sqlite)
    with sqlite.opened() as store:
        assert (store.schema, store.marks(), store.verify().ok) == (1, {}, True)
    assert versions(sqlite.base / "tocsin.db") == (1, 1, 0)
    assert not (sqlite.base / "backups").exists()


def test_the_first_write_copies_and_upgrades(sqlite: Place) -> None:
    older(sqlite)
    with sqlite.opened() as store, sqlite.opened() as other:
        write(store, "i", event())
        assert store.schema == SCHEMA_VERSION
        assert other.upgrade() is None, "another process did it"
        write(other, "i", event())
        assert other.verify().ok
    assert versions(sqlite.base / "tocsin.db") == (SCHEMA_VERSION, 3, 1)
    (copy,) = (sqlite.base / "backups").iterdir()
    assert (copy.name, versions(copy)) == ("tocsin.schema-1-1.db", (1, 1, 0))


def test_a_program_that_had_the_file_open_before_the_upgrade_cannot_append(sqlite: Place) -> None:
    older(sqlite)
    with closing(sqlite3.connect(sqlite.base / "tocsin.db", isolation_level=None)) as old:
        old.execute("SELECT count(*) FROM events").fetchone()
        with sqlite.opened() as store:
            write(store, "i", event())
        for statement in (
            "UPDATE incidents SET version = 3, head = x'00' WHERE id = 'i'",
            "UPDATE incidents SET state = 'closed' WHERE id = 'i'",
            """INSERT INTO incidents (id, version, head, state, has_work, kind, opened_at, codename, sealed, private)
               SELECT 'j', version, head, state, has_work, kind, opened_at, codename, sealed, private FROM incidents
               WHERE true ON CONFLICT (id) DO UPDATE SET version = excluded.version""",
        ):
            with pytest.raises(sqlite3.IntegrityError) as refusal:
                old.execute(statement)
            assert str(refusal.value).startswith("schema 3:")
        old.execute("UPDATE incidents SET mac = x'' WHERE id = 'i'")  # as after a change without the key
    with sqlite.opened() as store:
        write(store, "i", event())
        write(store, "j", event())
        assert {fault.code for fault in store.log.check(()).faults} == {"row_changed", "leaf_changed"}


def test_an_upgrade_of_a_file_waits_until_no_worker_runs(sqlite: Place) -> None:
    older(sqlite)
    old = FileLock(sqlite.base / "workers", "w-old")  # as a worker of the earlier version has it
    beside = FileLock(sqlite.base / "workers", "background")
    with sqlite.opened() as store:
        for refuse in (lambda: write(store, "i", event()), lambda: store.register_worker("w-new")):
            with refused("store_in_use"):
                refuse()
        assert store.schema == 1
        assert not list((sqlite.base / "backups").glob("*"))
        old.release()
        alive = store.register_worker("w-new")
        assert store.schema == SCHEMA_VERSION, "a worker upgrades before others could see it"
        write(store, "i", event())
        alive.release()
    beside.release()


def test_an_upgrade_that_fails_leaves_the_older_store_and_its_copy(sqlite: Place) -> None:
    older(sqlite)
    sqlite.execute("CREATE INDEX marks ON settings (value)")
    with sqlite.opened() as store, pytest.raises(Bug):
        write(store, "i", event())
    assert versions(sqlite.base / "tocsin.db") == (1, 1, 1)
    (copy,) = (sqlite.base / "backups").iterdir()
    assert versions(copy) == (1, 1, 1)


@pytest.mark.postgres
def test_a_database_is_upgraded_after_its_operator_made_a_dump(tmp_path: Path, postgres_url: str) -> None:
    from runner.store.postgres.store import PostgresStore
    from tests.store.journals import vault
    from tests.store.postgres.test_store import administer

    with closing(PostgresStore(postgres_url, vault(), create=True)) as store:
        write(store, "i", event())
    administer(
        postgres_url, ";".join(("SET search_path = tocsin", *OLDER, "UPDATE meta SET schema_version = 1"))
    )
    with refused("store_upgrade_due", StoreError):
        PostgresStore(postgres_url, vault())
    with closing(PostgresStore(postgres_url, vault(), older=True)) as store:
        assert store.schema == 1
        store.upgrade()
        assert store.schema == SCHEMA_VERSION
        write(store, "i", event())
        assert store.log.check(()).older == (("i", 1),)
    with closing(PostgresStore(postgres_url, vault())) as store:
        assert (store.marks(), store.verify().ok) == ({}, True)


@pytest.mark.postgres
def test_a_program_that_ran_before_an_upgrade_reads_on_and_writes_no_more(postgres_url: str) -> None:
    from runner.store.postgres.fences import only_schema
    from runner.store.postgres.store import PostgresStore
    from tests.store.journals import vault

    with closing(PostgresStore(postgres_url, vault(), create=True)) as store:
        write(store, "i", event())
        with store.server.connection() as connection:  # as the upgrade of a later version does
            connection.execute("UPDATE tocsin.meta SET schema_version = %s", (SCHEMA_VERSION + 1,))
            only_schema(connection, SCHEMA_VERSION + 1)
        for act in (
            lambda: write(store, "i", event()),
            lambda: store.change_marks(("x",), lambda _: {"x": b"y"}),
        ):
            with refused("store_too_new", StoreTooNew):
                act()
        assert store.head("i").version == 1
    with refused("store_too_new", StoreTooNew):
        PostgresStore(postgres_url, vault())


def test_a_file_that_was_upgraded_meanwhile_is_not_written(sqlite: Place) -> None:
    with sqlite.opened() as store:
        write(store, "i", event())
        sqlite.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        with refused("store_too_new", StoreTooNew):
            write(store, "i", event())
        assert store.head("i").version == 1


@pytest.mark.postgres
def test_an_upgrade_waits_until_no_worker_runs(postgres_url: str) -> None:
    from runner.store.postgres.store import PostgresStore
    from tests.store.journals import vault
    from tests.store.postgres.test_store import administer

    with closing(PostgresStore(postgres_url, vault(), create=True)) as running:
        write(running, "i", event())
        alive = running.register_worker("w-1")
        administer(
            postgres_url, ";".join(("SET search_path = tocsin", *OLDER, "UPDATE meta SET schema_version = 1"))
        )
        with closing(PostgresStore(postgres_url, vault(), older=True)) as store:
            with refused("store_in_use"):
                store.upgrade()
            alive.release()
            store.upgrade()
            write(store, "i", event())
        write(running, "i", event())  # a program of this version goes on
