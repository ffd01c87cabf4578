"""Text messages by SMPP 3.4, directly to an operator or aggregator: one bind for each attempt, or for many messages.

A message is accepted when the SMSC has named every part. A connection lost before a part was sent
means *not sent*; later, *unknown*: SMPP has no idempotency key. Receipts and
replies arrive over the same kind of connection, not by HTTP: ``collect`` fetches them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from integrations.port import (
    LOOPBACK,
    BulkConnection,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Secrets,
    Timeouts,
    Took,
    machine_of,
    name_of,
    phone_problem,
    self_test_to,
)

LONGEST_TEXT = 450
"""Characters of ten parts in the wide alphabet, without the usual marking and footer; a longer text is cut."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route of a provider. The secret ``password`` belongs to ``system_id``."""

    host: str
    port: int = 3550
    line: Literal["tls", "private"] = "tls"
    """``private``: plain TCP through a VPN or on this machine; all systems between can read the password."""
    ca_file: str = ""
    """PEM bundle to trust instead of the system's authorities."""
    system_id: str
    system_type: str = ""
    sender: str
    """A number (``+15005550006``), a short code (digits), or a name of up to 11 letters."""
    bind: Literal["separate", "transceiver"] = "separate"
    """``separate`` sends as transmitter and collects as receiver; ``transceiver`` does both with one kind of bind."""
    long_messages: Literal["parts", "payload"] = "parts"
    """``parts`` with headers (UDH) that telephones join; ``payload`` if the SMSC cuts messages (message_payload)."""
    alphabet: Literal["gsm", "latin1"] = "gsm"
    """The SMSC's default alphabet (data_coding 0): that of the network, or Latin-1."""
    sender_ton: int | None = None
    sender_npi: int | None = None
    """Type and plan of the sender's address, if the provider wants others than those of its form."""
    recipient_ton: int | None = None
    recipient_npi: int | None = None
    """The same for the recipient's; some providers want 0 and 0."""
    window: int = 10
    """Messages without an answer at the same time, in notices to many people."""
    receipt_ids: Literal["same", "hex_to_decimal"] = "same"
    """``hex_to_decimal`` if the SMSC names a message in hexadecimal first and in decimal in its receipts."""
    own_number: str = ""
    """An own telephone number for test messages."""


def capabilities(settings: Settings) -> Capabilities:
    """Readable in transit and bound to a number: public, no personal data, a reply is not authority."""
    return Capabilities(
        address_kind="phone",
        domains=frozenset({f"smpp:{settings.host.lower()}:{settings.port}"}),
        hosts=machine_of(settings.host),
        confidentiality="public",
        personal_data="none",
        receipts=frozenset({"accepted", "delivered"}),
        ack="reply",
        ack_strength="seen",
        sim_swappable=True,
        max_length=LONGEST_TEXT,
        rates=("10/s burst 20",),  # contracts differ
        sender_name=name_of(settings.sender),
        answers_stop=True,
        secrets=frozenset({"password"}),
    )


address_problem = phone_problem


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Bind, submit every part of one message, wait for its names, unbind."""
    from integrations.smpp.session import transact

    return transact(outbound, settings, secrets)


def open_line(settings: Settings, secrets: Secrets) -> BulkConnection:
    """Return a connection for many messages."""
    from integrations.smpp.session import SmppLine

    return SmppLine(settings, secrets)


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Bind and fetch the waiting receipts and replies; each is confirmed only after it is stored."""
    from integrations.smpp.session import receive

    return receive(took, at, timeouts, settings, secrets)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    findings: list[Finding] = []
    if not 0 < settings.port < 65536:
        findings.append(Finding("error", "port is not between 1 and 65535"))
    kinds = (settings.sender_ton, settings.sender_npi, settings.recipient_ton, settings.recipient_npi)
    if any(kind is not None and not 0 <= kind <= 255 for kind in kinds):
        findings.append(Finding("error", "a type (ton) or plan (npi) is not between 0 and 255"))
    if not 1 <= settings.window <= 1000:
        findings.append(Finding("error", "window is not between 1 and 1000"))
    if "password" not in secrets:
        findings.append(Finding("error", "the secret password is missing", "secrets: {password: env:NAME}"))
    if problem := sender_problem(settings.sender):
        findings.append(Finding("error", f"sender: {problem}", 'sender: "+15005550006"'))
    if settings.own_number and (problem := phone_problem(settings.own_number)):
        findings.append(Finding("error", f"own_number: {problem}", "+15005550006"))
    if settings.line == "private" and settings.host not in LOOPBACK:
        what = "line is private: without a VPN, others on the network can read the password and the messages"
        findings.append(Finding("warning", what, "line: tls"))
    return tuple(findings)


def sender_problem(sender: str) -> str:
    """Return the problem of the sender, or the empty string."""
    if sender.startswith("+"):
        return phone_problem(sender)
    if not sender.isascii() or not sender.isprintable() or not sender.strip():
        return "the sender is neither a number nor a name in ASCII"
    return (
        ""
        if (sender.isdigit() and len(sender) <= 20) or len(sender) <= 11
        else "a name has at most 11 letters"
    )


self_test = self_test_to(send, "own_number", "own_number")
