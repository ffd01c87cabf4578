"""The mailbox for reports and replies, as a Maildir folder on this machine.

The delivering program (a mail server here, or a fetching program) puts each email into ``new`` as a whole.
A processed email is moved to ``cur``; email for people remains unread there.

A person's reply by email: the recipient writes the message's code in the first line.

Only that line counts. Quoted text below it has the code as well, and programs quote: an absence notice must not
count as reading.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import Message
from email.utils import parseaddr
from pathlib import Path

from integrations.port import Answer, Receipt, Took
from integrations.smtp import reports
from integrations.smtp.reports import LARGEST, parsed, words

MOST = 1_000
"""Emails of one round."""


def heard(raw: bytes, at: datetime, bounces: str = "") -> list[Receipt | Answer]:
    """Return the contents of one email: reports, or a person's reply; nothing for any other email."""
    receipts: list[Receipt | Answer] = [*reports.read(raw, at, bounces)]
    if not receipts and (answer := read_reply(raw, at)) is not None:
        receipts.append(answer)
    return receipts


def collect(folder: Path, took: Took, at: datetime, bounces: str = "") -> str:
    """Pass the contents to ``took``; an email that was not stored completely is not moved. Return the problem."""
    try:
        waiting = sorted(path for path in (folder / "new").iterdir() if path.is_file())[:MOST]
        (folder / "cur").mkdir(exist_ok=True)
        kept = [_one(path, folder, took, at, bounces) for path in waiting]
    except OSError as error:
        return f"the mailbox cannot be read: {error.strerror}"
    return "" if all(kept) else "a received email could not be stored"


def _one(path: Path, folder: Path, took: Took, at: datetime, bounces: str) -> bool:
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    receipts = heard(raw, at, bounces)
    if not all(map(took, receipts)):
        return False
    seen = "S" if receipts and isinstance(receipts[0], Receipt) else ""
    path.rename(folder / "cur" / f"{path.name.partition(':')[0]}:2,{seen}")
    return True


LONGEST_LINE = 200
MOST_BYTES = 20_000
"""Bytes of a reply that are searched for its first line."""


def read_reply(raw: bytes, at: datetime) -> Answer | None:
    """Return a person's reply; None for an automatic email, and for any other email."""
    try:
        message = parsed(raw)
        return None if message is None else _answer(message, raw, at)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # the parser's errors for bytes that are not an email
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
    """Return the person's first line, from the first part in plain text."""
    for part in message.walk():
        if part.get_content_type() != "text/plain":
            continue
        text = words(part, MOST_BYTES)
        first = next((text_line.strip() for text_line in text.splitlines() if text_line.strip()), "")
        return "" if first.startswith(">") else first[:LONGEST_LINE]
    return ""
