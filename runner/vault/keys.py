"""Two levels of keys: one data key per incident encrypts its personal payloads; the master key wraps data keys.

Destroying the wrapped data key of one incident makes all its sealed payloads unreadable for ever and does not affect
other incidents. ``cryptography`` is imported when a first key is used, not before: an incident
without personal data does not need it.

    sealed  = 0x01 | nonce (12) | AES-256-GCM(data key, plaintext, context)
    wrapped = 0x01 | master key id (4) | nonce (12) | AES-256-GCM(master, data key, "tocsin/key/v1" 0 incident)
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.errors import Sealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_LEVEL = b"\x01"
_NONCE_BYTES = 12
_ID_BYTES = 4


class DataKey:
    """The open key of one incident: seals and opens bytes bound to a context."""

    def __init__(self, key: bytes, chance: Callable[[int], bytes]) -> None:
        self._key = key
        self._cipher = _cipher(key)
        self._chance = chance
        self._vouching = hmac.digest(key, b"tocsin/mac/v1", "sha256")

    def vouch(self, data: bytes) -> bytes:
        """Return 32 bytes for ``data`` that need this key to compute; another key gives other bytes."""
        return hmac.digest(self._vouching, data, "sha256")

    def derive(self, purpose: bytes) -> bytes:
        """Return another key (32 bytes) for one purpose: HKDF-SHA256 (RFC 5869). A new master key does not change it."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, salt=None, info=purpose).derive(self._key)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Return ``plaintext`` encrypted; decryption needs the same ``context``."""
        nonce = self._chance(_NONCE_BYTES)
        return _LEVEL + nonce + self._cipher.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the plaintext, or raise Sealed (code ``seal_broken``) when a bit or the context differs."""
        return _open(
            self._cipher,
            sealed,
            context,
            len(_LEVEL),
            "An encrypted payload was changed after it was written.",
        )


class Vault:
    """Makes and unwraps data keys with a master key that is fetched at its first use."""

    def __init__(self, master: Callable[[], bytes], chance: Callable[[int], bytes] = os.urandom) -> None:
        """``master`` returns 32 bytes or raises Sealed; it is called once at most."""
        self._fetch = master
        self._chance = chance
        self._master: bytes | None = None

    @property
    def id(self) -> bytes:
        """Four bytes that name the master key; raises Sealed without it."""
        return _master_id(self._key())

    def create_key(self, incident: str) -> bytes:
        """Return a new wrapped data key for ``incident``, for the store."""
        return self._wrap(incident, self._chance(32))

    def _wrap(self, incident: str, key: bytes) -> bytes:
        nonce = self._chance(_NONCE_BYTES)
        wrapped = _cipher(self._key()).encrypt(nonce, key, _key_context(incident))
        return _LEVEL + self.id + nonce + wrapped

    def rewrap(self, incident: str, wrapped: bytes, new: Vault) -> bytes:
        """Return a data key wrapped under the master key of another vault, also if it is already; raises Sealed as ``open_key`` does."""
        if wrapped[len(_LEVEL) : len(_LEVEL) + _ID_BYTES] == new.id:
            return wrapped
        return new._wrap(incident, self._unwrap(incident, wrapped))

    def open_key(self, incident: str, wrapped: bytes) -> DataKey:
        """Unwrap the data key of ``incident``; raises Sealed under another master key or after a change."""
        return DataKey(self._unwrap(incident, wrapped), self._chance)

    def _unwrap(self, incident: str, wrapped: bytes) -> bytes:
        master = self._key()
        start = len(_LEVEL) + _ID_BYTES
        theirs = wrapped[len(_LEVEL) : start]
        if theirs != _master_id(master):
            raise Sealed(
                f'The data key of "{incident}" needs the master key {theirs.hex()}. The master key here is '
                f"{_master_id(master).hex()}.",
                hint="Use the master key of this database.",
                code="other_master",
            )
        why = f'The encrypted data key of "{incident}" was changed after it was written.'
        return _open(_cipher(master), wrapped, _key_context(incident), start, why)

    def mac(self, data: bytes) -> str:
        """Return a code for ``data`` that only the master key can compute, as 64 hexadecimal digits; raises Sealed without it."""
        return mac_of(self._key(), data)

    def _key(self) -> bytes:
        if self._master is None:
            self._master = self._fetch()
        return self._master


def mac_of(master: bytes, data: bytes) -> str:
    """Return the code of ``Vault.mac`` under a master key."""
    return hmac.digest(hmac.digest(master, b"tocsin/mac/v1", "sha256"), data, "sha256").hex()


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _open(cipher: AESGCM, sealed: bytes, context: bytes, start: int, why: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    body = start + _NONCE_BYTES
    try:
        if sealed[: len(_LEVEL)] == _LEVEL:
            return cipher.decrypt(sealed[start:body], sealed[body:], context)
    except (InvalidTag, ValueError):
        pass
    raise Sealed(
        why, hint="Restore the database from a backup, then run: tocsin audit verify", code="seal_broken"
    )


def _key_context(incident: str) -> bytes:
    return b"tocsin/key/v1\0" + incident.encode()


def _master_id(master: bytes) -> bytes:
    return hashlib.sha256(b"tocsin/master-id/v1\0" + master).digest()[:_ID_BYTES]
