"""A TCP server on the loopback that misbehaves on purpose, one conversation after the other.

A *script* is a function of one accepted connection. It may read what the other side sends, answer, break
off, reset, or send nothing until the server closes. It never sleeps: silence waits for the end.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType


class Talk:
    """One accepted connection of a script."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        """Wrap the connection; ``closing`` ends every silence."""
        self._connection = connection
        self._closing = closing
        self.heard = b""
        """Received bytes; a script can remove lines from them."""
        self.lines: list[bytes] = []
        """The removed lines, in order."""

    def say(self, content: bytes) -> None:
        """Send bytes."""
        self._connection.sendall(content)

    def drip(self, content: bytes, pause: float = 0.05) -> None:
        """Send single bytes slowly, until the other side disconnects or the server closes."""
        for index in range(len(content)):
            if self._closing.wait(pause):
                return
            self._connection.sendall(content[index : index + 1])

    def hear(self) -> bytes:
        """Return the next bytes; none if the other side has ended."""
        part = self._connection.recv(65536)
        self.heard += part
        return part

    def hear_until(self, mark: bytes) -> bool:
        """Read until ``mark``; False if the other side ended before."""
        while mark not in self.heard:
            if not self.hear():
                return False
        return True

    def hear_request(self) -> None:
        """Read one HTTP request with its body."""
        self.hear_until(b"\r\n\r\n")
        head, _, body = self.heard.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            part = self.hear()
            if not part:
                return
            body += part

    def stay_silent(self) -> None:
        """Send nothing until the server closes."""
        self._closing.wait()

    def hang_up(self) -> None:
        """End the conversation from another thread: a reading script sees the end."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End the connection with RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Script = Callable[[Talk], None]


class ChaosServer:
    """A context: listens on ``host`` and ``port``, runs the script for each connection, stores the conversations."""

    host = "127.0.0.1"

    def __init__(self, script: Script, port: int = 0) -> None:
        """Bind at once, by default to any free port; connections are answered inside the context."""
        self._script = script
        self._closing = threading.Event()
        self._listener = socket.create_server((self.host, port))
        self.port: int = self._listener.getsockname()[1]
        self.talks: list[Talk] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> ChaosServer:
        self._threads.append(threading.Thread(target=self._accept, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every silence, stop accepting, wait for the conversations."""
        self._closing.set()
        # A shutdown of the listener wakes the blocked accept on Linux; on other systems its closing does.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for talk in self.talks:
            talk.hang_up()
        for thread in self._threads:
            thread.join(5)

    def rest(self) -> None:
        """Wait until each conversation so far has ended, with all received bytes."""
        for thread in self._threads[1:]:
            thread.join(5)

    @property
    def heard(self) -> bytes:
        """All received bytes, in order of connection."""
        return b"".join(talk.heard for talk in self.talks)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        talk = Talk(connection, self._closing)
        self.talks.append(talk)
        connection.settimeout(10)
        # The other side can break the connection at any time: the script then ends.
        with connection, contextlib.suppress(OSError):
            self._script(talk)


def closed_port() -> int:
    """Return a loopback port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
