"""Matrix, by the client-server API: one event into a room, once for each transaction id.

The idempotency key is the transaction id: the same token and the same id are the same event, whatever the body, until the
server forgets. A new login is a new scope, so Tocsin never renews the token. Without ``encrypted`` the events are in clear,
so encrypted rooms get none: the server would accept the clear text, and every member expects encryption. With it every event is
encrypted for the person alone. A reaction to the event says *seen*, a read receipt *read*; both are in clear in any room, and
fetched with the token, or pushed by the server if Tocsin is registered as an application service.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from integrations.http import Reply, json_object, judge
from integrations.http.service import (
    fetch,
    findings,
    held,
    listed,
    member,
    private,
    web_capabilities,
)
from integrations.matrix import encryption
from integrations.matrix.device import held_device
from integrations.matrix.device import new_device as new_device
from integrations.matrix.device import pin as pin
from integrations.matrix.device import publish_device as publish_device
from integrations.matrix.inbound import event_id, happened
from integrations.matrix.rooms import invite as invite
from integrations.matrix.rooms import open_room as open_room
from integrations.matrix.rooms import room_address as room_address
from integrations.matrix.server import KEY, ROOM, USER, Homeserver, StoppedError, base, refused, split
from integrations.matrix.server import Settings as Settings
from integrations.port import (
    PHONES,
    Callback,
    CallbackReply,
    Capabilities,
    Confidentiality,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Rejected,
    Secrets,
    Timeouts,
    Took,
    Unauthentic,
    machine_of,
    named,
    plain_body,
    self_test_to,
    unwritable,
)

LONGEST = 14_000
"""Characters of text: a whole event must be smaller than 64 KiB."""
LONGEST_ENCRYPTED = 10_000
"""Characters of text when encrypted: base64 makes the event a third larger."""
LARGEST = 60_000
REMEMBERS = timedelta(minutes=30)
"""Minimum time that a server remembers a transaction id; the specification names no time, Synapse keeps a day."""


def capabilities(settings: Settings) -> Capabilities:
    """Without ``encrypted`` every server in the room reads the messages. A reaction shows only *seen*.

    A room that is opened for people is encrypted between them. The rate is the default of Synapse (``rc_message``).
    """
    asked_for = {"token": True, "hs_token": settings.appservice, "device": settings.encrypted}
    clear: Confidentiality = "internal" if settings.federated else "confidential"
    return web_capabilities(
        settings.url,
        up_to="restricted" if settings.encrypted else clear,
        personal_data="personal" if settings.encrypted else "contact",
        receipts=frozenset({"accepted", "read"}),
        ack="button",
        ack_strength="seen",
        e2ee=settings.encrypted,
        idempotency="txn",
        key_lifetime=REMEMBERS,
        max_length=LONGEST_ENCRYPTED if settings.encrypted else LONGEST,
        rates=("12/min burst 10",),
        push=PHONES | machine_of("matrix.org"),  # the push gateway of the usual apps
        called_back=settings.appservice,
        secrets=frozenset(name for name, asked in asked_for.items() if asked),
        rooms="restricted" if private(settings.url) else None,
    )


def address_problem(address: str) -> str:
    """An address is a room's id: aliases can be moved, and a person's room must exist already. A master key may follow."""
    room, mark, key = address.partition("#")
    if not ROOM.fullmatch(room):
        return "an address is the id of a room that our user has joined: !…"
    return "the part after # is not a master key" if mark and not KEY.fullmatch(key) else ""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one event with the idempotency key, in clear only to an unencrypted room; only an event id means accepted."""
    if len(outbound.text) > LONGEST or len(_text(outbound).encode("utf-8", "replace")) > LARGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters or {LARGEST} bytes")
    return _send(outbound, outbound.idempotency_key, _content(outbound), settings, secrets)


