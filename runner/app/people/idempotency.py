"""Idempotency keys of programs: a request that is repeated with its key is done once, and gets the same answer.

A key is a mark of the store for a day. It has digests of the key and of the request, so nothing of either can be read.
Without an answer of a dead process, the journal tells whether it did the request: each act of a program is one append.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.identifiers import new_secret
from runner.app.people import tokens
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident

KEPT = timedelta(hours=24)
LONGEST = 200
"""Characters of a key."""
_IN_PROGRESS = timedelta(minutes=2)
"""After this time, the outcome of a request without an answer is unknown."""
_MARK = "api-key/"
_SWEPT, _EVERY = "api-keys-swept", timedelta(hours=1)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One request: its digest, and its answer, empty while it is in progress."""

    request: str
    by: str
    """The one attempt that does it."""
    at: datetime
    answer: bytes = b""
    process: str = ""
    about: tuple[str | None, str] = (None, "")
    """Its token and its incident."""
    since: int = 0
    """The last entry of the incident before it."""


def begin(
    service: IncidentService, principal: Principal, key: str, request: bytes, incident: Incident
) -> tuple[str, bytes | None, Callable[[], None]]:
    """Begin a request; return the name of its mark, the answer, and what raises Refused inside the change if it is recorded already.

    The answer is None for a request to do, and empty for one that a process recorded before it died.
    Raises Usage for no key, and Refused for a key of another request or of one that is in progress.
    """
    if not key or len(key) > LONGEST or not key.isascii() or not key.isprintable():
        raise Usage(
            "The request has no valid Idempotency-Key.",
            hint="Send a new random key with each new request, and the same key if you repeat it",
            code="idempotency_key_missing",
        )
    now, digest = service.clock.now(), sha256(request).hexdigest()
    name = _MARK + sha256(f"{tokens.identity(service, principal)}\0{key}".encode()).hexdigest()
    _sweep(service, now)
    left = _left(service, name, digest)
    since = left.since if left else incident.version
    about, this = (principal.proven_by, incident.id), f"{_machine()} {os.getpid()}"
    own = Kept(request=digest, by=new_secret(), at=now, process=this, about=about, since=since)
    body = msgspec.json.encode(own)

    def guard() -> None:  # PostgreSQL commits what it has been sent, also for a dead process
        if left and _entries(service, left):
            raise _unknown()

    if left:
        if _is_done(service, left):
            return name, b"", guard
        guard()
        before = msgspec.json.encode(left)
        service.change_marks((name,), lambda marks: {} if before in marks.values() else marks)

    def kept(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return marks if name in marks and now - from_json(marks[name], Kept).at < KEPT else {name: body}

    found = from_json(service.change_marks((name,), kept)[name], Kept)
    if found.request != digest:
        raise Refused(
            "Another request has this Idempotency-Key.",
            hint="Send a new key with each new request",
            code="key_reused",
        )
    if found.answer or found.by == own.by:
        return name, found.answer or None, guard
    if now - found.at < _IN_PROGRESS:
        raise Refused(
            "This request is in progress.", hint="Repeat it after some seconds", code="key_in_progress"
        )
    raise _unknown()


def _unknown() -> Refused:
    return Refused(
        "The outcome of this request is unknown.",
        hint="Look whether it was recorded before you repeat it with a new key: tocsin timeline",
        code="key_outcome_unknown",
    )


def _machine() -> str:
    """Return what tells this machine, since its start, from all others; empty where the system does not."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _all(service: IncidentService, prefix: str) -> list[Kept]:
    return [from_json(body, Kept) for body in service.marks(prefix).values()]


def _left(service: IncidentService, name: str, digest: str) -> Kept | None:
    """Return a request without an answer whose process is gone; None for one of another machine, and in doubt."""
    for one in _all(service, name):
        machine, _, process = one.process.rpartition(" ")
        if one.request == digest and not one.answer and machine and machine == _machine():
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                return one
            except OSError:
                pass
    return None


def _entries(service: IncidentService, kept: Kept) -> list[int]:
    """Return what the token of a request recorded since it began."""
    token, incident = kept.about
    return [
        one.seq
        for one in organisation_journal.stored(service, incident, kept.since)
        if one.actor.proven_by == token
    ]


def _is_done(service: IncidentService, kept: Kept) -> bool:
    """Tell whether an entry cannot be of another request of the token: each records from its begin to its answer."""
    entries = _entries(service, kept)
    for one in _all(service, _MARK):
        if one.about == kept.about and one.by != kept.by:
            last = from_json(one.answer)["version"] if one.answer else None
            entries = [entry for entry in entries if entry <= one.since or (last and entry > last)]
    return bool(entries)


def finish(service: IncidentService, name: str, answer: bytes) -> None:
    """Keep the answer of a request."""

    def change(marks: Mapping[str, bytes]) -> dict[str, bytes]:
        kept = {key: from_json(body, Kept) for key, body in marks.items()}
        return {
            key: msgspec.json.encode(msgspec.structs.replace(one, answer=answer)) for key, one in kept.items()
        }

    service.change_marks((name,), change)


def forget(service: IncidentService, name: str) -> None:
    """Forget a request that recorded nothing, so that it can be repeated with its key."""
    service.change_marks((name,), lambda marks: {})


def _sweep(service: IncidentService, now: datetime) -> None:
    """Remove what is older than a day, at most once an hour: it looks through all keys."""
    swept = service.setting(_SWEPT)
    if swept is not None and now - datetime.fromisoformat(swept) < _EVERY:
        return
    service.set_setting(_SWEPT, now.isoformat())
    old = [name for name, body in service.marks(_MARK).items() if now - from_json(body, Kept).at >= KEPT]
    if old:
        service.change_marks(old, lambda marks: {})
