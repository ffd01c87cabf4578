"""Wake-up signal between processes: one datagram on the loopback interface, without content.

It works the same on every system, carries no data, and losing it costs a second: the store is looked at anyway. Who
may ring it can make a worker look, and no more. What a killed worker left is removed by whoever comes across it.
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
"""Does the worker of this name live?"""


class WakeupSocket:
    """One worker's ear; its port is written into the workers' folder while it listens."""

    def __init__(self, folder: Path, worker: str, alive: Alive) -> None:
        """Bind a free port of the loopback and write it down, in the place of what the dead have left."""
        import socket  # slow to import, and a command that finds no bell needs none

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
        with contextlib.suppress(OSError):
            _send(self._port, STOP)
        self._socket.close()


def ring(folder: Path, alive: Alive) -> None:
    """Wake every worker of a home that lives; a bell that nobody hears any more is no error, and goes."""
    for file in _bells(folder):
        try:
            port = int(file.read_text(encoding="ascii"))
            if alive(file.stem):
                _send(port, LOOK)
                continue
        except (ValueError, OverflowError):
            pass  # no port: nothing of ours wrote it
        except OSError:
            continue  # not readable, or not to be reached now: a worker that lives looks within a second
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
