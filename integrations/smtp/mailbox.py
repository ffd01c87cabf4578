"""The mailbox to which reports and replies return, as a folder in the form of Maildir on this machine.

Whatever brings mail there (a mail server here, or a program that fetches it) puts each into ``new`` as a whole.
What was read is moved to ``cur``; what is for people stays unread in it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from integrations.port import Answer, Receipt, Took
from integrations.smtp import answers, reports
from integrations.smtp.bounded import LARGEST

MOST = 1_000
"""Mails of one round."""


def heard(raw: bytes, at: datetime, bounces: str = "") -> list[Receipt | Answer]:
    """Return what one mail says: reports, or a person's reply; nothing for any other mail."""
    receipts: list[Receipt | Answer] = [*reports.read(raw, at, bounces)]
    if not receipts and (answer := answers.read(raw, at)) is not None:
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
