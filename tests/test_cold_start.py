"""The real commands, started cold with work due: none dies of what several threads of it do for the first time at once.

``make soak`` starts each twenty times on a busy machine; every run of the tests does it a few times.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
import requests

from tests.crash.soaking import at_desk, busy_machine, running
from tests.patience import PATIENCE
from tests.web.served import PLAYBOOK

pytestmark = pytest.mark.slow

INCIDENTS = 6
READERS = 8
STARTS = pytest.mark.parametrize(
    "starts", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)


@pytest.fixture
def _busy() -> Iterator[None]:
    with busy_machine():
        yield


class Homes:
    """Copies of a home in which six incidents were opened, each with a message to Ada that has a link."""

    def __init__(self, folder: Path, *, worked: bool) -> None:
        """Open them; ``worked`` sends the messages."""
        self._at = at_desk(folder / "home")
        self._at.done("init")
        self._at.settings(
            channels={"screen": {"adapter": "console", "settings": {"path": "console.txt"}}},
            roles={"counsel": ["ada"]},
            public_url="https://callbacks.example.org",
        )
        playbook = folder / "call-out.yaml"
        playbook.write_text(PLAYBOOK, encoding="utf-8")
        for _ in range(INCIDENTS):
            self._at.done("open", str(playbook), "--yes", *([] if worked else ["--no-work"]))
        self._at.close()
        self._numbers = count()

    def copy(self) -> Path:
        """Return another of them."""
        return Path(shutil.copytree(self._at.home, self._at.home.with_name(f"copy-{next(self._numbers)}")))


def links(home: Path) -> list[str]:
    """Return the paths of the links that were sent."""
    shown = home / "console.txt"
    text = shown.read_text(encoding="utf-8") if shown.exists() else ""
    return re.findall(r"https://callbacks\.example\.org(/ack/\S+)", text)


@STARTS
@pytest.mark.usefixtures("_busy")
def test_a_worker_started_cold_with_six_incidents_due_works_them_all(tmp_path: Path, starts: int) -> None:
    homes = Homes(tmp_path, worked=False)
    ended = []
    for _ in range(starts):
        home = homes.copy()
        with running(home, "worker") as worker:
            while worker.poll() is None and len(links(home)) < INCIDENTS:
                threading.Event().wait(0.05)
            worker.terminate()
            ended.append(worker.wait(PATIENCE))
    assert Counter(ended) == {0: starts}


@STARTS
@pytest.mark.usefixtures("_busy")
def test_a_server_started_cold_answers_eight_requests_at_once(tmp_path: Path, starts: int) -> None:
    homes = Homes(tmp_path, worked=True)
    ended = []
    for _ in range(starts):
        home = homes.copy()
        with running(home, "serve-callbacks", "--listen", "127.0.0.1:0", said=subprocess.PIPE) as server:
            assert server.stderr is not None
            [port] = re.findall(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            asked = [f"http://127.0.0.1:{port}{link}" for link in (links(home) * 2)[:READERS]]
            together = threading.Barrier(READERS)

            def ask(url: str) -> int:
                together.wait(PATIENCE)  # noqa: B023  # the pool ends within the round
                try:
                    return requests.get(url, timeout=PATIENCE).status_code
                except requests.ConnectionError:
                    return 0

            with ThreadPoolExecutor(READERS) as pool:
                answered = list(pool.map(ask, asked))
            server.terminate()
            ended.append((server.wait(PATIENCE), *sorted(set(answered))))
    assert Counter(ended) == {(0, 200): starts}


def test_every_class_can_be_decoded_by_eight_threads_at_once() -> None:
    # With the debug allocator a type that frees what is not its own is a certain crash (decision 0219).
    checked = {**os.environ, "PYTHONMALLOC": "debug"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.first_decodes"],
        capture_output=True,
        text=True,
        check=False,
        env=checked,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
