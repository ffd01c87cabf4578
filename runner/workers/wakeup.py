"""Wake-up signal between processes: one datagram on the loopback interface, without content.

It works the same on every system, carries no data, and its loss costs a second: the store is checked anyway. A sender
can only make a worker check the store. The file of a killed worker is removed by the next process that finds it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".port"
LOOPBACK = "127.0.0.1"
STOP = b"stop"
LOOK = b"look"
Alive = Callable[[str], bool]
"""Tells whether the worker of this name is alive."""


class WakeupSocket:
    """One worker's receiver; its port is written into the workers' folder while it listens."""

    def __init__(self, folder: Path, worker: str, alive: Alive) -> None:
        """Bind a free port of the loopback and write it down, in place of the files of stopped workers."""
        import socket  # slow to import, and a command without a wake-up signal does not need it

        folder.mkdir(parents=True, exist_ok=True)
        for file in _bells(folder):
            if not alive(file.stem):
                _remove(file)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self._port: int = self._socket.getsockname()[1]
        self._file = folder / f"{worker}{SUFFIX}"
        written = self._file.with_name(f"{self._file.name}.new")
        written.write_text(str(self._port), encoding="ascii")
        written.replace(self._file)
        self._open = True

    def listen(self, ring: Callable[[], None]) -> None:
        """Call ``ring`` for each datagram until the receiver is closed."""
        while self._open:
            try:
                self._socket.recv(16)
            except OSError:
                return
            if self._open:
                ring()

    def close(self) -> None:
        """Stop listening and remove the port."""
        self._open = False
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            _send(self._port, STOP)
        self._socket.close()


def ring(folder: Path, alive: Alive) -> None:
    """Wake every live worker of a home; a file without a listener is not an error, and is removed."""
    for file in _bells(folder):
        try:
            port = int(file.read_text(encoding="ascii"))
            if alive(file.stem):
                _send(port, LOOK)
                continue
        except (ValueError, OverflowError):
            pass  # no port: another program wrote it
        except OSError:
            continue  # not readable or reachable now: a live worker checks the store within a second
        _remove(file)


def _bells(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _send(port: int, word: bytes) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(word, (LOOPBACK, port))


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
