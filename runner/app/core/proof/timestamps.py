"""Timestamps of checkpoints by an authority (RFC 3161), if the settings name one.

The authority is asked each hour, also if nothing changed, then about random bytes: it learns our address and digests, and neither that
there is an incident nor when. If it does not answer, the work goes on: ``doctor`` names it, and a worker asks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from runner.app.core.identifiers import new_secret
from runner.app.core.repository import KeptCheckpoint, Store
from runner.decoding import from_json
from runner.errors import TocsinError
from runner.proof.formats import timestamp
from runner.routing.messaging import HttpCall
from runner.routing.organisation import TimestampSettings

EVERY = timedelta(hours=1)
OVERDUE = timedelta(hours=2)
"""Age of the last answer from which ``doctor`` names it."""
_LIMIT = timedelta(seconds=20)
_MARK = "home/timestamps"
_UNCHECKED = "home/unchecked-timestamps/"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the last requests brought."""

    answered: datetime | None = None
    trouble: str = ""
    """Why there was no answer since then."""
    verified: bool = True
    """Whether the signature of the last answer was checked here."""


def asked(store: Store, now: datetime) -> Asked:
    """Return what the last requests brought; an answer after ``now`` is none, because a clock was ahead."""
    body = store.marks(_MARK).get(_MARK)
    found = Asked() if body is None else from_json(body, Asked)
    return Asked(trouble=found.trouble) if found.answered and found.answered > now else found


def unchecked(store: Store) -> frozenset[int]:
    """Return the sizes of the checkpoints whose token was kept without a check of its signature."""
    return frozenset(int(name.removeprefix(_UNCHECKED)) for name in store.marks(_UNCHECKED))


def stamp(
    store: Store,
    make: Callable[[datetime], KeptCheckpoint | None],
    settings: TimestampSettings,
    folder: Path,
    now: datetime,
) -> None:
    """Keep a token with a checkpoint of all that is committed, if the authority did not answer for an hour.

    ``make`` makes the checkpoint. Raises TocsinError if there is no valid answer.
    """
    before = asked(store, now)
    if not settings.url or (before.answered and now - before.answered < EVERY):
        return
    newest = make(now)
    if newest is not None and newest.token is not None:
        newest = None
    try:
        data = new_secret() if newest is None else newest.note
        token, verified = _token(settings, folder, data.encode(), now)
    except TocsinError as error:
        _keep(store, msgspec.structs.replace(before, trouble=error.message))
        raise
    if newest is not None:
        if not verified:
            mark = f"{_UNCHECKED}{newest.size}"
            store.change_marks((mark,), lambda before: {mark: b""})
        store.log.keep_token(newest.size, token)
    _keep(store, Asked(answered=now, verified=verified))


def _keep(store: Store, found: Asked) -> None:
    body = {_MARK: msgspec.json.encode(found)}
    store.change_marks((_MARK,), lambda before: body)


def _token(settings: TimestampSettings, folder: Path, data: bytes, now: datetime) -> tuple[bytes, bool]:
    """Return the reply of the authority for the SHA-256 of ``data``, and whether its signature was checked."""
    try:
        import rfc3161_client as rfc3161
    except ModuleNotFoundError:
        raise _failed(
            "the Python package 'rfc3161-client' is not installed", "Install tocsin[timestamps]."
        ) from None
    from cryptography.x509 import load_pem_x509_certificates

    from runner.effects.gateway.gateway import call, is_private

    try:
        roots = load_pem_x509_certificates((folder / settings.ca).read_bytes())
    except (OSError, ValueError):
        raise _failed(f"{settings.ca} has no certificates") from None
    request = rfc3161.TimestampRequestBuilder(data, rfc3161.HashAlgorithm.SHA256).build()
    answer = call(
        HttpCall(
            kind="real",
            method="POST",
            url=settings.url,
            allowed_hosts=frozenset({settings.url.split("/")[2].lower()}),
            idempotency_key=new_secret(),
            at=now,
            headers={"Content-Type": "application/timestamp-query"},
            body=request.as_bytes(),
            time_limit=_LIMIT,
        )
    )
    if answer.status != 200:
        raise _failed(answer.outcome.reason or f"status {answer.status}")
    try:
        digest, _, nonce = timestamp(answer.body)
        if (digest, nonce) != (hashlib.sha256(data).digest(), request.nonce):
            raise _failed("the answer is for another request")
        reply = rfc3161.decode_timestamp_response(answer.body)
        rfc3161.VerifierBuilder(roots=roots, nonce=nonce).build().verify_message(reply, data)
    except rfc3161.VerificationError:
        raise _failed(f"the answer is not signed by a certificate of {settings.ca}") from None
    except ValueError as error:
        if "InvalidSetOrdering" not in str(error):
            raise _failed("the answer is not a timestamp") from None
        if not is_private(settings.url):
            raise _failed("its signature cannot be checked here, and its address is not https") from None
        return answer.body, False  # a known fault of some authorities, which OpenSSL accepts
    return answer.body, True


def _failed(why: str, hint: str = "Check timestamps in tocsin.yaml. A worker tries again.") -> TocsinError:
    return TocsinError(
        f"The timestamp authority gave no timestamp: {why}.", hint=hint, code="timestamp_failed"
    )
