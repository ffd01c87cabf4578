"""A stand-in for Slack: conversations with messages, its errors with status 200, presses that it signs itself.

Shaped after the published descriptions of ``chat.postMessage``, ``chat.update``, ``conversations.open``,
``conversations.history``, ``conversations.create``,
``conversations.invite``, ``conversations.setTopic``, ``users.conversations`` and block actions. The signature is made here from its description, not by the adapter's own function, so that the two check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

TOKEN = "xoxb-made-up-bot-token"  # a stand-in's
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T0MADEUP1"
APP = "U0TOCSIN"
"""The user that our app is."""
LATER = {"ok": False, "error": "ratelimited"}
NEEDED: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("channel",),
    "chat.update": ("channel", "ts"),
    "conversations.open": ("users",),
    "conversations.create": ("name",),
    "conversations.history": ("channel",),
    "conversations.invite": ("channel", "users"),
    "conversations.setTopic": ("channel", "topic"),
    "users.conversations": (),
}
"""The methods that it has, each with the arguments that it cannot do without."""
READING = frozenset({"conversations.history", "users.conversations"})
"""Methods that take arguments in the query or as a form alone: a JSON body says nothing to them."""
TRUE = frozenset({True, "1", "true"})


class Slack(StandIn):
    """Keeps what it posted in ``messages``, oldest first. ``refuse`` holds the error for a channel."""

    retry_after = "30"

    def __init__(self, *acts: Act) -> None:
        """Start with a channel, an archived one, and a person."""
        super().__init__(*acts)
        self.messages: list[dict[str, Any]] = []
        self.refuse = {"C0ARCHIVED": "is_archived", "C0BROKEN": "internal_error", "C0BUSY": "ratelimited"}
        self.known = {"C0INCIDENT", "U0MARIA", *self.refuse}
        self.channels: list[dict[str, Any]] = []
        """Private channels that somebody made, each with its ``members``; ours are those that our app is in."""
        self.page = 100
        """How many channels a page of a list holds at most."""

    def take(self, heard: Heard) -> tuple[int, object]:
        """Post a message, or list those of a channel, newest first."""
        if heard.headers.get("authorization") != f"Bearer {TOKEN}":
            return 200, {"ok": False, "error": "invalid_auth"}
        method = heard.path.removeprefix("/")
        if method not in NEEDED:
            return 200, {"ok": False, "error": "unknown_method", "req_method": method}
        said = _arguments(heard, method)
        if missing := [name for name in NEEDED[method] if name not in said]:
            told = {"messages": [f"[ERROR] missing required field: {name}" for name in missing]}
            return 200, {"ok": False, "error": "invalid_arguments", "response_metadata": told}
        if method == "users.conversations":
            return 200, self._ours(said)
        if method == "conversations.open":
            if said["users"] not in self.known:
                return 200, {"ok": False, "error": "user_not_found"}
            return 200, {"ok": True, "channel": {"id": _conversation(str(said["users"]))}}
        if method == "conversations.create":
            return 200, self._create(str(said["name"]), said.get("is_private") in TRUE)
        return 200, self._in_channel(method, str(said["channel"]), said)

    def _in_channel(self, method: str, channel: str, said: dict[str, object]) -> dict[str, object]:
        if method in {"conversations.invite", "conversations.setTopic"}:
            return self._inside(method, channel, said)
        if method == "chat.update":
            return self._update(channel, said)
        if channel not in self.known:
            return {"ok": False, "error": "channel_not_found"}
        if method == "conversations.history":
            return self._history(channel, said)
        if channel in self.refuse:
            return {"ok": False, "error": self.refuse[channel]}
        message = {"type": "message", "ts": f"1764000000.{len(self.messages):06}", **said}
        self.messages.append(message)
        return {"ok": True, "channel": _conversation(channel), "ts": message["ts"], "message": message}

    def _update(self, channel: str, said: dict[str, object]) -> dict[str, object]:
        """Change a message of ours, in its conversation's own id alone."""
        found = [
            message
            for message in self.messages
            if message["ts"] == said["ts"] and _conversation(message["channel"]) == channel
        ]
        if not found:
            known = channel in self.known - {name for name in self.known if name.startswith("U")}
            return {"ok": False, "error": "message_not_found" if known else "channel_not_found"}
        found[0].update({name: value for name, value in said.items() if name not in ("channel", "ts")})
        return {"ok": True, "channel": channel, "ts": said["ts"], "text": said.get("text", "")}

    def _history(self, channel: str, said: dict[str, object]) -> dict[str, object]:
        """List the newest first; metadata is shown to those alone who ask for it."""
        found = [dict(message) for message in self.messages[::-1] if message["channel"] == channel]
        shown = found[: int(str(said.get("limit", 100)))]
        if said.get("include_all_metadata") not in TRUE:
            for message in shown:
                message.pop("metadata", None)
        return {"ok": True, "messages": shown, "has_more": len(found) > len(shown)}

    def _create(self, name: str, private: bool) -> dict[str, object]:
        if any(channel["name"] == name for channel in self.channels):
            return {"ok": False, "error": "name_taken"}
        made = {
            "id": f"C0ROOM{len(self.channels)}",
            "name": name,
            "is_private": private,
            "is_archived": False,
            "creator": APP,
            "topic": {"value": ""},
            "members": [APP],
        }
        self.channels.append(made)
        return {"ok": True, "channel": {key: value for key, value in made.items() if key != "members"}}

    def _ours(self, said: dict[str, object]) -> dict[str, object]:
        """List what our app is in, a page at a time; the cursor is where the next page begins."""
        ours = [
            channel for channel in self.channels if APP in channel["members"] and not channel["is_archived"]
        ]
        begin = int(str(said.get("cursor") or "0"))
        end = begin + min(int(str(said.get("limit", 100))), self.page)
        after = str(end) if end < len(ours) else ""
        return {"ok": True, "channels": ours[begin:end], "response_metadata": {"next_cursor": after}}

    def _inside(self, method: str, channel: str, said: dict[str, object]) -> dict[str, object]:
        found = next(
            (room for room in self.channels if room["id"] == channel and APP in room["members"]),
            None,
        )
        if found is None:
            return {"ok": False, "error": "channel_not_found"}
        if method == "conversations.setTopic":
            found["topic"] = {"value": said["topic"], "creator": APP}
            return {"ok": True, "channel": found}
        errors = [refused for user in str(said["users"]).split(",") if (refused := self._let_in(found, user))]
        if errors:
            return {"ok": False, "error": errors[0]["error"], "errors": errors}
        return {"ok": True, "channel": found}

    def _let_in(self, room: dict[str, Any], user: str) -> dict[str, object]:
        if user in room["members"]:
            return {"user": user, "ok": False, "error": "already_in_channel"}
        if user not in self.known:
            return {"user": user, "ok": False, "error": "user_not_found"}
        room["members"].append(user)
        return {}

    def throttled(self) -> object:
        """Return Slack's words for too many requests."""
        return LATER

    def press(self, n: int, user: str, at: datetime, *, key: str = SIGNING, team: str = TEAM) -> Callback:
        """Return the callback for a press of the button under message ``n``."""
        action = {
            **self.messages[n]["blocks"][-1]["elements"][0],
            "block_id": "b1",
            "action_ts": "1764000100.000001",
        }
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "someone", "team_id": team},
            "team": {"id": team, "domain": "made-up"},
            "channel": {"id": _conversation(self.messages[n]["channel"]), "name": "made-up"},
            "container": {"type": "message", "message_ts": self.messages[n]["ts"]},
            "actions": [action],
        }
        return signed(urlencode({"payload": json.dumps(payload)}).encode(), at, key=key)


def _conversation(address: str) -> str:
    """Return the id of a conversation: a person's id opens one, which has an id of its own."""
    return address.replace("U0", "D0")


def _arguments(heard: Heard, method: str) -> dict[str, object]:
    """Return a call's arguments, wherever Slack takes them from: the query, a form, and JSON for what writes."""
    kind = heard.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        return {**heard.query, **({} if method in READING else heard.json)}
    return {**heard.query, **(heard.form if kind == "application/x-www-form-urlencoded" else {})}


def signed(body: bytes, at: datetime, *, key: str = SIGNING) -> Callback:
    """Return a callback as Slack posts it: version, timestamp and body under the signing secret."""
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(key.encode(), b":".join((b"v0", stamp.encode(), body)), hashlib.sha256)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest.hex()}",
    }
    return Callback(method="POST", path="/slack", headers=headers, body=body, at=at)
