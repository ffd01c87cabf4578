"""A stand-in for Slack: conversations with messages, its errors with status 200, presses that it signs itself.

Shaped after the published descriptions of ``chat.postMessage``, ``conversations.history``, ``conversations.create``,
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
from integrations.testing.stand_in import Act, Heard, StandIn

TOKEN = "xoxb-made-up-bot-token"  # noqa: S105  # a stand-in's
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T0MADEUP1"
APP = "U0TOCSIN"
"""The user that our app is."""
LATER = {"ok": False, "error": "ratelimited"}


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

    def take(self, heard: Heard) -> tuple[int, object]:  # type: ignore[explicit-override]
        """Post a message, or list those of a channel, newest first."""
        if heard.headers.get("authorization") != f"Bearer {TOKEN}":
            return 200, {"ok": False, "error": "invalid_auth"}
        if heard.path == "/users.conversations":
            return 200, self._ours(heard.query)
        said = heard.json
        if heard.path == "/conversations.create":
            return 200, self._create(str(said["name"]), bool(said["is_private"]))
        channel = str(said["channel"])
        if heard.path in {"/conversations.invite", "/conversations.setTopic"}:
            return 200, self._inside(heard.path, channel, said)
        if channel not in self.known:
            return 200, {"ok": False, "error": "channel_not_found"}
        if heard.path == "/conversations.history":
            return 200, {
                "ok": True,
                "messages": [one for one in self.messages[::-1] if one["channel"] == channel],
            }
        if channel in self.refuse:
            return 200, {"ok": False, "error": self.refuse[channel]}
        message = {"type": "message", "ts": f"1764000000.{len(self.messages):06}", **said}
        self.messages.append(message)
        # A person's id opens a conversation, which has an id of its own.
        return 200, {
            "ok": True,
            "channel": channel.replace("U0", "D0"),
            "ts": message["ts"],
            "message": message,
        }

    def _create(self, name: str, private: bool) -> dict[str, object]:
        if any(one["name"] == name for one in self.channels):
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

    def _ours(self, query: dict[str, str]) -> dict[str, object]:
        """List what our app is in, a page at a time; the cursor is where the next page begins."""
        ours = [one for one in self.channels if APP in one["members"] and not one["is_archived"]]
        begin = int(query.get("cursor") or "0")
        end = begin + min(int(query["limit"]), self.page)
        after = str(end) if end < len(ours) else ""
        return {"ok": True, "channels": ours[begin:end], "response_metadata": {"next_cursor": after}}

    def _inside(self, path: str, channel: str, said: dict[str, object]) -> dict[str, object]:
        found = next((one for one in self.channels if one["id"] == channel and APP in one["members"]), None)
        if found is None:
            return {"ok": False, "error": "channel_not_found"}
        if path == "/conversations.setTopic":
            found["topic"] = {"value": said["topic"], "creator": APP}
            return {"ok": True, "channel": found}
        user = str(said["users"])
        error = (
            "already_in_channel"
            if user in found["members"]
            else ""
            if user in self.known
            else "user_not_found"
        )
        if error:
            return {"ok": False, "error": error, "errors": [{"user": user, "ok": False, "error": error}]}
        found["members"].append(user)
        return {"ok": True, "channel": found}

    def throttled(self) -> object:  # type: ignore[explicit-override]
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
            "channel": {"id": self.messages[n]["channel"].replace("U0", "D0"), "name": "made-up"},
            "container": {"type": "message", "message_ts": self.messages[n]["ts"]},
            "actions": [action],
        }
        return signed(urlencode({"payload": json.dumps(payload)}).encode(), at, key=key)


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
