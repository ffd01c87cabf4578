"""An incident from a snapshot equals the folded journal; an invalid snapshot is ignored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from runner.app.core import snapshots
from runner.app.core.incident_service import IncidentService
from runner.errors import Sealed
from runner.incident.state.commands import Pause, RecordFacts, Resume
from runner.store.port import Snapshot
from runner.workers.embedded import Worker
from tests.imports import loaded_by
from tests.scenario import change
from tests.servers.postgres import postgres_server, postgres_url
from tests.workers.runs import accepted, born, in_a_row, keep, make_desk

__all__ = ["postgres_server", "postgres_url"]

LONG = snapshots.AFTER // 2 + 10


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    return "sqlite:tocsin.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Iterator[IncidentService]:
    made = make_desk(tmp_path, url)
    yield made
    made.store.close()


@pytest.fixture
def another(desk: IncidentService, url: str) -> Iterator[IncidentService]:
    """What a later process opens."""
    made = make_desk(desk.folder, url)
    yield made
    made.store.close()


def worked(desk: IncidentService, steps: int) -> None:
    """Have a worker do all steps of an incident."""
    desk.append(desk.principal, [born(desk, keep(desk, in_a_row(steps)), "i-1")])
    worker = Worker(desk, perform=accepted)
    worker.drain()
    worker.close()


def kept(desk: IncidentService) -> Snapshot:
    snapshot = desk.store.snapshot("i-1")
    assert snapshot is not None
    return snapshot


def test_a_worker_at_rest_keeps_one_of_a_long_incident(
    desk: IncidentService, another: IncidentService
) -> None:
    worked(desk, LONG)
    assert kept(another).version == another.load("i-1").version
    assert another.load("i-1") == another.repository.fold("i-1")


def test_a_short_incident_has_none(desk: IncidentService) -> None:
    worked(desk, 20)
    assert desk.store.snapshot("i-1") is None


def test_events_after_the_snapshot_are_applied(desk: IncidentService, another: IncidentService) -> None:
    worked(desk, LONG)
    desk.act(desk.principal, "i-1", [Pause(reason="lunch")])
    assert another.load("i-1").state == "paused"
    assert another.load("i-1") == another.repository.fold("i-1")
    assert kept(another).version == another.load("i-1").version - 1


def test_a_command_keeps_one_where_no_worker_did(desk: IncidentService, another: IncidentService) -> None:
    worked(desk, LONG)
    desk.store.rebuild(desk.store.rows())
    another.act(another.principal, "i-1", [Pause(reason="lunch")])
    assert kept(desk).version == another.load("i-1").version


def test_to_look_at_an_incident_writes_none(desk: IncidentService, another: IncidentService) -> None:
    worked(desk, LONG)
    desk.store.rebuild(desk.store.rows())
    before = another.store.changed()
    another.load("i-1")
    assert another.store.changed() == before
    assert another.store.snapshot("i-1") is None


def test_a_snapshot_of_other_code_is_ignored_and_soon_replaced(
    desk: IncidentService, another: IncidentService
) -> None:
    worked(desk, LONG)
    lie = msgspec.structs.replace(another.load("i-1"), title="from other code")
    foreign = Snapshot(version=lie.version, code="another", body=snapshots.encode(lie))
    desk.store.put_snapshot("i-1", foreign)
    third = make_desk(desk.folder, desk.home.store)
    assert third.load("i-1").title != lie.title
    third.act(third.principal, "i-1", [Pause(reason="lunch"), Resume()])
    third.store.close()
    assert kept(desk).code == snapshots.code()


def test_it_says_nothing_more_once_the_incident_is_shredded(
    desk: IncidentService, another: IncidentService
) -> None:
    worked(desk, LONG)
    desk.act(desk.principal, "i-1", [RecordFacts(changes=(change("people.total", 3),))])
    desk.store.shred("i-1")
    with pytest.raises(Sealed, match="erased"):
        another.load("i-1")


def test_the_name_of_the_code_covers_every_module_that_folding_runs_through() -> None:
    assert loaded_by("runner.incident.turn.fold") <= set(snapshots.sources())
