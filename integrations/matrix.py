"""Matrix, by the client-server API: one event into a room, once for each transaction id.

The idempotency key is the transaction id: the same token and the same id are the same event, whatever the body, until the
server forgets. A new login is a new scope, so Tocsin never renews the token. Events are not encrypted
end to end, so encrypted rooms get none: the server would accept the clear text, and every member expects encryption. A reaction to the event says *seen*, a read receipt *read*; both are fetched with the token, or pushed
by the server if Tocsin is registered as an application service.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from integrations.http import Reply, json_object, judge, retry_after
from integrations.http.service import (
    Refusals,
    Timed,
    fetch,
    findings,
    held,
    listed,
    member,
    private,
    refusal,
    send_json,
    web_capabilities,
)
from integrations.port import (
    Accepted,
    Answer,
    Callback,
    CallbackReply,
    Capabilities,
    Finding,
    Invitation,
    NewRoom,
    NotSent,
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
    Unknown,
    named,
    plain_body,
    self_test_to,
)

ROOM = re.compile(r"![^\s/?#]{1,254}", re.ASCII)
USER = re.compile(r"@[^\s:/?#]{1,200}:[^\s/?#]{1,200}", re.ASCII)
_REFUSALS: Refusals = {
    "recipient": (
        "M_FORBIDDEN M_NOT_FOUND M_UNSUPPORTED_ROOM_VERSION",
        "our user cannot write to this room",
    ),
    "account": (
        "M_UNKNOWN_TOKEN M_MISSING_TOKEN M_USER_DEACTIVATED M_USER_SUSPENDED M_USER_LOCKED"
        " M_CONSENT_NOT_GIVEN M_UNRECOGNIZED M_RESOURCE_LIMIT_EXCEEDED",
        "the homeserver does not let our user write",
    ),
    "message": ("M_TOO_LARGE M_BAD_JSON M_NOT_JSON M_INVALID_PARAM", "the homeserver refused the event"),
}
"""The specification's codes, by subject; other codes are not repeated."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A homeserver and Tocsin's user. The secret ``token`` is its access token, or the application service's."""

    url: str
    """The homeserver's client address, as its ``.well-known`` says."""
    user: str
    """Tocsin's own id, ``@tocsin:example.org``: its own events are not answers."""
    federated: bool = True
    """Whether people of other servers are in the rooms: then their servers have a copy of every message."""
    appservice: bool = False
    """Whether the server pushes events; needs the secret ``hs_token``."""
    test_to: str = ""
    """The room of a self-test."""
    ca_file: str = ""


def base(settings: Settings) -> str:
    """Return the base address of the client-server API."""
    return f"{settings.url.rstrip('/')}/_matrix/client/v3"


def refused(reply: Reply, at: datetime) -> Rejected | Throttled | None:
    """Return the subject of the server's own error, which is more exact than the status."""
    error = error_code(reply)
    if error == "M_LIMIT_EXCEEDED":
        return Throttled(retry_after(reply, at), "the homeserver asks to retry later", "M_LIMIT_EXCEEDED")
    return refusal(error, _REFUSALS)


def error_code(reply: Reply) -> str:
    """Return the server's code of a refusal, for comparison only; else the empty string."""
    error = json_object(reply.body).get("errcode") if reply.complete and 400 <= reply.status < 500 else ""
    return error if isinstance(error, str) else ""


LONGEST = 14_000
"""Characters of text: a whole event must be smaller than 64 KiB."""
LARGEST = 60_000
REMEMBERS = timedelta(minutes=30)
"""Minimum time that a server remembers a transaction id; the specification names no time, Synapse keeps a day."""
_UNTOLD = "the homeserver did not say whether the room is encrypted"
_EVENT = re.compile(r"\$[A-Za-z0-9+/_:.=~-]{1,254}", re.ASCII)


def capabilities(settings: Settings) -> Capabilities:
    """Tocsin does not encrypt end to end: every server in the room reads the messages. A reaction shows only *seen*.

    A room that is opened for people is encrypted between them.
    """
    return web_capabilities(
        settings.url,
        up_to="internal" if settings.federated else "confidential",
        receipts=frozenset({"accepted", "read"}),
        ack="button",
        ack_strength="seen",
        idempotency="txn",
        key_lifetime=REMEMBERS,
        max_length=LONGEST,
        called_back=settings.appservice,
        secrets=frozenset({"token", "hs_token"} if settings.appservice else {"token"}),
        rooms="restricted" if private(settings.url) else None,
    )


