"""A stand-in for Threema Gateway: people with keys, credits, messages that only their reader opens, and signed callbacks.

Shaped after the published description of the Gateway's interface. It opens a box with the private key of the person,
so a message in clear text, or under another key, is never read.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlencode

from nacl.public import Box, PrivateKey, PublicKey
from nacl.utils import random

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

IDENTITY, SECRET = "*TOCSIN1", "madeupsecret0001"
OWN = PrivateKey(hashlib.sha256(b"the account of the tests").digest())
PRIVATE = OWN.encode().hex()


class Threema(StandIn):
    """``read`` is what each person could decrypt; who is in ``blocking`` gets nothing, and Threema says yes all the same."""

    def __init__(self, *acts: Act, credits: int = 100) -> None:
        """Start with two people."""
        super().__init__(*acts)
        self.people = {
            name: PrivateKey(hashlib.sha256(name.encode()).digest()) for name in ("ADALOVE1", "BENCOLE2")
        }
        self.credits, self.sent = credits, 0
        self.blocking: set[str] = set()
        self.read: list[tuple[str, str, str]] = []

    def key(self, name: str) -> str:
        """Return the public key of a person."""
        return self.people[name].public_key.encode().hex()

    def address(self, name: str) -> str:
        """Return the address of a person."""
        return f"{name}#{self.key(name)}"

    def take(self, heard: Heard) -> tuple[int, object]:
        """Name a key, or take a message."""
        said = heard.form if heard.method == "POST" else heard.query
        if (said.get("from"), said.get("secret")) != (IDENTITY, SECRET):
            return 401, b""
        if heard.path.startswith("/pubkeys/"):
            name = heard.path.rpartition("/")[2]
            return (200, self.key(name).encode()) if name in self.people else (404, b"")
        if heard.path != "/send_e2e" or said.get("to") not in self.people:
            return 400, b""
        if self.credits < 1:
            return 402, b""
        sealed, nonce = bytes.fromhex(said["box"]), bytes.fromhex(said["nonce"])
        if len(sealed) > 7_812:
            return 413, b""
        self.credits -= 1
        self.sent += 1
        if said["to"] not in self.blocking:
            clear = Box(self.people[said["to"]], OWN.public_key).decrypt(sealed, nonce)
            content = clear[: -clear[-1]]
            assert len(clear) >= 33
            assert content[0] == 1
            self.read.append((said["to"], f"{self.sent:016x}", content[1:].decode()))
        return 200, f"{self.sent:016x}".encode()

    def posts(
        self, name: str, content: bytes, at: datetime, *, secret: str = SECRET, number: int = 0
    ) -> Callback:
        """Return the callback with a message of a person: the type, then the content."""
        nonce, padded = random(24), content + bytes([40]) * 40
        sealed = Box(self.people[name], PublicKey(OWN.public_key.encode())).encrypt(padded, nonce).ciphertext
        return signed(name, sealed, nonce, at, secret, number)

    def receipt(self, name: str, kind: int, at: datetime, *sent: str) -> Callback:
        """Return the callback with a receipt: 1 delivered, 2 read, 3 agreed, 4 disagreed."""
        return self.posts(name, bytes([0x80, kind]) + b"".join(map(bytes.fromhex, sent)), at, number=kind)


def signed(
    name: str, sealed: bytes, nonce: bytes, at: datetime, secret: str = SECRET, number: int = 0
) -> Callback:
    """Return a callback with its MAC."""
    told = {
        "from": name,
        "to": IDENTITY,
        "messageId": f"{0xABC0 + number:016x}",
        "date": str(int(at.timestamp())),
        "nonce": nonce.hex(),
        "box": sealed.hex(),
    }
    mac = hmac.digest(secret.encode(), "".join(told.values()).encode(), hashlib.sha256).hex()
    body = urlencode(told | {"mac": mac, "nickname": "Ada"}).encode()
    return Callback(method="POST", path="/threema", headers={}, body=body, at=at)
