"""Signals to open pages: one poll of the store for all viewers, one event stream for each browser.

A signal names what changed by a key that only the viewer's session can relate to an incident, and holds nothing else; the
page then asks for its content, and the rights are judged there. A viewer hears nothing of an incident that they may not see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256

import anyio.to_thread
import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.people.logins import Login

POLL = 0.2
"""Seconds between two looks at the store."""
PING = 15.0
"""Seconds after which a silent stream says that it lives."""
_BYE = b"event: bye\ndata: {}\n\n"


def key_of(session: str, incident: str) -> str:
    """Return the name of an incident in the signals of one session."""
    return sha256(f"{session}\0{incident}".encode()).hexdigest()[:16]


class Signals:
    """All open streams of one process, and the task that feeds them."""

    def __init__(self, service: Callable[[], IncidentService]) -> None:
        """Take what returns the service of the calling thread."""
        self._service = service
        self._streams: dict[asyncio.Queue[bytes], tuple[str, Login]] = {}
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._versions: dict[str, int] = {}
        self._looked = False

    @property
    def open(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    @property
    def looked(self) -> bool:
        """Whether the store was looked at: what it had then is no change."""
        return self._looked

    def close(self) -> None:
        """End all streams; safe to call from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._closing.set()
        for queue in self._streams:
            queue.put_nowait(_BYE)

    async def feed(self) -> None:
        """Look for changes until the task is cancelled; a store that does not answer is asked again."""
        token, self._loop = None, asyncio.get_running_loop()
        while True:
            found = await anyio.to_thread.run_sync(self._token)
            if found is not None and found != token:
                token = found
                await anyio.to_thread.run_sync(self._spread, self._loop)
            await asyncio.sleep(POLL)

    async def stream(self, session: str, login: Login, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield the signals of one browser until its session or the server ends."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._streams[queue] = (session, login)
        try:
            yield b": open\n\n"
            while not self._closing.is_set():
                try:
                    yield await asyncio.wait_for(queue.get(), PING)
                except TimeoutError:
                    if not await anyio.to_thread.run_sync(alive):
                        yield _BYE
                        return
                    yield b": ping\n\n"
        finally:
            del self._streams[queue]

    def _token(self) -> str | None:
        try:
            return self._service().store.changed()
        except Exception:  # noqa: BLE001  # a store that is away for a moment must not end the signals of all
            return None

    def _spread(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell each stream which of its incidents changed."""
        service = self._service()
        versions = {row.id: row.version for row in service.incidents()}
        changed = {name for name, version in versions.items() if self._versions.get(name) != version}
        first, self._versions, self._looked = not self._looked, versions, True
        if first or not changed:
            return
        seen: dict[str, frozenset[str]] = {}
        for queue, (session, login) in list(self._streams.items()):
            who = login.principal
            mine = seen.get(f"{who.person}/{who.os_user}")
            if mine is None:
                mine = frozenset(row.id for row in service.read(who).incidents())
                seen[f"{who.person}/{who.os_user}"] = mine
            if keys := [key_of(session, name) for name in sorted(changed & mine)]:
                loop.call_soon_threadsafe(queue.put_nowait, _data({"changed": keys}))


def _data(signal: Mapping[str, list[str]]) -> bytes:
    return b"data: " + msgspec.json.encode(signal) + b"\n\n"
