"""The distributed driver in one process: what is in the queue, what wakes a worker, and how it stops."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from runner.app.core.directory import add_person, set_away
from runner.app.core.incident_service import IncidentService
from runner.errors import Bug, StoreError
from runner.incident.state.commands import AnyCommand, CompleteTask
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, DoAct
from runner.playbook.format import Task, Wait, WaitFor
from runner.store.postgres.server import Server
from runner.store.postgres.store import PostgresStore
from runner.workers.choice import attach, make_worker
from runner.workers.postgres import queue
from runner.workers.postgres.worker import LOGGERS, Pace, QueueWorker
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.servers.postgres import postgres_server, postgres_url
from tests.workers.runs import accepted, act, born, in_a_row, keep, make_desk, until

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.postgres
QUICK = Pace(
    heartbeat=timedelta(milliseconds=300),
    silence=timedelta(seconds=2),
    sweep=1,
    poll=timedelta(milliseconds=100),
)


@pytest.fixture
def desk(tmp_path: Path, postgres_url: str) -> Iterator[IncidentService]:
    made = make_desk(tmp_path, postgres_url)
    attach(made)
    yield made
    made.store.close()


@contextmanager
def working(
    desk: IncidentService, perform: Any = accepted, pace: Pace = QUICK, threads: int = 8, **given: Any
) -> Iterator[QueueWorker]:
    """Run a worker of its own desk in a thread, and stop it at the end."""
    own = make_desk(desk.folder, desk.home.store)
    worker = QueueWorker(own, perform=perform, pace=pace, threads=threads, **given)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(PATIENCE)
        worker.close()
        own.store.close()
    assert not thread.is_alive()


def drained(desk: IncidentService, perform: Any = accepted) -> None:
    """Run a worker until the queue is empty."""
    own = make_desk(desk.folder, desk.home.store)
    worker = QueueWorker(own, perform=perform, pace=QUICK, wait=False)
    worker.run()
    worker.close()
    own.store.close()


def ask(desk: IncidentService, statement: str) -> list[Any]:
    with psycopg.connect(desk.home.store, autocommit=True) as connection:
        connection.execute("SET search_path = tocsin_queue")
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server(desk: IncidentService) -> Server:
    return cast(PostgresStore, desk.store).server


def jobs(desk: IncidentService) -> list[Any]:
    return ask(
        desk,
        """SELECT args->>'incident', lock, coalesce(scheduled_at <= now(), true) FROM tocsin_queue.procrastinate_jobs
           WHERE task_name = 'tocsin.advance' ORDER BY id""",
    )


def all_done(desk: IncidentService, *names: str) -> bool:
    return all(i.over for name in names for i in desk.load(name).invocations.values())


# --- what is in the queue -------------------------------------------------------------------------------------


def test_events_and_their_jobs_are_there_together(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(1))
    desk.append(desk.principal, [born(desk, bundle, "i-1"), born(desk, bundle, "i-2")])
    assert jobs(desk) == [("i-1", "i-1", True), ("i-2", "i-2", True)]


def test_an_append_that_came_second_leaves_no_job(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(1))
    turn = born(desk, bundle, "i-1")
    assert desk.append(desk.principal, [turn])[0]
    assert desk.append(desk.principal, [turn]) == [""]
    assert len(jobs(desk)) == 1


def test_without_its_job_an_event_is_not_written(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(1))
    desk.append(desk.principal, [born(desk, bundle, "i-1")])
    ask(desk, "ALTER TABLE tocsin_queue.procrastinate_jobs ADD CHECK (task_name = 'none') NOT VALID")
    with refused("bug", Bug):
        desk.append(desk.principal, [born(desk, bundle, "i-2")])
    assert desk.store.row("i-2") is None


def test_a_change_of_people_creates_no_job(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    add_person(desk, "ben", "Ben", ())
    set_away(desk, "ben", away=True, alternate="")
    assert [name for name, *_ in jobs(desk)] == ["i-1"]


def test_a_queue_made_by_an_older_procrastinate_is_made_again(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    queue.prepare(server(desk))
    assert len(jobs(desk)) == 1
    ask(desk, "COMMENT ON SCHEMA tocsin_queue IS 'Procrastinate 3.0.1: an old queue'")
    queue.prepare(server(desk))
    assert jobs(desk) == []


def test_without_procrastinate_the_error_names_the_package_to_install() -> None:
    program = """
