"""A person's Matrix device, made with the same library: signed by its owner or not, it reads what it was given a key for."""

from __future__ import annotations

import base64
import json
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.matrix.device import canonical
from tests.servers.chat import Synapse, password

CIPHER = "m.megolm.v1.aes-sha2"


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


class CrossSigning:
    """The cross-signing keys of one user."""

    def __init__(self) -> None:
        self.master, self.signing = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    @property
    def key(self) -> str:
        """The public master key."""
        return encoded(self.master.public_key().public_bytes_raw())

    def publish(self, server: Synapse, person: str) -> None:
        """Upload both keys; a login replaces earlier keys."""
        user = f"@{person}:localhost"
        keys: dict[str, object] = {}
        for usage, private in (("master", self.master), ("self_signing", self.signing)):
            public = encoded(private.public_key().public_bytes_raw())
            about = {"user_id": user, "usage": [usage], "keys": {f"ed25519:{public}": public}}
            signature = encoded(self.master.sign(canonical(about)))
            about["signatures"] = {user: {f"ed25519:{self.key}": signature}}
            keys[f"{usage}_key"] = about
        path = "keys/device_signing/upload"
        try:
            server.ask(person, "POST", path, keys)
        except requests.HTTPError as error:
            session = error.response.json()["session"]
            server.ask(person, "POST", path, {**keys, "auth": {**password(person), "session": session}})

    def sign(self, about: dict[str, Any]) -> dict[str, Any]:
        """Return device keys signed by the self-signing key."""
        name = encoded(self.signing.public_key().public_bytes_raw())
        signature = encoded(self.signing.sign(canonical(about)))
        return {**about, "signatures": {about["user_id"]: {f"ed25519:{name}": signature}}}


class Reader:
    """One device of one person; ``login`` names the token."""

    def __init__(self, server: Synapse, person: str, login: str = "", one_time_keys: int = 20) -> None:
        import vodozemac

        self._server, self.person = server, login or person
        self.user, self.account = f"@{person}:localhost", vodozemac.Account()
        self.name = server.ask(self.person, "GET", "account/whoami", {})["device_id"]
        self.curve = self.account.curve25519_key.to_base64()
        self.key = self.account.ed25519_key.to_base64()
        self._sessions: dict[str, Any] = {}
        self._since = ""
        self.readable: dict[str, dict[str, Any]] = {}
        """What it could read: event → content."""
        self.offer(one_time_keys)

    def about(self) -> dict[str, Any]:
        """Return its keys, signed by itself."""
        keys = {f"curve25519:{self.name}": self.curve, f"ed25519:{self.name}": self.key}
        algorithms = ["m.olm.v1.curve25519-aes-sha2", CIPHER]
        return self._signed(
            {"user_id": self.user, "device_id": self.name, "algorithms": algorithms, "keys": keys}
        )

    def _signed(self, about: dict[str, Any]) -> dict[str, Any]:
        signature = self.account.sign(canonical(about)).to_base64()
        return {**about, "signatures": {self.user: {f"ed25519:{self.name}": signature}}}

    def offer(self, number: int) -> None:
        """Publish its keys, and one-time keys."""
        self.account.generate_one_time_keys(number)
        keys = {
            f"signed_curve25519:{name}": self._signed({"key": key.to_base64()})
            for name, key in self.account.one_time_keys.items()
        }
        content = {"device_keys": self.about(), "one_time_keys": keys}
        self._server.ask(self.person, "POST", "keys/upload", content)
        self.account.mark_keys_as_published()

    def verify(self, owner: CrossSigning) -> None:
        """Have it signed by its owner."""
        signed = {self.user: {self.name: owner.sign(self.about())}}
        self._server.ask(self.person, "POST", "keys/signatures/upload", signed)

    def sync(self) -> list[dict[str, Any]]:
        """Take keys and events; return the events of the rooms, and keep what it could read in ``readable``."""
        since = f"&since={self._since}" if self._since else ""
        said = self._server.ask(self.person, "GET", f"sync?timeout=0{since}", {})
        self._since = said["next_batch"]
        for one in said.get("to_device", {}).get("events", []):
            self._take_key(one["content"])
        rooms = said.get("rooms", {}).get("join", {})
        events = [event for room in rooms.values() for event in room["timeline"]["events"]]
        for event in events:
            self._read(event)
        return events

    def _take_key(self, content: dict[str, Any]) -> None:
        import vodozemac

        cipher = content["ciphertext"].get(self.curve)
        if cipher is None:
            return
        raw = base64.b64decode(cipher["body"] + "=" * (-len(cipher["body"]) % 4))
        message = vodozemac.AnyOlmMessage.from_parts(cipher["type"], raw).to_pre_key()
        sender = vodozemac.Curve25519PublicKey.from_base64(content["sender_key"])
        _, plain = self.account.create_inbound_session(sender, message)
        room_key = json.loads(plain)
        assert (room_key["recipient"], room_key["recipient_keys"]["ed25519"]) == (self.user, self.key)
        session = vodozemac.SessionKey(room_key["content"]["session_key"])
        self._sessions[room_key["content"]["session_id"]] = vodozemac.InboundGroupSession(session)

    def _read(self, event: dict[str, Any]) -> None:
        import vodozemac

        session = self._sessions.get(event["content"].get("session_id", ""))
        if event["type"] == "m.room.encrypted" and session is not None:
            message = vodozemac.MegolmMessage.from_base64(event["content"]["ciphertext"])
            plain = json.loads(session.decrypt(message).plaintext)
            assert plain["room_id"]
            self.readable[event["event_id"]] = plain["content"]
