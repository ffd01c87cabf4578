"""Alphabets and parts of a text message: GSM 7-bit or UCS-2, split into parts that telephones join.

A part carries 140 octets. In the network's alphabet (3GPP TS 23.038, 6.2.1) that is 160 characters, of which some
need two places; one character outside it makes the whole message wide (UCS-2), 70 places. A longer message is cut,
and each part begins with a header (UDH, TS 23.040, 9.2.3.24) of seven octets: 152 and 66 places remain.
"""

from __future__ import annotations

import msgspec

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}
ESCAPE = 0x1B
NARROW, WIDE = 0, 8
"""``data_coding``: the SMSC's default, which is the network's alphabet with one character an octet, and UCS-2."""
MOST_PARTS = 10

_CODES = {character: bytes([code]) for code, character in enumerate(BASIC) if code != ESCAPE}
_CODES |= {character: bytes([ESCAPE, code]) for character, code in EXTENDED.items()}
_BACK = {code: character for character, code in EXTENDED.items()}


class Coded(msgspec.Struct, frozen=True):
    """A message in octets: its alphabet, its parts, and whether each begins with a header."""

    coding: int
    parts: tuple[bytes, ...]
    whole: bytes

    @property
    def joined(self) -> bool:
        """Return whether telephones must join parts."""
        return len(self.parts) > 1


def code(text: str, reference: int, *, latin1: bool = False) -> Coded:
    """Return a message in the narrowest suitable alphabet; ``reference`` is the common number of its parts.

    With ``latin1`` the SMSC converts Latin-1 into the network's alphabet: a character takes its places there.
    """
    text = text.replace("\r\n", "\n")
    try:
        units = [
            (len(_CODES[letter]), letter.encode("latin-1") if latin1 else _CODES[letter]) for letter in text
        ]
        coding = NARROW
    except (KeyError, UnicodeEncodeError):
        wide = (letter.encode("utf-16-be", "replace") for letter in text)
        units, coding = [(len(octets), octets) for octets in wide], WIDE
    whole = b"".join(octets for _, octets in units)
    alone, joined = (160, 152) if coding == NARROW else (140, 132)
    if sum(places for places, _ in units) <= alone:
        return Coded(coding, (whole,), whole)
    cut = _cut(units, joined)
    # A header is six octets that follow, of which one element of four, with 16 bits of reference.
    head = bytes([6, 8, 4, reference >> 8 & 255, reference & 255, len(cut) & 255])
    return Coded(coding, tuple(head + bytes([n & 255]) + part for n, part in enumerate(cut, 1)), whole)


def _cut(units: list[tuple[int, bytes]], room: int) -> list[bytes]:
    """Cut between characters, never inside an escaped one or a surrogate pair."""
    parts, left = [b""], room
    for places, octets in units:
        if places > left:
            parts.append(b"")
            left = room
        parts[-1] += octets
        left -= places
    return parts


def read(octets: bytes, coding: int, *, headed: bool) -> str:
    """Return the text of a received message, without its header; unreadable characters become a mark."""
    if headed and octets:
        octets = octets[octets[0] + 1 :]
    match coding:
        case 8:
            return octets.decode("utf-16-be", "replace")
        case 3:
            return octets.decode("latin-1")
        case 1:
            return octets.decode("ascii", "replace")
        case _:
            return _narrow(octets)


def _narrow(octets: bytes) -> str:
    text, escaped = "", False
    for octet in octets:
        if octet == ESCAPE and not escaped:
            escaped = True
            continue
        known = BASIC[octet] if octet < 128 else "�"
        text += _BACK.get(octet, known) if escaped else known
        escaped = False
    return text
