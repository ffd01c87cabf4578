"""One SMTP transaction, phase by phase. Import it late: ``smtplib`` and ``ssl`` are slow to import.

The phase is the evidence. A server accepts a message after the final dot, never before (RFC 5321
4.1.1.4), so everything up to the body is ``not_sent``. The final dot is sent separately: once it may be
sent, only the server's answer settles the outcome.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from typing import Any, Literal

from integrations.http.cutoff import CutOff
from integrations.port import (
    LOOPBACK,
    Accepted,
    NotSent,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Throttled,
    Unknown,
)
from integrations.smtp import Settings
from integrations.smtp.mime import Seals, address_problem, assembled, header_problem, return_path, xtext
from integrations.smtp.oauth import bearer, forget, xoauth2
from integrations.smtp.verdicts import Verdict, verdict

_ENHANCED = re.compile(rb"\A([245]\.\d{1,3}\.\d{1,3})(?=\s|\Z)")
_QUEUE_ID = re.compile(
    rb"queued as ([A-Za-z0-9._-]{1,128})|\bid=([A-Za-z0-9._-]{1,128})|\[InternalId=(\d{1,32})"
)
_ACCOUNT_PHASES = frozenset({"connect", "greeting", "tls", "auth", "sender"})


class Ended(Exception):
    """The transaction ended early, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(repr=False)
class Transaction:
    """One transaction: the connection, its phase, and its message."""

    smtp: smtplib.SMTP
    outbound: Outbound
    settings: Settings
    secrets: Secrets
    cut: CutOff
    phase: str = "connect"
    token: str = ""

    def wait_at_most(self, limit: timedelta) -> None:
        """Bound each further wait for the server."""
        if self.smtp.sock is not None:
            self.smtp.sock.settimeout(limit.total_seconds())


