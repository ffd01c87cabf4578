"""WSGI application of ``tocsin serve-callbacks``: from a path to its handler.

    /in/PLACE[/…]   a provider's callback; PLACE cannot be guessed, and only a valid signature is accepted
    /ack/LINK       a person's page: GET shows the page and changes nothing, only its form acknowledges

An unknown address, a wrong method and an invalid signature get the same answer, byte for
byte. The log has only the channel of an accepted request, and the number of refused requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from runner.app.messages.acknowledgement import Links
from runner.app.messages.callbacks import IN, Callbacks
from runner.effects.messages.deliver import PAGE
from runner.errors import TocsinError
from runner.routing.inbound import Incoming
from runner.web.page import LATER, REFUSED, Reply, asking, is_answer, thanking


class Pace:
    """A token bucket of size ``burst`` that fills with ``rate`` tokens a second. Safe for several threads."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._at: datetime | None = None
        self._lock = threading.Lock()

    def allows(self, now: datetime) -> bool:
        """Take a token, if any; a clock that jumps back changes nothing."""
        with self._lock:
            if self._at is not None:
                gone = max((now - self._at).total_seconds(), 0.0)
                self._left = min(self._left + gone * self._rate, float(self._burst))
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


Environ = Mapping[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]
RATE, BURST = 50.0, 200
"""The limit of verified callbacks to the store: per second, and at once."""


class Application:
    """Answers each request; safe for several threads, because writes to the store are serialised."""

    def __init__(
        self, callbacks: Callbacks, links: Links, say: Callable[[str], None], pace: Pace | None = None
    ) -> None:
        """Take the use cases; ``say`` receives log lines without content of the request."""
        self._callbacks = callbacks
        self._links = links
        self._say = say
        self._pace = pace or Pace(RATE, BURST)
        self._refused = 0

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        try:
            reply = self._reply(environ)
        except TocsinError as error:
            self._say(f"a callback could not be stored ({error.code}): the provider can repeat it")
            reply = LATER
        except Exception as error:  # noqa: BLE001  # an internal error must not show the request
            self._say(f"internal error ({type(error).__name__}): the provider can repeat the callback")
            reply = LATER
        if reply is REFUSED:
            self._refused += 1
            if str(self._refused).strip("0") == "1":  # less and less often: a flood must not fill a disk
                self._say(f"{self._refused} refused so far")
        start(reply.status, reply.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def _reply(self, environ: Environ) -> Reply:
        room, _, rest = environ.get("PATH_INFO", "").removeprefix("/").partition("/")
        if room == IN:
            return self._callback(rest.partition("/")[0], environ)
        if room == PAGE:
            return self._link(rest, environ)
        return REFUSED

    def _link(self, link: str, environ: Environ) -> Reply:
        """Show a link's page, or process its form; a link scanner changes nothing."""
        match environ["REQUEST_METHOD"]:
            case "GET" | "HEAD":
                shown = self._links.shown(link)
                return REFUSED if shown is None else asking(shown)
            case "POST" if is_answer(_body(environ)):
                done = self._links.acknowledged(link)
                if done is None:
                    return REFUSED
                self._say(f"a link was used: {'acknowledged' if done.changed else 'no change'}")
                return thanking(done.kind, done.codename)
            case _:
                return REFUSED

    def _callback(self, place: str, environ: Environ) -> Reply:
        believed = self._callbacks.believe(place, self._incoming(environ))
        if believed is None:
            return REFUSED
        if not self._pace.allows(self._callbacks.now()):
            return LATER
        fate = self._callbacks.take(believed)
        if believed.heard:
            self._say(f"channel {believed.channel.id}: a callback, {fate}")
        if fate == "later":
            return LATER
        words = believed.words
        return Reply(status="200 OK", content_type=words.content_type, body=words.body)

    def _incoming(self, environ: Environ) -> Incoming:
        """Return the request with unchanged bytes of query and body."""
        query = environ.get("QUERY_STRING", "")
        path = quote(environ.get("PATH_INFO", ""), encoding="latin-1")
        return Incoming(
            method=environ["REQUEST_METHOD"],
            path=f"{path}?{query}" if query else path,
            headers={
                name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
                for name, value in environ.items()
                if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
            },
            body=_body(environ),
            at=self._callbacks.now(),
        )


def _body(environ: Environ) -> bytes:
    found: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or "0"))
    return found
