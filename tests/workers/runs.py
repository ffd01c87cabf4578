"""Runs of actions that do nothing, and a worker process that tells its starter through a pipe what it performed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from runner.app.core.identifiers import RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import Transaction, make_transaction
from runner.base.actor import Principal
from runner.incident.state.commands import AnyCommand, AttemptDone, PinPlaybook
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.incident import Incident, Run
from runner.incident.state.work import AnyWork, DoAct
from runner.incident.turn.fold import begin
from runner.playbook.format import Act, After, AnyStep, Bundle, HttpCall, Playbook, Retry
from runner.routing.messaging import SendResult
from runner.routing.organisation import Home
from runner.store.open_store import open_store
from runner.vault.master_key import create_master, open_vault
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def act(name: str, after: str = "", times: int = 5) -> Act:
    """Return an action that may be repeated."""
    return Act(
        id=name,
        act=name,
        http=HttpCall(url="http://127.0.0.1/none", idempotent=True),
        retry=Retry(times=times, wait=timedelta(milliseconds=1)),
        after=After(steps=(after,)) if after else After(),
    )


def in_a_row(steps: int) -> tuple[Act, ...]:
    """Return actions of which each follows the one before."""
    return tuple(act(f"s{n}", f"s{n - 1}" if n else "") for n in range(steps))


def make_desk(folder: Path, url: str) -> IncidentService:
    """Return a desk on a store, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "master.key").exists():
        create_master("file:master.key", base=folder)
    store = open_store(url, open_vault("file:master.key", base=folder), base=folder, create=True)
    home = Home(schema="tocsin/home/v1", store=url)
    return IncidentService(
        folder, home, store, SystemClock(), RandomIds(), Principal(person="ana", host="t", os_user="t")
    )


def keep(desk: IncidentService, steps: Sequence[AnyStep]) -> Bundle:
    """Keep a playbook of these steps and return its bundle, named by the digest under which it is kept."""
    book = Playbook(schema="tocsin/playbook/v1", name="run", version="1.0.0", title="Run", steps=tuple(steps))
    bundle = Bundle(playbook=book, digest="sha256:run")
    return msgspec.structs.replace(bundle, digest=desk.store.put_blob(None, msgspec.json.encode(bundle)))


def born(desk: IncidentService, bundle: Bundle, name: str) -> Transaction:
    """Return the turn by which an incident is born with its run."""
    now = desk.clock.now()
    event = IncidentOpened(incident=name, codename=name, title="Run", kind="real")
    run = Run(id="run", playbook="run", version="1.0.0", digest="sha256:run", bundle=bundle.digest, at=now)
    incident = begin(Recorded(1, now, event))
    library = desk.library(msgspec.structs.replace(incident, runs={"run": run}))
    return make_transaction(incident, [PinPlaybook(run=run)], now, library, desk.principal, birth=event)


def accepted(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Perform an action that is accepted at once."""
    assert isinstance(work, DoAct)
    return AttemptDone(effect=work.step, n=work.n, result=SendResult(state="accepted"))


def until(condition: Callable[[], bool]) -> None:
    """Wait for other processes or threads to bring something about."""
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not happen")


class Crowd:
    """Worker processes on one store, and the one pipe into which all of them write what they perform."""

    def __init__(self, folder: Path, url: str) -> None:
        """Start none yet."""
        self._folder, self._url = folder, url
        self._reading, self._writing = os.pipe()
        self._lines = os.fdopen(self._reading, encoding="ascii")
        self.workers: list[subprocess.Popen[bytes]] = []
        self.performed: list[str] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        command = [
            sys.executable,
            "-m",
            "tests.workers.runs",
            str(self._folder),
            self._url,
            str(self._writing),
        ]
        started = subprocess.Popen(command, cwd=ROOT, pass_fds=[self._writing])
        self.workers.append(started)
        return started

    def busy(self, number: int) -> int:
        """Read on until one worker has performed ``number`` effects, and return which one."""
        while True:
            line = self._lines.readline()
            pid = int(line.partition(" ")[0])
            self.performed.append(line.rstrip("\n"))
            if sum(one.startswith(f"{pid} ") for one in self.performed) > number:
                return pid

    def ready(self) -> None:
        """Wait until every worker says that it begins."""
        for _ in self.workers:
            assert self._lines.readline().endswith(" begins\n")

    def end(self) -> list[str]:
        """End the workers and return all that was performed, each as ``incident step``."""
        for worker in self.workers:
            worker.terminate()
        codes = [worker.wait(PATIENCE) for worker in self.workers]
        assert set(codes) <= {0, -signal.SIGKILL}, codes
        os.close(self._writing)
        with self._lines:
            self.performed += self._lines.read().split("\n")[:-1]
        return [line.partition(" ")[2] for line in self.performed]


def main() -> None:
    """Work until terminated, and say what is performed: the effect itself, seen from outside."""
    from runner.workers.postgres.worker import Pace, QueueWorker

    folder, url, writing = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

    def tell(what: str) -> None:
        os.write(writing, f"{os.getpid()} {what}\n".encode("ascii"))

    def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        assert isinstance(work, DoAct)
        tell(f"{work.incident} {work.step}")
        return accepted(work, incident, head)

    pace = Pace(
        heartbeat=timedelta(milliseconds=300),
        silence=timedelta(seconds=2),
        sweep=1,
        poll=timedelta(milliseconds=200),
    )
    worker = QueueWorker(make_desk(folder, url), perform=perform, pace=pace)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    tell("begins")
    worker.run()
    worker.close()


if __name__ == "__main__":
    main()
