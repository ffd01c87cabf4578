"""Tocsin's own device: keys of the device, and cross-signing keys without which clients hide its messages.

The secret ``device`` has all of them. It never changes with a message: see ``encryption``.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from integrations.http import Reply, json_object
from integrations.http.service import held, identifier, member
from integrations.matrix.server import CIPHER, KEY, Homeserver, Settings, StoppedError, split
from integrations.port import Accepted, Outcome, Query, Rejected, Secrets

OLM = "m.olm.v1.curve25519-aes-sha2"
_USAGES = ("master", "self_signing", "user_signing")


def canonical(signed: Mapping[str, object]) -> bytes:
    """Return the bytes that a signature covers (client-server API, "Signing JSON")."""
    covered = {name: value for name, value in signed.items() if name not in ("signatures", "unsigned")}
    return json.dumps(covered, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def signs(signed: object, user: str, name: str, key: str) -> bool:
    """Return whether ``signed`` has a valid signature of a user's key of this name; ``key`` is the public key."""
    from vodozemac import Ed25519PublicKey, Ed25519Signature

    found = member(signed, "signatures", user, f"ed25519:{name}")
    if not isinstance(signed, dict) or not isinstance(found, str):
        return False
    try:
        signature = Ed25519Signature.from_base64(found)
        Ed25519PublicKey.from_base64(key).verify_signature(canonical(signed), signature)
    except ValueError:
        return False
    return True


def no_library() -> str:
    """Return what is missing for encryption, or the empty string."""
    missing = find_spec("vodozemac") is None
    return "vodozemac is not installed: install tocsin[matrix-e2ee]" if missing else ""


class Device:
    """The keys of one device of one user, and the user's cross-signing keys, which come from one seed."""

    def __init__(self, user: str, name: str, seed: bytes, account: str = "") -> None:
        """Open the keys, or make new ones without ``account``; raises ValueError."""
        import vodozemac
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if len(seed) != 32:
            raise ValueError("a seed has 32 bytes")
        self.user, self.name, self.seed = user, name, seed
        self._locked = hmac.digest(seed, b"account", "sha256")
        opened = vodozemac.Account.from_pickle(account, self._locked) if account else vodozemac.Account()
        self.account: Any = opened
        self._signing = {
            usage: Ed25519PrivateKey.from_private_bytes(hmac.digest(seed, usage.encode(), "sha256"))
            for usage in _USAGES
        }
        self.curve: str = opened.curve25519_key.to_base64()
        self.fingerprint: str = opened.ed25519_key.to_base64()

    @property
    def text(self) -> str:
        """The text of the secret: one line, without spaces."""
        parts = {"user": self.user, "device": self.name, "seed": self.seed.hex()}
        return json.dumps({**parts, "account": self.account.pickle(self._locked)}, separators=(",", ":"))

    def public(self, usage: str) -> str:
        """Return the public half of a cross-signing key."""
        raw = self._signing[usage].public_key().public_bytes_raw()
        return base64.b64encode(raw).decode().rstrip("=")

    def _signed(self, content: Mapping[str, object], usage: str = "") -> dict[str, object]:
        """Return ``content`` with the signature of a cross-signing key, or of the device."""
        if usage:
            raw = self._signing[usage].sign(canonical(content))
            name, signature = self.public(usage), base64.b64encode(raw).decode().rstrip("=")
        else:
            name, signature = self.name, self.account.sign(canonical(content)).to_base64()
        return {**content, "signatures": {self.user: {f"ed25519:{name}": signature}}}

    def keys(self, usage: str = "") -> dict[str, object]:
        """Return the keys of the device, signed by itself or by a cross-signing key."""
        keys = {f"curve25519:{self.name}": self.curve, f"ed25519:{self.name}": self.fingerprint}
        about = {"user_id": self.user, "device_id": self.name, "algorithms": [OLM, CIPHER], "keys": keys}
        return self._signed(about, usage)

    def identity(self) -> dict[str, object]:
        """Return the cross-signing keys, each signed by the master key."""
        found: dict[str, object] = {}
        for usage in _USAGES:
            public = self.public(usage)
            about = {"user_id": self.user, "usage": [usage], "keys": {f"ed25519:{public}": public}}
            found[f"{usage}_key"] = about if usage == "master" else self._signed(about, "master")
        return found

    def is_signed(self, found: Mapping[str, object]) -> bool:
        """Return whether others see these keys, signed, in an answer of ``known_keys``."""
        shown = signed_devices(found, self.user)
        return master_key(found, self.user) == self.public("master") and (
            shown.get(self.name) == (self.curve, self.fingerprint)
        )


def held_device(secrets: Secrets, settings: Settings) -> Device | Rejected:
    """Return the device of the secret, or the outcome "not sent" without a usable one."""
    if missing := no_library():
        return Rejected("missing", missing, about="account")
    text = held(secrets, "device")
    if isinstance(text, Rejected):
        return text
    device = _read(text)
    if device is None or device.user != settings.user:
        why = "the secret device is not a device of our user: tocsin channel keys CHANNEL"
        return Rejected("secret", why, about="account")
    return device