import sys
sys.modules["procrastinate"] = None
from types import SimpleNamespace
from runner.workers.choice import attach, make_worker
from runner.errors import StoreError
desk = SimpleNamespace(home=SimpleNamespace(store="postgresql://h/d"), store=SimpleNamespace(append=print, server=None))
for attempt in (lambda: make_worker(desk), lambda: (attach(desk), desk.write([]))):
    try:
        attempt()
    except StoreError as error:
        print(error.code, "postgres" in error.hint)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["no_driver", "True"] * 2


# --- what wakes a worker --------------------------------------------------------------------------------------


def test_a_worker_ends_every_run_and_leaves_no_job(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(3))
    names = [f"i-{n}" for n in range(20)]
    desk.append(desk.principal, [born(desk, bundle, name) for name in names])
    drained(desk)
    assert all_done(desk, *names)
    assert jobs(desk) == []
    assert desk.store.verify().ok


def test_a_waiting_worker_hears_of_a_new_incident_at_once(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(1))
    slow = Pace(poll=timedelta(seconds=30), sweep=59)
    with working(desk, pace=slow):
        until(
            lambda: bool(ask(desk, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%procrastinate%'"))
        )
        desk.append(desk.principal, [born(desk, bundle, "i-1")])
        until(lambda: all_done(desk, "i-1"))


def test_a_queue_that_was_dropped_is_filled_again_from_the_journal(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
    ask(desk, "DROP SCHEMA tocsin_queue CASCADE")
    with working(desk):
        until(lambda: all_done(desk, "i-1"))


def test_an_incident_with_a_lost_job_gets_a_new_one(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
    ask(desk, "DELETE FROM tocsin_queue.procrastinate_jobs")
    with working(desk):
        until(lambda: all_done(desk, "i-1"))


def test_time_wakes_a_worker_through_a_job_of_its_own_that_holds_nothing_up(desk: IncidentService) -> None:
    wait = Wait(id="wait", wait=WaitFor(duration=timedelta(seconds=2)))
    task = Task(id="meanwhile", task="Meanwhile", role="commander")
    after = act("then", "meanwhile")
    last = act("last", "wait")
    desk.append(desk.principal, [born(desk, keep(desk, (wait, task, after, last)), "i-1")])
    drained(desk)
    timers = [(incident, lock) for incident, lock, at_once in jobs(desk) if not at_once]
    assert timers == [("i-1", None)]
    with working(desk):
        desk.act(desk.principal, "i-1", [CompleteTask(step="run:meanwhile#1", comment="")])
        until(lambda: desk.load("i-1").invocations["run:then#1"].over)
        until(lambda: all_done(desk, "i-1"))


def test_a_change_is_seen_while_another_effect_of_the_incident_is_slow(desk: IncidentService) -> None:
    task = Task(id="task", task="Answer", role="commander")
    steps = (act("slow"), task, act("next", "task"))
    began, go_on = threading.Event(), threading.Event()

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        if isinstance(work, DoAct) and work.action.id == "slow":
            began.set()
            assert go_on.wait(PATIENCE)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, steps), "i-1")])
    with working(desk, perform):
        assert began.wait(PATIENCE)
        desk.act(desk.principal, "i-1", [CompleteTask(step="run:task#1", comment="")])
        until(lambda: desk.load("i-1").invocations["run:next#1"].over)
        assert not desk.load("i-1").invocations["run:slow#1"].over
        go_on.set()
        until(lambda: all_done(desk, "i-1"))


