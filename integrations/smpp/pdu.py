"""The units of SMPP 3.4 in use, as octets (SMPP v3.4 Issue 1.2, chapters 4 and 5).

Every unit is a header of four 32-bit numbers (length, command, status, sequence) and a body. Received data is
hostile until read: a length out of bounds, an incomplete body, a text without its end are ``ValueError``.
"""

from __future__ import annotations

import struct
from datetime import timedelta

import msgspec

from integrations.port import About, Outcome, Rejected, Throttled, Unknown

GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
ANSWER = 0x80000000
"""Bit that marks the answer to a command."""
OK, TEMPORARY, INVALID_COMMAND = 0x00, 0x64, 0x03
"""Statuses of Tocsin's answers; ``TEMPORARY`` (ESME_RX_T_APPN) asks the SMSC to repeat."""
HEADER = struct.Struct(">IIII")
LONGEST = 70_000
"""Octets of the longest unit that is read: a payload of 64 K and its surroundings."""
JOINED_PARTS, RECEIPT_MASK, RECEIPT = 0x40, 0x3C, 0x04
"""Bits of ``esm_class``: the text begins with a header; the kind of message; an SMSC's receipt."""
MESSAGE_PAYLOAD, RECEIPTED_ID, MESSAGE_STATE = 0x0424, 0x001E, 0x0427


class Pdu(msgspec.Struct, frozen=True):
    """One unit."""

    command: int
    sequence: int
    status: int = OK
    body: bytes = b""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the body: it contains passwords, numbers and texts."""
        return f"Pdu(command={self.command:#x}, sequence={self.sequence}, status={self.status:#x})"


class Delivered(msgspec.Struct, frozen=True):
    """Contents of a ``deliver_sm``: a receipt, or a person's reply."""

    source: str
    esm_class: int
    coding: int
    text: bytes
    extras: dict[int, bytes]

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the person and the text."""
        return f"Delivered(esm_class={self.esm_class:#x})"


def pack(pdu: Pdu) -> bytes:
    """Return a unit as octets."""
    return HEADER.pack(HEADER.size + len(pdu.body), pdu.command, pdu.status, pdu.sequence) + pdu.body


def length(header: bytes) -> int:
    """Return the number of octets after a header; ``ValueError`` if it is invalid."""
    total: int = HEADER.unpack(header)[0]
    if not HEADER.size <= total <= LONGEST:
        raise ValueError("the length of a unit is out of bounds")
    return total - HEADER.size


def unpack(octets: bytes) -> Pdu:
    """Return a unit from all its octets."""
    _, command, status, sequence = HEADER.unpack_from(octets)
    return Pdu(command, sequence, status, octets[HEADER.size :])


def text(given: str) -> bytes:
    """Return a text with its end; ``ValueError`` for text that SMPP cannot represent."""
    if "\0" in given or not given.isascii():
        raise ValueError("a text is not plain ASCII")
    return given.encode() + b"\0"


def bind(system_id: str, password: str, system_type: str) -> bytes:
    """Return the body of a bind: version 3.4, any address."""
    return text(system_id) + text(password) + text(system_type) + b"\x34\0\0\0"


Kind = tuple[int | None, int | None]
"""Type (TON) and plan (NPI) of an address; None for that of its form."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message to one number."""

    sender: str
    recipient: str
    sender_kind: Kind = (None, None)
    recipient_kind: Kind = (None, None)
    coding: int
    octets: bytes
    joined: bool = False
    as_payload: bool = False
    keep_for: timedelta | None = None

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the number and the text."""
        return f"Submission(coding={self.coding})"


def submit(one: Submission) -> bytes:
    """Return the body of a ``submit_sm`` that asks for a receipt, of success or failure."""
    short = b"" if one.as_payload else one.octets
    return (
        text("")
        + _address(one.sender, one.sender_kind)
        + _address(one.recipient, one.recipient_kind)
        + bytes([JOINED_PARTS if one.joined else 0, 0, 0])
        + text("")
        + text(_validity(one.keep_for))
        + bytes([1, 0, one.coding, 0, len(short)])
        + short
        + (parameter(MESSAGE_PAYLOAD, one.octets) if one.as_payload else b"")
    )


def parameter(tag: int, value: bytes) -> bytes:
    """Return an optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value


