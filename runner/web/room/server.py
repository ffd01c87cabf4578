"""The server of the room: one process that listens until it is stopped."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from runner.routing.organisation import ServeSettings
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
        beyond: ServeSettings | None = None,
        base: Path = Path(),
        log: Callable[[str], None] | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what makes the room for a port, and a socket that listens; ``log`` receives a line for each request.

        ``alive`` is called by the loop of the server, twice a minute.

        ``beyond`` are the settings of a room that other machines reach: it answers to their names alone. Raises OSError if its
        certificate cannot be read.
        """
        self.port = int(listening.getsockname()[1])
        self.room = room = make(self.port)
        names = {host, "127.0.0.1", "localhost"} if ":" not in host else {f"[{host}]", "localhost"}
        hosts = frozenset(f"{name}:{self.port}" for name in names) | (
            names if self.port == _HTTP else frozenset()
        )
        tls: dict[str, Any] = {}
        if beyond is not None:
            hosts = frozenset(beyond.names)
            if beyond.certificate:
                tls = {"ssl_certfile": base / beyond.certificate, "ssl_keyfile": base / beyond.key}

        async def turned() -> None:
            alive()

        config = uvicorn.Config(
            self._watched(room, hosts, log),
            **tls,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(beyond and beyond.proxies),
            forwarded_allow_ips=list(beyond.proxies) if beyond else [],
            ws="none",
            timeout_graceful_shutdown=GRACE,
            callback_notify=turned,
        )
        config.load()  # a certificate that cannot be read is said at once
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
        self.room.senders.stop()

    def stop(self) -> None:
        """End ``run``; safe to call from a signal handler and from another thread."""
        self._stop.set()
