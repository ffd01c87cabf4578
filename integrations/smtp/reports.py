"""Delivery status notifications (RFC 3464) in the mailbox of a relay's reports.

Only a ``multipart/report`` of the type ``delivery-status`` counts: a vacation notice, a bounce in prose and a reply do
not. The type ``feedback-report`` is a reader's complaint (RFC 5965). The envelope's identifier (``ENVID``) is the idempotency key of the message; if a relay lost it, the
``Message-ID`` in the returned headers has the same key. A report without either is foreign. The prose of a
report is for people, in any language, and is not read, except the reply of the server that refused.

If a relay offers no reports the address for bounces has the key (VERP), and a bounce in prose counts as well:
it has no sender, is not an automatic reply, and has a code of a permanent failure (5.y.z, or a reply 5yz). The address is known to
each recipient of the message, like the ``Message-ID``: a forged bounce only causes failover to the next channel.

Parser of foreign email with a cost bounded by its size: an email against the parser must not delay the others.

The parser of the standard library scans the parameters of a header again for each of them, and compares each line with
every container around it; some names of character sets are codecs whose cost grows with the square of the text. So headers
are cut, lines and containers are counted before anything is parsed, and only the beginning of a body is ever decoded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import parseaddr
from typing import Literal

from integrations.port import Receipt
from integrations.smtp.verdicts import Verdict, verdict

LARGEST = 1_000_000
"""Bytes of one email: reports return headers, never a body, if the relay follows the request."""
LONGEST_FIELD = 1_000
"""Characters of a header that are read; names of messages, senders and boundaries are shorter."""
MOST_CONTAINERS = 20
"""Multiparts of one email: a report is one, and may return a few."""
MOST_LINES = 30_000
"""Lines of one email: the number for the largest email with lines of a usual length."""
_CONTAINER = re.compile(rb"multipart/", re.IGNORECASE)


class _Cut(Compat32):
    """The beginning of a header that the parser keeps."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:  # type: ignore[explicit-override]
        """Return name and value of a header; the value is cut."""
        name, value = super().header_source_parse(list(sourcelines))
        return name, str(value)[:LONGEST_FIELD]


_PARSER = BytesParser(policy=_Cut())


def parsed(raw: bytes, *, headers_only: bool = False) -> Message | None:
    """Return an email; None if it is too large, or has too many lines or containers."""
    if len(raw) > LARGEST or max(map(raw.count, (b"\n", b"\r"))) > MOST_LINES:
        return None
    if sum(1 for _ in _CONTAINER.finditer(raw)) > MOST_CONTAINERS:
        return None
    return _PARSER.parsebytes(raw, headersonly=headers_only)


def words(part: Message, most: int) -> str:
    """Return the beginning of a part's text, from a limited number of bytes; raises LookupError for an unknown character set."""
    body = part.get_payload(decode=True)
    charset = part.get_content_charset() or "utf-8"
    return body[:most].decode(charset, "replace") if isinstance(body, bytes) else ""


MOST_GROUPS = 100
_KINDS: dict[str, Literal["relayed", "delivered", "failed", "delayed"]] = {
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "relayed",
    "failed": "failed",
    "delayed": "delayed",
}
_COMPLAINTS = ("abuse", "fraud", "virus", "other")
"""Kinds of feedback that are complaints (RFC 5965); ``not-spam`` is the opposite."""
_KEY = re.compile(r"[A-Z2-7]{32}", re.ASCII)
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
_ENDED = (
    re.compile(r"(?<![\d.])(5\.\d{1,3}\.\d{1,3})(?!\.?\d)", re.ASCII),
    re.compile(
        r"(?:^[ \t>|]*|[:(<\"'] ?)(5[0-5]\d)[ -](?!\s|\d|(?:[kmg]i?b|b|bytes?|octets?|sec\w*|min\w*|hours?|stunden|days?|tage?)\b)",
        re.ASCII | re.MULTILINE | re.IGNORECASE,
    ),
)
"""Codes of permanent failures: the enhanced ones (RFC 3463) are more exact than the others (RFC 5321), which count only if a server's
reply begins, at the head of a line or of what is quoted: a notice of delay may speak of 500 seconds, or of 500 other mails."""
_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_NOBODY = ("mailer-daemon", "postmaster")
MOST_WORDS = 20_000
"""Characters of a bounce in prose that are searched."""
LONGEST_REPLY = 500
"""Characters of a server's reply that are classified."""
MOST_HEADERS = 10
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def read(raw: bytes, at: datetime, bounces: str = "") -> tuple[Receipt, ...]:
    """Return the receipts of a report on Tocsin's messages; nothing for any other email. ``bounces`` is the address of keyed bounces."""
    try:
        message = parsed(raw)
        if message is None:
            return ()
        digest, keyed = hashlib.sha256(raw).hexdigest(), _addressed(message, bounces)
        is_report = message.get_content_type() == "multipart/report"
        kind = str(message.get_param("report-type", "")).lower() if is_report else ""
        if kind == "feedback-report":
            return tuple(_complaints(message, digest, at, keyed))
        if kind == "delivery-status":
            return tuple(_receipts(message, digest, at, keyed))
        return tuple(_in_prose(message, digest, at, keyed)) if keyed else ()
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # the parser's errors for bytes that are not an email
        return ()


