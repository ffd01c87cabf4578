"""Slack, by its Web API: ``chat.postMessage`` with a bot's token, and the button under the message.

Slack answers 200 even when it refuses, so ``ok`` decides; two of its errors say that a part may have been
done, and those are *unknown*. It honours no key: the message carries ours as metadata, which can be looked
for. The fallback text, which pushes show, is the subject alone. Links are not unfurled: nobody fetches them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs

import msgspec

from integrations.http import json_object
from integrations.http.service import (
    answered,
    findings,
    host_of,
    identifier,
    member,
    private,
    send_json,
    service_of,
    usable,
)
from integrations.port import (
    Accepted,
    Answer,
    Callback,
    CannotTell,
    Capabilities,
    Finding,
    Found,
    Outbound,
    Outcome,
    Parsed,
    Reconciled,
    Rejected,
    Secrets,
    Unauthentic,
    Unknown,
    machine_of,
    plain_body,
)
from integrations.slack.api import ID, ask, method, refusal
from integrations.slack.api import Settings as Settings
from integrations.slack.rooms import invite as invite
from integrations.slack.rooms import open_room as open_room
from integrations.slack.rooms import room_address as room_address

WINDOW = timedelta(minutes=5)
"""How old a callback's timestamp may be, either way, as Slack asks."""
LONGEST = 8_000
"""Characters of text: Slack takes 50 blocks of 3,000, and refuses a message whose blocks are too long in sum."""
PIECE = 3_000
EVENT = "tocsin_message"
ACTION = "tocsin_seen"

_STAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}", re.ASCII)


def capabilities(settings: Settings) -> Capabilities:
    """One provider over TLS. Whoever holds a reader's session presses the button: it shows *seen*, no more."""
    secure = private(settings.api)
    return Capabilities(
        address_kind="handle",
        domains=frozenset({"slack", service_of(settings.api)}),
        hosts=machine_of(host_of(settings.api)),
        confidentiality="confidential" if secure else "public",
        personal_data="contact" if secure else "none",
        called_back=bool(settings.button),
        ack="button" if settings.button else "none",
        ack_strength="seen" if settings.button else "none",
        reconcile="query",
        max_length=LONGEST,
        secrets=frozenset({"token", "signing"} if settings.button else {"token"}),
        optional_secrets=frozenset() if settings.button else frozenset({"signing"}),
        rooms="confidential" if secure else None,
    )


def address_problem(address: str) -> str:
    """An address is an id, never a name: names can be taken over."""
    if ID.fullmatch(address) and address[0] in "CDGUW":
        return ""
    return "a Slack address is the id of a channel or a person: C…, G…, D…, U… or W…"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post one message; only ``ok`` with a timestamp is Slack's yes."""
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    try:
        token = usable(secrets, "token")
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    url = method(settings, "chat.postMessage")
    reply = send_json(outbound, url, _content(outbound, settings), token=token, ca_file=settings.ca_file)
    return answered(reply, outbound, lambda said: _read(said, reply, outbound))