def _address(address: str, kind: Kind) -> bytes:
    """Return type, plan and text of a number, a short code or a name."""
    usual = (1, 1) if address.startswith("+") else (3 if address.isdigit() else 5, 0)
    ton, npi = (by_form if given is None else given for by_form, given in zip(usual, kind, strict=True))
    return bytes([ton, npi]) + text(address.removeprefix("+"))


def _validity(keep_for: timedelta | None) -> str:
    """Return the SMSC's delivery period, relative to its own clock; at most two digits of days."""
    if keep_for is None:
        return ""
    left = int(min(max(keep_for.total_seconds(), 1), 28 * 86_400))
    minutes, seconds = divmod(left, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"


def name(body: bytes) -> str:
    """Return the name in the SMSC's answer if it has a valid form; else the empty string."""
    found = _until_nul(body, 0)[0] if b"\0" in body else ""
    return found if found and len(found) <= 64 and found.isprintable() and " " not in found else ""


def read_delivery(body: bytes) -> Delivered:
    """Read the body of a ``deliver_sm``; ``ValueError`` if it is incomplete."""
    _, at = _until_nul(body, 0)
    source, at = _until_nul(body, at + 2)
    _, at = _until_nul(body, at + 2)
    esm_class = _octet(body, at)
    _, at = _until_nul(body, at + 3)
    _, at = _until_nul(body, at)
    coding, size = _octet(body, at + 2), _octet(body, at + 4)
    short, at = body[at + 5 : at + 5 + size], at + 5 + size
    if at > len(body):
        raise ValueError("a unit ends early")
    extras = _extras(body[at:])
    payload = extras.get(MESSAGE_PAYLOAD, b"")
    return Delivered(source, esm_class, coding, short or payload, extras)


def _octet(body: bytes, at: int) -> int:
    if at >= len(body):
        raise ValueError("a unit ends early")
    return body[at]


def _until_nul(body: bytes, start: int) -> tuple[str, int]:
    end = body.find(b"\0", start)
    if end < 0:
        raise ValueError("a text in a unit has no end")
    return body[start:end].decode("ascii", "replace"), end + 1


def _extras(rest: bytes) -> dict[int, bytes]:
    found = {}
    while len(rest) >= 4:
        tag, size = struct.unpack_from(">HH", rest)
        if 4 + size > len(rest):
            raise ValueError("a unit ends early")
        found[tag] = rest[4 : 4 + size]
        rest = rest[4 + size :]
    return found


_LATER = frozenset({0x14, 0x58})
"""ESME_RMSGQFUL, ESME_RTHROTTLED."""
_UNCERTAIN = frozenset({0x08, 0x45, 0xFF})
"""ESME_RSYSERR, ESME_RSUBMITFAIL, ESME_RUNKNOWNERR: a failure, perhaps after acceptance of the message."""
_ABOUT: dict[int, About] = {
    **dict.fromkeys((0x0B, 0x50, 0x51), "recipient"),
    **dict.fromkeys((0x04, 0x0A, 0x0D, 0x0E, 0x0F, 0x15, 0x48, 0x49, 0x53), "account"),
}
"""Destination address, type and plan; and state, source, bind, password, system id, service, source type, system type."""


def at_bind(status: int) -> Outcome:
    """Return the outcome of a refused bind: the message was not sent, whatever the reason."""
    code = f"0x{status:08X}"
    if status in _LATER | _UNCERTAIN | {0x05}:
        return Throttled(None, f"the SMSC refused the bind with {code}: retry later", code)
    return Rejected(code, f"the SMSC refused the bind with {code}", about="account")


def at_submission(status: int) -> Outcome:
    """Return the outcome of a refused submission; vendor-specific codes can be temporary."""
    code = f"0x{status:08X}"
    if status in _LATER:
        return Throttled(None, f"the SMSC refused the message with {code}: retry later", code)
    if status in _UNCERTAIN:
        return Unknown(f"the SMSC failed with {code}: the outcome is unknown", "answer")
    about = _ABOUT.get(status, "message")
    return Rejected(code, f"the SMSC refused the message with {code}", permanent=status < 0x400, about=about)
