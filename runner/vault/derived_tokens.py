"""Acknowledgement code and link of a message, derived from a key and never stored.

Both are derived from the incident's own key, and are invalid without it. The code is for reading, speaking and typing: it is
short, and it counts only from a person with another proof of identity. The link works for every owner of it,
so it is long, names one attempt to one person, and expires at an instant.

    link = incident . delivery . attempt . end (seconds, base 36) . 26 characters of base32
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

Vouch = Callable[[str, bytes], bytes]
"""Returns 32 bytes for some data that only the owner of an incident's key can compute."""
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Characters that are clear on a telephone and on a screen."""
LENGTH = 6
LONGEST_LINK = 200
_DIGITS = string.digits + string.ascii_lowercase


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a link; only its form is checked."""

    incident: str
    delivery: str
    attempt: int
    ends: datetime
    seal: str

    @property
    def digest(self) -> str:
        """The digest that is stored after its use: the link cannot be computed from it."""
        return hashlib.sha256(self.seal.encode()).hexdigest()[:16]


def ack_code(vouch: Vouch, incident: str, delivery: str) -> str:
    """Return a delivery's code: six letters and digits."""
    number = int.from_bytes(vouch(incident, b"code\0" + delivery.encode())[:16], "big")
    letters = []
    for _ in range(LENGTH):
        number, rest = divmod(number, len(LETTERS))
        letters.append(LETTERS[rest])
    return "".join(letters)


def spoken(text: str) -> str:
    """Return a code in normal form: in capitals, without separators."""
    return "".join(letter for letter in text.upper() if letter in LETTERS)


def ack_link(vouch: Vouch, incident: str, delivery: str, person: str, attempt: int, ends: datetime) -> str:
    """Return the link of one attempt to one person, good until ``ends``."""
    seal = _seal(vouch, incident, delivery, person, attempt, ends)
    return f"{incident}.{delivery}.{attempt}.{_base36(int(ends.timestamp()))}.{seal}"


def read_link(text: str) -> Link | None:
    """Return the claims of a link, or None if the text is not a link."""
    parts = text.split(".")
    if len(text) > LONGEST_LINK or len(parts) != 5 or not text.isascii():
        return None
    incident, delivery, attempt, ends, seal = parts
    if (
        not attempt.isdigit()
        or len(attempt) > 6
        or len(ends) > 8
        or not set(ends) <= set(_DIGITS)
        or not ends
    ):
        return None
    when = int(ends, 36)
    if when > 253_402_300_799:
        return None
    end = datetime.fromtimestamp(when, UTC)
    return Link(incident=incident, delivery=delivery, attempt=int(attempt), ends=end, seal=seal)


def holds(vouch: Vouch, link: Link, person: str) -> bool:
    """Return whether a link was made with this key for this person; compares in constant time."""
    made = _seal(vouch, link.incident, link.delivery, person, link.attempt, link.ends)
    return hmac.compare_digest(made.encode(), link.seal.encode())


def _seal(vouch: Vouch, incident: str, delivery: str, person: str, attempt: int, ends: datetime) -> str:
    parts = (delivery, person, str(attempt), str(int(ends.timestamp())))
    seal = vouch(incident, b"link\0" + "\0".join(parts).encode())
    return base64.b32encode(seal[:16]).decode().rstrip("=")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


_LABEL = b"tocsin/callback/v1\0"


def place_of(master: bytes, channel: str) -> str:
    """Return 32 characters a-z2-7: constant for a channel and a master key."""
    digest = hmac.digest(master, _LABEL + channel.encode(), hashlib.sha256)
    return base64.b32encode(digest[:20]).decode().lower()
