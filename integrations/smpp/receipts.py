"""Content of a ``deliver_sm``: a delivery receipt, or a text from a person.

A receipt says it in optional parameters, or in a text whose form SMPP only suggests (appendix B); both are read, the
parameters first. ``DELIVRD`` is the only state that proves delivery; of a long message it proves that of one part.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Literal

from integrations.port import Answer, Receipt
from integrations.smpp import Settings, alphabet, pdu

Kind = Literal["accepted", "delivered", "failed"]
_STATES: dict[int, Kind] = {
    1: "accepted",
    2: "delivered",
    **dict.fromkeys((3, 4, 5, 8), "failed"),
    6: "accepted",
}
"""By number: en route, delivered, expired, deleted, undeliverable, accepted on somebody's behalf, rejected."""
_WORDS = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "REJECTD": 8}
LONGEST_TEXT = 500
"""Octets of a receipt's text that are read: SMPP suggests about 160, and to search costs more than they are many."""
_TEXT = re.compile(
    r"id:(\S{1,64}).*?\bstat:([A-Za-z]{1,10})(?:.*?\berr:(\w{1,8}))?", re.DOTALL | re.IGNORECASE
)


def read(one: pdu.Delivered, sequence: int, at: datetime, settings: Settings) -> Receipt | Answer | None:
    """Return what came in; None for what says nothing, as a state that the SMSC itself calls unknown."""
    kind = one.esm_class & pdu.RECEIPT_MASK
    if kind == 0:
        return _answer(one, sequence, at)
    return _receipt(one, at, settings) if kind in {pdu.RECEIPT, 0x20} else None


def _receipt(one: pdu.Delivered, at: datetime, settings: Settings) -> Receipt | None:
    """Read a receipt; an ``at`` of its own it has only in the SMSC's local time, so ours counts."""
    found = _TEXT.search(alphabet.read(one.text[:LONGEST_TEXT], one.coding, headed=False))
    name = pdu.name(one.extras.get(pdu.RECEIPTED_ID, b"").rstrip(b"\0") + b"\0")
    state = int.from_bytes(one.extras.get(pdu.MESSAGE_STATE, b"")[:1]) or None
    if found:
        name = name or _as_given_first(found[1], settings)
        state = state or _WORDS.get(found[2].upper())
    kind = _STATES.get(state or 0)
    if kind is None or not name:
        return None
    code = (found[3] or "") if found and kind == "failed" else ""
    return Receipt(kind=kind, event_id=f"{name}:{state}", provider_id=name, at=at, code=code)


def _as_given_first(name: str, settings: Settings) -> str:
    """Return a name as the answer to the submission had it."""
    if settings.receipt_ids == "hex_to_decimal" and name.isascii() and name.isdigit():
        return f"{int(name):X}"
    return name


def _answer(one: pdu.Delivered, sequence: int, at: datetime) -> Answer | None:
    """Read what a person wrote. SMPP names no message that comes in: its place in time and on the line does."""
    text = alphabet.read(one.text, one.coding, headed=bool(one.esm_class & pdu.JOINED_PARTS))
    digits = one.source.removeprefix("+")
    if not digits.isascii() or not digits.isalnum():
        return None
    mark = f"{at.isoformat()} {sequence} {digits} ".encode() + one.text
    sender = f"+{digits}" if digits.isdigit() and len(digits) > 6 else digits
    return Answer(event_id=hashlib.sha256(mark).hexdigest()[:32], sender=sender, text=text, at=at)
