"""A stand-in for a Matrix homeserver: rooms, transactions that it remembers by token, reactions and receipts.

Shaped after the client-server and the application-service API. As Synapse does, it answers a repeated transaction
with the first event, whatever the body.
"""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import unquote

from integrations.port import Callback
from integrations.testing.stand_in import Act, Heard, StandIn

TOKEN = "syt_made_up_access_token"  # noqa: S105  # a stand-in's
HS_TOKEN = "made-up-homeserver-token"  # noqa: S105  # a stand-in's
US = "@tocsin:breach.example"


class Matrix(StandIn):
    """Keeps the events of each room in ``rooms``; our user has joined those that are there."""

    retry_after = ""
    """The time stands in the body, as older servers have it."""

    def __init__(self, *acts: Act) -> None:
        """Start with one joined room."""
        super().__init__(*acts)
        self.rooms: dict[str, list[dict[str, object]]] = {"!maria:breach.example": []}
        self.ephemeral: dict[str, list[dict[str, object]]] = {}
        self._transactions: dict[tuple[str, str], str] = {}

    def take(self, heard: Heard) -> tuple[int, object]:  # type: ignore[explicit-override]
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
        _, _, _, _, _, room, _, _, key = (unquote(part) for part in heard.path.split("/"))
        if room not in self.rooms:
            return 403, {"errcode": "M_FORBIDDEN", "error": f"User {US} not in room {room}"}
        done = self._transactions.get((token, key))
        if done is None:
            done = self.happens(room, US, "m.room.message", heard.json)
            self._transactions[token, key] = done
        return 200, {"event_id": done}

    def throttled(self) -> object:  # type: ignore[explicit-override]
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
        events = [one for room in self.rooms.values() for one in room]
        body = {"events": events, "ephemeral": [one for room in self.ephemeral.values() for one in room]}
        headers = {"authorization": f"Bearer {token}"}
        path = "/_matrix/app/v1/transactions/1"
        return Callback(method="PUT", path=path, headers=headers, body=json.dumps(body).encode(), at=at)

    def _joined(self) -> dict[str, object]:
        return {
            room: {
                "timeline": {"events": [one for one in events if one["type"] == "m.reaction"]},
                "ephemeral": {"events": self.ephemeral.get(room, [])},
            }
            for room, events in self.rooms.items()
        }
