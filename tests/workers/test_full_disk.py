"""The disk fills up, or takes no more writes, between an effect and its outcome: the outcome is kept, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.app.core.identifiers import SystemClock
from runner.app.core.incident_service import IncidentService
from runner.errors import StoreError, StoreFull, StoreReadOnly
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork
from runner.workers.choice import make_worker
from runner.workers.embedded import Worker
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.workers.runs import accepted, act, born, in_a_row, keep, make_desk, until


class Disk:
    """A store on a disk that may be full; all else is the real store's."""

    def __init__(self, store: Any, trouble: StoreError) -> None:
        self._store = store
        self._trouble = trouble
        self.full = False
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, batch: Sequence[Any], **rest: Any) -> Any:
        self._room()
        return self._store.append(batch, **rest)

    def change_marks(self, names: Sequence[str], change: Any, **rest: Any) -> Any:
        self._room()
        return self._store.change_marks(names, change, **rest)

    def _room(self) -> None:
        if self.full:
            self.refused += 1
            raise self._trouble


@pytest.fixture(
    params=[StoreFull("no room is left"), StoreReadOnly("it takes no writes")], ids=["full", "read-only"]
)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(make_desk(tmp_path, "sqlite:tocsin.db").store, request.param)


def desk_on(disk: Disk, folder: Path) -> IncidentService:
    like = make_desk(folder, "sqlite:tocsin.db")
    like.store.close()
    return IncidentService(folder, like.home, disk, SystemClock(), like.chance, like.principal)


def test_a_running_worker_records_outcomes_after_space_is_available(disk: Disk, tmp_path: Path) -> None:
    desk, done = desk_on(disk, tmp_path), list[str]()

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        done.append(work.step)
        disk.full = len(done) == 1
        return accepted(work, incident, head)

    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(2)), "i-1")])
    worker = make_worker(desk, perform=perform)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: disk.refused >= 2)
    assert desk.load("i-1").sending, "its claim stands"
    disk.full = False
    until(lambda: {i.state for i in desk.load("i-1").invocations.values()} == {"done"})
    worker.stop()
    thread.join(PATIENCE)
    worker.close()
    assert done == ["run:s0#1", "run:s1#1"]
    disk.close()


def test_a_command_that_cannot_record_an_outcome_says_so_and_the_next_one_knows_that_it_is_in_doubt(
    disk: Disk, tmp_path: Path
) -> None:
    desk, done = desk_on(disk, tmp_path), list[str]()

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        done.append(work.step)
        disk.full = True
        return accepted(work, incident, head)

    once = (act("s0", times=0),)
    desk.append(desk.principal, [born(desk, keep(desk, once), "i-1")])
    worker = Worker(desk, perform=perform)
    with refused("unrecorded", StoreError):
        worker.drain()
    worker.close()
    for _ in range(3):
        again = Worker(desk, perform=perform)
        with pytest.raises((StoreFull, StoreReadOnly)):
            again.drain()
        again.close()
    assert done == ["run:s0#1"], "no command that comes after does it again"
    disk.full = False
    last = Worker(desk, perform=perform)
    last.drain()
    last.close()
    assert desk.load("i-1").invocations["run:s0#1"].state == "outcome_unknown"
    assert done == ["run:s0#1"]
    disk.close()
