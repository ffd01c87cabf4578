"""Three workers on two machines, killed at random while the network between one machine and the database fails.

The second machine is a network namespace with a link to the database and another one to those that receive messages. Only
the first fails: its workers could send and not record. ``make soak`` runs it; ``TOCSIN_SOAK_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.soaking import started
from tests.patience import PATIENCE
from tests.servers.needed import absent
from tests.servers.postgres import PostgresServer, postgres_programs, running_postgres
from tests.test_soak import Soak
from tests.workers.runs import until

DATABASE, WORLD = "10.213.86", "10.213.87"
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.allow_hosts(["127.0.0.1", f"{DATABASE}.1", f"{WORLD}.1"]),
]
ROUNDS = int(os.environ.get("TOCSIN_SOAK_KILLS", "200")) // 5
APART = (0.5, 2.0, 6.0, 15.0, 15.0, 75.0)
"""Seconds of a failed link; after about 60 the database ends the sessions of the lost machine."""
OTHER = f"tocsin-{os.getpid()}"
INSIDE = ("ip", "netns", "exec", OTHER)


def ip(words: str) -> bool:
    return subprocess.run(["ip", *words.split()], capture_output=True, check=False).returncode == 0


@pytest.fixture
def other_machine() -> Iterator[None]:
    """Make a network namespace with two links."""
    if shutil.which("ip") is None or not ip(f"netns add {OTHER}"):
        pytest.skip("NOT TESTED: no network namespace can be made here (root and iproute2 are needed)")
    try:
        assert ip(f"-n {OTHER} link set lo up")
        for n, net in enumerate((DATABASE, WORLD)):
            assert ip(f"link add tocsin{n} type veth peer name tocsin{n} netns {OTHER}")
            assert ip(f"addr add {net}.1/30 dev tocsin{n}")
            assert ip(f"-n {OTHER} addr add {net}.2/30 dev tocsin{n}")
            assert ip(f"link set tocsin{n} up")
            assert ip(f"-n {OTHER} link set tocsin{n} up")
        yield
    finally:
        ip(f"netns del {OTHER}")


@pytest.fixture
def server(other_machine: None) -> Iterator[PostgresServer]:
    programs = postgres_programs()
    if programs is None:
        absent("postgresql", "apt-get install postgresql")
    with running_postgres(programs, "-c", f"listen_addresses=127.0.0.1,{DATABASE}.1") as made:
        with (made.folder / "data" / "pg_hba.conf").open("a", encoding="utf-8") as known:
            known.write(f"host all all {DATABASE}.0/24 trust\n")
        made.execute("SELECT pg_reload_conf()")
        yield made


class Machines(Soak):
    """One worker on the machine of the database, and two on the other one, with a home folder of their own."""

    def __init__(self, folder: Path, server: PostgresServer, chance: random.Random) -> None:
        url = server.new_database().replace("127.0.0.1", f"{DATABASE}.1")
        super().__init__(folder, url, chance, f"{WORLD}.1")
        shutil.copytree(folder / "home", folder / "b" / "home")
        self.folder, self.killed, self.apart = folder, 0, 0.0
        self.running = [self.begin(n) for n in range(3)]

    def begin(self, n: int) -> subprocess.Popen[str]:
        home, inside = (self.folder / "home", ()) if n == 0 else (self.folder / "b" / "home", INSIDE)
        file = self.folder / f"worker-{n}"
        with file.open("a", encoding="utf-8") as said:
            before = file.stat().st_size
            made = started(home, "worker", said=said, inside=inside)
        self._workers.append(made)
        until(lambda: file.stat().st_size > before)  # it begins with the database, or not at all
        return made

    def go_on(self, seconds: float) -> None:
        """Do what people do for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn(opening=True)

    def kill(self) -> int:
        """Kill a worker, and return which one."""
        n = self._chance.randrange(3)
        self.running[n].kill()
        self.running[n].wait()
        self.killed += 1
        return n

    def replace(self) -> None:
        """Kill a worker, and start another one in its place."""
        n = self.kill()
        self.running[n] = self.begin(n)

    def part(self) -> None:
        """Cut the link to the database for a while, and perhaps kill a worker meanwhile."""
        seconds = self._chance.choice(APART)
        assert ip("link set tocsin0 down")
        self.go_on(seconds / 2)
        killed = [self.kill()] if self._chance.random() < 0.3 else []
        self.go_on(seconds / 2)
        assert ip("link set tocsin0 up")
        for n in killed:
            self.running[n] = self.begin(n)
        self.apart += seconds

    def end(self) -> None:
        """Finish everything, and stop all workers cleanly."""
        end = time.monotonic() + PATIENCE
        while self._open:
            assert time.monotonic() < end, (
                f"not over: {[self.desk.load(name).sending for name in self._open]}"
            )
            self._turn(opening=False)
        for one in self.running:
            one.terminate()
        assert [one.wait(PATIENCE) for one in self.running] == [0, 0, 0]


def test_partitions_and_kills_lose_and_double_nothing(server: PostgresServer, tmp_path: Path) -> None:
    seed = int(os.environ.get("TOCSIN_SOAK_SEED", str(random.SystemRandom().randrange(10**6))))
    sys.stdout.write(f"TOCSIN_SOAK_SEED={seed}\n")
    chance = random.Random(seed)
    soak = Machines(tmp_path, server, chance)
    try:
        for _ in range(ROUNDS):
            soak.go_on(chance.uniform(0.5, 4))
            soak.replace() if chance.random() < 0.4 else soak.part()
            ended = [n for n, one in enumerate(soak.running) if one.poll() is not None]
            assert ended == [], [(tmp_path / f"worker-{n}").read_text()[-2000:] for n in ended]
        soak.end()
        doubts = soak.check()
    finally:
        soak.close()
    lost = sum((tmp_path / f"worker-{n}").read_text().count("connection_lost") for n in range(3))
    sys.stdout.write(
        f"{len(soak._confirmed)} incidents, {soak.killed} kills, {soak.apart:.0f} s apart, {lost} times connected again, "
        f"{doubts} attempts in doubt\n"
    )
    assert lost > 0
