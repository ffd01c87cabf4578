"""The pace of logins: after some failures each further attempt has to wait.

A name waits after few failures at one address, and after many everywhere. An address waits whatever the names are. Who brings what a
stranger cannot have (a session, a browser that the person logged in with before, this machine) is counted apart: strangers who guess
must not keep the owner out. The state is in the store, so all processes share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runner.decoding import from_json
from runner.errors import Refused

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

FREE: Mapping[str, int] = {"name": 5, "known": 5, "everywhere": 100, "address": 20}
"""Failures before the first delay: of a name at one address, of a name at a known place, of a name, of an address."""
FIRST, LONGEST_DELAY = timedelta(seconds=2), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""Failures count for this time after the last one."""
_PACE = "login-pace/"


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """Failed attempts, and the instant from which another one is accepted."""

    count: int
    last: datetime
    until: datetime


class Attempt(NamedTuple):
    """One attempt that was counted as failed: mark → kind, and what each mark was before and is now."""

    marks: Mapping[str, str]
    before: Mapping[str, Failures]
    counted: Mapping[str, Failures]

    @property
    def by_strangers(self) -> int:
        """How often strangers failed at this name, with this attempt; 0 for an attempt at a known place."""
        return next(
            (self.counted[mark].count for mark, kind in self.marks.items() if kind == "everywhere"), 0
        )


def begin_attempt(service: IncidentService, name: str, address: str, known: str = "") -> Attempt:
    """Count an attempt as failed before it is judged, so that attempts at the same time count too.

    ``known`` is what a stranger cannot have, if the attempt brings it. An empty name counts the address alone. Raises Refused
    (``too_many_attempts``) if the name or the address has to wait. A name that nobody has counts as well.
    """
    marks, now = _marks(name, address, known), service.clock.now()
    before: dict[str, Failures] = {}
    counted: dict[str, Failures] = {}
    wait = timedelta()

    def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
        nonlocal wait
        before.update((mark, _read(found.get(mark), now)) for mark in marks)
        wait = max(failures.until - now for failures in before.values())
        if wait > timedelta():
            return dict(found)
        counted.update(
            (mark, _counted(before[mark].count + 1, FREE[kind], now)) for mark, kind in marks.items()
        )
        return {mark: msgspec.json.encode(failures) for mark, failures in counted.items()}

    service.change_marks(tuple(marks), change)
    if wait > timedelta():
        raise Refused(
            f"There were too many failed attempts. Wait {-(-wait // timedelta(seconds=1))} s.",
            hint="Then try again. If you lost your password or your codes, ask for a new invitation.",
            code="too_many_attempts",
        )
    return Attempt(marks, before, counted)


def end_attempt(service: IncidentService, attempt: Attempt) -> None:
    """Forget the failures of a name at its own place, and this one attempt elsewhere: others may still guess.

    The wait that this attempt began ends with it; one that somebody else's failure began meanwhile stays.
    """

    def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
        after: dict[str, bytes] = {}
        for mark, kind in attempt.marks.items():
            failures = None if mark not in found else from_json(found[mark], Failures)
            if kind in ("name", "known") or failures is None or failures.count <= 1:
                continue
            if failures == attempt.counted[mark]:
                after[mark] = msgspec.json.encode(attempt.before[mark])
            else:
                after[mark] = msgspec.json.encode(msgspec.structs.replace(failures, count=failures.count - 1))
        return after

    service.change_marks(tuple(attempt.marks), change)


def _marks(name: str, address: str, known: str) -> dict[str, str]:
    """Return mark → kind. A mark names one of 65,536 groups: guesses of names cannot fill the store."""
    place = network(address)
    texts = {"known": f"{name}\0{known}"} if known else {"address": place}
    if name and not known:
        texts |= {"name": f"{name}\0{place}", "everywhere": name}
    return {f"{_PACE}{kind}-{sha256(text.encode()).hexdigest()[:4]}": kind for kind, text in texts.items()}


def network(address: str) -> str:
    """Return the network that one client has: with IPv6 it has a /64 at least (RFC 6177), and may ask from any address of it."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or f"{IPv6Address(int(found) >> 64 << 64)}/64")


def _read(body: bytes | None, now: datetime) -> Failures:
    failures = None if body is None else from_json(body, Failures)
    if failures is None or now - failures.last >= FORGOTTEN:
        return Failures(count=0, last=now, until=now)
    return failures


def _counted(count: int, free: int, now: datetime) -> Failures:
    delay = min(FIRST * 2 ** min(count - free, 20), LONGEST_DELAY) if count >= free else timedelta()
    return Failures(count=count, last=now, until=now + delay)
