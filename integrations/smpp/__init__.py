"""Text messages by SMPP 3.4, straight to an operator or aggregator: one bind, one message, one honest answer.

A message is accepted when every part of it was named by the SMSC. A line that is lost before a part has left
means *not sent*; after it, *unknown*: SMPP has no key that would make a second send harmless. Receipts and
replies come over the same kind of line, not by HTTP: ``collect`` fetches them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from integrations.port import (
    LOOPBACK,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Secrets,
    Timeouts,
    Took,
    machine_of,
    phone_problem,
    self_test_to,
)

LONGEST_TEXT = 450
"""Characters that ten parts hold in the wide alphabet, less what marking and footer usually take; else the text is cut."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route that somebody sold us. The secret ``password`` goes with ``system_id``."""

    host: str
    port: int = 3550
    line: Literal["tls", "private"] = "tls"
    """``private``: plain TCP through a VPN or on this machine; everybody on the way reads the password."""
    ca_file: str = ""
    """PEM bundle to trust instead of the system's authorities."""
    system_id: str
    system_type: str = ""
    sender: str
    """A number (``+15005550006``), a short code (digits), or a name of up to 11 letters."""
    bind: Literal["separate", "transceiver"] = "separate"
    """``separate`` sends as transmitter and collects as receiver; ``transceiver`` does both on one kind of bind."""
    long_messages: Literal["parts", "payload"] = "parts"
    """``parts`` with headers (UDH) that telephones join; ``payload`` where the SMSC cuts by itself (message_payload)."""
    receipt_ids: Literal["same", "hex_to_decimal"] = "same"
    """``hex_to_decimal`` where the SMSC names a message in hexadecimal at once and in decimal in its receipts."""
    own_number: str = ""
    """A telephone of ours that self-tests go to."""


def capabilities(settings: Settings) -> Capabilities:
    """Readable on the way and bound to a number: public, no personal data, a reply is no authority."""
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
        secrets=frozenset({"password"}),
    )


address_problem = phone_problem


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Bind, submit every part of one message, wait for its names, unbind."""
    from integrations.smpp.session import transact

    return transact(outbound, settings, secrets)


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Bind and take the receipts and replies that wait; each is confirmed only when it was kept."""
    from integrations.smpp.session import receive

    return receive(took, at, timeouts, settings, secrets)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find what would fail or leak, without connecting."""
    findings: list[Finding] = []
    if not 0 < settings.port < 65536:
        findings.append(Finding("error", "port is not between 1 and 65535"))
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
    """Return what is wrong with whom we send as, or the empty string."""
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
