"""Kill the program at every boundary of a worked incident, begin again, and compare what the world saw."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.model.incident import Incident
from tests.crash.checking import check_world
from tests.crash.scenario import INCIDENT, Boundaries, home, open_desk
from tests.servers.postgres import postgres_server
from tests.servers.receivers import HttpReceiver, MailServer

__all__ = ["postgres_server"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Runs:
    """The forking child, and the two receivers outside of it."""

    def __init__(self, folder: Path, new_store: Callable[[], str]) -> None:
        """Start the receivers, then the child that knows their ports."""
        self.folder = folder
        self._new_store = new_store
        self._stores: dict[str, str] = {}
        self.mail, self.http = MailServer(), HttpReceiver()
        command = [sys.executable, "-m", "tests.crash.scenario", str(self.mail.port), str(self.http.port)]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def store(self, name: str) -> str:
        """Return the URL of a home's own store."""
        if name not in self._stores:
            self._stores[name] = self._new_store()
        return self._stores[name]

    def run(self, name: str, kill_at: int) -> str:
        """Run once on the home called ``name`` and return ``killed`` or the boundaries passed."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{self.folder / name} {kill_at} {self.store(name)}\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def clear(self) -> None:
        """Forget what the receivers saw."""
        self.mail.mails.clear()
        self.http.posts.clear()

    def end_state(self, name: str) -> Incident:
        """Return the incident as the journal tells it now, after the journal has been verified."""
        desk = open_desk(self.folder / name, home(0, 0), Boundaries(0), self.store(name))
        try:
            found = desk.store.verify(INCIDENT)
            assert found.ok, found.broken
            return desk.load(INCIDENT)
        finally:
            desk.store.close()

    def stop(self) -> None:
        """End everything."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait(10)
        self.child.stdout.close()
        self.mail.stop()
        self.http.stop()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    if request.param == "sqlite":
        made = Runs(tmp_path_factory.mktemp("crash"), lambda: "sqlite:tocsin.db")
    else:
        server = request.getfixturevalue("postgres_server")
        made = Runs(tmp_path_factory.mktemp("crash"), server.new_database)
    yield made
    made.stop()


def states(incident: Incident) -> dict[str, str]:
    """Return what must not depend on a kill: where every step ended."""
    return {name: i.state.removesuffix("_late") for name, i in incident.invocations.items()}


def test_a_kill_at_any_boundary_loses_nothing_and_sends_nothing_twice_that_honours_its_key(
    runs: Runs,
) -> None:
    boundaries = int(runs.run("whole", 0))
    wanted = states(runs.end_state("whole"))
    assert set(wanted.values()) == {"done"}
    calls = Counter(path for path, _, _ in runs.http.posts)
    assert calls == {"/isolate": 1, "/page": 1}
    assert len(runs.mail.mails) == 3
    assert boundaries > 30
    unknown = 0
    for kill_at in range(1, boundaries + 1):
        runs.clear()
        name = f"killed-{kill_at}"
        assert runs.run(name, kill_at) == "killed", f"boundary {kill_at}"
        assert runs.run(name, 0).isdigit(), f"restart after boundary {kill_at}"
        incident = runs.end_state(name)
        assert states(incident) == wanted, f"boundary {kill_at}"
        unknown += check_world(runs.mail, runs.http, incident, f"boundary {kill_at}")
    assert unknown > 0, "no kill left an attempt in doubt: the boundaries miss the effects"