def address_problem(address: str) -> str:
    """An address is a room's id: aliases can be moved, and a person's room must exist already."""
    return "" if ROOM.fullmatch(address) else "an address is the id of a room that our user has joined: !…"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one event with the idempotency key to an unencrypted room; only an event id means accepted."""
    token = held(secrets, "token")
    if len(outbound.text) > LONGEST or len(_text(outbound).encode("utf-8", "replace")) > LARGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters or {LARGEST} bytes")
    return _no_clear_text(outbound, settings, token) or put(outbound, settings, token)


def _text(outbound: Outbound) -> str:
    return f"{outbound.subject}\n\n{plain_body(outbound)}"


def _no_clear_text(outbound: Outbound, settings: Settings, token: str | Rejected) -> Outcome | None:
    """Return why a room gets no clear text: it is encrypted, or the server does not say whether it is.

    Checked before each event: a room can become encrypted at any time.
    """
    room = quote(outbound.recipient, safe="")
    reply = ask(outbound, f"rooms/{room}/state/m.room.encryption/", settings, token)
    match reply:
        case Reply(status=404) if error_code(reply) == "M_NOT_FOUND":
            return None
        case Reply(status=200):
            why = "the room is encrypted end to end, and this channel sends clear text"
            return Rejected("encrypted_room", why, about="recipient")
        case Reply():
            rejected = refused(reply, outbound.at) or judge(reply, outbound.at)
            return rejected if isinstance(rejected, Rejected | Throttled) else NotSent(_UNTOLD)
        case Unknown():
            return NotSent(_UNTOLD)
        case NotSent() | Rejected():
            return reply


def put(outbound: Outbound, settings: Settings, token: str | Rejected) -> Outcome:
    """Send one event to any room."""
    # Mention the room: without a mention many clients do not notify.
    content: dict[str, object] = {"msgtype": "m.text", "body": _text(outbound), "m.mentions": {"room": True}}
    room, key = quote(outbound.recipient, safe=""), quote(outbound.idempotency_key, safe="")
    url = f"{base(settings)}/rooms/{room}/send/m.room.message/{key}"
    reply = send_json(outbound, url, content, method="PUT", token=token, ca_file=settings.ca_file)
    if not isinstance(reply, Reply):
        return reply
    event = _event(json_object(reply.body).get("event_id"))
    settled = refused(reply, outbound.at) or judge(reply, outbound.at)
    return settled or named(event, "the homeserver answered without an event")


def _event(given: object) -> str:
    return given if isinstance(given, str) and _EVENT.fullmatch(given) else ""


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
    return tuple(_happened([*listed(said.get("events")), *listed(said.get("ephemeral"))], settings.user))


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
        for receipt in _happened(events, settings.user):
            took(receipt)
    return ""


def _happened(events: list[object], us: str) -> Iterator[Receipt | Answer]:
    for event in events:
        kind = member(event, "type")
        if kind == "m.reaction":
            yield from _reaction(event, us)
        elif kind == "m.receipt":
            yield from _receipts(member(event, "content"), us)


def _reaction(event: object, us: str) -> Iterator[Answer]:
    name, sender = _event(member(event, "event_id")), member(event, "sender")
    about, key = (member(event, "content", "m.relates_to", key_name) for key_name in ("event_id", "key"))
    if name and isinstance(sender, str) and USER.fullmatch(sender) and sender != us and _event(about):
        text = key[:32] if isinstance(key, str) else ""
        yield Answer(
            event_id=name,
            sender=sender,
            text=text,
            provider_id=_event(about),
            at=_instant(member(event, "origin_server_ts")),
        )


def _receipts(content: object, us: str) -> Iterator[Receipt]:
    """Yield evidence for each event that a receipt names, without the older events that it implies."""
    for about, kinds in content.items() if isinstance(content, dict) else ():
        readers = member(kinds, "m.read")
        for reader, details in readers.items() if isinstance(readers, dict) else ():
            if _event(about) and isinstance(reader, str) and USER.fullmatch(reader) and reader != us:
                yield Receipt(
                    kind="read",
                    event_id=f"{about} {reader}",
                    provider_id=about,
                    at=_instant(member(details, "ts")),
                )


def _instant(given: object) -> datetime | None:
    """Read milliseconds since 1970, if they are a valid instant."""
    if not isinstance(given, int) or isinstance(given, bool) or not 0 < given < 10**14:
        return None
    return datetime.fromtimestamp(given / 1000, UTC)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.url, secrets, *sorted(capabilities(settings).secrets)))
    if not USER.fullmatch(settings.user):
        found.append(Finding("error", "user is not an id", "@name:server"))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    return tuple(found)


self_test = self_test_to(send, "test_to")


_CIPHER = "m.megolm.v1.aes-sha2"
_TAKEN = "M_ROOM_IN_USE"
_INSIDE = frozenset({"join", "invite"})
_LOST = "the response of the homeserver is incomplete"


def open_room(room: NewRoom, settings: Settings, secrets: Secrets) -> Outcome:
    """Open a room, or find the room of an earlier attempt."""
    token = held(secrets, "token")
    reply = send_json(
        room, f"{base(settings)}/createRoom", _content(room, settings), token=token, ca_file=settings.ca_file
    )
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == _TAKEN:
        return _found(room, settings, token)
    return refused(reply, room.at) or judge(reply, room.at) or _named(json_object(reply.body).get("room_id"))


def _content(room: NewRoom, settings: Settings) -> dict[str, object]:
    """Guests are excluded, and without ``federated`` every other server as well."""
    states = {
        "m.room.encryption": {"algorithm": _CIPHER},
        "m.room.guest_access": {"guest_access": "forbidden"},
    }
    return {
        "preset": "private_chat",
        "visibility": "private",
        "room_alias_name": room.name,
        "name": room.title,
        "creation_content": {"m.federate": settings.federated},
        "initial_state": [
            {"type": kind, "state_key": "", "content": content} for kind, content in states.items()
        ],
    }


def _named(given: object) -> Outcome:
    return named(given if isinstance(given, str) and ROOM.fullmatch(given) else "", _LOST)


def _found(room: NewRoom, settings: Settings, token: str | Rejected) -> Outcome:
    """Return the room of the alias if Tocsin's user made it and it is encrypted."""
    alias = f"#{room.name}:{settings.user.partition(':')[2]}"
    reply = ask(room, f"directory/room/{quote(alias, safe='')}", settings, token)
    outcome = _named(json_object(reply.body).get("room_id") if isinstance(reply, Reply) else None)
    if not isinstance(outcome, Accepted):
        return outcome
    reply = ask(room, f"rooms/{quote(outcome.provider_id, safe='')}/state", settings, token)
    if not isinstance(reply, Reply) or not (reply.complete and reply.status in {200, 403}):
        return Unknown(_LOST, "answer")
    states = _states(reply)
    made_by_us = member(states.get("m.room.create"), "sender") == settings.user
    encrypted = member(states.get("m.room.encryption"), "content", "algorithm") == _CIPHER
    if made_by_us and encrypted:
        return outcome
    return Rejected(_TAKEN, "a different room with this name exists")