def seal(outbound: Outbound, settings: Settings, secrets: Secrets) -> bytes | Outcome:
    """Encrypt one message for the devices that the master key in the address vouches for."""
    return encryption.sealed(_in_steps(outbound), _content(outbound), settings, secrets)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Edit the event, without a notification; nothing is written without a text."""
    event = event_id(provider_id)
    if barred := unwritable(outbound, event):
        return barred
    new = {"msgtype": "m.text", "body": _text(outbound), "m.mentions": {}}
    replaced = {"rel_type": "m.replace", "event_id": event}
    content = {**new, "body": "* edited", "m.new_content": new, "m.relates_to": replaced}
    fresh = msgspec.structs.replace(outbound, sealed=b"")
    return _send(fresh, f"{outbound.idempotency_key}-recall", content, settings, secrets)


def _send(
    outbound: Outbound, key: str, content: Mapping[str, object], settings: Settings, secrets: Secrets
) -> Outcome:
    """Send an event in the transaction ``key``, encrypted if the channel encrypts, else only to an unencrypted room."""
    token = held(secrets, "token")
    if settings.encrypted:
        steps = _in_steps(outbound)
        sealed = outbound.sealed or encryption.sealed(steps, content, settings, secrets)
        return _put_sealed(Homeserver(steps, settings, token), key, sealed)
    server, room = Homeserver(outbound, settings, token), split(outbound.recipient)[0]
    try:
        if server.cipher(room):
            why = "the room is encrypted end to end, and this channel sends clear text"
            return Rejected("encrypted_room", why, about="recipient")
    except StoppedError as stopped:
        return stopped.outcome
    return _put(server, room, ("m.room.message", key), content)


def _in_steps(outbound: Outbound) -> Outbound:
    """Return the attempt with its time divided among the six requests of an encrypted message."""
    limits = msgspec.structs.replace(outbound.timeouts, total=outbound.timeouts.total / 6)
    return msgspec.structs.replace(outbound, timeouts=limits)


def _put_sealed(server: Homeserver, key: str, sealed: bytes | Outcome) -> Outcome:
    """Give each device its key, then send the event: before the event nothing of the message is in the room."""
    if not isinstance(sealed, bytes):
        return sealed
    room, event, keys, session = encryption.opened(sealed)
    try:
        server.content(server.send(f"sendToDevice/m.room.encrypted/{quote(session, safe='')}", keys, "PUT"))
    except StoppedError as stopped:
        return stopped.outcome
    return _put(server, room, ("m.room.encrypted", key), event)


def _text(outbound: Outbound) -> str:
    return f"{outbound.subject}\n\n{plain_body(outbound)}"


def put(outbound: Outbound, settings: Settings, token: str | Rejected) -> Outcome:
    """Send one event in clear to any room."""
    server, kind = Homeserver(outbound, settings, token), ("m.room.message", outbound.idempotency_key)
    return _put(server, split(outbound.recipient)[0], kind, _content(outbound))


def _content(outbound: Outbound) -> dict[str, object]:
    # Mention the room: without a mention many clients do not notify.
    return {"msgtype": "m.text", "body": _text(outbound), "m.mentions": {"room": True}}


def _put(server: Homeserver, room: str, kind: tuple[str, str], content: Mapping[str, object]) -> Outcome:
    """Send one event; ``kind`` is its type and its transaction."""
    event, key = kind
    path = f"rooms/{quote(room, safe='')}/send/{event}/{quote(key, safe='')}"
    reply = server.send(path, content, "PUT")
    if not isinstance(reply, Reply):
        return reply
    name = event_id(json_object(reply.body).get("event_id"))
    settled = refused(reply, server.attempt.at) or judge(reply, server.attempt.at)
    return settled or named(name, "the homeserver answered without an event")


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check the server's token and return the reactions and read receipts of a pushed transaction."""
    token = held(secrets, "hs_token")
    if isinstance(token, Rejected):
        return Unauthentic(reason="no usable hs_token")
    if not hmac.compare_digest(
        f"Bearer {token}".encode(), callback.headers.get("authorization", "").encode("utf-8", "replace")
    ):
        return Unauthentic(reason="the token of the homeserver is not valid")
    said = json_object(callback.body)
    return tuple(happened([*listed(said.get("events")), *listed(said.get("ephemeral"))], settings.user))


def reply(callback: Callback, settings: Settings, secrets: Secrets) -> CallbackReply:
    """Answer a transaction with an empty object: without one the homeserver repeats it."""
    return CallbackReply(content_type="application/json", body=b"{}")


_FILTER = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {
            "state": {"types": []},
            "account_data": {"types": []},
            "timeline": {"types": ["m.reaction"], "limit": 100},
            "ephemeral": {"types": ["m.receipt"]},
        },
    },
    separators=(",", ":"),
)


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Fetch the newest reactions and receipts of every room; there is nothing to confirm, and repetitions are harmless."""
    token = held(secrets, "token")
    if isinstance(token, Rejected):
        return token.reason
    url = f"{base(settings)}/sync?{urlencode({'timeout': 0, 'filter': _FILTER})}"
    reply = fetch(url, at, timeouts, token=token, ca_file=settings.ca_file, max_answer=4_000_000)
    if not isinstance(reply, Reply) or reply.status != 200 or not reply.complete:
        return "the homeserver did not answer in full"
    rooms = member(json_object(reply.body), "rooms", "join")
    for room in rooms.values() if isinstance(rooms, dict) else ():
        events = [*listed(member(room, "timeline", "events")), *listed(member(room, "ephemeral", "events"))]
        for receipt in happened(events, settings.user):
            took(receipt)
    return ""


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.url, secrets, *sorted(capabilities(settings).secrets)))
    if not USER.fullmatch(settings.user):
        found.append(Finding("error", "user is not an id", "@name:server"))
    if settings.encrypted and "device" in secrets:
        device = held_device(secrets, settings)
        if isinstance(device, Rejected):
            found.append(Finding("error", device.reason))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    return tuple(found)


self_test = self_test_to(send, "test_to")
