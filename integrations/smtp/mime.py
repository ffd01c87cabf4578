"""One message as the bytes that go over SMTP: RFC 5322, seven bits, CRLF, dots stuffed.

Pure: the same attempt gives the same bytes on every machine. Text that would break out of a header is
refused, not cleaned: its author should know. A ``Seal`` signs the part below the headers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from integrations.port import Outbound, plain_body

_BREAKS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\x85]")
_LONE_ENDS = re.compile(rb"\r\n|\r|\n")
_NOT_IN_ADDRESS = re.compile(r'[\x00-\x20\x7f\x85\u2028\u2029<>()\[\],;:\\"]')
_XTEXT = re.compile(r"[!-*,-<>-~]*")
_KEY = re.compile(r"[A-Z2-7]{32}", re.ASCII)
_POLICY = SMTP.clone(cte_type="7bit")
Seal = Callable[[bytes, bytes], bytes]
"""Takes a MIME entity and a boundary that is not in it; returns the replacing entity."""


class Seals(NamedTuple):
    """The signers of a channel: of the text (S/MIME), and of the whole message (DKIM), in this order."""

    entity: Seal | None = None
    message: Callable[[bytes], bytes] | None = None


UNSIGNED = Seals()


def address_problem(address: str) -> str:
    """Return the problem of an email address, without the address, or the empty string."""
    local, at, domain = address.rpartition("@")
    if _NOT_IN_ADDRESS.search(address):
        return "the address has characters that an address may not have"
    if not at or not local or "@" in local:
        return "the address is not of the form name@domain"
    if not domain.strip(".") or ".." in domain or domain.startswith((".", "-")):
        return "the address has no valid domain"
    if len(local.encode()) > 64 or len(address.encode()) > 254:
        return "the address is longer than an address may be"
    return ""


def bounce_problem(address: str) -> str:
    """Return the problem of an address for keyed bounces, or the empty string."""
    return address_problem(_keyed(address, "A" * 32))


def return_path(sender: str, bounces: str, key: str) -> str:
    """Return the envelope sender for a relay without reports (VERP): it has the key, without a person's name.

    The key is a digest, so it shows nothing to a reader; a key of another form is not put into the address.
    """
    if not bounces:
        return sender
    return _keyed(bounces, key) if _KEY.fullmatch(key) else bounces


def _keyed(address: str, key: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}+{key}@{domain}"


def header_problem(outbound: Outbound) -> str:
    """Return which header text would break out of its header, or the empty string."""
    if _BREAKS.search(outbound.subject):
        return "the subject has a line break or control character"
    if _BREAKS.search(outbound.idempotency_key):
        return "the idempotency key has a control character"
    return ""


def assembled(outbound: Outbound, sender: str, sender_name: str, seals: Seals = UNSIGNED) -> bytes:
    """Return the message for DATA, without the final dot; ``Message-ID`` is the idempotency key.

    Common parts of many messages are folded and encoded once.
    """
    plain = f"{sender}{outbound.recipient}".isascii()
    key, domain = outbound.idempotency_key.encode(), sender.rpartition("@")[2].encode()
    head = (
        _constant(sender, sender_name, outbound.subject, plain)
        + b"To: %b\r\n" % str(_address(outbound.recipient)).encode()
        + _date(outbound.at)
        + b"Message-ID: <%b@%b>\r\n" % (key, domain)
        + (b"Feedback-ID: %b:%b\r\n" % (outbound.campaign.encode(), domain) if outbound.campaign else b"")
    )
    entity = _entity(outbound, _quoted) if seals.entity is None else _sealed(outbound, seals.entity)
    return stuffed(head + entity if seals.message is None else seals.message(head + entity))


def _sealed(outbound: Outbound, seal: Seal) -> bytes:
    # A relay changes nothing in base64: no dot or "From " at a line's start, no blank at its end.
    return seal(
        _entity(outbound, _base64).removesuffix(b"\r\n"), b"=_signed_" + outbound.idempotency_key.encode()
    )


def _entity(outbound: Outbound, encode: Callable[[bytes], bytes]) -> bytes:
    """Return the text, with the HTML page if there is one, from its ``Content-Type`` on.

    A boundary that begins with ``=_`` cannot be in quoted-printable text (RFC 2045 6.7) or in base64.
    """
    plain = _part(b"plain", plain_body(outbound), encode)
    if outbound.html is None:
        return plain
    boundary = b"=_" + outbound.idempotency_key.encode()
    page = _part(b"html", outbound.html, encode)
    return (
        b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n' % boundary
        + b"--%b\r\n%b\r\n--%b\r\n%b\r\n--%b--\r\n" % (boundary, plain, boundary, page, boundary)
    )


@lru_cache(maxsize=256)
def _constant(sender: str, sender_name: str, subject: str, plain: bool) -> bytes:
    """Return the common headers of many messages; ``plain`` if no address needs SMTPUTF8."""
    message = EmailMessage(policy=_POLICY.clone(utf8=not plain))
    message["From"] = _address(sender, sender_name)
    message["Subject"] = subject
    # RFC 3834: prevents vacation notices; DSNs use the envelope.
    message["Auto-Submitted"] = "auto-generated"
    message["MIME-Version"] = "1.0"
    return _LONE_ENDS.sub(b"\r\n", message.as_bytes().rstrip(b"\r\n")) + b"\r\n"


@lru_cache(maxsize=16)
def _date(at: datetime) -> bytes:
    return b"Date: %b\r\n" % format_datetime(at).encode()


def _part(kind: bytes, text: str, encode: Callable[[bytes], bytes]) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    head = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: ' % kind
    return head + encode(lines.encode())


def _quoted(content: bytes) -> bytes:
    return b"quoted-printable\r\n\r\n" + b"\r\n".join(map(_quoted_line, content.split(b"\n")))


@lru_cache(maxsize=1024)
def _quoted_line(line: bytes) -> bytes:
    """Return one line as quoted-printable (RFC 2045 6.7): lines are independent, and most are the same for all recipients."""
    return binascii.b2a_qp(line, istext=True).replace(b"\n", b"\r\n")


def _base64(content: bytes) -> bytes:
    canonical = content.replace(b"\n", b"\r\n")
    return b"base64\r\n\r\n" + base64.encodebytes(canonical).replace(b"\n", b"\r\n")


def _address(address: str, name: str = "") -> Address:
    """Return a header address; in two parts, because Python refuses names beyond ASCII in one."""
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def stuffed(message: bytes) -> bytes:
    """Return a message with CRLF lines in the form of DATA (RFC 5321 4.5.2), without the final dot."""
    body = message.replace(b"\r\n.", b"\r\n..")
    body = b"." + body if body.startswith(b".") else body
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def xtext(value: str) -> str:
    """Encode a DSN parameter (RFC 3461 4): printable ASCII except ``+`` and ``=`` is unchanged."""
    if _XTEXT.fullmatch(value):
        return value
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in value
    )
