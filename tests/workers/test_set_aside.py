"""No incident holds up another: not by much work, not by slow work, not by work that fails or ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.app.core import suspended_incidents
from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import IN_HAND
from runner.incident.state.commands import AnyCommand, EffectFailed
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Compose
from runner.workers.embedded import Worker
from runner.workers.fairness import SHARE, TURN
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.servers.postgres import BOTH_STORES, kept_in, postgres_server, postgres_url
from tests.workers.poisoned import MESSAGE, POISON
from tests.workers.runs import ROOT, accepted, act, born, in_a_row, keep, make_desk

__all__ = ["kept_in", "postgres_server", "postgres_url"]
NAMES = ("i-1", "i-2", "i-3")


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[IncidentService]:
    made = make_desk(tmp_path, "sqlite:tocsin.db")
    made.clock = Standing()
    yield made
    made.store.close()


def opened(desk: IncidentService, *steps: Any) -> None:
    bundle = keep(desk, steps)
    desk.append(desk.principal, [born(desk, bundle, name) for name in NAMES])


def drained(desk: IncidentService, perform: Any = accepted, own: str = "", threads: int = 8) -> Worker:
    if isinstance(desk.clock, Standing):
        desk.clock.time += timedelta(minutes=1)  # what is tried again is tried after a pause
    worker = Worker(desk, perform=perform, threads=threads)
    worker.drain(own)
    worker.close()
    return worker


def done(desk: IncidentService, name: str) -> bool:
    return {invocation.state for invocation in desk.load(name).invocations.values()} == {"done"}


# --- much work, slow work -------------------------------------------------------------------------------------


def test_much_work_in_one_incident_lets_the_others_have_their_turn(desk: IncidentService) -> None:
    desk.append(desk.principal, [born(desk, keep(desk, [act(f"s{n}") for n in range(300)]), "i-0")])
    opened(desk, *in_a_row(3))
    order: list[str] = []

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        order.append(work.incident)
        return accepted(work, incident, head)

    drained(desk, perform)
    assert len(order) == 309
    for name in NAMES:
        assert max(n for n, one in enumerate(order) if one == name) < 150


def test_an_incident_with_hanging_effects_leaves_threads_to_others(desk: IncidentService) -> None:
    hung, others = threading.Event(), threading.Semaphore(0)

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        if work.incident == "i-0":
            assert hung.wait(PATIENCE)
        else:
            others.release()
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, [act(f"s{n}") for n in range(20)]), "i-0")])
    opened(desk, act("s"))
    worker = Worker(desk, perform=perform)
    thread = threading.Thread(target=worker.drain)
    thread.start()
    try:
        for _ in NAMES:
            assert others.acquire(timeout=PATIENCE)
    finally:
        hung.set()
        thread.join(PATIENCE)
        worker.close()


def test_a_worker_on_one_incident_serves_the_others_for_a_limited_time(desk: IncidentService) -> None:
    opened(desk, *in_a_row(4))

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        assert isinstance(desk.clock, Standing)
        desk.clock.time += SHARE / 2
        return accepted(work, incident, head)

    drained(desk, perform, own="i-2")
    assert [done(desk, name) for name in NAMES] == [False, True, False]
    drained(desk)
    assert all(done(desk, name) for name in NAMES)


# --- work that fails ------------------------------------------------------------------------------------------


def written(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Write no message, and say so."""
    assert isinstance(work, Compose)
    return EffectFailed(step=work.step, why="nobody has a pen")