def test_an_attempt_of_a_living_worker_is_left_alone(desk: IncidentService) -> None:
    began, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def slowly(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        began.set()
        assert go_on.wait(PATIENCE)
        return accepted(work, incident, head)

    def quickly(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        done.append(work.incident)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    with working(desk, slowly):
        assert began.wait(PATIENCE)
        ask(desk, "DELETE FROM tocsin_queue.procrastinate_jobs")
        drained(desk, quickly)
        assert done == []
        go_on.set()
        until(lambda: all_done(desk, "i-1"))
    (attempt,) = desk.load("i-1").invocations["run:s0#1"].attempts
    assert attempt.state == "accepted"


# --- how it stops ---------------------------------------------------------------------------------------------


def test_a_stopped_worker_records_started_work_and_leaves_the_rest(desk: IncidentService) -> None:
    began, go_on = threading.Event(), threading.Event()

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        began.set()
        assert go_on.wait(PATIENCE)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(5)), "i-1")])
    with working(desk, perform) as worker:
        assert began.wait(PATIENCE)
        worker.stop()
        until(worker.worker._stopping.is_set)
        go_on.set()
    incident = desk.load("i-1")
    assert [i.state for i in incident.invocations.values()].count("done") == 1
    assert not incident.sending
    assert [name for name, _, at_once in jobs(desk) if at_once] == ["i-1"]
    drained(desk)
    assert all_done(desk, "i-1")


def test_a_worker_with_a_lost_database_connects_again_and_continues(desk: IncidentService) -> None:
    said: list[str] = []
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(300)), "i-1")])
    with working(desk, say=said.append) as worker:
        until(lambda: desk.store.head("i-1").version > 30)
        ask(desk, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with refused("store_unreachable", StoreError):
            desk.store.verify()
        until(lambda: all_done(desk, "i-1"))
        assert desk.store.worker_alive(worker.name)
        assert worker.worker.fairness.attempts > 0  # systemd learns that the worker lives
    assert ["connection_lost" in line for line in said] == [True, False]
    for name in LOGGERS:  # the libraries' own tracebacks would bury what a person is told
        assert logging.getLogger(name).handlers, name
    assert desk.store.verify().ok


def test_an_effect_that_runs_while_the_database_is_away_is_recorded_and_none_starts(
    desk: IncidentService,
) -> None:
    began, go_on, performed = threading.Event(), threading.Event(), list[str]()

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        assert isinstance(work, DoAct)
        performed.append(work.step)
        began.set()
        assert go_on.wait(PATIENCE)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
    back: list[bool] = []
    with working(desk, perform, again=lambda: back.append(True)):
        assert began.wait(PATIENCE)
        ask(desk, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        go_on.set()
        with suppress(StoreError):  # its session was ended, too
            desk.store.verify()
        until(lambda: bool(back))
        until(lambda: all_done(desk, "i-1"))
    assert [step.rpartition(":")[2] for step in performed] == ["s0#1", "s1#1"]
    states = [a.state for i in desk.load("i-1").invocations.values() for a in i.attempts]
    assert states == ["accepted", "accepted"], "nobody is asked what became of it"


def test_an_incident_that_cannot_be_read_does_not_hold_up_the_others(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(1))
    desk.append(desk.principal, [born(desk, bundle, "i-1"), born(desk, bundle, "i-2")])
    ask(
        desk,
        """SET session_replication_role = replica;
           UPDATE tocsin.events SET payload = '{"type":"NoSuchEvent"}' WHERE incident = 'i-1' AND seq = 1""",
    )
    drained(desk)
    assert all_done(desk, "i-2")


def test_the_choice_is_made_by_the_stores_url(desk: IncidentService, tmp_path: Path) -> None:
    desks = [make_desk(desk.folder, desk.home.store), make_desk(tmp_path / "alone", "sqlite:tocsin.db")]
    shared, alone = [make_worker(desk, perform=accepted) for desk in desks]
    assert isinstance(shared, QueueWorker)
    assert not isinstance(alone, QueueWorker)
    for worker, one in zip((shared, alone), desks, strict=True):
        worker.close()
        one.store.close()
