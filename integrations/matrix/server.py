"""Matrix's client-server API: settings, requests, refusals, and the form of an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec

from integrations.http import Reply, json_object, judge, retry_after
from integrations.http.service import Refusals, Timed, fetch, refusal, send_json
from integrations.port import NotSent, Outcome, Rejected, Throttled, Unknown

LARGEST_ANSWER = 4_000_000
"""Bytes of an answer: keys and members of large rooms."""
CIPHER = "m.megolm.v1.aes-sha2"

ROOM = re.compile(r"![^\s/?#]{1,254}", re.ASCII)
KEY = re.compile(r"[A-Za-z0-9+/]{43}", re.ASCII)
"""An Ed25519 public key, base64 without padding."""
USER = re.compile(r"@[^\s:/?#]{1,200}:[^\s/?#]{1,200}", re.ASCII)
_REFUSALS: Refusals = {
    "recipient": (
        "M_FORBIDDEN M_NOT_FOUND M_UNSUPPORTED_ROOM_VERSION",
        "our user cannot write to this room",
    ),
    "account": (
        "M_MISSING_TOKEN M_USER_DEACTIVATED M_USER_SUSPENDED M_USER_LOCKED"
        " M_CONSENT_NOT_GIVEN M_UNRECOGNIZED M_RESOURCE_LIMIT_EXCEEDED",
        "the homeserver does not let our user write",
    ),
    "message": ("M_TOO_LARGE M_BAD_JSON M_NOT_JSON M_INVALID_PARAM", "the homeserver refused the event"),
}
"""The specification's codes, by subject; other codes are not repeated."""
_ENDED = (
    "the homeserver does not know the token: an authentication service gives tokens of minutes, so use a"
    " compatibility token, which does not end"
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A homeserver and Tocsin's user. The secret ``token`` is its access token, or the application service's.

    With ``encrypted`` the secret ``device`` has the keys of Tocsin's own device: ``tocsin channel keys`` makes it.
    """

    url: str
    """The homeserver's client address, as its ``.well-known`` says."""
    user: str
    """Tocsin's own id, ``@tocsin:example.org``: its own events are not answers."""
    federated: bool = True
    """Whether people of other servers are in the rooms: then their servers have a copy of every message."""
    appservice: bool = False
    """Whether the server pushes events; needs the secret ``hs_token``."""
    encrypted: bool = False
    """Whether messages are encrypted for the signed devices of the person; then no message is sent in clear."""
    test_to: str = ""
    """The address of a self-test."""
    ca_file: str = ""


def base(settings: Settings) -> str:
    """Return the base address of the client-server API."""
    return f"{settings.url.rstrip('/')}/_matrix/client/v3"


def refused(reply: Reply, at: datetime) -> Rejected | Throttled | None:
    """Return the subject of the server's own error, which is more exact than the status."""
    error = error_code(reply)
    if error == "M_LIMIT_EXCEEDED":
        return Throttled(retry_after(reply, at), "the homeserver asks to retry later", "M_LIMIT_EXCEEDED")
    if error == "M_UNKNOWN_TOKEN":
        return Rejected(error, _ENDED, about="account")
    return refusal(error, _REFUSALS)


def error_code(reply: Reply) -> str:
    """Return the server's code of a refusal, for comparison only; else the empty string."""
    error = json_object(reply.body).get("errcode") if reply.complete and 400 <= reply.status < 500 else ""
    return error if isinstance(error, str) else ""


Answered = Reply | NotSent | Rejected | Unknown


class StoppedError(Exception):
    """Work before a message is sent ended with this outcome: nothing was sent."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = NotSent(outcome.reason) if isinstance(outcome, Unknown) else outcome


class Homeserver:
    """The requests of one attempt with a token. What returns no answer but its content raises StoppedError."""

    def __init__(self, attempt: Timed, settings: Settings, token: str | Rejected) -> None:
        """Take the token as ``held`` returns it."""
        self.attempt, self.settings, self.token = attempt, settings, token

    def get(self, path: str) -> Answered:
        """Make one GET of the client-server API."""
        url, at, waits = f"{base(self.settings)}/{path}", self.attempt.at, self.attempt.timeouts
        return fetch(
            url, at, waits, token=self.token, ca_file=self.settings.ca_file, max_answer=LARGEST_ANSWER
        )

    def send(self, path: str, content: Mapping[str, object], method: str = "POST") -> Answered:
        """Make one request of the client-server API with a JSON document."""
        return send_json(
            self.attempt,
            f"{base(self.settings)}/{path}",
            content,
            method=method,
            token=self.token,
            ca_file=self.settings.ca_file,
            max_answer=LARGEST_ANSWER,
        )

    def content(self, reply: Answered) -> dict[str, object]:
        """Return the JSON object of a complete 2xx."""
        if not isinstance(reply, Reply):
            raise StoppedError(reply)
        if outcome := refused(reply, self.attempt.at) or judge(reply, self.attempt.at):
            raise StoppedError(outcome)
        return json_object(reply.body)

    def cipher(self, room: str) -> str:
        """Return the cipher of a room, empty for an unencrypted room. Asked each time: a room can become encrypted."""
        reply = self.get(f"rooms/{quote(room, safe='')}/state/m.room.encryption/")
        if isinstance(reply, Reply) and reply.status == 404 and error_code(reply) == "M_NOT_FOUND":
            return ""
        return str(self.content(reply).get("algorithm") or "unnamed")

    def others(self, room: str) -> tuple[str, ...]:
        """Return the ids of the other people in a room."""
        joined = self.content(self.get(f"rooms/{quote(room, safe='')}/joined_members")).get("joined")
        names = joined if isinstance(joined, dict) else {}
        return tuple(name for name in names if name != self.settings.user and USER.fullmatch(name))

    def only_other(self, address: str) -> str:
        """Return the id of the one other person in the room of an address."""
        others = self.others(split(address)[0])
        if len(others) != 1:
            why = "several people are" if others else "nobody is"
            reason = f"{why} in the room of this contact: which person is meant is unknown"
            raise StoppedError(Rejected("members", reason, about="recipient"))
        return others[0]


def split(address: str) -> tuple[str, str]:
    """Return the room of an address, and the master key of its person; an address may have no key."""
    room, _, key = address.partition("#")
    return room, key
