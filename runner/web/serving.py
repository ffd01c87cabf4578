"""HTTP server (waitress) with limits of sizes, times and connections. It does not name its software.

waitress limits the silence of a connection; this module adds a limit for requests that arrive very slowly.
TLS, and limits for each address, belong to the reverse proxy in front.
"""

from __future__ import annotations

import logging
import socket
import threading

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from runner.errors import Refused
from runner.web.app import Application

LARGEST = 4 * 1024 * 1024
"""The largest body in bytes: Meta's largest webhooks have 3 MB."""
LARGEST_HEAD = 16 * 1024
SILENCE = 10
"""The longest silence of a connection in seconds."""
LONGEST = 30
"""Seconds from the first byte of a request to its last."""
CONNECTIONS = 200
THREADS = 4
TURN = 0.5
"""Seconds between two checks for a stop."""


class Bounded(HTTPChannel):
    """A connection on which a request must arrive within ``LONGEST``."""

    began = 0.0

    def received(self, data: bytes) -> bool:  # type: ignore[explicit-override]
        """Process received data, unless the request is too slow."""
        if self.request is None:
            self.began = self.last_activity
        elif self.last_activity - self.began > LONGEST:
            self.will_close = True
            return False
        return bool(super().received(data))


class Server:
    """One listening server; ``run`` until ``stop``."""

    def __init__(self, application: Application, host: str, port: int) -> None:
        """Listen; raises Refused if the server cannot listen. Port 0 means any free port."""
        silent = logging.getLogger("waitress")  # its log would contain addresses and secret paths
        silent.propagate = False
        silent.handlers = [logging.NullHandler()]
        self._sockets: dict[int, object] = {}
        self._stopping = threading.Event()
        self.turns = 0
        """How often the loop turned: it grows while the server lives."""
        bound = listening(host, port)
        self.port = int(bound.getsockname()[1])
        create_server(
            application,
            map=self._sockets,  # type: ignore[arg-type]  # a plain dictionary, which waitress fills
            sockets=[bound],
            ident="",
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=SILENCE,
            cleanup_interval=SILENCE // 2,
            max_request_header_size=LARGEST_HEAD,
            max_request_body_size=LARGEST,
            asyncore_use_poll=True,
            log_socket_errors=False,
        )
        self._servers = [socket for socket in self._sockets.values() if isinstance(socket, BaseWSGIServer)]
        for server in self._servers:
            server.channel_class = Bounded

    def run(self) -> None:
        """Serve until ``stop``; received requests are answered."""
        try:
            while not self._stopping.is_set():
                self.turns += 1
                wasyncore.loop(timeout=TURN, use_poll=True, map=self._sockets, count=1)  # type: ignore[arg-type]
        finally:
            for server in self._servers:
                server.task_dispatcher.shutdown()
            wasyncore.close_all(self._sockets)  # type: ignore[arg-type]

    def stop(self) -> None:
        """End ``run``; safe to call from a signal handler and from another thread."""
        self._stopping.set()


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises Refused if none can. Port 0 means any free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family)
        # each connection inherits it; otherwise the second packet of an answer waits 40 ms for the first one's acknowledgement
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bound
    except OSError as error:
        raise Refused(
            f"The server cannot listen on {host}:{port}: {error.strerror}.",
            hint="Use another address: --listen ADDRESS:PORT",
            code="cannot_listen",
        ) from None
