"""A worker killed at random moments while a person gives commands: nothing confirmed is lost, nothing is sent twice.

Each worker is the real command in a fresh interpreter; one that ends without being killed is a failure.
``make soak`` kills 200 times on each store, on a busy machine (``TOCSIN_SOAK_KILLS``); every run of the tests does it a few times.
``TOCSIN_SOAK_SEED`` repeats a run.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runner.app.core.suspended_incidents import resume, set_aside
from runner.errors import Stale
from runner.incident.state.incident import Incident
from runner.store.port import Head
from runner.workers.choice import attach
from tests.crash.checking import check_world
from tests.crash.scenario import ensure_open, next_command, over, playbook
from tests.crash.soaking import busy_machine, home_of, started
from tests.patience import PATIENCE
from tests.servers.postgres import postgres_server
from tests.servers.receivers import HttpReceiver, MailServer

__all__ = ["postgres_server"]

AT_ONCE = 8
"""Incidents that are open at the same time."""
SAID = (1, 15)
"""Lines after which a worker is killed: it says one when it begins to work, and one with each effect."""
LIFE = 4.0
"""Seconds after its first line in which it is killed if it has nothing more to say."""
MOMENT = 0.05
"""Seconds within which the kill comes."""
KILLS = int(os.environ.get("TOCSIN_SOAK_KILLS", "200"))


class Soak:
    """A person at a desk, a worker that is killed and started again and again, and the receivers outside of both."""

    def __init__(self, folder: Path, store: str, chance: random.Random, host: str = "127.0.0.1") -> None:
        """Start the receivers."""
        self.mail, self.http = MailServer(host=host), HttpReceiver(host=host)
        self._folder = folder / "home"
        self._at = home_of(self._folder, store, self.mail.port, self.http.port, host)
        self.desk = self._at.office()
        attach(self.desk)
        self._said = folder / "said"
        self._chance = chance
        self._confirmed: dict[str, Head] = {}
        self._open: list[str] = []
        self._workers: list[subprocess.Popen[str]] = []
        self.ended: list[str] = []
        """How workers ended that nobody had killed, with the last that they said."""

    def kill_workers(self, times: int) -> None:
        """Give commands in more and more incidents while one worker after another is killed, and started cold."""
        for _ in range(times):
            worker, lines, death = self._start(), self._chance.randint(*SAID), math.inf
            while worker.poll() is None and time.monotonic() < death:
                self._turn(opening=True)
                said = self._said.read_bytes().count(b"\n")
                soon = LIFE if said < lines else self._chance.uniform(0, MOMENT)
                death = min(death, time.monotonic() + soon) if said else death
            if worker.poll() is not None:
                self.ended.append(f"{worker.returncode}: {self._said.read_text()[-500:]}")
            worker.kill()
            worker.wait()

    def finish(self) -> None:
        """Let a last worker live until everything is over, and stop it cleanly."""
        worker = self._start()
        end = time.monotonic() + PATIENCE
        while self._open:
            assert worker.poll() is None, self._said.read_text()
            assert time.monotonic() < end, (
                f"not over: {[self.desk.load(name).sending for name in self._open]}"
            )
            self._turn(opening=False)
        worker.terminate()
        assert worker.wait(PATIENCE) == 0

    def check(self) -> int:
        """Hold the journals against what was confirmed and what was received; return the attempts in doubt."""
        assert self.ended == []
        verification = self.desk.store.verify(anchors=self._confirmed)
        assert verification.ok, verification.broken
        for name, head in self._confirmed.items():
            one = self.desk.store.verify(name, {name: head})
            assert one.ok, f"a confirmed event is lost: {one.broken}"
        return sum(check_world(self.mail, self.http, self.desk.load(name), name) for name in self._confirmed)

    def close(self) -> None:
        """End everything."""
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._at.close()
        self.mail.stop()
        self.http.stop()

    def _start(self) -> subprocess.Popen[str]:
        with self._said.open("w", encoding="utf-8") as said:
            self._workers.append(started(self._folder, "worker", said=said))
        return self._workers[-1]

    def _turn(self, opening: bool) -> None:
        """Do what a person would do now in each incident.

        Workers that die so fast can set an incident aside that did no harm: a person resumes it.
        """
        if opening and len(self._open) < AT_ONCE:
            name = f"i-{len(self._confirmed)}"
            ensure_open(self.desk, playbook(self.http.url), self.desk.clock.now(), name)
            self._open.append(name)
            self._confirmed[name] = self.desk.store.head(name)
        for name in set_aside(self.desk):
            resume(self.desk, name, "it was the kills")
            self._confirmed[name] = self.desk.store.head(name)
        acted = [self._act(self.desk.load(name)) for name in [*self._open]]
        if not any(acted):
            threading.Event().wait(0.01)

    def _act(self, incident: Incident) -> bool:
        found = next_command(incident)
        if found is not None:
            with suppress(Stale):
                self.desk.act(found[0], incident.id, [found[1]])
                self._confirmed[incident.id] = self.desk.store.head(incident.id)
            return True
        if over(incident):
            self._open.remove(incident.id)
        return False


@pytest.fixture
def soaking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Soak]]:
    seed = int(os.environ.get("TOCSIN_SOAK_SEED", str(random.SystemRandom().randrange(10**6))))
    sys.stdout.write(f"TOCSIN_SOAK_SEED={seed}\n")
    made: list[Soak] = []

    def make(store: str) -> Soak:
        url = request.getfixturevalue("postgres_server").new_database() if store == "postgres" else ""
        made.append(Soak(tmp_path, url, random.Random(seed)))
        return made[0]

    yield make
    for soak in made:
        soak.close()


def soak(made: Soak, kills: int) -> int:
    made.kill_workers(kills)
    made.finish()
    return made.check()


@pytest.mark.slow
def test_a_few_random_kills_lose_nothing(soaking: Callable[[str], Soak]) -> None:
    soak(soaking("sqlite"), 4)


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_random_kills_lose_nothing(soaking: Callable[[str], Soak], store: str) -> None:
    with busy_machine():
        doubts = soak(soaking(store), KILLS)
    sys.stdout.write(f"{store}: {KILLS} kills, {doubts} attempts in doubt, none ended by itself\n")
    assert doubts > 0, "no kill left an attempt in doubt: the workers live too long"
