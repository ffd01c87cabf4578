"""A worker killed at random moments while a person gives commands: nothing confirmed is lost, nothing is sent twice.

``make soak`` kills 200 times on each store; every run of the tests does it a few times. ``TOCSIN_SOAK_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runner.drivers.choice import attach
from runner.errors import Stale
from runner.model.incident import Incident
from runner.store.port import Head
from tests.crash.checking import check_world
from tests.crash.scenario import SharedClock, ensure_open, next_command, over, playbook
from tests.crash.soaking import desk_of
from tests.servers.postgres import postgres_server
from tests.servers.receivers import HttpReceiver, MailServer

__all__ = ["postgres_server"]

AT_ONCE = 4
"""Incidents that are open at the same time."""
LIFE = (0.02, 0.5)
"""Seconds that a worker lives."""
PATIENCE = 120.0
"""Seconds after which what is left undone will never be done."""

STORES = pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


class Soak:
    """A person at a desk, a worker that dies again and again, and the receivers outside of both."""

    def __init__(self, folder: Path, url: str, chance: random.Random) -> None:
        """Start the receivers and the process whose forks are killed."""
        self.mail, self.http = MailServer(), HttpReceiver()
        self.clock = SharedClock(folder / "clock")
        self.desk = desk_of(folder, url, self.mail.port, self.http.port, self.clock)
        attach(self.desk)
        ports = [str(self.mail.port), str(self.http.port)]
        command = [sys.executable, "-m", "tests.crash.soaking", *ports, str(folder / "clock")]
        self._forge = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line = f"{folder} {url}\n"
        self._chance = chance
        self._confirmed: dict[str, Head] = {}
        self._open: list[str] = []

    def kill_workers(self, times: int) -> None:
        """Give commands in more and more incidents while one worker after another is killed."""
        for _ in range(times):
            worker = self._start()
            death = time.monotonic() + self._chance.uniform(*LIFE)
            while time.monotonic() < death:
                self._turn(opening=True)
            os.kill(worker, signal.SIGKILL)

    def finish(self) -> None:
        """Let a last worker live until everything is over, and stop it cleanly."""
        worker = self._start()
        end = time.monotonic() + PATIENCE
        while self._open:
            assert time.monotonic() < end, (
                f"not over: {[self.desk.load(name).sending for name in self._open]}"
            )
            self._turn(opening=False)
        os.kill(worker, signal.SIGTERM)
        while _lives(worker):
            assert time.monotonic() < end, "it does not stop"
            threading.Event().wait(0.01)

    def check(self) -> int:
        """Hold the journals against what was confirmed and what was received; return the attempts in doubt."""
        found = self.desk.store.verify(anchors=self._confirmed)
        assert found.ok, found.broken
        for name, head in self._confirmed.items():
            one = self.desk.store.verify(name, {name: head})
            assert one.ok, f"a confirmed event is lost: {one.broken}"
        return sum(check_world(self.mail, self.http, self.desk.load(name), name) for name in self._confirmed)

    def close(self) -> None:
        """End everything."""
        assert self._forge.stdin is not None
        assert self._forge.stdout is not None
        self._forge.stdin.close()
        self._forge.wait(10)
        self._forge.stdout.close()
        self.desk.store.close()
        self.clock.close()
        self.mail.stop()
        self.http.stop()

    def _start(self) -> int:
        assert self._forge.stdin is not None
        assert self._forge.stdout is not None
        self._forge.stdin.write(self._line)
        self._forge.stdin.flush()
        return int(self._forge.stdout.readline())

    def _turn(self, opening: bool) -> None:
        """Do what a person would do now in each incident; when there is nothing to do but wait, go forward in time."""
        if opening and len(self._open) < AT_ONCE:
            name = f"i-{len(self._confirmed)}"
            ensure_open(self.desk, playbook(self.http.url), self.clock.now(), name)
            self._open.append(name)
            self._confirmed[name] = self.desk.store.head(name)
        acted = [self._act(self.desk.load(name)) for name in [*self._open]]
        if not any(acted):
            due = self.desk.store.next_due()
            if due is not None and not self.desk.store.due(self.clock.now()):
                self.clock.jump_to(due)
            threading.Event().wait(0.01)

    def _act(self, incident: Incident) -> bool:
        command = next_command(incident)
        if command is not None:
            with suppress(Stale):
                self.desk.submit(incident.id, command)
                self._confirmed[incident.id] = self.desk.store.head(incident.id)
            return True
        if over(incident):
            self._open.remove(incident.id)
        return False


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def soaking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Soak]]:
    seed = int(os.environ.get("TOCSIN_SOAK_SEED", str(random.SystemRandom().randrange(10**6))))
    sys.stdout.write(f"TOCSIN_SOAK_SEED={seed}\n")
    made: list[Soak] = []

    def make(store: str) -> Soak:
        url = "sqlite:tocsin.db"
        if store == "postgres":
            url = request.getfixturevalue("postgres_server").new_database()
        made.append(Soak(tmp_path, url, random.Random(seed)))
        return made[0]

    yield make
    for soak in made:
        soak.close()


def soak(made: Soak, kills: int) -> int:
    made.kill_workers(kills)
    made.finish()
    return made.check()


@STORES
@pytest.mark.slow
def test_a_few_random_kills_lose_nothing(soaking: Callable[[str], Soak], store: str) -> None:
    soak(soaking(store), 10)


@STORES
@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_random_kills_lose_nothing(soaking: Callable[[str], Soak], store: str) -> None:
    assert soak(soaking(store), 200) > 0, "no kill left an attempt in doubt: the workers live too long"
