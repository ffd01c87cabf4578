"""``tocsin serve-callbacks`` in this process, on a port of the loopback, with the clock of the test."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from integrations.port import Callback
from runner.app.messages.acknowledgement import Links
from runner.app.messages.callbacks import Callbacks
from runner.app.messages.inbound import Inbox
from runner.cli.framework.session import Options, Session
from runner.web.app import Application, Pace
from runner.web.serving import Server
from runner.workers.choice import attach
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: urgent-internal, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


class Answered(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Serving:
    """The server that listens, and what it said."""

    port: int
    callbacks: Callbacks
    said: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Make one request."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request(method, path, body=body or None, headers=dict(headers or {}))
            httpresponse = line.getresponse()
            return Answered(
                httpresponse.status,
                {name.lower(): value for name, value in httpresponse.getheaders()},
                httpresponse.read(),
            )
        finally:
            line.close()

    def call_back(self, callback: Callback, path: str = "") -> Answered:
        """Make the request that a stand-in made up; ``path`` puts another in the place of its own."""
        query = callback.path.partition("?")[2]
        target = f"{path}?{query}" if path and query else path or callback.path
        return self.ask(callback.method, target, callback.body, callback.headers)


@contextmanager
def serving(tocsin: AtDesk, pace: Pace | None = None) -> Iterator[Serving]:
    """Serve the home's callbacks until the end of the block."""
    said: list[str] = []
    with Session(tocsin.world(), Options(claimed="")) as session:
        desk = session.machine
        attach(desk)
        callbacks = Callbacks(desk, Inbox(desk))
        server = Server(Application(callbacks, Links(session.apart()), said.append, pace), "127.0.0.1", 0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield Serving(server.port, callbacks, said)
        finally:
            server.stop()
            thread.join(PATIENCE)


def address(tocsin: AtDesk, channel: str) -> str:
    """Return the path at which a channel is called back, as the list shows it."""
    listed = tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    found = next(callback["url"] for callback in listed if callback["channel"] == channel)
    return str(found).removeprefix("https://callbacks.example.org")


def delivery(tocsin: AtDesk, n: int = 0, *of: str) -> dict[str, Any]:
    """Return one delivery as ``message show`` tells it."""
    listed = tocsin("message", "list", "--format", "json", *of).json["deliveries"]
    return tocsin("message", "show", listed[n]["delivery"], "--format", "json", *of).json["delivery"]
