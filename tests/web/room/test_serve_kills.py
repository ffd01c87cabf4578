"""``tocsin serve`` killed in mid-write, again and again: what was confirmed is there, nothing is there twice, the journal verifies.

Clients of two kinds write all the time: programs, whose request has an ``Idempotency-Key`` and is repeated after a kill, and people,
whose browser sends a form once. Each server is the real command in a process of its own. ``make soak`` kills more often, on both stores.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.web.room.table import BY_OPERATION, act_address
from tests.cli.at_desk import PLAYBOOK
from tests.crash.soaking import at_desk, busy_machine
from tests.patience import PATIENCE
from tests.servers.postgres import postgres_server

__all__ = ["postgres_server"]

KILLS = int(os.environ.get("TOCSIN_SOAK_KILLS", "200")) // 4
"""Kills in `make soak`: each needs a new server, which is slower than a worker."""
MOMENT = 0.05
"""Seconds within which a kill comes."""
API = "/api/v1/incidents/"
TASK = BY_OPERATION["task"]
NAME = re.compile(r"(?:program|person)-\d+-\d+")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)/enter")


class Writing:
    """Clients that comment on one task, and the servers that are killed under them."""

    def __init__(self, folder: Path, store: str, chance: random.Random) -> None:
        """Open the incident, and begin the sessions: they outlive each server."""
        self.desk = at_desk(folder / "home", store)
        self.desk.done("init")
        self.desk.settings()
        (folder / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
        self.desk.done("open", str(folder / "badge.yaml"), "--yes")
        self.codename = str(self.desk("list", "--format", "json").json["incidents"][0]["codename"])
        words = (
            "token",
            "create",
            "writer",
            "--owner",
            "maria",
            "--scope",
            "task.act",
            "--scope",
            "incident.read",
        )
        self.secret, logins = self.desk.done(*words).strip(), Logins(self.desk.office())
        people = [Principal(person=name, proven_by="login:test") for name in ("maria", "jonas", "ada")]
        self.cookies = [logins.enter(logins.invite(one)) or "" for one in people]
        self.confirmed: set[str] = set()
        self.sent: set[str] = set()
        self.odd: list[str] = []
        """Answers that no client should get."""
        self._chance, self._folder = chance, folder
        self._port, self._over = 0, threading.Event()
        self._server: subprocess.Popen[str] | None = None

    def kill_servers(self, times: int) -> None:
        """Have all clients write while one server after another is killed; the last one is stopped cleanly."""
        clients = [threading.Thread(target=self._program, args=(n,)) for n in range(len(self.cookies))]
        clients += [threading.Thread(target=self._person, args=(n,)) for n in range(len(self.cookies))]
        self._start()
        for client in clients:
            client.start()
        for _ in range(times):
            self._written(self._chance.randint(1, 12))
            threading.Event().wait(self._chance.uniform(0, MOMENT))
            self.stop()
            self._start()
        self._written(len(clients))
        self._over.set()
        for client in clients:
            client.join(PATIENCE)
        assert self._server is not None
        self._server.terminate()
        assert self._server.wait(PATIENCE) == 0

    def check(self) -> int:
        """Compare the journal with what was confirmed; return how many acts were in doubt."""
        assert self.odd == []
        entries = self.desk("timeline", self.codename, "--all", "--format", "json").json["entries"]
        found = Counter(name for one in entries for name in NAME.findall(one["text"]))
        assert self.confirmed - found.keys() == set(), "a confirmed act is lost"
        assert {name: times for name, times in found.items() if times > 1} == {}
        assert found.keys() - self.sent == set()
        assert self.desk("audit", "verify").code == 0
        return len(self.sent - self.confirmed)

    def stop(self) -> None:
        """Kill the server."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()

    def _start(self) -> None:
        words = ("serve", "--listen", "127.0.0.1:0", "--as", "maria")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "runner", "--home", str(self.desk.home), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert self._server.stdout is not None
        lines = (ADDRESS.search(line) for line in self._server.stdout)
        self._port = int(next(one[1] for one in lines if one))

    def _written(self, more: int) -> None:
        """Wait until that many acts more are confirmed."""
        wanted, end = len(self.confirmed) + more, time.monotonic() + PATIENCE
        while len(self.confirmed) < wanted:
            assert time.monotonic() < end, self.odd
            threading.Event().wait(0.005)

    def _program(self, number: int) -> None:
        """Write comments; repeat a request whose answer did not come, with its key."""
        where = act_address(TASK, "comment", self.codename, "block").removeprefix("/i/")
        for n in count():
            name = f"program-{number}-{n}"
            self.sent.add(name)
            headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": name}
            answer = None
            while answer is None:
                if self._over.is_set():
                    return
                answer = self._post(f"{API}{where}", headers=headers, json={"text": name})
            self._took(name, answer, 200, doubtful="key_outcome_unknown")

    def _person(self, number: int) -> None:
        """Send a form once for each comment."""
        for n in count():
            if self._over.is_set():
                return
            name = f"person-{number}-{n}"
            self.sent.add(name)
            answer = self._post(
                act_address(TASK, "comment", self.codename, "block"),
                self.cookies[number],
                data={"text": name},
            )
            if answer is not None:
                self._took(name, answer, 303)

    def _post(self, path: str, session: str = "", **given: Any) -> requests.Response | None:
        """Send one request to the server of this moment; None where it was killed before the answer."""
        port = self._port
        url = f"http://127.0.0.1:{port}"
        if session:
            given |= {"cookies": {f"tocsin-room-{port}": session}, "headers": {"Origin": url}}
        try:
            return requests.post(f"{url}{path}", timeout=PATIENCE, allow_redirects=False, **given)
        except requests.RequestException:
            while port == self._port and not self._over.wait(0.02):
                pass
            return None

    def _took(self, name: str, answer: requests.Response, wanted: int, doubtful: str = "") -> None:
        if answer.status_code == wanted:
            self.confirmed.add(name)
        elif not (doubtful and answer.status_code == 409 and doubtful in answer.text):
            self.odd.append(f"{name}: {answer.status_code} {answer.text[:500]}")


@pytest.fixture
def writing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Writing]]:
    seed = int(os.environ.get("TOCSIN_SOAK_SEED", str(random.SystemRandom().randrange(10**6))))
    sys.stdout.write(f"TOCSIN_SOAK_SEED={seed}\n")
    made: list[Writing] = []

    def make(store: str) -> Writing:
        url = request.getfixturevalue("postgres_server").new_database() if store == "postgres" else ""
        made.append(Writing(tmp_path, url, random.Random(seed)))
        return made[0]

    yield make
    for one in made:
        one.stop()
        one.desk.close()


@pytest.mark.slow
def test_a_server_killed_in_mid_write_loses_and_doubles_nothing(writing: Callable[[str], Writing]) -> None:
    made = writing("sqlite")
    made.kill_servers(3)
    made.check()


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_kills_in_mid_write_lose_and_double_nothing(
    writing: Callable[[str], Writing], store: str
) -> None:
    made = writing(store)
    with busy_machine():
        made.kill_servers(KILLS)
    doubts = made.check()
    sys.stdout.write(f"{store}: {KILLS} kills, {len(made.confirmed)} confirmed, {doubts} in doubt\n")
    assert doubts > 0, "no kill left an act in doubt: it came between the writes"
