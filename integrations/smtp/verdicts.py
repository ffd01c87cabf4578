"""Cause of a mail server's refusal, from its code and text: the recipient, the message, or the account.

One code has different meanings: 5.7.1 is one reader's own rule or a block of the sending server, and only the words distinguish them. The
first matching row decides. Without a matching row the phase of the refusal decides.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from integrations.port import About, Address


class Verdict(NamedTuple):
    """Its subject, and its finding about the address."""

    about: About
    address: Address = ""


GONE, MAILBOX, US = Verdict("recipient", "gone"), Verdict("message"), Verdict("destination")
"""The address does not exist; this mailbox refuses this message; the whole server refuses the sender."""


class Row(NamedTuple):
    """Codes and words that belong together, and an example reply."""

    codes: str
    words: str
    verdict: Verdict
    sample: str


TABLE = (
    Row(
        r"5\.1\.(?:[0-6]|10)", "", GONE, "550 5.1.1 The email account that you tried to reach does not exist."
    ),
    Row(r"5\.2\.1", "", GONE, "550 5.2.1 The email account that you tried to reach is inactive."),
    Row(r"5\.4\.1", "access denied|rejected", GONE, "550 5.4.1 Recipient address rejected: Access denied."),
    Row(r"5\.5\.0", "mailbox unavailable", GONE, "550 5.5.0 Requested action not taken: mailbox unavailable"),
    Row(r"5\.2\.2", "", MAILBOX, "552 5.2.2 The recipient's inbox is out of storage space."),
    Row(r"5\.7\.1", r"by (?:the )?recipient|resolver\.rst", MAILBOX, "550 5.7.1 Blocked by recipient"),
    Row(r"5\.7\.1[23]\d", "", MAILBOX, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup"),
    Row(r"5\.1\.[78]", "", US, "501 5.1.8 Sender address rejected: Domain not found"),
    Row(
        r"5\.7\.(?:9|2\d|[5-7]\d\d)",
        "",
        US,
        "550 5.7.515 Access denied, sending domain does not meet the level",
    ),
    Row(
        r"5\.\d{1,3}\.\d{1,3}|5[0-5]\d",
        r"\bblock(?:ed|ing|list)\b|(?:block|black) ?list|spamhaus|reputation|unsolicited|\bspam\b|\b(?:dmarc|spf|dkim)\b|banned",
        US,
        "550 5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.",
    ),
    Row("5[0-5]\\d", "unknown user|user unknown|no such user|does not exist", GONE, "550 User unknown"),
    Row(r"5\.7\.1", "", MAILBOX, "550 5.7.1 Delivery not authorized, message refused"),
    Row(r"4\.\d{1,3}\.\d{1,3}", "", MAILBOX, "4.4.7 Delivery time expired"),
)


def verdict(code: str, words: str) -> Verdict | None:
    """Return the subject of a refusal; None without a matching row."""
    whole = f"{code} {words}"
    return next((row.verdict for row in TABLE if fits(row, whole)), None)


def fits(row: Row, whole: str) -> bool:
    """Whether a reply has a code of this row, not within another number, and its words."""
    coded = re.search(rf"(?<![\d.])(?:{row.codes})(?!\.?\d)", whole)
    return bool(coded and re.search(row.words, whole, re.IGNORECASE))
