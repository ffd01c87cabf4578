"""The server of the room: one process that listens until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.app.people.login_pace import network
from runner.routing.organisation import ServeSettings
from runner.web.room.api import Api
from runner.web.room.application import Room
from runner.web.room.health import Health, Watch

GRACE = 5
"""Seconds for open answers after a stop."""


LONGEST = 30.0
"""Seconds from the first moment of a connection, or the first byte of a further request, to the last byte of the request."""
CONNECTIONS = 200
"""Connections of one network, where no proxy stands between: an office has one address for many browsers."""
_ARRIVING = ("IDLE", "SEND_BODY")
"""What h11 calls the states of a client from which more of a request must come."""
_HTTP = 80
"""A browser names this port to nobody."""


class Bounded(H11Protocol):
    """A connection that ends when a request takes too long to arrive, or when its network has too many."""

    def __init__(self, *args: Any, patience: float, most: int, **more: Any) -> None:
        """Take the seconds for a request, and the connections of one network; 0 for any number."""
        super().__init__(*args, **more)
        self._patience, self._most = patience, most
        self._arriving: asyncio.TimerHandle | None = None
        self.network = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[explicit-override,override]
        """Refuse one connection too many, and wait for a request."""
        super().connection_made(transport)
        self.network = network(self.client[0]) if self.client else ""
        alike = sum(getattr(other, "network", "") == self.network for other in self.connections)
        if self._most and alike > self._most:
            transport.abort()
            return
        self._arriving = self.loop.call_later(self._patience, transport.abort)

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]
        """Wait no longer once a request has arrived as a whole."""
        if self._arriving is None:
            self._arriving = self.loop.call_later(self._patience, self.transport.abort)
        super().data_received(data)
        if repr(self.conn.their_state) not in _ARRIVING:
            self._arrived()

    def connection_lost(self, exc: Exception | None) -> None:  # type: ignore[explicit-override]
        """Wait for nothing."""
        self._arrived()
        super().connection_lost(exc)

    def _arrived(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None


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
        patience: float = LONGEST,
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

        direct = not (beyond and beyond.proxies)  # behind a proxy all have its address
        config = uvicorn.Config(
            self._watched(room, hosts, log),
            http=partial(Bounded, patience=patience, most=CONNECTIONS if direct else 0),  # type: ignore[arg-type]
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
