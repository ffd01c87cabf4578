"""The server of the room: one process that listens until it is stopped."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

import uvicorn

from runner.web.room.api import Api
from runner.web.room.application import Room
from runner.web.room.health import Health, Watch

GRACE = 5
"""Seconds for open answers after a stop."""


_HTTP = 80
"""A browser names this port to nobody."""


class Server:
    """One listening server, in a thread of its own until ``stop``."""

    def __init__(
        self,
        make: Callable[[int], Room],
        listening: socket.socket,
        host: str,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Take what makes the room for a port, and a socket that listens; ``log`` receives a line for each request."""
        self.port = int(listening.getsockname()[1])
        self.room = room = make(self.port)
        names = {host, "127.0.0.1", "localhost"} if ":" not in host else {f"[{host}]", "localhost"}
        hosts = frozenset(f"{name}:{self.port}" for name in names) | (
            names if self.port == _HTTP else frozenset()
        )
        config = uvicorn.Config(
            self._watched(room, hosts, log),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=GRACE,
        )
        silent = logging.getLogger("uvicorn")  # its log would contain addresses
        silent.propagate = False
        silent.handlers = [logging.NullHandler()]
        self._server = uvicorn.Server(config)
        self._socket = listening
        self._stop = threading.Event()

    @staticmethod
    def _watched(room: Room, hosts: frozenset[str], log: Callable[[str], None] | None) -> Watch:
        """Return the pages, the API and the addresses for monitoring, with every request counted."""
        health = Health(room)
        health.watch = Watch(room.application(hosts, (*Api(room).routes(), *health.routes())), log)
        return health.watch

    def run(self) -> None:
        """Serve until ``stop``."""
        thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        thread.start()
        while thread.is_alive() and not self._stop.wait(0.2):
            pass
        self.room.signals.close()  # an open stream would hold the server up
        self._server.should_exit = True
        thread.join()

    def stop(self) -> None:
        """End ``run``; safe to call from a signal handler and from another thread."""
        self._stop.set()
