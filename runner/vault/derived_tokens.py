"""Acknowledgement code and link of a message, derived from a key and never stored.

Both come from the incident's own key, and end with it. The code is for eyes, voices and thumbs: it is short, and it is
only ever believed of somebody whom another thing has shown to be who they are. The link is for everybody who holds it,
so it is long, names one attempt to one person, and ends at an instant.

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
"""Returns 32 bytes that only a holder of an incident's key can tell for some data."""
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Those that nobody confuses on a telephone or a screen."""
LENGTH = 6
LONGEST_LINK = 200
_DIGITS = string.digits + string.ascii_lowercase


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a link claims, before anything has been checked but its form."""

    incident: str
    delivery: str
    attempt: int
    ends: datetime
    seal: str

    @property
    def digest(self) -> str:
        """What is kept of it once it is spent: nobody can make the link from it."""
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
    """Return a code as it was meant: in capitals, without what people put between."""
    return "".join(letter for letter in text.upper() if letter in LETTERS)


def ack_link(vouch: Vouch, incident: str, delivery: str, person: str, attempt: int, ends: datetime) -> str:
    """Return the link of one attempt to one person, good until ``ends``."""
    seal = _seal(vouch, incident, delivery, person, attempt, ends)
    return f"{incident}.{delivery}.{attempt}.{_base36(int(ends.timestamp()))}.{seal}"


def read_link(text: str) -> Link | None:
    """Return what a link claims, or None where it is none."""
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
    """Tell whether a link was made here for this person; compares in constant time."""
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
    """Return 32 characters a-z2-7: the same for a channel as long as the master key is."""
    digest = hmac.digest(master, _LABEL + channel.encode(), hashlib.sha256)
    return base64.b32encode(digest[:20]).decode().lower()
