"""Signals to open pages: one poll of the store for all viewers, one event stream for each browser.

A signal names what changed by a key that only the viewer's session can relate to an incident, and holds nothing else; the
page then asks for its content, and the rights are judged there. A viewer hears nothing of an incident that they may not see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from hashlib import sha256

import anyio.to_thread
import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.people.logins import Login
from runner.errors import TocsinError

POLL = 0.2
"""Seconds between two looks at the store."""
PING = 5.0
"""Seconds between two signs of life: a page says that it is not live when two of them are missing."""
_BYE = b"event: bye\ndata: {}\n\n"
_ALIVE = b'data: {"alive":true}\n\n'


def key_of(session: str, incident: str) -> str:
    """Return the name of an incident in the signals of one session."""
    return sha256(f"{session}\0{incident}".encode()).hexdigest()[:16]


class _Stream:
    """The stream of one browser: what it has not been told yet, each incident once."""

    def __init__(self, session: str, login: Login) -> None:
        self.session = session
        self.login = login
        self.ended = False
        self.pending: set[str] = set()
        self.woken = asyncio.Event()

    def end(self) -> None:
        self.ended = True
        self.woken.set()

    def tell(self, keys: Iterable[str]) -> None:
        self.pending.update(keys)
        self.woken.set()


class Signals:
    """All open streams of one process, and the task that feeds them."""

    def __init__(
        self, service: Callable[[], IncidentService], alive: Callable[[Collection[str]], Collection[str]]
    ) -> None:
        """Take what returns the service of the calling thread, and what tells which sessions have not ended."""
        self._service = service
        self._alive = alive
        self._streams: set[_Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._versions: dict[str, int] | None = None
        self._token = ""

    @property
    def open(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    @property
    def looked(self) -> bool:
        """Whether the store was looked at: what it had then is no change."""
        return self._versions is not None

    def close(self) -> None:
        """End all streams; safe to call from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._closing = True
        for stream in self._streams:
            stream.woken.set()

    async def feed(self) -> None:
        """Look for changes until the task is cancelled. A store that does not answer is asked again."""
        self._loop = asyncio.get_running_loop()
        asked = self._loop.time()
        while True:
            await anyio.to_thread.run_sync(self._look, self._loop)
            if self._loop.time() - asked >= PING:
                asked = self._loop.time()
                await anyio.to_thread.run_sync(self._end_streams, self._loop)
            await asyncio.sleep(POLL)

    async def stream(self, session: str, login: Login) -> AsyncIterator[bytes]:
        """Yield the signals of one browser until its session or the server ends."""
        stream = _Stream(session, login)
        self._streams.add(stream)
        try:
            yield b": open\n\n"
            while not (self._closing or stream.ended):
                try:
                    await asyncio.wait_for(stream.woken.wait(), PING)
                except TimeoutError:
                    yield _ALIVE
                stream.woken.clear()
                if keys := sorted(stream.pending):
                    stream.pending.clear()
                    yield b"data: " + msgspec.json.encode({"changed": keys}) + b"\n\n"
            yield _BYE
        finally:
            self._streams.discard(stream)

    def _end_streams(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the streams whose session has ended; a store that does not answer ends none."""
        streams = tuple(self._streams)
        if not streams:
            return
        try:
            alive = self._alive({stream.session for stream in streams})
        except (TocsinError, OSError):
            return
        for stream in streams:
            if stream.session not in alive:
                loop.call_soon_threadsafe(stream.end)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell each stream which of its incidents changed since the last look."""
        try:
            service = self._service()
            token = service.changed()
            if token == self._token:
                return
            versions = {row.id: row.version for row in service.incidents()}
            before = versions if self._versions is None else self._versions
            changed = {name for name, version in versions.items() if before.get(name) != version}
            if changed:
                self._spread(service, changed, loop)
            self._versions, self._token = versions, token
        except (TocsinError, OSError):  # away for a moment: what changed is found by the next look
            return

    def _spread(self, service: IncidentService, changed: set[str], loop: asyncio.AbstractEventLoop) -> None:
        seen: dict[tuple[str, str], frozenset[str]] = {}
        for stream in tuple(self._streams):
            who = stream.login.principal
            mine = seen.get((who.person, who.os_user))
            if mine is None:
                mine = frozenset(row.id for row in service.read(who).incidents())
                seen[who.person, who.os_user] = mine
            if keys := [key_of(stream.session, name) for name in changed & mine]:
                loop.call_soon_threadsafe(stream.tell, keys)