def broken(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Come back with something that cannot be recorded."""
    return None if work.incident == POISON else written(work, incident, head)  # type: ignore[return-value]


def stuck(desk: IncidentService) -> list[bool]:
    """Tell of each incident whether its message was tried and that recorded."""
    return [bool(desk.load(name).invocations["run:tell#1"].stuck) for name in NAMES]


def test_an_incident_whose_work_fails_three_times_is_suspended(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    assert [len(drained(desk, broken).troubles) for _ in range(4)] == [1, 1, 1, 0]
    (failed,) = suspended_incidents.set_aside(desk).items()
    assert (failed[0], failed[1].times) == (POISON, 3)
    drained(desk, written)
    assert stuck(desk) == [True, False, True], "nothing works on it any more"


def test_successful_work_resets_the_count_of_failures(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    drained(desk, broken)
    drained(desk, broken)
    assert suspended_incidents.failed(desk)[POISON].times == 2
    drained(desk, written)
    assert stuck(desk) == [True, True, True]
    assert suspended_incidents.failed(desk) == {}


def test_a_person_resumes_a_suspended_incident(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    for _ in range(3):
        drained(desk, broken)
    suspended_incidents.resume(desk, POISON, "the memory is larger now")
    assert suspended_incidents.failed(desk) == {}
    drained(desk, written)
    assert stuck(desk) == [True, True, True]


def test_a_refused_resumption_leaves_the_incident_suspended(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    for _ in range(3):
        drained(desk, broken)
    with refused("reason_missing"):
        suspended_incidents.resume(desk, POISON, "")
    assert list(suspended_incidents.set_aside(desk)) == [POISON]


def test_incidents_that_failed_are_worked_on_one_at_a_time_and_all_of_them(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    tries = suspended_incidents.Tries(desk, desk.store.register_worker("w-before"))
    for name in NAMES:
        tries.fail(name, suspended_incidents.DIED, desk.clock.now())
    held: list[bytes] = []

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        held.extend(desk.store.marks(IN_HAND).values())
        return written(work, incident, head)

    drained(desk, perform)
    assert [[name for name in NAMES if name.encode() in one] for one in held] == [[name] for name in NAMES]
    assert (stuck(desk), suspended_incidents.failed(desk)) == ([True, True, True], {})


def test_effects_that_compute_for_too_long_three_times_in_a_row_set_their_incident_aside(
    desk: IncidentService,
) -> None:
    opened(desk, *(msgspec.structs.replace(MESSAGE, id=f"m{n}") for n in range(4)))
    clock, done = desk.clock, Counter[str]()
    assert isinstance(clock, Standing)

    def slowly(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        done[work.incident] += 1
        clock.time += (TURN + timedelta(seconds=1)) * (work.incident == POISON)
        return written(work, incident, head)

    drained(desk, slowly, threads=1)
    assert done == {"i-1": 4, POISON: 3, "i-3": 4}
    assert list(suspended_incidents.set_aside(desk)) == [POISON]


@pytest.mark.parametrize(
    "body", [b'{"incidents":["i-1"', b'{"incidents":["\xff\xfe"],"at":"2026-11-24T09:00:00Z"}']
)
def test_a_damaged_mark_of_a_dead_worker_counts_nothing(desk: IncidentService, body: bytes) -> None:
    opened(desk, MESSAGE)
    left_work(desk, body)
    assert suspended_incidents.failed(desk) == {}


def test_a_death_counts_once_although_its_mark_came_back(desk: IncidentService) -> None:
    opened(desk, MESSAGE)
    for _ in range(2):  # a process was killed after it had counted the death and before it removed the mark
        left_work(desk, b'{"incidents":["i-1"],"at":"2026-11-24T09:00:00Z"}')
        handle = desk.register_worker("w1")
        suspended_incidents.Tries(desk, handle).look(desk.clock.now())
        handle.release()
        assert suspended_incidents.failed(desk)["i-1"].times == 1
    assert not (desk.folder / "workers" / "w9.lock").exists()


def left_work(desk: IncidentService, body: bytes) -> None:
    """Leave the mark of a dead worker."""
    folder = desk.folder / "workers"
    folder.mkdir(exist_ok=True)
    (folder / "w9.lock").write_bytes(body)


# --- work that ends the process -------------------------------------------------------------------------------


@pytest.mark.slow
@BOTH_STORES
def test_an_incident_that_kills_the_process_three_times_is_suspended(tmp_path: Path, kept_in: str) -> None:
    url = kept_in or "sqlite:tocsin.db"
    desk = make_desk(tmp_path, url)
    opened(desk, MESSAGE)
    command = [sys.executable, "-m", "tests.workers.poisoned", str(tmp_path), url]
    for _ in range(3):
        assert suspended_incidents.set_aside(desk) == {}
        assert subprocess.run(command, cwd=ROOT, check=False, timeout=PATIENCE).returncode == -signal.SIGKILL
    (failed,) = suspended_incidents.set_aside(desk).items()
    assert (failed[0], failed[1].why) == (POISON, suspended_incidents.DIED)
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=PATIENCE).returncode == 0
    assert stuck(desk) == [True, False, True]
    desk.store.close()
