"""A stand-in for a browser maker's push service, with its browsers: subscriptions, messages by topic, what browsers decrypt.

Shaped after RFC 8030, 8291 and 8292. Signatures and contents are checked by ``py_vapid`` and ``http_ece``, not by the adapter's
own functions.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

VAPID = base64.b64encode(b"made-up-key-of-exactly-32-bytes!").decode()
URGENCIES = ("very-low", "low", "normal", "high")
LARGEST = 4_096


def text(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Browser:
    """The keys of one subscription; it decrypts what arrives."""

    def __init__(self, endpoint: str) -> None:
        """Subscribe at an endpoint."""
        self.endpoint = endpoint
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.bound = ""
        """The sender's key to which the subscription belongs; the first sender's unless set."""

    @property
    def p256dh(self) -> str:
        """The public key."""
        return text(self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    @property
    def address(self) -> str:
        """The subscription as a contact has it."""
        return f"{self.endpoint}#{self.p256dh}.{text(self.auth)}"

    def decrypt(self, body: bytes) -> dict[str, str]:
        """Return a notification."""
        found: dict[str, str] = json.loads(
            http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        )
        return found


class PushService(StandIn):
    """Keeps the messages of offline browsers in ``kept``: one for each subscription and topic."""

    def __init__(self, *acts: Act) -> None:
        """Follow ``acts`` in order."""
        super().__init__(*acts)
        self.browsers: dict[str, Browser] = {}
        self.kept: dict[tuple[str, str], Heard] = {}

    @property
    def host(self) -> str:
        """What the settings declare."""
        return self.url.removeprefix("http://")

    def subscribe(self) -> Browser:
        """Return a new subscription."""
        path = f"/wpush/{len(self.browsers)}"
        self.browsers[path] = Browser(f"{self.url}{path}")
        return self.browsers[path]

    def shown(self, browser: Browser) -> Iterator[dict[str, str]]:
        """Have a browser come online: yield what it gets."""
        path = browser.endpoint.removeprefix(self.url)
        for place in [place for place in self.kept if place[0] == path]:
            yield browser.decrypt(self.kept.pop(place).body)

    def take(self, heard: Heard) -> tuple[int, object]:
        """Take one push message, as the protocol says."""
        browser = self.browsers.get(heard.path)
        if browser is None:
            return 410, {"errno": 106}
        kind, _, parts = heard.headers.get("authorization", "").partition(" ")
        given = dict(part.split("=", 1) for part in parts.split(","))
        if kind != "vapid" or not Vapid02.verify(heard.headers["authorization"]):
            return 401, {"errno": 109}
        claims = json.loads(base64.urlsafe_b64decode(given["t"].split(".")[1] + "=="))
        browser.bound = browser.bound or given["k"]
        if (claims["aud"], given["k"]) != (self.url, browser.bound) or "sub" not in claims:
            return 403, {"errno": 109}
        well = heard.headers["ttl"].isdecimal() and heard.headers["urgency"] in URGENCIES
        if not well or heard.headers["content-encoding"] != "aes128gcm":
            return 400, {"errno": 110}
        if len(heard.body) > LARGEST:
            return 413, {"errno": 104}
        self.kept[heard.path, heard.headers.get("topic", str(len(self.heard)))] = heard
        return 201, b""
