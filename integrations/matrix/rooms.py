"""Rooms on Matrix: private, end-to-end encrypted from their first event, found again under an alias that we choose.

The alias makes opening repeatable: a second attempt is answered ``M_ROOM_IN_USE``, and the room behind the alias is
ours when our own user made it. What is said inside we cannot read. A person is known by the room that our messages
reach them in: whoever is in there with us is invited, as long as that is one person alone.
"""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from integrations.http import Reply, Request, exchange, json_object, judge
from integrations.http.service import Timed, member, send_json, usable
from integrations.matrix.api import ROOM, USER, Settings, base, error_code, refused
from integrations.port import Accepted, Invitation, NewRoom, NotSent, Outcome, Rejected, Secrets, Unknown

_CIPHER = "m.megolm.v1.aes-sha2"
_TAKEN = "M_ROOM_IN_USE"
_INSIDE = frozenset({"join", "invite"})
_LOST = "the response of the homeserver is incomplete"


def open_room(room: NewRoom, settings: Settings, secrets: Secrets) -> Outcome:
    """Open a room, or find the one that an earlier attempt made."""
    try:
        token = usable(secrets, "token")
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    reply = send_json(
        room, f"{base(settings)}/createRoom", _content(room, settings), token=token, ca_file=settings.ca_file
    )
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == _TAKEN:
        return _found(room, settings, token)
    return refused(reply, room.at) or judge(reply, room.at) or _named(json_object(reply.body).get("room_id"))


def _content(room: NewRoom, settings: Settings) -> dict[str, object]:
    """Guests stay out, and with ``federated`` off every other server does."""
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
    return Accepted(given) if isinstance(given, str) and ROOM.fullmatch(given) else Unknown(_LOST, "answer")


def _found(room: NewRoom, settings: Settings, token: str) -> Outcome:
    """Return the room behind the alias if our user made it and it is encrypted."""
    alias = f"#{room.name}:{_server(settings)}"
    reply = ask(room, f"directory/room/{quote(alias, safe='')}", settings, token)
    outcome = (
        _named(json_object(reply.body).get("room_id"))
        if isinstance(reply, Reply)
        else Unknown(_LOST, "answer")
    )
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
    """Return a room's state events by their type; of those that have a key of their own, any one."""
    try:
        events = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return {member(event, "type"): event for event in events} if isinstance(events, list) else {}


def invite(invitation: Invitation, settings: Settings, secrets: Secrets) -> Outcome:
    """Invite whoever is in the room that our messages reach the person in."""
    try:
        token = usable(secrets, "token")
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    who = _whose(invitation, settings, token)
    if not isinstance(who, str):
        return who
    url = f"{base(settings)}/rooms/{quote(invitation.room, safe='')}/invite"
    reply = send_json(invitation, url, {"user_id": who}, token=token, ca_file=settings.ca_file)
    if not isinstance(reply, Reply):
        return reply
    if error_code(reply) == "M_FORBIDDEN" and _is_inside(invitation, who, settings, token):
        return Accepted()
    return refused(reply, invitation.at) or judge(reply, invitation.at) or Accepted()


def _whose(invitation: Invitation, settings: Settings, token: str) -> str | Outcome:
    """Return the id of the one person in a room besides us."""
    room = quote(invitation.recipient, safe="")
    reply = ask(invitation, f"rooms/{room}/joined_members", settings, token)
    if not isinstance(reply, Reply):
        return (
            reply
            if not isinstance(reply, Unknown)
            else NotSent("the homeserver did not say who the person is")
        )
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


def _is_inside(invitation: Invitation, who: str, settings: Settings, token: str) -> bool:
    path = f"rooms/{quote(invitation.room, safe='')}/state/m.room.member/{quote(who, safe='')}"
    reply = ask(invitation, path, settings, token)
    return isinstance(reply, Reply) and json_object(reply.body).get("membership") in _INSIDE


def ask(attempt: Timed, path: str, settings: Settings, token: str) -> Reply | NotSent | Rejected | Unknown:
    """Make one GET of the client-server API with our token."""
    return exchange(
        Request(
            method="GET",
            url=f"{base(settings)}/{path}",
            at=attempt.at,
            headers={"Authorization": f"Bearer {token}"},
            timeouts=attempt.timeouts,
            ca_file=settings.ca_file,
            max_answer=1_000_000,
        )
    )


def room_address(room: str, settings: Settings) -> str:
    """Return a link that every client opens; what stands behind the ``#`` stays in the reader's browser."""
    return f"https://matrix.to/#/{quote(room, safe='!:')}?{urlencode({'via': _server(settings)}, safe=':')}"


def _server(settings: Settings) -> str:
    return settings.user.partition(":")[2]
