"""A stand-in for signal-cli-rest-api: sends, its refusals in words, and what waits to be received.

Shaped after its source of August 2026: ``/v2/send`` answers 201 with a timestamp, or 429 with challenge tokens;
``/v1/receive`` answers with an array of envelopes, and in its modes ``json-rpc`` and ``json-rpc-native`` each envelope is
posted inside a JSON-RPC call. A recipient is a number, a UUID, or a user name without ``u:``.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from urllib.parse import unquote

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

NUMBER = "+15005550006"
REFUSALS = {
    "+15005550001": "Unregistered user: {number}",
    "+15005550002": "Failed to send message due to Untrusted Identities for {number}",
    "+15005550003": "Failed to send message due to rate limiting",
    "+15005550004": "Something about {number}",
    "+15005550005": 'CAPTCHA proof required for sending to "{number}", available options "RECAPTCHA" with challenge token "t", or wait "3600" seconds',
}
CHALLENGED = "+15005550008"
_RECIPIENT = re.compile(r"\+\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\w+\.\d{2,}")

ABOUT = {
    "versions": ["v1", "v2"],
    "build": 2,
    "mode": "normal",
    "version": "0.97",
    "capabilities": {"v2/send": ["quotes", "mentions"]},
}
"""What it says of itself: its clients ask before they send."""


class SignalGateway(StandIn):
    """Keeps what it sent in ``sent``, by timestamp; ``waiting`` holds what the next receive hands out."""

    def __init__(self, *acts: Act) -> None:
        """Start with nothing sent and nothing waiting."""
        super().__init__(*acts)
        self.sent: dict[str, dict[str, object]] = {}
        self.waiting: list[dict[str, object]] = []

    def take(self, heard: Heard) -> tuple[int, object]:
        """Send, or hand out what waits; it is forgotten then, as the real one forgets it."""
        if heard.path == "/v1/about":
            return 200, ABOUT
        if heard.method == "GET":
            if unquote(heard.path) != f"/v1/receive/{NUMBER}":
                return 400, {"error": "no such number"}
            waiting, self.waiting = self.waiting, []
            return 200, waiting
        sent = heard.json
        number = str(sent["recipients"][0])
        if sent["number"] != NUMBER:
            return 400, {"error": f"Specified account {sent['number']} doesn't exist"}
        if number == CHALLENGED:
            return 429, self.throttled()
        if not _RECIPIENT.fullmatch(number):
            return 400, {"error": f"Invalid identifier {number}"}
        if number in REFUSALS:
            return 400, {"error": REFUSALS[number].format(number=number)}
        stamp = str(1_795_528_920_000 + len(self.sent))
        self.sent[stamp] = sent
        return 201, {"timestamp": stamp}

    def throttled(self) -> object:
        """Return what it says when Signal wants a captcha."""
        return {
            "error": "Failed to send message due to rate limiting",
            "challenge_tokens": ["t"],
            "account": NUMBER,
        }


def receipt(*stamps: str, read: bool = False, source: str = "+15005550010") -> dict[str, object]:
    """Return an envelope that says that these messages were delivered or read."""
    said = {
        "when": 1_795_528_999_000,
        "isDelivery": not read,
        "isRead": read,
        "isViewed": False,
        "timestamps": [int(stamp) for stamp in stamps],
    }
    return _envelope(source, receiptMessage=said)


def written(
    text: str, *, quote: str = "", source: str = "+15005550010", user: str | None = None
) -> dict[str, object]:
    """Return an envelope with a message from a person, perhaps quoting one of ours; ``user`` is their UUID."""
    message: dict[str, object] = {"timestamp": 1_795_528_999_000, "message": text}
    if quote:
        message["quote"] = {"id": int(quote), "author": NUMBER}
    return _envelope(source, dataMessage=message, sourceUuid=user)


def posted(envelope: dict[str, object], password: str, at: datetime) -> Callback:
    """Return the callback in which the gateway posts an envelope."""
    call = {"jsonrpc": "2.0", "method": "receive", "params": envelope}
    credentials = base64.b64encode(f"tocsin:{password}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {credentials}"}
    return Callback(method="POST", path="/", headers=headers, body=json.dumps(call).encode(), at=at)


def _envelope(source: str, **content: object) -> dict[str, object]:
    """Return an envelope; a person who hides the number has a UUID only."""
    number = source if source.startswith("+") else None
    about = {"source": source, "sourceNumber": number, "timestamp": 1_795_528_999_000}
    return {"envelope": {**about, **content}, "account": NUMBER}
