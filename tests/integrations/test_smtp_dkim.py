"""Our own DKIM signatures, checked by another implementation, and the headers of one message of many."""

from __future__ import annotations

import email
from collections.abc import Iterator

import dkim
import msgspec
import pytest

from integrations import smtp
from integrations.port import Accepted, Outbound
from integrations.smtp.dkim import relaxed
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import as_held
from tests.integrations.test_smtp import Mailbox, Relay, settings
from tests.integrations.test_smtp_signing import HOSTILE
from tests.servers.keys import private_pem, public_text

SECRETS = as_held({"dkim_key": private_pem()})
SIGNS = {"sign_dkim": True, "dkim_selector": "s1"}


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def relay(mailbox: Mailbox) -> Iterator[Relay]:
    server = Relay(mailbox)
    server.start()
    yield server
    server.stop()


def message(**more: object) -> Outbound:
    return msgspec.structs.replace(
        outbound("zoe@people.example"), text=HOSTILE, subject="Störung " * 20, **more
    )


def judged(mail: bytes) -> bool:
    """Return whether a receiver with our record in DNS accepts the signature."""
    record = f"v=DKIM1; k=rsa; p={public_text(2048)}".encode()
    asked = []

    def resolve(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    whole = bool(dkim.verify(mail, dnsfunc=resolve))
    assert asked in ([], [b"s1._domainkey.breach.example."])
    return whole


@pytest.mark.parametrize("html", [None, "<p>.\nGrüße  an\talle </p>\n.\n\n"])
@pytest.mark.parametrize("campaign", ["", "b-201:our-letter"])
def test_the_received_message_has_a_valid_signature_of_the_sender_domain(
    relay: Relay, mailbox: Mailbox, html: str | None, campaign: str
) -> None:
    assert smtp.send(message(html=html, campaign=campaign), settings(relay, **SIGNS), SECRETS) == Accepted(
        "Q7"
    )
    mail = mailbox.envelopes[0][0].content
    assert judged(mail)
    assert not judged(mail.replace(b"an alle", b"an viele").replace(b"an\talle", b"an\tviele"))
    assert not judged(b"From: other@people.example\r\n" + mail)
    assert not judged(mail.replace(b"Subject: ", b"Subject: x", 1))
    given = email.message_from_bytes(mail)["Feedback-ID"]
    assert given == (f"{campaign}:breach.example" if campaign else None)


def test_a_relay_that_folds_headers_again_leaves_the_signature_valid(relay: Relay, mailbox: Mailbox) -> None:
    smtp.send(message(), settings(relay, **SIGNS), SECRETS)
    mail = mailbox.envelopes[0][0].content
    assert judged(mail.replace(b"Subject: ", b"subject:\r\n   ", 1) + b"\r\n\r\n")


def test_repeated_attempts_at_one_instant_are_the_same_bytes(relay: Relay, mailbox: Mailbox) -> None:
    line = smtp.open_line(settings(relay, **SIGNS), SECRETS)
    assert line.send([message(), message()]) == (Accepted("Q7"), Accepted("Q7"))
    line.close()
    first, second = (envelope.content for envelope, *_ in mailbox.envelopes)
    assert first == second
    assert judged(first)


@pytest.mark.parametrize(
    "key", [None, "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_message_that_cannot_be_signed_is_not_sent(relay: Relay, mailbox: Mailbox, key: str | None) -> None:
    secrets = as_held({"dkim_key": key} if key else {})
    outcome = smtp.send(message(), settings(relay, **SIGNS), secrets)
    assert (outcome.code, outcome.about, mailbox.envelopes) == ("signing", "account", [])
    assert "error" in [one.severity for one in smtp.lint(settings(relay, **SIGNS), secrets)]


def test_settings_that_would_send_unsigned_are_errors(relay: Relay) -> None:
    assert [one.severity for one in smtp.lint(settings(relay), SECRETS)] == ["error"]
    assert [one.severity for one in smtp.lint(settings(relay, sign_dkim=True), SECRETS)] == ["error"]
    assert smtp.lint(settings(relay, **SIGNS), SECRETS) == ()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [(b"", b""), (b"\r\n\r\n", b""), (b" a \t b \r\n\r\n", b" a b\r\n"), (b"a", b"a\r\n")],
)
def test_the_signed_form_of_a_body_is_that_of_the_standard(body: bytes, wanted: bytes) -> None:
    assert relaxed(body) == wanted


@pytest.mark.parametrize(
    ("campaign", "asks", "wanted"),
    [
        ("", False, "NOTIFY=SUCCESS,FAILURE,DELAY"),
        ("b-1:letter", False, "NOTIFY=FAILURE,DELAY"),
        ("b-1:letter", True, "NOTIFY=SUCCESS,FAILURE,DELAY"),
    ],
)
def test_success_reports_of_many_messages_come_only_when_asked_for(
    campaign: str, asks: bool, wanted: str
) -> None:
    import smtplib

    from integrations.smtp.session import envelope

    server = smtplib.SMTP()
    server.esmtp_features = {"dsn": ""}
    server.does_esmtp = True
    given = smtp.Settings(host="h.example", sender="a@breach.example", report_success=asks)
    assert wanted in envelope(server, given, message(campaign=campaign))[2]
