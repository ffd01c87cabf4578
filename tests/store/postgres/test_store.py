"""What only the shared store does: work in the same transaction, and a server that fails."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest

from runner.errors import (
    Invalid,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from runner.store.open_store import open_store
from runner.store.port import Appended
from runner.store.postgres.server import Server
from runner.store.postgres.store import PostgresStore
from runner.vault.secrets import Secret
from tests.refusals import refused
from tests.servers.needed import absent
from tests.servers.postgres import postgres_programs, running_postgres
from tests.store.journals import T0, an_append, event, personal, vault, write

pytestmark = pytest.mark.postgres


def opened(url: str, **options) -> closing[PostgresStore]:
    return closing(PostgresStore(url, vault(), create=True, **options))


def administer(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def answer(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return None if row is None else row[0]


def test_work_within_the_transaction_is_committed_with_the_events(postgres_url):
    administer(postgres_url, "CREATE TABLE jobs (incident text)")
    seen = []

    def defer(connection, incidents):
        seen.append(incidents)
        for incident in incidents:
            connection.execute("INSERT INTO jobs VALUES (%s)", (incident,))

    with opened(postgres_url) as store:
        batch = [an_append("a", 0, [event()]), an_append("b", 4, [event()]), an_append("c", 0, [personal()])]
        store.append(batch, recorded=T0, within=defer)
    assert seen == [("a", "c")]
    assert answer(postgres_url, "SELECT count(*) FROM jobs") == 2


def test_events_are_not_written_when_the_work_within_fails(postgres_url):
    def fail(connection, incidents):
        raise StoreError("the queue is not there", code="queue")

    with opened(postgres_url) as store:
        with refused("queue", StoreError):
            store.append([an_append("a", 0, [event()])], recorded=T0, within=fail)
        assert store.head("a").version == 0
        write(store, "a", event())


def test_a_job_is_deferred_by_procrastinate_in_the_same_transaction(postgres_url):
    import procrastinate

    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=postgres_url))

    @app.task(name="advance")
    def advance(incident: str) -> None: ...

    with app.open(), opened(postgres_url) as store:
        app.schema_manager.apply_schema()

        def defer(connection, incidents):
            for incident in incidents:
                advance.configure(lock=incident, connection=connection).defer(incident=incident)

        store.append([an_append("a", 0, [event()])], recorded=T0, within=defer)
    assert answer(postgres_url, "SELECT args->>'incident' FROM procrastinate_jobs") == "a"


def test_a_server_that_restarts_costs_one_error(postgres_url, postgres_server):
    with opened(postgres_url) as store:
        write(store, "a", event())
        handle = store.register_worker("w1")
        postgres_server.restart()
        assert not handle.held()
        with refused("store_unreachable", StoreError):
            write(store, "a", event())
        write(store, "a", event())
        assert store.verify().events == 2
        assert not store.worker_alive("w1")


def test_a_server_that_is_not_there_is_said_without_the_password():
    url = "postgresql://tocsin@127.0.0.1:1/tocsin"
    with refused("store_unreachable", StoreError) as caught:
        PostgresStore(url, vault(), password=Secret("hunter2hunter2"))
    told = caught.value.message + caught.value.hint
    assert ("127.0.0.1/tocsin" in told, "hunter2hunter2" in told) == (True, False)


def test_a_url_that_is_none_is_said():
    with refused("store_url", StoreError):
        Server("postgresql://[", None, timedelta(seconds=1))


def test_a_url_of_another_kind_is_refused(tmp_path):
    with refused("store_url", Invalid) as caught:
        open_store("mysql://x", vault(), base=tmp_path)
    assert "mysql" in caught.value.message


def test_a_newer_schema_is_refused(postgres_url):
    with opened(postgres_url):
        pass
    administer(postgres_url, "UPDATE tocsin.meta SET schema_version = 7")
    with refused("store_too_new", StoreTooNew) as caught:
        PostgresStore(postgres_url, vault(), create=True)
    assert "7" in re.findall(r"\d+", caught.value.message)


def test_a_read_only_database_is_said(postgres_url):
    with opened(postgres_url) as store:
        write(store, "a", event())
    name = postgres_url.rpartition("/")[2]
    administer(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with opened(postgres_url) as store:
        with refused("store_read_only", StoreReadOnly):
            write(store, "a", event())
        assert store.head("a").version == 1


def test_a_role_that_may_not_write_is_said(postgres_url):
    with opened(postgres_url) as store:
        write(store, "a", event())
    name = postgres_url.rpartition("/")[2]
    administer(
        postgres_url,
        f"CREATE ROLE reader_{name} LOGIN",
        f"GRANT USAGE ON SCHEMA tocsin TO reader_{name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA tocsin TO reader_{name}",
    )
    url = postgres_url.replace("tocsin@", f"reader_{name}@")
    with closing(PostgresStore(url, vault())) as store:
        assert store.verify().ok
        with pytest.raises(StoreReadOnly):
            write(store, "a", event())


def test_a_writer_that_waits_too_long_gets_store_locked(postgres_url):
    with opened(postgres_url, patience=timedelta(milliseconds=20)) as store:
        write(store, "a", event())
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT 1 FROM tocsin.incidents FOR UPDATE")
            with refused("store_locked", StoreLocked):
                write(store, "a", event())
        write(store, "a", event())


def test_batches_that_cross_do_not_wait_in_a_ring(postgres_url):
    import threading

    results: list[object] = []
    with opened(postgres_url) as store:
        write(store, "a", event())
        write(store, "b", event())

        def work(order: tuple[str, str]) -> None:
            for _ in range(40):
                batch = [an_append(name, store.head(name).version, [event()]) for name in order]
                results.extend(store.append(batch, recorded=T0))

        threads = [threading.Thread(target=work, args=(order,)) for order in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        written = sum(isinstance(result, Appended) for result in results)
        assert len(results) == 160
        assert store.verify().events == 2 + written


def test_errors_of_a_damaged_or_full_server_are_distinguished():
    server = Server("postgresql://tocsin@127.0.0.1/tocsin", None, timedelta(seconds=1))
    assert type(server.failure(psycopg.errors.DiskFull())) is StoreFull
    assert type(server.failure(psycopg.errors.DataCorrupted())) is StoreCorrupt
    failure = server.failure(psycopg.errors.CheckViolation("Key (name)=(Erika)"))
    assert (failure.code, "Erika" in failure.message + failure.hint) == ("bug", False)


@pytest.mark.slow
def test_a_commit_is_durable_even_where_the_server_would_not_wait():
    programs = postgres_programs()
    if programs is None:
        absent("postgresql", "apt-get install postgresql")
    with (
        running_postgres(programs, "-c synchronous_commit=off") as server,
        opened(server.new_database()) as store,
        store.server.connection() as connection,
    ):
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_two_openings_at_once_make_one_schema(postgres_url):
    import threading

    errors: list[Exception] = []

    def work() -> None:
        try:
            with opened(postgres_url) as store:
                store.rows()
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_gate_is_for_one_at_a_time_and_writes_pass_it(postgres_url):
    with opened(postgres_url) as one, opened(postgres_url, patience=timedelta(milliseconds=50)) as other:
        gate = one.gate("i")
        assert gate.held()
        write(one, "i", event())
        with refused("store_locked"):
            other.gate("i")
        other.gate("j").release()
        gate.release()
        assert not gate.held()
        other.gate("i")
    with opened(postgres_url) as last:
        last.gate("i").release()


def test_a_server_without_a_free_connection_is_busy(postgres_server, postgres_url):
    postgres_server.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    with refused("store_busy"), opened(postgres_url.replace("//tocsin@", "//crowded@")):
        pass