def _states(reply: Reply) -> dict[object, object]:
    """Return a room's state events by type; any one of several events with state keys."""
    try:
        events = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return {member(event, "type"): event for event in events} if isinstance(events, list) else {}


def invite(invitation: Invitation, settings: Settings, secrets: Secrets) -> Outcome:
    """Invite the person in the room that receives the person's messages."""
    token = held(secrets, "token")
    who = _whose(invitation, settings, token)
    if not isinstance(who, str):
        return who
    url = f"{base(settings)}/rooms/{quote(invitation.room, safe='')}/invite"
    reply = send_json(invitation, url, {"user_id": who}, token=token, ca_file=settings.ca_file)
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == "M_FORBIDDEN":
        room = f"rooms/{quote(invitation.room, safe='')}"
        member_of = ask(invitation, f"{room}/state/m.room.member/{quote(who, safe='')}", settings, token)
        if isinstance(member_of, Reply) and json_object(member_of.body).get("membership") in _INSIDE:
            return Accepted()
    return refused(reply, invitation.at) or judge(reply, invitation.at) or Accepted()


def _whose(invitation: Invitation, settings: Settings, token: str | Rejected) -> str | Outcome:
    """Return the id of the one other person in a room."""
    room = quote(invitation.recipient, safe="")
    reply = ask(invitation, f"rooms/{room}/joined_members", settings, token)
    if not isinstance(reply, Reply):
        unsaid = NotSent("the homeserver did not say who the person is")
        return unsaid if isinstance(reply, Unknown) else reply
    if outcome := refused(reply, invitation.at) or judge(reply, invitation.at):
        return outcome
    joined = json_object(reply.body).get("joined")
    others = [str(member) for member in joined if member != settings.user] if isinstance(joined, dict) else []
    if len(others) == 1 and USER.fullmatch(others[0]):
        return others[0]
    why = "several people are" if len(others) > 1 else "nobody is"
    return Rejected(
        "members", f"{why} in the room of this contact: the person to invite is unknown", about="recipient"
    )


def ask(
    attempt: Timed, path: str, settings: Settings, token: str | Rejected
) -> Reply | NotSent | Rejected | Unknown:
    """Make one GET of the client-server API with the token."""
    url = f"{base(settings)}/{path}"
    return fetch(
        url, attempt.at, attempt.timeouts, token=token, ca_file=settings.ca_file, max_answer=1_000_000
    )


def room_address(room: str, settings: Settings) -> str:
    """Return a link that every client opens; the part after the ``#`` is not sent to a server."""
    via = urlencode({"via": settings.user.partition(":")[2]}, safe=":")
    return f"https://matrix.to/#/{quote(room, safe='!:')}?{via}"
