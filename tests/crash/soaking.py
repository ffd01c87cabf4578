"""Workers to be killed at random: the child of the soak test.

``python -m tests.crash.soaking SMTP_PORT HTTP_PORT CLOCK`` forks a worker of the loaded program for each line
``FOLDER URL`` of its standard input and answers with its process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import msgspec

from runner.drivers.choice import Running, is_shared, make_worker
from runner.service.desk import Desk
from tests.crash.scenario import Boundaries, SharedClock, home, open_desk


def desk_of(folder: Path, url: str, smtp: int, http: int, clock: SharedClock) -> Desk:
    """Return a desk on the shared time."""
    settings = msgspec.structs.replace(home(smtp, http), store=url)
    return open_desk(folder, settings, Boundaries(0), url, clock)


def worker_of(desk: Desk) -> Running:
    """Return a worker that takes a killed one's place within seconds."""
    if not is_shared(desk):
        return make_worker(desk)
    from runner.drivers.postgres.worker import Pace, QueueWorker

    quick = timedelta(milliseconds=200)
    return QueueWorker(desk, pace=Pace(heartbeat=quick, silence=5 * quick, sweep=1, poll=quick))


def work(desk: Desk) -> None:
    """Work until terminated."""
    worker = worker_of(desk)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()
    worker.close()
    desk.store.close()


def main() -> None:
    """Fork a worker for each line."""
    smtp, http, clock = int(sys.argv[1]), int(sys.argv[2]), SharedClock(Path(sys.argv[3]))
    with contextlib.suppress(ImportError):
        import_module("runner.drivers.postgres.worker")  # once, for all forks
        import_module("runner.store.postgres")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    for line in sys.stdin:
        folder, url = line.split()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            work(desk_of(Path(folder), url, smtp, http, clock))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
