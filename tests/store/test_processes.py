"""Several processes on one store: none loses, none doubles, and a killed one is seen to be dead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.store.port import Store
from tests.patience import PATIENCE
from tests.store.journals import Place, event, write

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

_PREAMBLE = """
import sys
from pathlib import Path
from runner.store.port import Appended
from tests.store.journals import T0, Place, an_append, event, personal
url, base, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
store = Place(url, base, print).open()
"""

_INCREMENT = """
won = 0
while won < 50:
    version = store.head("shared").version
    payload = f"{name}-{won}".encode()
    (result,) = store.append([an_append("shared", version, [personal(payload)])], recorded=T0)
    won += isinstance(result, Appended)
store.close()
"""

_ENDLESS = """
handle = store.register_worker(name)
version = store.head(name).version
while True:
    batch = [an_append(name, version, [event(b"intent"), event(b"outcome")])]
    (result,) = store.append(batch, recorded=T0)
    version = result.version
    print(version, flush=True)
"""


def start(place: Place, name: str, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PREAMBLE + program, place.url, place.base, name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_death(store: Store, place: Place, worker: str) -> None:
    """Return once the lock of a killed worker is free; the server, or the system, says when."""
    if place.url.startswith("sqlite:"):
        return
    import psycopg

    from runner.store.postgres.server import lock_number

    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '30s'")
        connection.execute("SELECT pg_advisory_lock(%s)", (lock_number(worker),))
        connection.execute("SELECT pg_advisory_unlock_all()")


def test_two_processes_on_one_journal_write_each_event_once(place):
    with place.opened() as store:
        write(store, "shared", event(b"first"))
        both = [start(place, name, _INCREMENT) for name in ("one", "two")]
        for process in both:
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
        payloads = [payload for _, _, payload in store.read_payloads("shared")]
        assert sorted(payloads[1:]) == sorted(b"%b-%d" % (n, i) for n in (b"one", b"two") for i in range(50))
        assert store.verify().ok


def test_a_killed_process_loses_no_confirmed_event(place):
    with place.opened() as store:
        process = start(place, "victim", _ENDLESS)
        assert process.stdout is not None
        told = 0
        while told < 100:
            told = int(process.stdout.readline())
        assert store.worker_alive("victim")
        process.kill()
        with process.stdout as lines:  # `communicate` would pass over lines that are buffered already
            rest = lines.read().split()
        process.wait(PATIENCE)
        told = max([told, *(int(line) for line in rest)])
        wait_for_death(store, place, "victim")
        assert not store.worker_alive("victim")
        verification = store.verify("victim")
        assert verification.ok
        assert verification.events in (told, told + 2)
        again = store.register_worker("victim")
        assert store.worker_alive("victim")
        again.release()
