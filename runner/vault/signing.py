"""The Ed25519 key with which a home signs. The secret half is derived from a key that the master key wraps."""

from __future__ import annotations

from runner.proof.note import NoteKey, fingerprint, sign_note
from runner.vault.keys import DataKey

_PURPOSE = b"tocsin/signing/v1"


class SigningKey:
    """One signing key of a home."""

    def __init__(self, key: DataKey) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._secret = Ed25519PrivateKey.from_private_bytes(key.derive(_PURPOSE))
        self.public = self._secret.public_key().public_bytes_raw()
        """32 bytes."""

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and 64 digits, for people to compare."""
        return fingerprint(self.public)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of ``data``: 64 bytes."""
        return self._secret.sign(data)

    def note(self, text: str, name: str) -> str:
        """Return ``text``, which ends with a newline, as a signed note under the key name ``name``."""
        return sign_note(text, NoteKey(name, self.public), self.sign)
