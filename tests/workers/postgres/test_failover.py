"""The primary server is killed in mid-incident and its standby promoted: nothing confirmed is lost, and nothing is sent twice.

A standby that commits did not wait for can lack some of them: that is found.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import requests

from runner.app.core.proof.checkpoints import Checkpoints
from runner.app.home.doctor_checks import database
from runner.errors import StoreError
from runner.workers.choice import attach
from runner.workers.postgres.worker import QueueWorker
from tests.crash.soaking import started
from tests.patience import PATIENCE
from tests.servers.needed import absent
from tests.servers.postgres import PostgresServer, postgres_programs, running_postgres
from tests.servers.receivers import free_port
from tests.test_soak import Soak
from tests.workers.postgres.test_queue import QUICK, all_done
from tests.workers.runs import accepted, born, in_a_row, keep, make_desk, until

pytestmark = pytest.mark.postgres


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    programs = postgres_programs()
    if programs is None:
        absent("postgresql", "apt-get install postgresql")
    with running_postgres(programs) as server:
        yield server


def either(first: PostgresServer, second: PostgresServer, name: str) -> str:
    """Return the URL of a database on whichever of two servers can be written."""
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://tocsin@{hosts}/{name}?target_session_attrs=read-write"


def is_ready(port: int) -> bool:
    """Tell whether a server of pages says that it works."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
    except requests.RequestException:
        return False


def turns(soak: Soak, over: threading.Event) -> None:
    """Give commands until everything is over; a command during the failover fails, and is given again."""
    while not over.is_set():
        with suppress(StoreError):
            soak._turn(opening=len(soak._confirmed) < 12)
            if not soak._open:
                return


@pytest.mark.slow
def test_a_promoted_standby_has_all_that_was_confirmed_and_worker_and_server_go_on(
    primary: PostgresServer, tmp_path: Path
) -> None:
    primary.execute("CREATE DATABASE store")
    with running_postgres(primary.programs, primary=primary) as standby:
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        soak = Soak(tmp_path, either(primary, standby, "store"), random.Random(1))
        over = threading.Event()
        person = threading.Thread(target=turns, args=(soak, over))
        port = free_port()
        server = started(tmp_path / "home", "serve", "--listen", f"127.0.0.1:{port}", "--as", "ana")
        try:
            until(lambda: is_ready(port))
            worker = soak._start()
            person.start()
            until(lambda: len(soak.mail.mails) >= 4)
            primary.kill()
            standby.promote()
            person.join(PATIENCE)
            assert not person.is_alive(), (
                soak._said.read_text(),
                [soak.desk.load(n).sending for n in soak._open],
            )
            assert worker.poll() is None, soak._said.read_text()
            said = soak._said.read_text()
            assert (said.count("connection_lost"), said.count("rolled_back")) == (1, 0), said
            until(lambda: is_ready(port))
            assert server.poll() is None
            worker.terminate()
            assert worker.wait(PATIENCE) == 0
            with suppress(StoreError):  # a session of the killed server
                soak.desk.store.rows()
            assert soak.check() <= 12, "what was being sent can be in doubt"
        finally:
            over.set()
            if person.is_alive():
                person.join(PATIENCE)
            server.kill()
            server.wait()
            soak.close()


@pytest.mark.nightly
def test_a_promoted_standby_that_lacks_confirmed_entries_is_found(
    primary: PostgresServer, tmp_path: Path
) -> None:
    primary.execute("CREATE DATABASE store")
    with running_postgres(primary.programs, primary=primary) as standby:
        url = either(primary, standby, "store")
        desk = make_desk(tmp_path, url)
        attach(desk)
        desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
        assert "commits_alone" in {one.code for one in database(desk.store, repair=False)}
        said, again = list[str](), list[str]()
        own = make_desk(tmp_path, url)
        worker = QueueWorker(
            own, perform=accepted, pace=QUICK, say=said.append, again=lambda: again.append("")
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            until(lambda: all_done(desk, "i-1"))
            with psycopg.connect(primary.url("postgres")) as asked:
                seen = "SELECT replay_lsn >= pg_current_wal_lsn() FROM pg_stat_replication"
                until(lambda: asked.execute(seen).fetchone() == (True,))
            standby.stop()  # it is behind from now on
            desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-2")])
            until(lambda: all_done(desk, "i-2"))
            memory = Checkpoints(own.store)
            memory.begin(tmp_path, tmp_path, said.append)
            memory.make(desk.clock.now())
            primary.kill()
            standby.start()
            standby.promote()
            until(lambda: bool(again))
            memory.look()
        finally:
            worker.stop()
            thread.join(PATIENCE)
            worker.close()
            own.store.close()
            desk.store.close()
        assert ["rolled_back" in line for line in said] == [False, False, True, True]
