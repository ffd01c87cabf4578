"""One attempt ends within its time, even against a peer that sends a byte now and then for ever.

Socket timeouts bound each wait, not their sum. A timer shuts the socket down when the sum is used up; the
blocked read then ends as a lost connection, which is what it is.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from datetime import timedelta
from types import TracebackType


class CutOff:
    """A context in which the watched socket lives at most ``limit``; ``fired`` says that it was cut."""

    def __init__(self, limit: timedelta) -> None:
        """Prepare the timer; it runs from entering to leaving the context."""
        self.fired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(limit.total_seconds(), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> CutOff:
        """Start counting."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop counting; the socket is no longer ours to cut."""
        self._timer.cancel()
        with self._lock:
            self._let_go()

    def watch(self, connection: socket.socket | None) -> None:
        """Cut this connection from now on; at once when the time is already up.

        A duplicate of its descriptor is kept: putting TLS on a socket takes the descriptor away from it, and
        a shutdown through any duplicate ends the connection itself.
        """
        with self._lock:
            self._let_go()
            if connection is not None:
                self._socket = socket.fromfd(connection.fileno(), connection.family, connection.type)
            if self.fired:
                self._shut()

    def _cut(self) -> None:
        with self._lock:
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
