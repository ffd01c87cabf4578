"""A stand-in for a Matrix homeserver: rooms, transactions that it remembers by token, reactions and receipts.

Shaped after the client-server and the application-service API. As Synapse does, it answers a repeated transaction
with the first event, whatever the body.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

TOKEN = "syt_made_up_access_token"  # a stand-in's
HS_TOKEN = "made-up-homeserver-token"  # a stand-in's
SERVER = "breach.example"
US = f"@tocsin:{SERVER}"
MARIA = f"@maria:{SERVER}"
FORBIDDEN = {"errcode": "M_FORBIDDEN", "error": f"User {US} not in room"}


class Matrix(StandIn):
    """Keeps the events of each room in ``rooms``; our user has joined those that are there."""

    retry_after = ""
    """The time stands in the body, as older servers have it."""

    def __init__(self, *acts: Act) -> None:
        """Start with one joined room."""
        super().__init__(*acts)
        self.rooms: dict[str, list[dict[str, object]]] = {"!maria:breach.example": []}
        self.ephemeral: dict[str, list[dict[str, object]]] = {}
        self.opened: dict[str, dict[str, Any]] = {}
        """What was asked for when a room was made, by its id."""
        self.members: dict[str, dict[str, str]] = {"!maria:breach.example": {US: "join", MARIA: "join"}}
        """Who is in a room, or invited."""
        self.encrypted: set[str] = set()
        """Rooms whose members expect ciphers."""
        self._transactions: dict[tuple[str, str], str] = {}

    def take(self, heard: Heard) -> tuple[int, object]:
        """Put an event, or tell what is new."""
        token = heard.headers.get("authorization", "")
        if token != f"Bearer {TOKEN}":
            return 401, {
                "errcode": "M_UNKNOWN_TOKEN",
                "error": "Unrecognised access token",
                "soft_logout": False,
            }
        if heard.path == "/_matrix/client/v3/sync":
            return 200, {"next_batch": "s1", "rooms": {"join": self._joined()}}
        if (said := self._about_rooms(heard)) is not None:
            return said
        _, _, _, _, _, room, _, _, key = (unquote(part) for part in heard.path.split("/"))
        if room not in self.rooms:
            return 403, {"errcode": "M_FORBIDDEN", "error": f"User {US} not in room {room}"}
        done = self._transactions.get((token, key))
        if done is None:
            done = self.happens(room, US, "m.room.message", heard.json)
            self._transactions[token, key] = done
        return 200, {"event_id": done}

    def _about_rooms(self, heard: Heard) -> tuple[int, object] | None:
        """Answer what makes rooms and looks into them; None for all else."""
        match [unquote(part) for part in heard.path.split("/")][4:]:
            case ["createRoom"]:
                return self._create(heard.json)
            case ["directory", "room", alias]:
                found = [name for name, asked in self.opened.items() if self._alias(asked) == alias]
                missing = {"errcode": "M_NOT_FOUND", "error": f"Room alias {alias} not found"}
                return (200, {"room_id": found[0], "servers": [SERVER]}) if found else (404, missing)
            case ["rooms", room, "state"]:
                inside = self.members.get(room, {}).get(US) == "join"
                return (200, self._states(room)) if inside else (403, FORBIDDEN)
            case ["rooms", room, "state", "m.room.encryption", ""] if room in self.rooms:
                missing = {"errcode": "M_NOT_FOUND", "error": "Event not found."}
                return (
                    (200, {"algorithm": "m.megolm.v1.aes-sha2"}) if room in self.encrypted else (404, missing)
                )
            case ["rooms", room, "state", "m.room.member", who]:
                return 200, {"membership": self.members.get(room, {}).get(who, "leave")}
            case ["rooms", room, "joined_members"]:
                if self.members.get(room, {}).get(US) != "join":
                    return 403, FORBIDDEN
                joined: dict[str, object] = {
                    who: {} for who, state in self.members[room].items() if state == "join"
                }
                return 200, {"joined": joined}
            case ["rooms", room, "invite"]:
                who = str(heard.json["user_id"])
                if self.members.get(room, {}).get(who) == "join" or room not in self.members:
                    return 403, {**FORBIDDEN, "error": f"{who} is already in the room."}
                self.members[room][who] = "invite"
                return 200, {}
            case _:
                return None

    def _create(self, asked: dict[str, Any]) -> tuple[int, object]:
        if any(self._alias(room) == self._alias(asked) for room in self.opened.values()):
            return 400, {"errcode": "M_ROOM_IN_USE", "error": "Room alias already taken"}
        room = f"!opened{len(self.opened)}:{SERVER}"
        self.opened[room] = asked
        self.members[room] = {US: "join"}
        return 200, {"room_id": room, "room_alias": self._alias(asked)}

    def _alias(self, asked: dict[str, Any]) -> str:
        return f"#{asked['room_alias_name']}:{SERVER}"

    def _states(self, room: str) -> list[dict[str, object]]:
        asked = self.opened.get(room, {})
        made = {"type": "m.room.create", "sender": asked.get("made_by", US), "state_key": "", "content": {}}
        return [made, *({"sender": US, **event} for event in asked.get("initial_state", ()))]

    def throttled(self) -> object:
        """Return the words for too many requests."""
        return {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 4555}

    def happens(self, room: str, sender: str, kind: str, content: dict[str, object]) -> str:
        """Add an event and return its id."""
        name = f"$event{sum(map(len, self.rooms.values()))}"
        about = {"type": kind, "event_id": name, "sender": sender, "origin_server_ts": 1_764_000_000_000}
        self.rooms[room].append({**about, "content": content})
        return name

    def reacts(self, room: str, sender: str, event: str, key: str = "✅") -> str:
        """Add a reaction to an event and return its id."""
        relation = {"rel_type": "m.annotation", "event_id": event, "key": key}
        return self.happens(room, sender, "m.reaction", {"m.relates_to": relation})

    def reads(self, room: str, reader: str, event: str) -> None:
        """Note that somebody has read as far as an event."""
        content = {event: {"m.read": {reader: {"ts": 1_764_000_060_000}}}}
        self.ephemeral.setdefault(room, []).append({"type": "m.receipt", "content": content})

    def pushed(self, at: datetime, *, token: str = HS_TOKEN) -> Callback:
        """Return all of it as a transaction of the application-service API."""
        events = [event for room in self.rooms.values() for event in room]
        body = {"events": events, "ephemeral": [event for room in self.ephemeral.values() for event in room]}
        headers = {"authorization": f"Bearer {token}"}
        path = "/_matrix/app/v1/transactions/1"
        return Callback(method="PUT", path=path, headers=headers, body=json.dumps(body).encode(), at=at)

    def _joined(self) -> dict[str, object]:
        return {
            room: {
                "timeline": {"events": [event for event in events if event["type"] == "m.reaction"]},
                "ephemeral": {"events": self.ephemeral.get(room, [])},
            }
            for room, events in self.rooms.items()
        }