def _complaints(message: Message, digest: str, at: datetime, keyed: str) -> Iterator[Receipt]:
    """Read a complaint; it often omits the reader, whom the returned ``Message-ID`` identifies."""
    parts = _parts(message.get_payload())
    told = next((part for part in parts if part.get_content_type() == "message/feedback-report"), None)
    fields = told.get_payload() if told is not None else None
    messages = _parts(fields) or ([told] if told is not None else [])
    kind = next(filter(None, (_field(part, "Feedback-Type").lower() for part in messages)), "")
    key = _returned(parts) or keyed
    if key and kind in _COMPLAINTS:
        yield Receipt(kind="complained", event_id=f"{digest}-0", idempotency_key=key, at=at, code=kind)


def _addressed(message: Message, bounces: str) -> str:
    """Return the key from the address of a bounce."""
    local, _, domain = bounces.rpartition("@")
    if not local:
        return ""
    keyed = re.compile(rf"{re.escape(local)}\+([a-z2-7]{{32}})@{re.escape(domain)}", re.IGNORECASE | re.ASCII)
    given = (str(value) for name in _TO for value in message.get_all(name, [])[:MOST_HEADERS])
    found = next((match for value in given if (match := keyed.search(value[:1_000]))), None)
    return found[1].upper() if found else ""


def _in_prose(message: Message, digest: str, at: datetime, key: str) -> Iterator[Receipt]:
    path = str(message.get("Return-Path", "")).strip()
    sender = parseaddr(str(message.get("From", "")))[1].partition("@")[0].lower()
    by_nobody = path == "<>" or (not path and sender in _NOBODY)
    reply = str(message.get("Auto-Submitted", "")).strip().lower().startswith("auto-replied")
    if not by_nobody or reply:
        return
    part = next((piece for piece in message.walk() if piece.get_content_type() == "text/plain"), None)
    body = part.get_payload(decode=True) if part is not None else None
    words = body[:MOST_WORDS].decode("utf-8", "replace") if isinstance(body, bytes) else ""
    if found := next(filter(None, (code.search(words) for code in _ENDED)), None):
        said = words[found.start() : found.start() + LONGEST_REPLY]
        yield _failed(f"{digest}-0", key, at, found[1], said)


def _failed(event: str, key: str, at: datetime, code: str, words: str) -> Receipt:
    known = verdict(code, words) or Verdict("recipient")
    return Receipt(
        kind="failed",
        event_id=event,
        idempotency_key=key,
        at=at,
        code=code,
        about=known.about,
        address=known.address,
    )


def _receipts(message: Message, digest: str, at: datetime, keyed: str) -> Iterator[Receipt]:
    parts = message.get_payload()
    kinds = ("message/delivery-status", "message/global-delivery-status")
    status = next((part for part in _parts(parts) if part.get_content_type() in kinds), None)
    groups = _parts(status.get_payload()) if status is not None else []
    if len(groups) < 2:
        return
    # the envelope's identifier, in any case and encoding of the relay
    given = _XTEXT.sub(lambda found: chr(int(found[1], 16)), _field(groups[0], "Original-Envelope-Id"))
    found = _KEY.search(given.upper())
    key = (found[0] if found else "") or _returned(_parts(parts)) or keyed
    for n, group in enumerate(groups[1 : MOST_GROUPS + 1]):
        kind = _KINDS.get(_field(group, "Action").lower())
        event, stated = f"{digest}-{n}", _STATUS.search(_field(group, "Status"))
        code = stated[0] if stated else ""
        if key and kind == "failed":
            yield _failed(event, key, at, code, str(group.get("Diagnostic-Code", ""))[:LONGEST_REPLY])
        elif key and kind:
            yield Receipt(kind=kind, event_id=event, idempotency_key=key, at=at, code=code)


def _parts(payload: object) -> list[Message]:
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _field(group: Message, name: str) -> str:
    return str(group.get(name, "")).partition("(")[0].strip()


def _returned(parts: list[Message]) -> str:
    """Return the key from the ``Message-ID`` of the returned headers or message."""
    for part in parts:
        if part.get_content_type() in ("message/rfc822", "message/global"):
            inner = _parts(part.get_payload())
            name = str(inner[0].get("Message-ID", "")) if inner else ""
        elif part.get_content_type() in ("text/rfc822-headers", "message/global-headers"):
            body = part.get_payload(decode=True)
            head = parsed(body, headers_only=True) if isinstance(body, bytes) else None
            name = str(head.get("Message-ID", "")) if head is not None else ""
        else:
            continue
        if found := _KEY.search(name):
            return found[0]
    return ""
