"""Signal through signal-cli-rest-api, an own gateway: end to end encrypted between the gateway and the person.

The gateway names a message by its timestamp, as do receipts. In its modes ``json-rpc`` and ``json-rpc-native`` it posts
what it receives; it signs nothing, so its posts are verified by a password in Tocsin's address
(``http://tocsin:PASSWORD@host/path``, which it sends as Basic authentication). In its modes ``normal`` and ``native``
Tocsin fetches. Signal has no idempotency key, so an unanswered send remains unknown.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

import msgspec

from integrations.http import Reply, json_object, judge
from integrations.http.service import fetch, findings, held, listed, member, send_json, web_capabilities
from integrations.port import (
    PHONES,
    About,
    Answer,
    Callback,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Receipt,
    Rejected,
    Secrets,
    Throttled,
    Timeouts,
    Took,
    Unauthentic,
    fitted,
    named,
    phone_problem,
    plain_body,
    self_test_to,
)

LONGEST = 2000
"""Characters that every Signal client shows; a longer message becomes an attachment."""
LONGEST_TEXT = LONGEST - 300
"""Characters without the usual subject, marking and footer; if these are longer, the text is cut."""
CHALLENGED = timedelta(minutes=15)
"""The longest wait after a challenge: a person may solve its captcha at any time, and nothing reports that."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_USER_NAME = re.compile(r"u:[a-z_][a-z0-9_]{2,31}\.[0-9]{2,10}", re.ASCII | re.IGNORECASE)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway and the number registered there."""

    url: str
    """Address of the gateway: ``http://127.0.0.1:8080``, or https through a proxy with a password."""
    number: str
    ca_file: str = ""
    """PEM bundle to trust instead of the public authorities."""
    recipients_lock: bool = False
    """True only if every person reached by it has set Signal's registration lock."""
    device: Literal["", "primary", "linked"] = ""
    """Whether the number is registered at the gateway itself, or the gateway is linked to a phone; empty means unknown."""


def capabilities(settings: Settings) -> Capabilities:
    """End to end encrypted; without a registration lock a person who takes over the number takes over the account."""
    return web_capabilities(
        settings.url,
        "signal",
        up_to="restricted",
        personal_data="personal",
        address_kind="phone",
        receipts=frozenset({"accepted", "delivered", "read"}),
        ack="reply",
        ack_strength="seen",
        sim_swappable=not settings.recipients_lock,
        e2ee=True,
        max_length=LONGEST_TEXT,
        rates=("1/s burst 60",),  # Signal-Server, RateLimiters.MESSAGES
        push=PHONES,
        called_back=True,
        optional_secrets=frozenset({"token", "callback"}),
    )


def address_problem(address: str) -> str:
    """A telephone number, or for a person who hides it: Signal's UUID, or a user name (``u:maria.01``)."""
    return "" if _UUID.fullmatch(address) or _USER_NAME.fullmatch(address) else phone_problem(address)


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Pass one message to the gateway, which passes it to Signal before it answers."""
    if problem := address_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    shown = fitted(outbound, LONGEST_TEXT, lambda one: len(_body(one)) <= LONGEST)
    if shown is None:
        return Rejected("length", f"the message has more than {LONGEST} characters")
    token = held(secrets, "token") if "token" in secrets else ""
    content = {
        "message": _body(shown),
        "number": settings.number,
        "recipients": [outbound.recipient.removeprefix("u:")],  # the gateway takes a user name without it
        "text_mode": "normal",
    }
    reply = send_json(outbound, f"{settings.url}/v2/send", content, token=token, ca_file=settings.ca_file)
    return _outcome(reply, outbound.at) if isinstance(reply, Reply) else reply


def _body(outbound: Outbound) -> str:
    return f"{outbound.subject}\n\n{plain_body(outbound).rstrip()}"


def _outcome(reply: Reply, at: datetime) -> Outcome:
    said = json_object(reply.body)
    judged, words = judge(reply, at), str(said.get("error", "")).lower()
    refused = isinstance(judged, Rejected | Throttled)
    if refused and (listed(said.get("challenge_tokens")) or "captcha" in words):
        wait = re.search(r'wait "(\d{1,6})" seconds', words)
        what = "Signal limits this number until its captcha is solved at the gateway, or its time is over"
        given = timedelta(seconds=int(wait[1])) if wait else CHALLENGED
        return Throttled(min(given, CHALLENGED), what, "challenge")
    if isinstance(judged, Rejected) and reply.status == 400:
        return _refused(judged, words)
    return judged or named(_stamp(said.get("timestamp")), "the gateway reported success without a timestamp")


def _refused(refused: Rejected, said: str) -> Outcome:
    """Classify the gateway's error texts; the texts contain numbers and are not repeated."""
    if "rate limit" in said or "ratelimit" in said:
        return Throttled(None, "Signal limits this number: retry later", "400")
    known: dict[str, tuple[About, str]] = {
        "untrusted": ("recipient", "the person's safety number has changed and must be verified"),
        "unregistered": ("recipient", "the number is not registered at Signal"),
        "not registered": ("account", "the gateway's own number is not registered at Signal"),
        "doesn't exist": ("account", "the gateway does not have this number"),
    }
    for words, (about, reason) in known.items():
        if words in said:
            return Rejected("400", reason, about=about)
    return refused


