"""Idempotency keys of programs: a request that is repeated with its key is done once, and gets the same answer.

A key is a mark of the store for a day. It has digests of the key and of the request, so nothing of either can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.identifiers import new_secret
from runner.app.people import tokens
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

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


def begin(service: IncidentService, principal: Principal, key: str, request: bytes) -> tuple[str, bytes]:
    """Begin a request; return the name of its mark, and the answer if it was done before.

    Raises Usage for no key, and Refused for a key of another request or of one that is in progress.
    """
    if not key or len(key) > LONGEST or not key.isascii() or not key.isprintable():
        raise Usage(
            "The request has no valid Idempotency-Key.",
            hint="Send a new random key with each new request, and the same key if you repeat it",
            code="idempotency_key_missing",
        )
    now, digest, own = service.clock.now(), sha256(request).hexdigest(), new_secret()
    name = _MARK + sha256(f"{tokens.identity(service, principal)}\0{key}".encode()).hexdigest()
    body = msgspec.json.encode(Kept(request=digest, by=own, at=now))
    _sweep(service, now)

    def kept(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return marks if name in marks and now - from_json(marks[name], Kept).at < KEPT else {name: body}

    found = from_json(service.change_marks((name,), kept)[name], Kept)
    if found.request != digest:
        raise Refused(
            "Another request has this Idempotency-Key.",
            hint="Send a new key with each new request",
            code="key_reused",
        )
    if found.answer or found.by == own:
        return name, found.answer
    if now - found.at < _IN_PROGRESS:
        raise Refused(
            "This request is in progress.", hint="Repeat it after some seconds", code="key_in_progress"
        )
    raise Refused(
        "The outcome of this request is unknown.",
        hint="Look whether it was recorded before you repeat it with a new key: tocsin timeline",
        code="key_outcome_unknown",
    )


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
