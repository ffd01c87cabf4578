"""Kill the program at every boundary of a worked incident, begin again, and compare what the world saw."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from runner.incident.state.events import DeliveryReminded, LevelFired, decode
from runner.incident.state.incident import Incident
from runner.store.port import StoredEvent
from tests.crash.calling import STORIES
from tests.crash.checking import check_told, check_world
from tests.crash.scenario import INCIDENT, Boundaries, open_desk
from tests.patience import PATIENCE
from tests.servers.postgres import postgres_server
from tests.servers.receivers import HttpReceiver, MailServer

__all__ = ["postgres_server"]

pytestmark = [pytest.mark.slow]


class Runs:
    """The forking child, and the two receivers outside of it."""

    def __init__(self, folder: Path, new_store: Callable[[], str], *, local: bool) -> None:
        """Start the receivers, then the child that knows their ports; ``local`` for a store in a file."""
        self.folder, self.local = folder, local
        self._new_store = new_store
        self._stores: dict[str, str] = {}
        self.mail, self.http = MailServer(), HttpReceiver(statuses={"/down": 500})
        command = [sys.executable, "-m", "tests.crash.child", str(self.mail.port), str(self.http.port)]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def store(self, name: str) -> str:
        """Return the URL of a home's own store."""
        if name not in self._stores:
            self._stores[name] = self._new_store()
        return self._stores[name]

    def run(self, story: str, name: str, kill_at: int) -> str:
        """Run a story on the home called ``name`` and return ``killed`` or the boundaries passed."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{self.folder / name} {kill_at} {self.store(name)} {story}\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def clear(self) -> None:
        """Forget what the receivers saw."""
        self.mail.mails.clear()
        self.http.posts.clear()

    def end_state(self, story: str, name: str) -> Incident:
        """Return the incident as the journal tells it now: the journal holds, and what happens once happened once."""
        desk = open_desk(self.folder / name, STORIES[story].home(0, 0), Boundaries(0), self.store(name))
        try:
            verification = desk.store.verify(INCIDENT)
            assert verification.ok, verification.broken
            once = [said for said in map(once_only, desk.store.read(INCIDENT)) if said]
            assert len(once) == len(set(once)), f"{name}: {once}"
            return desk.load(INCIDENT)
        finally:
            desk.store.close()

    def stop(self) -> None:
        """End everything."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait(PATIENCE)
        self.child.stdout.close()
        self.mail.stop()
        self.http.stop()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    if request.param == "sqlite":
        made = Runs(tmp_path_factory.mktemp("crash"), lambda: "sqlite:tocsin.db", local=True)
    else:
        server = request.getfixturevalue("postgres_server")
        made = Runs(tmp_path_factory.mktemp("crash"), server.new_database, local=False)
    yield made
    made.stop()


def once_only(stored: StoredEvent) -> str:
    """Name what must not happen twice: a level, a reminder of one person, a call that is owed; else nothing."""
    match decode(stored.payload):
        case LevelFired(message=message, level=level):
            return f"{message} level {level}"
        case DeliveryReminded(delivery=delivery, count=count):
            return f"{delivery} reminder {count}"
        case _:
            return ""


def states(incident: Incident) -> dict[str, str]:
    """Return what must not depend on a kill: where every step ended."""
    return {name: i.state.removesuffix("_late") for name, i in incident.invocations.items()}


def told(incident: Incident) -> dict[str, tuple[str, str]]:
    """Return how far it came with everybody for whom a message was meant at first or in the end."""
    return {
        delivery.person: (delivery.state, delivery.evidence)
        for delivery in incident.deliveries.values()
        if not incident.messages[delivery.message].about
    }


def in_doubt(incident: Incident) -> set[str]:
    """Return who may have been told without our knowing, which everybody can see."""
    return {
        delivery.person
        for delivery in incident.deliveries.values()
        if any(attempt.state == "unknown" for attempt in delivery.attempts)
    }


def killed(runs: Runs, story: str, every: int = 1) -> Iterator[tuple[str, Incident]]:
    """Yield where a run was killed and what became of it, for each boundary of a story, or ``every`` so many."""
    for kill_at in count(1, every):
        runs.clear()
        name = f"{story}-{kill_at}"
        said = runs.run(story, name, kill_at)
        if said.isdigit():  # it was over before: how long it takes depends on the pauses
            return
        assert said == "killed", f"boundary {kill_at}"
        assert runs.run(story, name, 0).isdigit(), f"restart after boundary {kill_at}"
        yield f"{story}, boundary {kill_at}", runs.end_state(story, name)


def test_a_kill_at_any_boundary_loses_nothing_and_sends_nothing_twice_that_honours_its_key(
    runs: Runs,
) -> None:
    runs.clear()
    boundaries = int(runs.run("worked", "whole", 0))
    wanted = states(runs.end_state("worked", "whole"))
    assert set(wanted.values()) == {"done"}
    calls = Counter(path for path, _, _ in runs.http.posts)
    assert calls == {"/isolate": 1, "/page": 1}
    assert len(runs.mail.mails) == 3
    assert boundaries > 30
    unknown = 0
    for where, incident in killed(runs, "worked"):
        assert states(incident) == wanted, where
        unknown += check_world(runs.mail, runs.http, incident, where)
    assert unknown > 0, "no kill left an attempt in doubt: the boundaries miss the effects"


@pytest.mark.parametrize("story", ["levels", "quorum", "failover", "receipts"])
def test_a_kill_at_any_boundary_leaves_deliveries_complete_or_visibly_unknown(runs: Runs, story: str) -> None:
    runs.clear()
    runs.run(story, f"{story}-whole", 0)
    whole = runs.end_state(story, f"{story}-whole")
    wanted, end = told(whole), states(whole)
    assert set(end.values()) == {"done"}
    unknown = 0
    # The boundaries are the engine's, not the store's: PostgreSQL takes a third of them here and each of them on "worked".
    for where, incident in killed(runs, story, every=1 if runs.local else 3):
        assert states(incident) == end, where
        found, doubt = told(incident), in_doubt(incident)
        assert found.keys() == wanted.keys(), where
        differing = {person for person in found if found[person] != wanted[person]}
        assert differing <= doubt, f"{where}: {found}, not {wanted}"
        unknown += check_told(runs.mail, runs.http, incident, where)
    assert unknown > 0, "no kill left an attempt in doubt: the boundaries miss the effects"
