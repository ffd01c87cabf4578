"""The part of a channel's callback address that nobody can guess: derived from the master key, so that nothing keeps it."""

from __future__ import annotations

import base64
import hashlib
import hmac

_LABEL = b"tocsin/callback/v1\0"


def place_of(master: bytes, channel: str) -> str:
    """Return 32 characters a-z2-7: the same for a channel as long as the master key is."""
    digest = hmac.digest(master, _LABEL + channel.encode(), hashlib.sha256)
    return base64.b32encode(digest[:20]).decode().lower()
