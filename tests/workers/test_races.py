"""Two workers at one store: each attempt is claimed once, and acknowledgement and escalation agree."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from runner.app.core.incident_service import IncidentService
from runner.app.messages.acknowledgement import COMMAND_LINE, acknowledge, code_for
from runner.errors import Stale
from runner.incident.state import events as e
from runner.incident.state.commands import AnyCommand, AttemptDone
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver
from runner.routing.messaging import ContactPoint, SendResult
from runner.routing.organisation import Home, Person
from runner.workers.embedded import Worker
from runner.workers.visit_results import with_tools
from tests.crash.calling import STORIES, called, told_by
from tests.crash.scenario import Boundaries, ensure_open, open_desk
from tests.patience import PATIENCE
from tests.servers.postgres import BOTH_STORES, kept_in, postgres_server, postgres_url

__all__ = ["kept_in", "postgres_server", "postgres_url"]

pytestmark = [pytest.mark.slow, BOTH_STORES]
ROUNDS = 8
"""How often two meet: by chance one comes first or the other."""
NAME = "i-race"
ARRIVED = SendResult(state="accepted", evidence="accepted")


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = datetime.fromisoformat("2026-11-24T09:00:00+00:00")

    def now(self) -> datetime:
        return self.time


class House:
    """One home on one store, at which several work; what leaves is written down and nothing is sent."""

    def __init__(self, folder: Path, url: str, settings: Home) -> None:
        self._folder, self._url, self._settings = folder, url, settings
        self._desks: list[IncidentService] = []
        self._lock = threading.Lock()
        self.clock = Standing()
        self.sent: list[tuple[str, int]] = []

    def desk(self) -> IncidentService:
        """Return a desk with a connection of its own."""
        made = open_desk(self._folder, self._settings, Boundaries(0), self._url, self.clock)
        self._desks.append(made)
        return made

    def worker(self) -> Worker:
        """Return a worker at a desk of its own."""
        desk = self.desk()

        def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
            if not isinstance(work, Deliver):
                return with_tools(desk, work, incident, head)
            with self._lock:
                self.sent.append((work.delivery, work.n))
            return AttemptDone(effect=work.delivery, n=work.n, result=ARRIVED)

        return Worker(desk, perform=perform)

    def close(self) -> None:
        for desk in self._desks:
            desk.store.close()


def at_once(*deeds: Callable[[], None]) -> None:
    """Do several things at the same moment; whatever one of them raises comes out."""
    gate, wrong = threading.Barrier(len(deeds)), list[BaseException]()

    def run(deed: Callable[[], None]) -> None:
        gate.wait()
        try:
            deed()
        except BaseException as error:  # noqa: BLE001  # a thread's own end
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not wrong, wrong


@pytest.fixture
def house(tmp_path: Path, kept_in: str) -> Iterator[Callable[[Home], House]]:
    made: list[House] = []

    def build(settings: Home) -> House:
        made.append(House(tmp_path, kept_in or "sqlite:tocsin.db", settings))
        return made[-1]

    yield build
    for house in made:
        house.close()


def test_two_workers_on_one_store_claim_each_attempt_once(house: Callable[[Home], House]) -> None:
    names = [f"p{n}" for n in range(12)]
    mail = [ContactPoint(channel="mail", address=f"{name}@example.org") for name in names]
    people = {name: Person(name=name, contacts=(one,)) for name, one in zip(names, mail, strict=True)}
    settings = msgspec.structs.replace(called(1, 1), people=people, roles={"team": tuple(names)})
    all_here = house(settings)
    desk, workers = all_here.desk(), [all_here.worker(), all_here.worker()]
    for n in range(ROUNDS):
        all_here.sent.clear()
        name = f"{NAME}-{n}"
        ensure_open(desk, told_by("task-notice", "role:team")(""), all_here.clock.now(), name)
        at_once(*(worker.drain for worker in workers))
        for worker in workers:
            worker.drain()
        assert set(Counter(all_here.sent).values()) == {1}, "an attempt was made twice"
        found = desk.load(name).deliveries.values()
        assert {delivery.state for delivery in found} == {"satisfied"}
        assert {len(delivery.attempts) for delivery in found} == {1}
    for worker in workers:
        worker.close()


def test_after_an_acknowledgement_no_attempt_is_claimed_and_no_level_repeats(
    house: Callable[[Home], House],
) -> None:
    all_here = house(called(1, 1))
    desk, workers = all_here.desk(), [all_here.worker(), all_here.worker()]
    for n in range(ROUNDS):
        name = f"{NAME}-{n}"
        ensure_open(desk, STORIES["levels"].playbook(""), all_here.clock.now(), name)
        workers[0].drain()
        all_here.clock.time += timedelta(minutes=10)
        at_once(partial(ben_answers, desk, name), *(worker.drain for worker in workers))
        for _ in range(3):
            all_here.clock.time += timedelta(minutes=10)
            workers[0].drain()
        incident = desk.load(name)
        assert {
            delivery.person: delivery.state
            for delivery in incident.deliveries.values()
            if _meant(incident, delivery.message)
        }["ben"] == "satisfied"
        said = [e.decode(event.payload) for event in desk.store.read(name) if event.payload is not None]
        answered = next(i for i, one in enumerate(said) if isinstance(one, e.EvidenceRaised))
        later = [one for one in said[answered:] if isinstance(one, e.AttemptStarted)]
        assert [one for one in later if _meant(incident, incident.deliveries[one.effect].message)] == []
        levels = [one.level for one in said if isinstance(one, e.LevelFired)]
        assert len(levels) == len(set(levels)) <= 1
    for worker in workers:
        worker.close()


def _meant(incident: Incident, message: str) -> bool:
    """Tell whether a message is the one that was to be answered, and does not tell of the answer."""
    return not incident.messages[message].about


def ben_answers(desk: IncidentService, name: str) -> None:
    """Type the code, again where somebody else was faster at the journal."""
    while True:
        incident = desk.load(name)
        mine = next(delivery for delivery in incident.deliveries.values() if delivery.person == "ben")
        try:
            code = code_for(desk, incident, mine.id)
            acknowledge(desk, code=code, person="ben", via=COMMAND_LINE, incident=name)
        except Stale:
            continue
        return
