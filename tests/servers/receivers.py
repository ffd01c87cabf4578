"""Two real receivers on the loopback, outside of whatever is killed: a mail server and an HTTP endpoint.

They remember all that reached them. A script may make the mail server hold its answer after the final dot, so that a
sender can be killed when the message is there and the answer is not.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.patience import PATIENCE


def free_port() -> int:
    """Return a port of the loopback that was free a moment ago (aiosmtpd cannot say which one it was given)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class MailServer:
    """An SMTP server; ``mails`` holds (recipient, Message-ID, subject) of every message taken, ``contents`` all of it."""

    mails: list[tuple[str, str, str]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    hold: threading.Event | None = None
    """While set to an event, answers after the dot wait for it (at most a minute)."""
    arrived: threading.Event = field(default_factory=threading.Event)
    refuse: str = ""
    """An answer to give instead of taking the message."""
    answers: dict[str, str] = field(default_factory=dict)
    """Answers to RCPT, by recipient, instead of taking them."""
    pipelines: bool = True
    hold_from: int = 0
    """With ``hold``: only from that many mails on answers wait; 0 is from the first."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set when an answer waits."""
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        """Start listening on a free port."""
        self.port = free_port()
        self._controller = Controller(self, hostname=self.host, port=self.port)
        self._controller.start()

    async def handle_EHLO(
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer pipelining as well, which the server reads as it comes."""
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.pipelines else []), responses[-1]]

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or answer as the script says."""
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take one message."""
        import asyncio

        message = message_from_bytes(envelope.content)
        if self.refuse:
            return self.refuse
        self.contents.append(envelope.content)
        self.mails.append((envelope.rcpt_tos[0], str(message["Message-ID"]), str(message["Subject"])))
        self.arrived.set()
        hold = self.hold if len(self.mails) >= self.hold_from else None
        if hold is not None:
            self.held.set()
        for _ in range(int(PATIENCE / 0.1) if hold is not None else 0):
            if hold is not None and hold.is_set():
                break
            await asyncio.sleep(0.1)
        return "250 2.0.0 queued as " + f"Q{len(self.mails)}"

    def wait_for(self, number: int) -> list[bytes]:
        """Wait until that many mails are here, and return them."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.1)):
            if len(self.contents) >= number:
                return self.contents
            pause.wait(0.1)
        raise TimeoutError(f"{len(self.contents)} of {number} mails came")

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()


@dataclass
class HttpReceiver:
    """An HTTP endpoint; ``posts`` holds (path, headers, body) of every request, answered with ``status``."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    statuses: dict[str, int] = field(default_factory=dict)
    """Answers to a path of its own, by path."""
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        """Start listening on a free port."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.posts.append((self.path, headers, body))
                answer = b'{"ok": true}'
                self.send_response(outer.statuses.get(self.path, outer.status))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the output clean."""

        self._server = ThreadingHTTPServer((self.host, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
