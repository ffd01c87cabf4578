"""Workers to be killed at random: the child of the soak test.

``python -m tests.crash.soaking SMTP_PORT HTTP_PORT CLOCK`` forks a worker of the loaded program for each line
``FOLDER URL`` of its standard input and answers with its process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import sys
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import msgspec

from runner.drivers.choice import Running, is_shared, make_worker
from runner.service.chance import SystemClock
from runner.service.desk import Desk
from tests.crash.scenario import Boundaries, home, open_desk

_JUMPED = struct.Struct("d")


class SharedClock:
    """The machine's clock plus what was jumped over, the same for all processes that share its file."""

    def __init__(self, file: Path) -> None:
        """Begin at the machine's time where the file is new."""
        self._file = os.open(file, os.O_RDWR | os.O_CREAT)
        if not os.fstat(self._file).st_size:
            os.pwrite(self._file, _JUMPED.pack(0.0), 0)

    def now(self) -> datetime:
        """Return the time as every process sees it."""
        (jumped,) = _JUMPED.unpack(os.pread(self._file, _JUMPED.size, 0))
        return SystemClock().now() + timedelta(seconds=jumped)

    def jump_to(self, instant: datetime) -> None:
        """Go forward to an instant; never back."""
        (jumped,) = _JUMPED.unpack(os.pread(self._file, _JUMPED.size, 0))
        ahead = max((instant - self.now()).total_seconds(), 0.0)
        os.pwrite(self._file, _JUMPED.pack(jumped + ahead), 0)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


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
