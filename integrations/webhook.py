"""Signed webhook by Standard Webhooks: the receiver can verify its origin, its age, and repetitions.

``webhook-id`` is the idempotency key, so a receiver that keeps ids acts only once. The
body has no data that changes between attempts; the attempt's number is in a header of its own. The URL
is the channel's, never a contact's: contact data cannot redirect a request. A contact is a *handle* in the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import timedelta

import msgspec

from integrations.http import Request, exchange
from integrations.http.service import answered, findings, web_capabilities
from integrations.port import (
    Accepted,
    Callback,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Rejected,
    Secrets,
    Unauthentic,
    handle_problem,
)

WINDOW = timedelta(minutes=5)
"""Maximum difference of a callback's timestamp from now."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to post. The secret ``signing`` is ``whsec_`` and base64 of 24 to 64 bytes."""

    url: str
    ca_file: str = ""
    """PEM bundle to trust instead of the public authorities."""
    remembers_ids: timedelta | None = timedelta(hours=24)
    """How long the receiver keeps ids; ``PT0S`` if it does not, null means for ever."""


def capabilities(settings: Settings) -> Capabilities:
    """TLS to one receiver carries up to ``confidential``; without TLS over a network only public messages."""
    keeps = settings.remembers_ids is None or settings.remembers_ids > timedelta(0)
    return web_capabilities(
        settings.url,
        idempotency="key" if keeps else "none",
        key_lifetime=settings.remembers_ids if keeps else None,
        secrets=frozenset({"signing"}),
        optional_secrets=frozenset({"signing_previous"}),
    )


address_problem = handle_problem
"""A handle is any short name that the receiver understands."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post one signed message; a complete 2xx means that the receiver has it."""
    body = payload(outbound)
    try:
        keys = _keys(secrets)
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    identifier, timestamp = outbound.idempotency_key, int(outbound.at.timestamp())
    reply = exchange(
        Request(
            method="POST",
            url=settings.url,
            at=outbound.at,
            headers={
                "Content-Type": "application/json",
                "webhook-id": identifier,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": " ".join(signature(key, identifier, timestamp, body) for key in keys),
                "Tocsin-Attempt": str(outbound.attempt),
            },
            body=body,
            timeouts=outbound.timeouts,
            ca_file=settings.ca_file,
        )
    )
    return answered(reply, outbound, lambda said: Accepted(_receiver_id(said.get("id"))))


def payload(outbound: Outbound) -> bytes:
    """Return the body: the same bytes for every attempt of the same logical send."""
    content = {
        "schema": "tocsin/message/v1",
        "id": outbound.idempotency_key,
        "delivery": outbound.delivery,
        "to": outbound.recipient,
        "subject": outbound.subject,
        "marking": outbound.marking,
        "text": outbound.text,
        "footer": outbound.footer,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """Return ``v1,`` and base64 of the HMAC-SHA-256 over ``id.timestamp.body``."""
    signed = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check a Standard Webhooks signature over the raw bytes; there are no receipts to return."""
    try:
        keys = _keys(secrets)
        timestamp = int(callback.headers.get("webhook-timestamp", ""))
    except ValueError:
        return Unauthentic(reason="no usable timestamp or key")
    if abs(int(callback.at.timestamp()) - timestamp) > WINDOW.total_seconds():
        return Unauthentic(reason="the timestamp is outside the window")
    identifier = callback.headers.get("webhook-id", "")
    wanted = [signature(key, identifier, timestamp, callback.body) for key in keys]
    given = callback.headers.get("webhook-signature", "").encode("utf-8", "replace").split(b" ")
    # Every pair is compared in constant time: the duration of the answer shows nothing.
    matches = [hmac.compare_digest(expected.encode(), other) for expected in wanted for other in given]
    return () if any(matches) else Unauthentic(reason="the signature is not valid")


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = findings(settings.url, secrets)
    try:
        _keys(secrets)
    except ValueError as error:
        hint = "secrets: {signing: env:NAME}; create one with: openssl rand -base64 32"
        found += (Finding("error", str(error), hint),)
    return found


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post to the same receiver, to a handle without a person."""
    return send(msgspec.structs.replace(outbound, recipient="tocsin-self-test"), settings, secrets)


def _keys(secrets: Secrets) -> list[bytes]:
    """Return the signing keys, newest first: during a change of keys, both signatures are sent."""
    if "signing" not in secrets:
        raise ValueError("the secret signing is missing")
    return [_key(secrets[name].reveal()) for name in ("signing", "signing_previous") if name in secrets]


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("the secret signing is not whsec_ and base64 of 24 to 64 bytes")
    return key


def _receiver_id(given: object) -> str:
    """Return the receiver's own id of the message, if it gives one in a valid form."""
    usable = isinstance(given, str) and given.isascii() and given.replace("-", "").replace("_", "").isalnum()
    return given[:128] if isinstance(given, str) and usable else ""
