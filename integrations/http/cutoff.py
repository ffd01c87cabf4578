"""Time limit of one attempt, also against a peer that sends single bytes without end.

Socket timeouts bound each wait, not their sum. When the sum is used up the socket is shut down; the blocked read then
ends as a lost connection. One thread watches all attempts of the process: starting a thread
for each would often cost more than the attempt.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
from datetime import timedelta
from types import TracebackType

IDLE = 30.0
"""Seconds for which the watching thread waits for another attempt before it ends."""


class CutOff:
    """A context in which the watched socket lives at most ``limit``; ``fired`` says that it was cut."""

    def __init__(self, limit: timedelta) -> None:
        """Prepare; the time is counted inside the context."""
        self.fired = False
        self.over = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._limit = limit

    def __enter__(self) -> CutOff:
        _WATCH.over(self, time.monotonic() + self._limit.total_seconds())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop counting; the socket is not cut any more."""
        with self._lock:
            self.over = True
            self._let_go()

    def watch(self, connection: socket.socket | None) -> None:
        """Watch this connection; cut it at once if the time is already up.

        A duplicate of its descriptor is kept: starting TLS on a socket removes its descriptor, and
        a shutdown through any duplicate ends the connection itself.
        """
        with self._lock:
            self._let_go()
            if connection is not None:
                self._socket = socket.fromfd(connection.fileno(), connection.family, connection.type)
            if self.fired:
                self._shut()

    def cut(self) -> None:
        """Cut it, unless it is over."""
        with self._lock:
            if not self.over:
                self.fired = True
                self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Watch:
    """The thread that cuts attempts; it starts with the first attempt, and ends after a time without attempts."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, CutOff]] = []
        self._numbers = itertools.count()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def over(self, attempt: CutOff, ends: float) -> None:
        """Cut an attempt that is not finished at ``ends``, by the monotonic clock."""
        with self._news:
            heapq.heappush(self._waiting, (ends, next(self._numbers), attempt))
            if self._thread is None or not self._thread.is_alive():  # a forked process has no such thread
                self._thread = threading.Thread(target=self._run, name="cutoff", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is attempt:
                self._news.notify()

    def _run(self) -> None:
        with self._news:
            while self._wait():
                _, _, attempt = heapq.heappop(self._waiting)
                attempt.cut()
            self._thread = None

    def _wait(self) -> bool:
        """Wait until the time of the first unfinished attempt is up; False without an attempt for ``IDLE``."""
        while True:
            while self._waiting and self._waiting[0][2].over:
                heapq.heappop(self._waiting)
            if not self._waiting:
                if not self._news.wait(IDLE) and not self._waiting:
                    return False
                continue
            pause = self._waiting[0][0] - time.monotonic()
            if pause <= 0:
                return True
            self._news.wait(pause)


_WATCH = _Watch()
