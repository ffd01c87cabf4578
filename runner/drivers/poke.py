"""A bell between processes: one datagram on the loopback says "look at the store", and nothing else.

It works the same on every system, carries no data, and losing it costs a second: the store is looked at anyway. Who
may ring it can make a worker look, and no more.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".port"
LOOPBACK = "127.0.0.1"
STOP = b"stop"


class Bell:
    """One worker's ear; its port is written into the workers' folder while it listens."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Bind a free port of the loopback and write it down."""
        folder.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self._port: int = self._socket.getsockname()[1]
        self._file = folder / f"{worker}{SUFFIX}"
        self._file.write_text(str(self._port), encoding="ascii")
        self._open = True

    def listen(self, ring: Callable[[], None]) -> None:
        """Call ``ring`` for each datagram until the bell is closed."""
        while self._open:
            try:
                self._socket.recv(16)
            except OSError:
                return
            if self._open:
                ring()

    def close(self) -> None:
        """Stop listening and take the port back."""
        self._open = False
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(STOP, (LOOPBACK, self._port))
        self._socket.close()


def ring(folder: Path) -> None:
    """Wake every worker of a home; a bell that nobody hears any more is no error."""
    for file in folder.glob(f"*{SUFFIX}"):
        with (
            contextlib.suppress(OSError, ValueError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
        ):
            out.sendto(b"look", (LOOPBACK, int(file.read_text(encoding="ascii"))))
