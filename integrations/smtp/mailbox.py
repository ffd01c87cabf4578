"""The mailbox to which reports and replies return, as a folder in the form of Maildir on this machine.

Whatever brings mail there (a mail server here, or a program that fetches it) puts each into ``new`` as a whole.
What was read is moved to ``cur``; what is for people stays unread in it.

A person's reply by mail: whoever has the message writes its code back in the first line.

Only that line counts. What is quoted below it holds the code as well, and programs quote: a notice of absence must not
say that somebody has read a message.
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
"""Mails of one round."""


def heard(raw: bytes, at: datetime, bounces: str = "") -> list[Receipt | Answer]:
    """Return what one mail says: reports, or a person's reply; nothing for any other mail."""
    receipts: list[Receipt | Answer] = [*reports.read(raw, at, bounces)]
    if not receipts and (answer := read_reply(raw, at)) is not None:
        receipts.append(answer)
    return receipts


def collect(folder: Path, took: Took, at: datetime, bounces: str = "") -> str:
    """Hand what came to ``took``; a mail of which something was not kept stays where it is. Return what went wrong."""
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
"""Bytes of a reply that are looked through for its first line."""


def read_reply(raw: bytes, at: datetime) -> Answer | None:
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
        first = next((text_line.strip() for text_line in text.splitlines() if text_line.strip()), "")
        return "" if first.startswith(">") else first[:LONGEST_LINE]
    return ""