def _content(outbound: Outbound, settings: Settings) -> dict[str, object]:
    whole = f"{outbound.subject}\n\n{plain_body(outbound)}"
    blocks: list[object] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece}} for piece in _pieces(whole)
    ]
    if settings.button:
        label = {"type": "plain_text", "text": settings.button[:75]}
        button = {"type": "button", "action_id": ACTION, "text": label, "value": outbound.idempotency_key}
        blocks.append({"type": "actions", "elements": [button]})
    return {
        "channel": outbound.recipient,
        "text": _escaped(outbound.subject),
        "blocks": blocks,
        "metadata": {"event_type": EVENT, "event_payload": {"key": outbound.idempotency_key}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _escaped(text: str) -> str:
    """Take the three characters with which Slack writes mentions and links out of play."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _pieces(text: str) -> Iterator[str]:
    """Yield the escaped text in sections, cut between lines; within one only when it is very long."""
    piece = ""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), PIECE // 5):
            part = _escaped(line[start : start + PIECE // 5])
            if piece.strip() and len(piece) + len(part) > PIECE:
                yield piece
                piece = ""
            piece += part
    if piece.strip():
        yield piece


def _read(said: dict[str, object], reply: object, outbound: Outbound) -> Outcome:
    if said.get("ok") is True:
        stamp = _stamp(said.get("ts"))
        return Accepted(stamp) if stamp else Unknown("Slack answered ok without a message", "answer")
    return refusal(said, reply, outbound.at)


def _stamp(given: object) -> str:
    """Return a message's timestamp, which names it in its conversation; the conversation itself is an address."""
    return given if isinstance(given, str) and _STAMP.fullmatch(given) else ""


def reconcile(outbound: Outbound, settings: Settings, secrets: Secrets) -> Reconciled:
    """Look for our key among the last messages of a channel. Not finding it proves nothing: scopes, other pages."""
    try:
        token = usable(secrets, "token")
    except ValueError:
        return CannotTell("the token is not usable")
    if outbound.recipient[:1] not in {"C", "D", "G"}:
        return CannotTell("the history of a conversation needs its own id, not the id of a person")
    query = {"channel": outbound.recipient, "include_all_metadata": "true", "limit": "50"}
    messages = ask(outbound, settings, "conversations.history", query, token).get("messages")
    for message in messages if isinstance(messages, list) else []:
        if member(message, "metadata", "event_payload", "key") == outbound.idempotency_key:
            return Found(_stamp(member(message, "ts")))
    return CannotTell("the history of Slack does not contain the message")


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check Slack's signature ``v0`` over the raw bytes; a press of our button is an answer, all else is nothing."""
    try:
        key = usable(secrets, "signing")
        timestamp = int(callback.headers.get("x-slack-request-timestamp", ""))
    except ValueError:
        return Unauthentic(reason="no usable timestamp or key")
    if abs(int(callback.at.timestamp()) - timestamp) > WINDOW.total_seconds():
        return Unauthentic(reason="the timestamp is outside the window")
    wanted = signature(key, timestamp, callback.body).encode()
    if not hmac.compare_digest(
        wanted, callback.headers.get("x-slack-signature", "").encode("utf-8", "replace")
    ):
        return Unauthentic(reason="the signature is not valid")
    return _presses(callback.body, settings.team)


def signature(key: str, timestamp: int, body: bytes) -> str:
    """Return ``v0=`` and the hexadecimal HMAC-SHA-256 over ``v0:timestamp:body``."""
    return "v0=" + hmac.new(key.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def _presses(body: bytes, team: str) -> tuple[Answer, ...]:
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=10)
    except ValueError:
        return ()
    said = json_object(form.get("payload", [""])[0].encode())
    sender = identifier(member(said, "user", "id"))
    actions = said.get("actions")
    if said.get("type") != "block_actions" or not sender or not isinstance(actions, list):
        return ()
    if team and member(said, "team", "id") != team:
        return ()
    digest = hashlib.sha256(body).hexdigest()[:32]
    keys = [
        identifier(member(action, "value")) for action in actions if member(action, "action_id") == ACTION
    ]
    # Only in a conversation of two, whose id begins with D, is whoever presses the one who was written to.
    shared = not identifier(member(said, "channel", "id")).startswith("D")
    return tuple(
        Answer(event_id=f"{digest}-{n}", sender=sender, text="seen", idempotency_key=key, shared=shared)
        for n, key in enumerate(keys)
        if key
    )


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find what would fail or leak, without connecting."""
    found = list(findings(settings.api, secrets, *sorted(capabilities(settings).secrets)))
    if "token" in secrets and not secrets["token"].reveal().startswith("xoxb-"):
        what = "the token is not a bot token: it can act for a person"
        found.append(Finding(severity="warning", what=what, hint="Use the Bot User OAuth Token, xoxb-…"))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding(severity="error", what=f"test_to: {problem}"))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post to the channel that ``test_to`` names."""
    if not settings.test_to:
        return Rejected("settings", "test_to names no channel to test with", about="account")
    return send(msgspec.structs.replace(outbound, recipient=settings.test_to), settings, secrets)
