"""Schedulers on a shared store: one leads, and a run starts once, also where a session was lost or a clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from runner.app.core.identifiers import SystemClock
from runner.app.core.incident_service import IncidentService
from runner.app.exercises import schedules
from runner.app.home.doctor_checks import database, schedulers
from runner.app.home.workers import leader
from runner.errors import Bug, StoreError
from runner.incident.exercises.schedules import AnyScheduleEvent, FiringClaimed, Rule
from runner.store.port import WorkerHandle
from runner.workers.choice import make_worker
from runner.workers.schedule_runner import ScheduleRunner
from runner.workers.scheduler import Scheduler
from tests.refusals import refused
from tests.servers.postgres import postgres_server, postgres_url
from tests.workers.runs import make_desk

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(postgres_url: str, tmp_path: Path) -> str:
    make_desk(tmp_path, postgres_url).store.close()
    return postgres_url


class Earlier:
    """A clock of an hour and a half ago."""

    def now(self) -> datetime:
        return SystemClock().now() - timedelta(minutes=90)


def administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def desks(tmp_path: Path, url: str) -> Iterator[list[IncidentService]]:
    made = [make_desk(tmp_path, url) for _ in range(2)]
    yield made
    for one in made:
        one.store.close()


def runner_of(
    desk: IncidentService, name: str, told: list[AnyScheduleEvent]
) -> tuple[ScheduleRunner, WorkerHandle]:
    alive = desk.register_worker(name)
    return ScheduleRunner(desk, name, lambda: 0.0, None, told.append, alive), alive


def test_one_scheduler_leads_and_the_next_takes_over(desks: list[IncidentService]) -> None:
    told: list[AnyScheduleEvent] = []
    said: list[list[str]] = [[], []]
    both = [
        Scheduler(desk, runner_of(desk, f"s-{n}", told)[0], said[n].append) for n, desk in enumerate(desks)
    ]
    assert leader(desks[0]) == ""
    for _ in range(2):
        for one in both:
            one.look()
    assert [len(lines) for lines in said] == [1, 1]
    assert leader(desks[1]) == desks[0].principal.host
    assert [one.severity for one in schedulers(desks[1])] == ["good"]
    both[0].release()
    both[1].look()
    both[0].look()
    assert [len(lines) for lines in said] == [2, 2]


def test_a_scheduler_that_failed_to_record_its_name_leads_at_the_next_look(
    desks: list[IncidentService], url: str
) -> None:
    said: list[str] = []
    one = Scheduler(desks[0], runner_of(desks[0], "s-1", [])[0], said.append)
    administer(url, "ALTER TABLE tocsin.settings RENAME TO away")
    with suppress(Bug):
        one.look()
    administer(url, "ALTER TABLE tocsin.away RENAME TO settings")
    assert leader(desks[1]) == ""
    one.look()
    assert leader(desks[1]) == desks[0].principal.host


def test_what_a_scheduler_without_its_session_claims_is_not_taken_over(
    desks: list[IncidentService], url: str
) -> None:
    desks[0].clock, clock = Earlier(), desks[0].clock
    schedules.keep(desks[0], Rule(routine="watch", every=timedelta(hours=1)))
    desks[0].clock = clock
    told: list[list[AnyScheduleEvent]] = [[], []]
    second, _ = runner_of(desks[1], "s-2", told[1])

    def during(event: AnyScheduleEvent) -> None:
        told[0].append(event)
        second.look()

    alive = desks[0].register_worker("s-1")
    first = ScheduleRunner(desks[0], "s-1", lambda: 0.0, None, during, alive)
    administer(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted",
    )
    first.look()
    assert [type(event) for event in told[1]] == []
    assert FiringClaimed in map(type, told[0])


FAKE = """
CREATE SCHEMA fake; ALTER DATABASE {0} SET search_path = fake, pg_catalog;
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
$$ SELECT pg_catalog.clock_timestamp() + interval '{1} s' $$"""


@pytest.mark.parametrize(
    ("behind", "severity", "starts"), [(0, "good", True), (5, "warning", True), (40, "error", False)]
)
def test_a_clock_far_from_that_of_the_database_starts_no_worker(
    url: str, tmp_path: Path, behind: int, severity: str, starts: bool
) -> None:
    administer(url, FAKE.format(url.rpartition("/")[2], behind))
    desk = make_desk(tmp_path, url)
    with closing(desk.store):
        assert [one.severity for one in database(desk.store, repair=False)] == [severity]
        if starts:
            make_worker(desk).close()
            return
        with refused("clock_apart", StoreError):
            make_worker(desk)