def _read(text: str) -> Device | None:
    parts = json_object(text.encode())
    try:
        seed = bytes.fromhex(str(parts["seed"]))
        return Device(str(parts["user"]), str(parts["device"]), seed, str(parts["account"]))
    except (KeyError, ValueError):
        return None


def known_keys(server: Homeserver, users: tuple[str, ...]) -> dict[str, object]:
    """Return what the homeserver shows of the keys of users; raises StoppedError."""
    return server.content(server.send("keys/query", {"device_keys": {user: [] for user in users}}))


def _cross_key(found: Mapping[str, object], user: str, usage: str) -> str:
    """Return the public cross-signing key of a user for one usage, or the empty string."""
    entry = member(found, f"{usage}_keys", user)
    keys = member(entry, "keys")
    if not isinstance(keys, dict) or len(keys) != 1 or member(entry, "user_id") != user:
        return ""
    [(name, key)] = keys.items()
    right = isinstance(key, str) and KEY.fullmatch(key) and name == f"ed25519:{key}"
    return key if right and member(entry, "usage") == [usage] else ""


def master_key(found: Mapping[str, object], user: str) -> str:
    """Return the master key that the homeserver shows for a user, or the empty string."""
    return _cross_key(found, user, "master")


def signed_devices(found: Mapping[str, object], user: str) -> dict[str, tuple[str, str]]:
    """Return the devices that the master key of a user vouches for: name → Curve25519 and Ed25519 key.

    The master key signs the self-signing key, and that key each device; a device signs its own keys as well.
    """
    master, signing = master_key(found, user), _cross_key(found, user, "self_signing")
    devices = member(found, "device_keys", user)
    if not master or not signs(member(found, "self_signing_keys", user), user, master, master):
        return {}
    trusted: dict[str, tuple[str, str]] = {}
    for name, entry in devices.items() if isinstance(devices, dict) else ():
        curve, key = (member(entry, "keys", f"{kind}:{name}") for kind in ("curve25519", "ed25519"))
        own = member(entry, "user_id") == user and member(entry, "device_id") == name
        if not own or not isinstance(curve, str) or not isinstance(key, str) or not KEY.fullmatch(curve):
            continue
        if signing and signs(entry, user, signing, signing) and signs(entry, user, name, key):
            trusted[name] = (curve, key)
    return trusted


def new_device(query: Query, settings: Settings, secrets: Secrets) -> str | Outcome:
    """Return the secret for the device of our token: the present one, if that is the same device."""
    if missing := no_library():
        return Rejected("missing", missing, about="account")
    kept = held_device(secrets, settings) if "device" in secrets else None
    if isinstance(kept, Rejected):
        return kept
    server = Homeserver(query, settings, held(secrets, "token"))
    try:
        said = server.content(server.get("account/whoami"))
    except StoppedError as stopped:
        return stopped.outcome
    name = identifier(said.get("device_id"), "-_./=+")
    if said.get("user_id") != settings.user or not name:
        why = "the token is not that of a device of our user: log in as this user, and use that token"
        return Rejected("token", why, about="account")
    if kept is not None and kept.name == name:
        return kept.text
    return Device(settings.user, name, kept.seed if kept is not None else os.urandom(32)).text


def publish_device(query: Query, settings: Settings, secrets: Secrets) -> Outcome:
    """Upload the keys and their signatures, and check what others see of them."""
    server, device = Homeserver(query, settings, held(secrets, "token")), held_device(secrets, settings)
    if isinstance(device, Rejected):
        return device
    try:
        server.content(server.send("keys/upload", {"device_keys": device.keys()}))
        reply = server.send("keys/device_signing/upload", device.identity())
        if isinstance(reply, Reply) and reply.status == 401 and "flows" in json_object(reply.body):
            why = "our user has other cross-signing keys: use their device secret, or a new user for Tocsin"
            return Rejected("cross_signing", why, about="account")
        server.content(reply)
        signed = {device.user: {device.name: device.keys("self_signing")}}
        server.content(server.send("keys/signatures/upload", signed))
        if device.is_signed(known_keys(server, (device.user,))):
            return Accepted(device.name)
    except StoppedError as stopped:
        return stopped.outcome
    return Rejected("device", "the homeserver does not show the signature of the device", about="account")


def pin(query: Query, settings: Settings, secrets: Secrets) -> str | Outcome:
    """Return the address with the present master key of the one other person in its room."""
    server = Homeserver(query, settings, held(secrets, "token"))
    try:
        who = server.only_other(query.recipient)
        found = known_keys(server, (who,))
    except StoppedError as stopped:
        return stopped.outcome
    if signed_devices(found, who):
        return f"{split(query.recipient)[0]}#{master_key(found, who)}"
    return Rejected("no_signed_device", NO_SIGNED_DEVICE, about="recipient")


NO_SIGNED_DEVICE = "no device of the person is verified: the person must verify a device in their own app"
