"""A person's reply by mail: whoever has the message writes its code back in the first line.

Only that line counts. What is quoted below it holds the code as well, and programs quote: a notice of absence must not
say that somebody has read a message.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import Message
from email.utils import parseaddr

from integrations.port import Answer
from integrations.smtp.bounded import parsed, words

LONGEST_LINE = 200
MOST_BYTES = 20_000
"""Bytes of a reply that are looked through for its first line."""


def read(raw: bytes, at: datetime) -> Answer | None:
    """Return what a person wrote; None for what a program sent, and for what is no reply."""
    try:
        message = parsed(raw)
        return None if message is None else _answer(message, raw, at)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # the parser's own words for bytes that are no mail
        return None


def _answer(message: Message, raw: bytes, at: datetime) -> Answer | None:
    by_program = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no"
    bulk = str(message.get("Precedence", "")).strip().lower() in ("bulk", "list", "junk", "auto_reply")
    sender = parseaddr(str(message.get("From", "")))[1]
    line = _first_line(message)
    if by_program or bulk or "@" not in sender or not line:
        return None
    return Answer(event_id=hashlib.sha256(raw).hexdigest(), sender=sender, text=line, at=at)


def _first_line(message: Message) -> str:
    """Return the first line that the person wrote, out of the first part that is plain text."""
    for part in message.walk():
        if part.get_content_type() != "text/plain":
            continue
        text = words(part, MOST_BYTES)
        first = next((splitline.strip() for splitline in text.splitlines() if splitline.strip()), "")
        return "" if first.startswith(">") else first[:LONGEST_LINE]
    return ""
