"""The embedded worker: results of a visit, wake-up, stop, and behaviour without its lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runner.app.core.incident_service import IncidentService
from runner.errors import StoreBusy, StoreError
from runner.incident.state.commands import AnyCommand, EffectFailed
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Compose
from runner.playbook.format import Message, Wait, WaitFor
from runner.workers.choice import attach, make_worker
from runner.workers.embedded import Worker
from runner.workers.visit_results import VisitResult
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.workers.runs import accepted, act, born, in_a_row, keep, make_desk, until


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[IncidentService]:
    made = make_desk(tmp_path, "sqlite:tocsin.db")
    yield made
    made.store.close()


def served(worker: Worker, *incidents: str) -> list[VisitResult]:
    """Visit incidents, one after another, and end the worker."""
    thread = threading.Thread(target=worker.serve)
    thread.start()
    try:
        return [worker.visit(incident).result(PATIENCE) for incident in incidents]
    finally:
        worker.stop()
        thread.join(PATIENCE)
        worker.close()


def states(desk: IncidentService, incident: str) -> set[str]:
    return {i.state for i in desk.load(incident).invocations.values()}


def test_a_visit_ends_when_nothing_of_its_incident_is_in_flight(desk: IncidentService) -> None:
    bundle = keep(desk, in_a_row(4))
    desk.append(desk.principal, [born(desk, bundle, "i-1"), born(desk, bundle, "i-2")])
    assert served(Worker(desk, perform=accepted), "i-1") == [VisitResult()]
    assert states(desk, "i-1") == {"done"}
    assert "done" not in states(desk, "i-2"), "only what is visited is worked on"


def test_a_visit_returns_the_time_of_the_next_look(desk: IncidentService) -> None:
    wait = Wait(id="wait", wait=WaitFor(duration=timedelta(hours=2)))
    before = desk.clock.now()
    desk.append(desk.principal, [born(desk, keep(desk, (wait,)), "i-1")])
    (left,) = served(Worker(desk, perform=accepted), "i-1")
    assert left.due is not None
    assert timedelta(hours=2) <= left.due - before < timedelta(hours=3)


def test_a_visit_of_a_worker_that_stops_says_that_work_is_left(desk: IncidentService) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slowly(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        began.set()
        assert go_on.wait(PATIENCE)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
    worker = Worker(desk, perform=slowly)
    thread = threading.Thread(target=worker.serve)
    thread.start()
    visit = worker.visit("i-1")
    assert began.wait(PATIENCE)
    worker.stop()
    go_on.set()
    assert visit.result(PATIENCE).work
    assert worker.visit("i-1").result(PATIENCE).work, "a visit that comes too late is answered at once"
    thread.join(PATIENCE)
    worker.close()
    assert not desk.load("i-1").sending


def test_an_incident_that_is_not_there_is_a_trouble_and_no_end(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    worker = Worker(desk, perform=accepted)
    assert served(worker, "i-0", "i-1") == [VisitResult(), VisitResult()]
    assert list(worker.troubles) == ["i-0"]
    assert states(desk, "i-1") == {"done"}


def test_a_worker_that_cannot_prove_that_it_lives_begins_nothing(desk: IncidentService) -> None:
    done: list[AnyWork] = []

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        done.append(work)
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    worker = Worker(desk, perform=perform)
    worker.close()
    with refused("worker_lost", StoreError):
        worker.drain()
    assert done == []
    assert not desk.load("i-1").sending


def test_a_waiting_visit_learns_why_the_worker_ended(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(1)), "i-1")])
    worker = Worker(desk, perform=accepted)
    worker.close()
    visit = worker.visit("i-1")
    with refused("worker_lost", StoreError):
        worker.serve()
    with refused("worker_lost", StoreError):
        visit.result(PATIENCE)


@pytest.mark.parametrize("error", [StoreBusy("busy"), StoreError("away", code="store_unreachable")])
@pytest.mark.parametrize("visited", [True, False])
def test_work_without_effects_stays_due_while_the_store_is_away(
    desk: IncidentService, error: StoreError, visited: bool
) -> None:
    told = Message(id="tell", message="hello", to=("person:ana",))
    desk.append(desk.principal, [born(desk, keep(desk, (told,)), "i-1")])
    away = True

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        assert isinstance(work, Compose)
        if away:
            raise error
        return EffectFailed(step=work.step, why="composed again")

    def tried() -> tuple[dict[str, str], str]:
        worker = Worker(desk, perform=perform)
        if visited:
            served(worker, "i-1")
        else:
            worker.drain()
            worker.close()
        return worker.troubles, desk.load("i-1").invocations["run:tell#1"].stuck

    assert tried() == ({"i-1": error.message}, "")
    away = False
    assert tried() == ({}, "composed again")


def test_an_append_of_a_command_wakes_a_running_worker(desk: IncidentService, tmp_path: Path) -> None:
    own = make_desk(tmp_path, "sqlite:tocsin.db")
    worker = make_worker(own, perform=accepted)
    thread = threading.Thread(target=worker.run)
    thread.start()
    attach(desk)
    bundle = keep(desk, in_a_row(2))
    for name in ("i-1", "i-2", "i-3"):
        desk.append(desk.principal, [born(desk, bundle, name)])
        until(lambda name=name: states(desk, name) == {"done"})  # type: ignore[misc]
    worker.stop()
    thread.join(PATIENCE)
    worker.close()
    own.store.close()
    assert not thread.is_alive()
    assert list((tmp_path / "workers").glob("*.port")) == []


def test_a_visit_lasts_until_postponed_work_is_also_done(desk: IncidentService) -> None:
    at_once = tuple(act(f"s{n}") for n in range(5))
    bundle = keep(desk, at_once)
    desk.append(desk.principal, [born(desk, bundle, "i-1"), born(desk, bundle, "i-2")])
    assert served(Worker(desk, threads=1, perform=accepted), "i-1", "i-2") == [VisitResult(), VisitResult()]
    assert states(desk, "i-1") == states(desk, "i-2") == {"done"}
