"""The pace of logins: after some failures each further attempt has to wait.

A name waits after few failures at one address, and after many everywhere: a stranger who guesses at one name must not keep its
owner out. An address waits whatever the names are. The state is in the store, so all processes share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.errors import Refused

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

FREE: Mapping[str, int] = {"name": 5, "everywhere": 100, "address": 20}
"""Failures before the first delay: of a name at one address, of a name, of an address."""
FIRST, LONGEST_DELAY = timedelta(seconds=2), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""Failures count for this time after the last one."""
_PACE = "login-pace/"


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """Failed attempts, and the instant from which another one is accepted."""

    count: int
    last: datetime
    until: datetime


def begin_attempt(service: IncidentService, name: str, address: str) -> None:
    """Count an attempt as failed before it is judged, so that attempts at the same time count too.

    Raises Refused (``too_many_attempts``) if the name or the address has to wait. A name that nobody has counts as well.
    """
    marks, now = _marks(name, address), service.clock.now()
    wait = timedelta()

    def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
        nonlocal wait
        before = {mark: _read(found.get(mark), now) for mark in marks}
        wait = max(one.until - now for one in before.values())
        if wait > timedelta():
            return dict(found)
        return {mark: _write(before[mark].count + 1, FREE[kind], now) for mark, kind in marks.items()}

    service.change_marks(tuple(marks), change)
    if wait > timedelta():
        raise Refused(
            f"There were too many failed attempts. Wait {-(-wait // timedelta(seconds=1))} s.",
            hint="Then try again. If you lost your password or your codes, ask for a new invitation.",
            code="too_many_attempts",
        )


def end_attempt(service: IncidentService, name: str, address: str) -> None:
    """Forget the failures of a name at its address, and this one attempt elsewhere: others may still guess."""
    marks, now = _marks(name, address), service.clock.now()

    def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
        return {
            mark: _write(count, FREE[kind], now)
            for mark, kind in marks.items()
            if kind != "name" and (count := _read(found.get(mark), now).count - 1) > 0
        }

    service.change_marks(tuple(marks), change)


def _marks(name: str, address: str) -> dict[str, str]:
    """Return mark → kind. A mark names one of 65,536 groups: guesses of names cannot fill the store."""
    texts = {"name": f"{name}\0{address}", "everywhere": name, "address": address}
    return {f"{_PACE}{kind}-{sha256(text.encode()).hexdigest()[:4]}": kind for kind, text in texts.items()}


def _read(body: bytes | None, now: datetime) -> Failures:
    found = None if body is None else from_json(body, Failures)
    if found is None or now - found.last >= FORGOTTEN:
        return Failures(count=0, last=now, until=now)
    return found


def _write(count: int, free: int, now: datetime) -> bytes:
    delay = min(FIRST * 2 ** min(count - free, 20), LONGEST_DELAY) if count >= free else timedelta()
    return msgspec.json.encode(Failures(count=count, last=now, until=now + delay))
