"""Email by SMTP, command by command, so that a lost connection has a known phase.

``smtplib.sendmail`` loses both important results: the phase in which the connection broke and the queue id in
the last answer. Here every command is sent separately and the phase is known. Before the final dot is sent,
a lost connection means *not sent*; after it, *unknown*; the server's code decides the rest. If the server
offers DSN it is asked for reports with ``ENVID`` set to the idempotency key, and never returns the body.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from integrations.http.service import service_of
from integrations.port import (
    BulkConnection,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Secrets,
    Timeouts,
    Took,
    machine_of,
    self_test_to,
)

RELAYS = {
    "smtp.office365.com": ("30/min burst 5", "10000/day burst 10000"),
    "smtp.gmail.com": ("2000/day burst 2000",),
}
"""Limits of relays by their own documentation: Exchange Online, and Google Workspace. Not confirmed by a test."""


class OAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Source of a token in place of a password, with the secret ``client_secret``."""

    token_url: str
    client_id: str
    scope: str


class Imap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox on a server, read by IMAP and not changed; the secret ``imap_password`` is its password."""

    host: str
    port: int = 993
    username: str
    folder: str = "INBOX"
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    state: Path
    """The file with the reading position."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A relay for email."""

    host: str
    port: int = 587
    sender: str
    """Envelope sender and ``From``: the address for bounces."""
    sender_name: str = ""
    tls: Literal["required", "opportunistic", "implicit", "none"] = "required"
    """``required``: STARTTLS or nothing is sent; ``implicit``: TLS from the first byte (port 465)."""
    ca_file: str = ""
    """PEM bundle to trust instead of the system's authorities."""
    username: str = ""
    """When set, the secret ``password`` is used with it, or a token."""
    oauth: OAuth | None = None
    """When set, a token (XOAUTH2) replaces the passwords of the relay and the mailbox."""
    helo: str = ""
    """The name in the greeting; empty means the sender's domain."""
    sign: Literal["", "smime"] = ""
    """``smime``: every message is signed with the secrets ``certificate`` and ``signing_key``, or is not sent."""
    dkim_selector: str = ""
    """The DNS name (selector) of the signing key (DKIM), the relay's or ours."""
    sign_dkim: bool = False
    """Every message is signed with the secret ``dkim_key``, or is not sent; for a relay that does not sign."""
    report_success: bool = False
    """Ask for a report of success also for each notice to many people."""
    nameserver: str = ""
    """DNS server for the sender's domain, ``ADDRESS`` or ``ADDRESS:PORT``; empty means the system's resolver."""
    bounces: str = ""
    """Address for bounces if the relay offers no delivery reports: each message's key is put into this address."""
    mailbox: Path | None = None
    """The folder (Maildir) that receives reports and replies to ``sender``; optional."""
    imap: Imap | None = None
    """The mailbox on a server that receives reports and replies; optional."""
    seeds: dict[str, Any] = {}
    """Of an earlier version, without effect: accepted so that its homes still open."""


def capabilities(settings: Settings) -> Capabilities:
    """Email carries at most ``internal``, signed or not: every relay in transit can read it."""
    oauth = settings.oauth
    tokens = frozenset({service_of(oauth.token_url)} if oauth is not None else ())
    return Capabilities(
        address_kind="email",
        domains=frozenset({f"smtp:{settings.host.lower()}:{settings.port}"}) | tokens,
        hosts=machine_of(settings.host),
        confidentiality="internal",
        personal_data="contact",
        receipts=frozenset({"accepted", "relayed", "delivered"}),
        rates=RELAYS.get(settings.host.lower(), ()),
        ack="reply",
        ack_strength="seen",
        signed=settings.sign == "smime",
        secrets=frozenset(
            ({"client_secret"} if oauth is not None else set())
            | ({"password"} if settings.username and oauth is None else set())
            | ({"certificate", "signing_key"} if settings.sign else set())
            | ({"dkim_key"} if settings.sign_dkim else set())
            | ({"imap_password"} if settings.imap is not None and oauth is None else set())
        ),
        optional_secrets=frozenset({"signing_passphrase"} if settings.sign else ()),
    )


def address_problem(address: str) -> str:
    """Return the problem of an email address, without the address, or the empty string."""
    from integrations.smtp.mime import address_problem as problem

    return problem(address)


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Make one SMTP transaction for one recipient."""
    from integrations.smtp.session import transact

    return transact(outbound, settings, secrets)


def open_line(settings: Settings, secrets: Secrets) -> BulkConnection:
    """Return a connection for many messages."""
    from integrations.smtp.line import SmtpLine

    return SmtpLine(settings, secrets)


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Read the delivery reports and the replies in the mailboxes."""
    if settings.mailbox is None and settings.imap is None:
        return ""
    from integrations.smtp import mailbox

    def keep(raw: bytes) -> bool:
        return all(map(took, mailbox.heard(raw, at, settings.bounces)))

    troubles = []
    if settings.mailbox is not None:
        troubles.append(mailbox.collect(settings.mailbox, took, at, settings.bounces))
    if settings.imap is not None:
        from integrations.smtp import imap
        from integrations.smtp.oauth import bearer, forget

        oauth = settings.oauth
        token = bearer(oauth, secrets, at, timeouts, settings.ca_file) if oauth is not None else ""
        if isinstance(token, str):
            troubles.append(imap.collect(settings.imap, keep, secrets, timeouts, settings.ca_file, token))
            if oauth is not None and troubles[-1]:
                forget(oauth, secrets)  # the server may have refused it
        else:
            troubles.append("the mailbox is not read: the token is missing")
    return "; ".join(filter(None, troubles))


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    from integrations.smtp.linting import lint as found

    return tuple(found(settings, secrets))


def look_up(settings: Settings) -> tuple[Finding, ...]:
    """Ask DNS about the sender's domain."""
    from importlib.util import find_spec

    from integrations.smtp.linting import is_nameserver

    if address_problem(settings.sender) or not is_nameserver(settings.nameserver):
        return ()
    if find_spec("dns") is None:
        what = "the DNS records of the sender domain cannot be checked: dnspython is not installed"
        return (Finding("warning", what, "Install tocsin[dns]"),)
    from integrations.smtp import domain

    return tuple(domain.look_up(settings))


def lint_at(at: datetime, settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find certificates that are not valid at ``at``, or expire soon."""
    if not settings.sign:
        return ()
    from integrations.smtp import signing

    return tuple(signing.ending(secrets, at))


self_test = self_test_to(send, "sender")