def _stamp(given: object) -> str:
    """Return a Signal timestamp (milliseconds) as text if it is one."""
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    return text if text.isascii() and text.isdigit() and 12 <= len(text) <= 14 else ""


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Read a post of the gateway, if it has the password of Tocsin's address."""
    if "callback" not in secrets:
        return Unauthentic(reason="the secret callback is missing")
    scheme, _, credentials = callback.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        given = b""
    wanted = secrets["callback"].reveal().strip().encode()
    if not hmac.compare_digest(wanted, given) or scheme.lower() != "basic" or not wanted:
        return Unauthentic(reason="the password is not valid")
    return tuple(_events(json_object(callback.body), settings))


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Fetch the waiting messages of the gateway; a gateway that posts them offers only a WebSocket instead.

    The gateway forgets fetched messages, so messages that ``took`` cannot store are lost; Signal cannot be queried again.
    """
    token = held(secrets, "token") if "token" in secrets else ""
    number = quote(settings.number, safe="")
    url = f"{settings.url}/v1/receive/{number}?timeout=1&ignore_attachments=true"
    reply = fetch(url, at, timeouts, token=token, ca_file=settings.ca_file, max_answer=4_000_000)
    if not isinstance(reply, Reply):
        return reply.reason
    if reply.status == 400 and "sec-websocket-version" in reply.headers:
        posts = "the gateway posts what it receives (mode json-rpc): set the secret callback"
        return "" if "callback" in secrets else posts
    judged = judge(reply, at)
    if judged is not None:
        return judged.reason
    kept = [took(event) for said in _array(reply.body) for event in _events(said, settings)]
    return "" if all(kept) else "a fetched item could not be stored"


def _array(body: bytes) -> list[dict[str, object]]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return [load for load in value if isinstance(load, dict)] if isinstance(value, list) else []


def _events(said: dict[str, object], settings: Settings) -> Iterator[Receipt | Answer]:
    """Read one envelope: plain if fetched, inside a JSON-RPC call if posted."""
    params = said.get("params", said)
    inner = params if member(params, "envelope") else member(params, "result")
    envelope = member(inner, "envelope")
    sender = member(envelope, "sourceNumber") or member(envelope, "source")
    if member(inner, "account") != settings.number or not isinstance(sender, str):
        return
    receipt = member(envelope, "receiptMessage")
    if receipt is not None:
        yield from _receipts(receipt, sender)
    text, name = member(envelope, "dataMessage", "message"), _stamp(member(envelope, "timestamp"))
    if isinstance(text, str) and text and name:
        quoted = _stamp(member(envelope, "dataMessage", "quote", "id"))
        user = str(member(envelope, "sourceUuid"))
        yield Answer(
            event_id=f"{sender}:{name}",
            sender=sender,
            text=text,
            provider_id=quoted,
            at=_instant(name),
            also=user if _UUID.fullmatch(user) and user != sender else "",
        )


def _receipts(receipt: object, sender: str) -> Iterator[Receipt]:
    stamps = member(receipt, "timestamps")
    kind: Literal["read", "delivered"]
    if member(receipt, "isRead") is True:
        kind = "read"
    elif member(receipt, "isDelivery") is True:
        kind = "delivered"
    else:
        return
    for name in filter(None, map(_stamp, stamps if isinstance(stamps, list) else [])):
        yield Receipt(
            kind=kind,
            event_id=f"{sender}:{name}:{kind}",
            provider_id=name,
            at=_instant(_stamp(member(receipt, "when"))),
        )


def _instant(stamp: str) -> datetime | None:
    return datetime.fromtimestamp(int(stamp) / 1000, UTC) if stamp else None


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(
        findings(settings.url, secrets, *(name for name in ("token", "callback") if name in secrets))
    )
    if problem := phone_problem(settings.number):
        found.append(Finding("error", f"number: {problem}", 'number: "+15005550006"'))
    if settings.url.endswith("/"):
        found.append(Finding("error", "url ends with a slash", "http://127.0.0.1:8080"))
    if "callback" not in secrets and settings.device != "primary":
        what = "Signal unlinks a linked device that receives nothing for 30 days, and only a worker receives"
        found.append(Finding("warning", what, "Keep a worker running. No linked device: set device: primary"))
    return tuple(found)


self_test = self_test_to(send, "number")
"""To the own number: Signal's note to self."""
