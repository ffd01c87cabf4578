"""War rooms on Matrix: encrypted between their members, private, found again by their alias."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from integrations.http import Reply, json_object, judge
from integrations.http.service import held, member
from integrations.matrix.server import CIPHER, ROOM, Homeserver, Settings, StoppedError, error_code, refused
from integrations.port import Accepted, Invitation, NewRoom, Outcome, Rejected, Secrets, Unknown, named

_TAKEN = "M_ROOM_IN_USE"
_INSIDE = frozenset({"join", "invite"})
_LOST = "the response of the homeserver is incomplete"


def open_room(room: NewRoom, settings: Settings, secrets: Secrets) -> Outcome:
    """Open a room, or find the room of an earlier attempt."""
    server = Homeserver(room, settings, held(secrets, "token"))
    reply = server.send("createRoom", _content(room, settings))
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == _TAKEN:
        return _found(room, server)
    return refused(reply, room.at) or judge(reply, room.at) or _named(json_object(reply.body).get("room_id"))


def _content(room: NewRoom, settings: Settings) -> dict[str, object]:
    """Guests are excluded, and without ``federated`` every other server as well."""
    states = {
        "m.room.encryption": {"algorithm": CIPHER},
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


def _found(room: NewRoom, server: Homeserver) -> Outcome:
    """Return the room of the alias if Tocsin's user made it and it is encrypted."""
    us = server.settings.user
    alias = f"#{room.name}:{us.partition(':')[2]}"
    reply = server.get(f"directory/room/{quote(alias, safe='')}")
    outcome = _named(json_object(reply.body).get("room_id") if isinstance(reply, Reply) else None)
    if not isinstance(outcome, Accepted):
        return outcome
    reply = server.get(f"rooms/{quote(outcome.provider_id, safe='')}/state")
    if not isinstance(reply, Reply) or not (reply.complete and reply.status in {200, 403}):
        return Unknown(_LOST, "answer")
    states = _states(reply)
    made_by_us = member(states.get("m.room.create"), "sender") == us
    encrypted = member(states.get("m.room.encryption"), "content", "algorithm") == CIPHER
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
    server = Homeserver(invitation, settings, held(secrets, "token"))
    room = f"rooms/{quote(invitation.room, safe='')}"
    try:
        who = server.only_other(invitation.recipient)
    except StoppedError as stopped:
        return stopped.outcome
    reply = server.send(f"{room}/invite", {"user_id": who})
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == "M_FORBIDDEN":
        member_of = server.get(f"{room}/state/m.room.member/{quote(who, safe='')}")
        if isinstance(member_of, Reply) and json_object(member_of.body).get("membership") in _INSIDE:
            return Accepted()
    return refused(reply, invitation.at) or judge(reply, invitation.at) or Accepted()


def room_address(room: str, settings: Settings) -> str:
    """Return a link that every client opens; the part after the ``#`` is not sent to a server."""
    via = urlencode({"via": settings.user.partition(":")[2]}, safe=":")
    return f"https://matrix.to/#/{quote(room, safe='!:')}?{via}"
