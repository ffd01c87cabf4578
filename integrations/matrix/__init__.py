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
from integrations.matrix.server import (
    KEY,
    ROOM,
    USER,
    StoppedError,
    base,
    call,
    cipher_of,
    needed,
    refused,
    split,
)
from integrations.matrix.server import Settings as Settings
from integrations.port import (
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
    named,
    plain_body,
    self_test_to,
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
    needed_secrets = {
        "token",
        *(["hs_token"] if settings.appservice else []),
        *(["device"] if settings.encrypted else []),
    }
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
        called_back=settings.appservice,
        secrets=frozenset(needed_secrets),
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
    token = held(secrets, "token")
    if len(outbound.text) > LONGEST or len(_text(outbound).encode("utf-8", "replace")) > LARGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters or {LARGEST} bytes")
    if settings.encrypted:
        sealed = outbound.sealed or seal(outbound, settings, secrets)
        return _put_sealed(outbound, outbound.idempotency_key, sealed, settings, token)
    return _no_clear_text(outbound, settings, token) or put(outbound, settings, token)


def seal(outbound: Outbound, settings: Settings, secrets: Secrets) -> bytes | Outcome:
    """Encrypt one message for the devices that the master key in the address vouches for."""
    return encryption.sealed(_in_steps(outbound), _content(outbound), settings, secrets)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Edit the event, without a notification; nothing is written without a text."""
    token, event = held(secrets, "token"), event_id(provider_id)
    if not event or not outbound.text:
        return Rejected("blocked", "the message cannot be edited: its event or its new text is unknown")
    new = {"msgtype": "m.text", "body": _text(outbound), "m.mentions": {}}
    replaced = {"rel_type": "m.replace", "event_id": event}
    content: dict[str, object] = {
        "msgtype": "m.text",
        "body": "* edited",
        "m.mentions": {},
        "m.new_content": new,
        "m.relates_to": replaced,
    }
    key = f"{outbound.idempotency_key}-recall"
    if settings.encrypted:
        sealed = encryption.sealed(_in_steps(outbound), content, settings, secrets)
        return _put_sealed(outbound, key, sealed, settings, token)
    barred = _no_clear_text(outbound, settings, token)
    return barred or _put(outbound, ("m.room.message", key), content, settings, token)


def _in_steps(outbound: Outbound) -> Outbound:
    """Return the attempt with its time divided among the six requests of an encrypted message."""
    limits = msgspec.structs.replace(outbound.timeouts, total=outbound.timeouts.total / 6)
    return msgspec.structs.replace(outbound, timeouts=limits)


def _put_sealed(
    outbound: Outbound, key: str, sealed: bytes | Outcome, settings: Settings, token: str | Rejected
) -> Outcome:
    """Give each device its key, then send the event: before the event nothing of the message is in the room."""
    if not isinstance(sealed, bytes):
        return sealed
    room, event, keys, session = encryption.opened(sealed)
    outbound = _in_steps(outbound)
    path = f"sendToDevice/m.room.encrypted/{quote(session, safe='')}"
    try:
        needed(call(outbound, path, keys, settings, token, "PUT"), outbound)
    except StoppedError as stopped:
        return stopped.outcome
    return _put(
        msgspec.structs.replace(outbound, recipient=room), ("m.room.encrypted", key), event, settings, token
    )


def _text(outbound: Outbound) -> str:
    return f"{outbound.subject}\n\n{plain_body(outbound)}"


def _no_clear_text(outbound: Outbound, settings: Settings, token: str | Rejected) -> Outcome | None:
    """Return why a room gets no clear text: it is encrypted, or the server does not say whether it is."""
    try:
        if not cipher_of(outbound, split(outbound.recipient)[0], settings, token):
            return None
    except StoppedError as stopped:
        return stopped.outcome
    why = "the room is encrypted end to end, and this channel sends clear text"
    return Rejected("encrypted_room", why, about="recipient")


def put(outbound: Outbound, settings: Settings, token: str | Rejected) -> Outcome:
    """Send one event in clear to any room."""
    kind = ("m.room.message", outbound.idempotency_key)
    return _put(outbound, kind, _content(outbound), settings, token)


def _content(outbound: Outbound) -> dict[str, object]:
    # Mention the room: without a mention many clients do not notify.
    return {"msgtype": "m.text", "body": _text(outbound), "m.mentions": {"room": True}}


def _put(
    outbound: Outbound,
    kind: tuple[str, str],
    content: dict[str, object],
    settings: Settings,
    token: str | Rejected,
) -> Outcome:
    """Send one event; ``kind`` is its type and its transaction."""
    room, (event, key) = quote(split(outbound.recipient)[0], safe=""), kind
    path = f"rooms/{room}/send/{event}/{quote(key, safe='')}"
    reply = call(outbound, path, content, settings, token, "PUT")
    if not isinstance(reply, Reply):
        return reply
    name = event_id(json_object(reply.body).get("event_id"))
    settled = refused(reply, outbound.at) or judge(reply, outbound.at)
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