def transact(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one message to one recipient and return its outcome."""
    if bad := unfit(outbound, settings):
        return bad
    try:
        # Composed before the connection: an invalid message needs no connection.
        seals = sealing(outbound.at, settings, secrets)
        content = assembled(outbound, settings.sender, settings.sender_name, seals)
    except Ended as end:
        return end.outcome
    except (MessageError, ValueError, IndexError):
        return Rejected("message", "the message cannot be put into mail form")
    with CutOff(outbound.timeouts.total) as cut:
        smtp = smtplib.SMTP(local_hostname=settings.helo or settings.sender.rpartition("@")[2])
        line = Transaction(smtp, outbound, settings, secrets, cut)
        try:
            connect(line)
            sender, options, wanted = envelope(line.smtp, line.settings, line.outbound)
            line.phase = "sender"
            _expect(line, *line.smtp.mail(sender, options))
            line.phase = "recipient"
            _expect(line, *line.smtp.rcpt(line.outbound.recipient, wanted))
            return _hand_over(line, content)
        except Ended as end:
            return end.outcome
        except ssl.SSLCertVerificationError:
            return NotSent("the certificate of the mail server is not valid")
        except (OSError, smtplib.SMTPException, UnicodeError):
            return broken(line.phase)
        finally:
            line.smtp.close()


def unfit(outbound: Outbound, settings: Settings) -> Rejected | None:
    """Return why a message cannot be sent at all, before the connection."""
    if problem := header_problem(outbound):
        return Rejected("header", problem)
    if problem := address_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    if address_problem(settings.sender):
        return Rejected("sender", "the sender address of this channel is not valid", about="account")
    return None


def sealing(at: datetime, settings: Settings, secrets: Secrets) -> Seals:
    """Return the signers of a channel. Raises Ended, so that no unsigned message is sent instead."""
    if not settings.sign and not settings.sign_dkim:
        return Seals()
    from integrations.smtp import dkim, signing

    try:
        signer = signing.signer(secrets) if settings.sign else None
        if signer is not None:
            signer.check(at)
        return Seals(
            signer.seal if signer is not None else None,
            dkim.signer(settings, secrets) if settings.sign_dkim else None,
        )
    except signing.Trouble as trouble:
        raise Ended(
            Rejected("signing", f"the message is not sent unsigned: {trouble}", about="account")
        ) from None


def _context(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file or None)


def broken(phase: str) -> Outcome:
    """Return the outcome of a lost connection in this phase."""
    match phase:
        case "answer":
            return Unknown(
                "the connection was lost after the final dot, before the response of the server", "answer"
            )
        case "connect":
            return NotSent("the connection to the mail server failed")
        case _:
            return NotSent(f"the connection was lost before the message was sent (phase {phase})")


def connect(line: Transaction) -> None:
    """Open, greet, secure and log in before a first message. Raises Ended, OSError or SMTPException."""
    smtp, oauth = line.smtp, line.settings.oauth
    if oauth is not None:
        outcome = bearer(oauth, line.secrets, line.outbound.at, line.outbound.timeouts, line.settings.ca_file)
        if not isinstance(outcome, str):
            raise Ended(outcome)
        line.token = outcome
    _open(line)
    line.phase = "greeting"
    line.wait_at_most(line.outbound.timeouts.read)
    _expect(line, *smtp.getreply())
    _expect(line, *smtp.ehlo())
    _secure(line)
    _log_in(line)


def _open(line: Transaction) -> None:
    """Open the connection under the cut-off, so that even a slow greeting has an end."""
    settings = line.settings
    wait = line.outbound.timeouts.connect.total_seconds()
    line.smtp.sock = socket.create_connection((settings.host, settings.port), timeout=wait)
    line.cut.watch(line.smtp.sock)
    if settings.tls == "implicit":
        line.smtp.sock = _context(settings).wrap_socket(line.smtp.sock, server_hostname=settings.host)


def _secure(line: Transaction) -> None:
    if line.settings.tls in {"none", "implicit"}:
        return
    line.phase = "tls"
    if not line.smtp.has_extn("starttls"):
        if line.settings.tls == "required":
            raise Ended(NotSent("the mail server offers no STARTTLS, and this channel requires it"))
        return
    line.smtp._host = line.settings.host  # type: ignore[attr-defined]  # what the certificate must name
    _expect(line, *line.smtp.starttls(context=_context(line.settings)))
    _expect(line, *line.smtp.ehlo())


def _log_in(line: Transaction) -> None:
    if not line.settings.username:
        return
    line.phase = "auth"
    if not isinstance(line.smtp.sock, ssl.SSLSocket) and line.settings.host not in LOOPBACK:
        raise Ended(NotSent("the password is not sent without TLS"))
    smtp, oauth = line.smtp, line.settings.oauth
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    # One mechanism, once: smtplib's login() tries a wrong password with each, which locks accounts.
    ways: dict[str, Any] = {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}
    if oauth is not None:
        first = xoauth2(line.settings.username, line.token)
        ways = {"XOAUTH2": lambda challenge=None: "" if challenge else first}  # one attempt only
    way = next((name for name in ways if name in offered), None)
    if way is None:
        raise Ended(NotSent(f"the mail server offers no supported login method ({', '.join(ways)})"))
    if oauth is None:
        if "password" not in line.secrets:
            raise Ended(Rejected("secret", "the secret password is missing", about="account"))
        smtp.user, smtp.password = line.settings.username, line.secrets["password"].reveal()
    try:
        smtp.auth(way, ways[way])
    except smtplib.SMTPAuthenticationError as error:
        if oauth is not None:
            forget(oauth, line.secrets)
        # The exception has the server's text, which may repeat the request: it is not raised further.
        outcome = refused(line.phase, error.smtp_code, b"")
    else:
        return
    raise Ended(outcome)


def envelope(smtp: smtplib.SMTP, settings: Settings, outbound: Outbound) -> tuple[str, list[str], list[str]]:
    """Return the envelope sender, and the options of MAIL and RCPT; raises Ended for an address that the server does not support."""
    recipient, key, reports = outbound.recipient, outbound.idempotency_key, smtp.has_extn("dsn")
    sender = settings.sender if reports else return_path(settings.sender, settings.bounces, key)
    international = not f"{sender}{recipient}".isascii()
    if international and not smtp.has_extn("smtputf8"):
        why = "the mail server does not accept such an address"
        raise Ended(Rejected("smtputf8", why, about="recipient"))
    options, wanted = ["SMTPUTF8"] if international else [], []
    if reports:
        # RET=HDRS always: a report must not return the text through other servers.
        options += ["RET=HDRS", f"ENVID={xtext(key)}"]
        # a success report for each of a million readers would be a million emails
        success = "SUCCESS," if not outbound.campaign or settings.report_success else ""
        wanted += [f"NOTIFY={success}FAILURE,DELAY"]
        wanted += [] if international else [f"ORCPT=rfc822;{xtext(recipient)}"]
    return sender, options, wanted


def _hand_over(line: Transaction, content: bytes) -> Outcome:
    smtp = line.smtp
    line.phase = "data"
    code, text = smtp.docmd("DATA")
    if code != 354:
        return refused(line.phase, code, text)
    line.phase = "body"
    smtp.send(content)
    line.wait_at_most(line.outbound.timeouts.after_body)
    line.phase = "answer"
    smtp.send(b".\r\n")
    code, text = smtp.getreply()
    if not 200 <= code < 300:
        return refused(line.phase, code, text)
    with contextlib.suppress(OSError, smtplib.SMTPException):
        smtp.send(b"QUIT\r\n")
    return Accepted(queue_id(text))


def queue_id(text: bytes) -> str:
    """Return the server's name of a message, if its answer has one."""
    found = _QUEUE_ID.search(text)
    return next((group.decode("ascii") for group in found.groups() if group), "") if found else ""


def _expect(line: Transaction, code: int, text: bytes) -> None:
    """Continue after a positive answer; end the transaction after any other."""
    if not 200 <= code < 300:
        raise Ended(refused(line.phase, code, text))


def refused(phase: str, code: int, text: bytes) -> Outcome:
    """Return the outcome of a negative answer. The server's words are not kept: they repeat addresses."""
    if not 400 <= code < 600:
        return broken(phase)
    enhanced = _ENHANCED.match(text)
    full = f"{code} {enhanced[1].decode()}" if enhanced else str(code)
    if code < 500:
        return Throttled(None, f"the mail server answered {full} (phase {phase}): retry later", full)
    if phase in _ACCOUNT_PHASES:
        return Rejected(
            full, f"the mail server refused the connection with {full} (phase {phase})", about="account"
        )
    what: Literal["recipient", "message"] = "recipient" if phase == "recipient" else "message"
    known = verdict(full, text.decode("utf-8", "replace")) or Verdict(what)
    return Rejected(
        full, f"the mail server refused the {what} with {full}", about=known.about, address=known.address
    )
