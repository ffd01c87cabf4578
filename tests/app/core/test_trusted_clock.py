"""A worker's time when the clock of its machine is set: waits end when they should, once, and the doctor says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.app.core.identifiers import SystemClock
from runner.app.core.incident_service import IncidentService
from runner.app.core.trusted_clock import (
    CLOCK,
    Kept,
    TrustedClock,
)
from runner.decoding import from_json
from runner.incident.state.commands import AnyCommand, AttemptDone
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver
from runner.playbook.format import Wait, WaitFor
from runner.routing.messaging import SendResult
from runner.workers.embedded import Worker
from runner.workers.visit_results import with_tools
from tests.crash.calling import STORIES, called
from tests.crash.scenario import Boundaries, ensure_open, open_desk
from tests.workers.runs import accepted, born, keep, make_desk

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
ARRIVED = SendResult(state="accepted", evidence="accepted")
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Machine:
    """A clock that somebody may set, and one that nobody can."""

    def __init__(self) -> None:
        self.wall, self.passed = T0, timedelta()

    def now(self) -> datetime:
        return self.wall

    def steady(self) -> timedelta:
        return self.passed

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.passed += span


def desk_on(machine: Machine, folder: Path) -> IncidentService:
    like = make_desk(folder, "sqlite:tocsin.db")
    return IncidentService(folder, like.home, like.store, machine, like.chance, like.principal)


def waiting(desk: IncidentService) -> None:
    wait = Wait(id="wait", wait=WaitFor(duration=10 * MINUTE))
    desk.append(desk.principal, [born(desk, keep(desk, (wait,)), "i-1")])


def state(desk: IncidentService) -> str:
    [found] = desk.load("i-1").invocations.values()
    return found.state


def looked(desk: IncidentService) -> None:
    """Have a new process look, as commands and restarted workers do."""
    worker = Worker(desk, perform=accepted)
    worker.drain()
    worker.close()


def test_a_wait_ends_in_time_though_the_clock_was_set_back(tmp_path: Path) -> None:
    machine = Machine()
    desk = desk_on(machine, tmp_path)
    waiting(desk)
    worker = Worker(desk, perform=accepted)
    worker.drain()
    machine.wall -= DAY
    machine.passes(9 * MINUTE)
    worker.drain()
    assert state(desk) == "active"
    machine.passes(MINUTE)
    worker.drain()
    worker.close()
    assert state(desk) == "done"
    desk.store.close()


def test_a_later_process_continues_until_a_person_confirms_the_clock(
    tmp_path: Path,
) -> None:
    machine = Machine()
    desk = desk_on(machine, tmp_path)
    waiting(desk)
    looked(desk)
    machine.passes(5 * MINUTE)
    looked(desk)
    machine.wall -= HOUR
    time = TrustedClock(machine, desk.store, desk.principal.host)
    assert time.now() == T0 + 5 * MINUTE
    problem = time.problem()
    assert problem is not None
    assert problem.code == "clock_behind"
    TrustedClock(machine, desk.store, desk.principal.host).confirm()
    machine.passes(5 * SECOND)
    assert time.now() == TrustedClock(machine, desk.store, desk.principal.host).now() == machine.wall
    desk.store.close()


def test_a_leap_ahead_does_not_make_everything_due_at_once(tmp_path: Path) -> None:
    machine = Machine()
    desk = desk_on(machine, tmp_path)
    waiting(desk)
    worker = Worker(desk, perform=accepted)
    worker.drain()
    machine.wall += DAY
    worker.drain()
    assert (state(desk), worker.time.held) == ("active", "all")
    machine.wall -= DAY
    machine.passes(10 * MINUTE)
    worker.drain()
    worker.close()
    assert (state(desk), worker.time.held) == ("done", "")
    desk.store.close()


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])
def test_each_level_is_alerted_once_in_order_although_the_clock_changes(
    tmp_path: Path, jump: timedelta
) -> None:
    machine, sent = Machine(), list[tuple[str, timedelta]]()
    desk = open_desk(tmp_path, called(1, 1), Boundaries(0), "sqlite:tocsin.db", machine)
    ensure_open(desk, STORIES["levels"].playbook(""), machine.now())

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        if not isinstance(work, Deliver):
            return with_tools(desk, work, incident, head)
        if not incident.deliveries[work.delivery].message.startswith("m-time-"):
            sent.append((incident.deliveries[work.delivery].person, machine.steady()))
        return AttemptDone(effect=work.delivery, n=work.n, result=ARRIVED)

    worker = Worker(desk, perform=perform)
    worker.drain()
    machine.passes(2 * MINUTE)
    machine.wall += jump
    worker.drain()
    machine.passes(2 * MINUTE)
    worker.drain()
    machine.wall -= jump
    for _ in range(10):
        machine.passes(MINUTE)
        worker.drain()
    worker.close()
    desk.store.close()
    assert sent == [("ben", timedelta()), ("cia", 5 * MINUTE), ("dan", 10 * MINUTE)]


def test_how_far_time_has_come_is_written_once_a_minute(tmp_path: Path) -> None:
    machine = Machine()
    desk = desk_on(machine, tmp_path)
    time = TrustedClock(machine, desk.store, desk.principal.host)
    found = []
    for _ in range(4):
        time.now()
        time.keep()
        [kept] = desk.store.marks(CLOCK).values()
        found.append(from_json(kept, Kept).at)
        machine.passes(MINUTE / 2)
    assert found == [T0, T0, T0 + MINUTE, T0 + MINUTE]
    desk.store.close()


def test_the_machines_own_clock_has_a_steady_one_beside_it() -> None:
    clock = SystemClock()
    before = clock.steady()
    assert clock.steady() >= before


def test_the_kernel_says_the_time_only_if_a_time_server_keeps_it() -> None:
    clock = SystemClock()
    kept, now = clock.second(), clock.now()
    assert kept is None or abs(now - kept) < MINUTE
