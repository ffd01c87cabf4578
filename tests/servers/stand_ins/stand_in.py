"""A stand-in for a provider: an HTTP server on the loopback that keeps what it was told, and misbehaves by script.

A provider of its own is a subclass with ``take``: one request in, a status and an answer out, whatever state it
keeps. What goes wrong on the way is the same for all: the next *act* of the script says it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, TracebackType
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from integrations.testing.chaos import ChaosServer, Talk

Act = Literal["accept", "lose_answer", "stay_silent", "throttle", "fail"]
"""``lose_answer`` and ``stay_silent`` take the request and do not say so; ``throttle`` and ``fail`` take nothing."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)  # a test's own mistake
        return value


class StandIn:
    """A context; ``url`` is where it listens. One act of the script for each request, then it accepts."""

    retry_after = "7"

    def __init__(self, *acts: Act) -> None:
        """Follow ``acts`` in order."""
        self._acts = list(acts)
        self._server = ChaosServer(self._converse)
        self.url = f"http://{self._server.host}:{self._server.port}"
        self.heard: list[Heard] = []

    def __enter__(self) -> Self:
        """Listen."""
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._server.__exit__(kind, error, trace)

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Refuse every connection until the end of the block; the address stays ours."""
        port = self._server.port
        self._server.__exit__(None, None, None)
        with socket.socket() as kept:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept.bind((self._server.host, port))  # without listening
            yield
            self._server = ChaosServer(self._converse, port)
        self._server.__enter__()

    def take(self, heard: Heard) -> tuple[int, object]:
        """Return the status and the answer to one request: bytes as they are, all else as JSON."""
        raise NotImplementedError

    def throttled(self) -> object:
        """Return the body with which the provider says later."""
        return {}

    def throttled_headers(self) -> dict[str, str]:
        """Return the headers with which the provider says when to come again."""
        return {"Retry-After": self.retry_after}

    def is_scripted(self, heard: Heard) -> bool:
        """Return whether a request takes an act of the script; requests for a token may be left out."""
        return True

    def _converse(self, talk: Talk) -> None:
        while talk.hear_until(b"\r\n\r\n"):
            talk.hear_request()
            heard, talk.heard = _read(talk.heard), b""
            self.heard.append(heard)
            act = self._acts.pop(0) if self._acts and self.is_scripted(heard) else "accept"
            if act == "throttle":
                talk.say(_answer(429, self.throttled(), self.throttled_headers()))
                continue
            if act == "fail":
                talk.say(_answer(500, {}))
                continue
            status, said = self.take(heard)
            if act == "lose_answer":
                return
            if act == "stay_silent":
                talk.stay_silent()
                return
            talk.say(_answer(status, said))


def _read(raw: bytes) -> Heard:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    fields = (line.split(": ", 1) for line in lines)
    return Heard(
        method=method,
        path=parts.path,
        query=dict(parse_qsl(parts.query)),
        headers={name.lower(): value for name, value in fields},
        body=body,
    )


def _answer(status: int, said: object, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **more}
    if status == 204:
        body, headers = b"", {"Date": "Sat, 28 Nov 2026 09:00:00 GMT", **more}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body
