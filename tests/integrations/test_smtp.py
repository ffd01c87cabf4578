"""E-mail against a real SMTP server: what it saw, what we said, what nobody may read in an outcome."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from integrations import smtp
from integrations.port import Accepted, NotSent, Rejected
from integrations.smtp import Settings
from integrations.smtp.mime import address_problem, stuffed, xtext
from integrations.testing.chaos import ChaosServer
from integrations.testing.conformance import MARK, Subject, leaked, outbound, smtp_script
from runner.effects.gateway.translation import Held

RECIPIENT = "marker-person@people.example"
PASSWORD = "marker-hush-hush"
AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)


class Mailbox:
    """Keeps what the server was told."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[Any, Any]] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from, envelope.mail_options = address, [*options]
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append((envelope, session))
        return "250 2.0.0 Ok: queued as Q7"

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


class Relay(Controller):
    """An aiosmtpd server on a port of the system's choice."""

    def __init__(self, handler: Mailbox, **more) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, **more)
        self._more = more

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def relay(mailbox) -> Iterator[Relay]:
    server = Relay(mailbox)
    server.start()
    yield server
    server.stop()


def settings(server, **more) -> Settings:
    return Settings(
        host="127.0.0.1", port=server.port, **{"sender": "alerts@breach.example", "tls": "none", **more}
    )


def message(**more):
    patient = msgspec.structs.replace(outbound(RECIPIENT), **more)
    return msgspec.structs.replace(
        patient,
        timeouts=msgspec.structs.replace(
            patient.timeouts,
            read=timedelta(seconds=5),
            after_body=timedelta(seconds=5),
            total=timedelta(seconds=10),
        ),
    )


def test_a_message_arrives_whole_and_its_queue_id_comes_back(relay, mailbox):
    sent = message(
        subject="Störung", text="Grüße\n.\n..zwei\nende", marking="VERTRAULICH", footer="head sha256:ab"
    )
    outcome = smtp.send(sent, settings(relay, sender_name="Tocsin alerts"), {})
    assert outcome == Accepted("Q7")
    envelope, _ = mailbox.envelopes[0]
    seen = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@breach.example", [RECIPIENT])
    assert seen["Subject"] == "Störung"
    assert seen["To"] == RECIPIENT
    assert seen["From"] == "Tocsin alerts <alerts@breach.example>"
    assert seen["Message-ID"] == "<ABCDEFGHIJKLMNOPQRSTUVWXYZ234567@breach.example>"
    assert seen["Date"].datetime == AT
    assert seen["Auto-Submitted"] == "auto-generated"
    body = seen.get_content().replace("\r\n", "\n")
    assert body == "VERTRAULICH\n\nGrüße\n.\n..zwei\nende\n\n-- \nhead sha256:ab\n"


def test_html_goes_beside_the_text(relay, mailbox):
    assert smtp.send(message(html="<p>hallo</p>"), settings(relay), {}) == Accepted("Q7")
    seen = email.message_from_bytes(mailbox.envelopes[0][0].content, policy=email.policy.default)
    assert [part.get_content_type() for part in seen.iter_parts()] == ["text/plain", "text/html"]


def test_every_attempt_of_the_same_send_has_the_same_message_id(relay, mailbox):
    for attempt in (1, 2):
        smtp.send(message(attempt=attempt), settings(relay), {})
    ids = {email.message_from_bytes(one.content)["Message-ID"] for one, _ in mailbox.envelopes}
    assert len(ids) == 1


def test_with_dsn_reports_are_requested_without_the_message_body():
    with ChaosServer(smtp_script()) as server:
        assert smtp.send(message(), settings(server), {}) == Accepted("4bXyZ1")
    envelope = [line.partition(b":")[2] for line in server.talks[0].lines[1:3]]
    assert envelope == [
        b"<alerts@breach.example> RET=HDRS ENVID=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        b"<marker-person@people.example> NOTIFY=SUCCESS,FAILURE,DELAY"
        b" ORCPT=rfc822;marker-person@people.example",
    ]


@pytest.mark.parametrize("broken", ["Hello\r\nBcc: all@people.example", "a\nb", "a\x00b", "a\u2028b"])
def test_a_subject_that_breaks_out_of_its_header_is_refused(relay, mailbox, broken):
    outcome = smtp.send(message(subject=broken), settings(relay), {})
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == ("header", "message")
    assert mailbox.envelopes == []


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nRCPT TO:<x@y>",
        "a b@c.example",
        "<a@b.example>",
        "a@b@c.example",
        "a@",
        "@b",
        "plain",
        "a@b..c",
        "a@-b",
        "a" * 65 + "@b.example",
        "a@" + "b" * 260,
        "a,b@c.example",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(relay, mailbox, address):
    outcome = smtp.send(message(recipient=address), settings(relay), {})
    assert isinstance(outcome, Rejected)
    assert outcome.about == "recipient"
    assert address not in repr(outcome)
    assert mailbox.envelopes == []


@pytest.mark.parametrize("address", ["a@b.example", "a.b+c@x.co", "o'hara@x.ie", "ü@müller.example"])
def test_ordinary_addresses_are_taken(address):
    assert address_problem(address) == ""


def test_an_international_address_needs_a_server_that_takes_one(relay, mailbox):
    with ChaosServer(smtp_script()) as plain:
        refused = smtp.send(message(recipient="ü@müller.example"), settings(plain), {})
    assert refused == Rejected(
        "smtputf8", "the mail server does not accept such an address", about="recipient"
    )
    international = Relay(mailbox, enable_SMTPUTF8=True)
    international.start()
    try:
        assert smtp.send(message(recipient="ü@müller.example"), settings(international), {}) == Accepted("Q7")
    finally:
        international.stop()
    assert mailbox.envelopes[-1][0].rcpt_tos == ["ü@müller.example"]


def test_required_tls_sends_nothing_where_none_is_offered(relay, mailbox):
    outcome = smtp.send(message(), settings(relay, tls="required"), {})
    assert outcome == NotSent("the mail server offers no STARTTLS, and this channel requires it")
    assert mailbox.envelopes == []


def test_opportunistic_tls_sends_without_where_none_is_offered(relay):
    assert smtp.send(message(), settings(relay, tls="opportunistic"), {}) == Accepted("Q7")


@pytest.fixture
def secure(mailbox, certificate) -> Iterator[Relay]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = Relay(
        mailbox,
        tls_context=context,
        require_starttls=True,
        authenticator=mailbox.authenticate,
        auth_require_tls=True,
    )
    server.start()
    yield server
    server.stop()


def test_starttls_is_spoken_and_the_certificate_is_checked(secure, mailbox, certificate):
    trusting = settings(secure, tls="required", ca_file=str(certificate[0]))
    assert smtp.send(message(), trusting, {}) == Accepted("Q7")
    assert mailbox.envelopes[0][1].ssl is not None
    doubting = settings(secure, tls="required")
    assert smtp.send(message(), doubting, {}) == NotSent("the certificate of the mail server is not valid")
    assert len(mailbox.envelopes) == 1


def test_the_password_opens_the_relay_and_is_in_no_outcome(secure, mailbox, certificate):
    logged_in = settings(secure, tls="required", ca_file=str(certificate[0]), username="tocsin")
    assert smtp.send(message(), logged_in, {"password": Held(PASSWORD)}) == Accepted("Q7")
    refused = smtp.send(message(), logged_in, {"password": Held("marker-wrong")})
    assert isinstance(refused, Rejected)
    assert (refused.about, refused.permanent) == ("account", True)
    assert "marker-wrong" not in repr(refused)
    assert mailbox.logins == [(b"tocsin", PASSWORD.encode()), (b"tocsin", b"marker-wrong")]


def test_a_missing_password_is_said_before_anything_is_sent(secure, mailbox, certificate):
    logged_in = settings(secure, tls="required", ca_file=str(certificate[0]), username="tocsin")
    assert smtp.send(message(), logged_in, {}) == Rejected(
        "secret", "the secret password is missing", about="account"
    )
    assert mailbox.logins == []


def test_a_relay_that_offers_no_login_is_not_used_with_one(relay):
    outcome = smtp.send(message(), settings(relay, username="tocsin"), {"password": Held(PASSWORD)})
    assert outcome == NotSent("the mail server offers no supported login method (PLAIN, LOGIN)")


def test_a_message_that_cannot_be_formed_opens_no_connection():
    with ChaosServer(smtp_script()) as server:
        outcome = smtp.send(message(text="lone \ud800 surrogate"), settings(server), {})
        wrong = smtp.send(message(), settings(server, sender="nobody"), {})
        assert server.talks == []
    assert outcome == Rejected("message", "the message cannot be put into mail form")
    assert isinstance(wrong, Rejected)
    assert wrong.about == "account"


def test_a_server_that_repeats_the_address_does_not_get_it_into_the_outcome():
    subject = Subject(adapter=smtp, transport="smtp", settings=lambda *_: None, recipient=RECIPIENT)
    said = f"550 5.1.1 <{RECIPIENT}> {MARK} unknown\r\n".encode()
    for turn in ("mail", "rcpt", "data", "dot"):
        with ChaosServer(smtp_script(**{turn: said})) as server:
            outcome = smtp.send(message(), settings(server), {})
        assert isinstance(outcome, Rejected)
        assert outcome.code == "550 5.1.1"
        assert leaked(outcome, subject) == ""


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (b"250 2.0.0 Ok: queued as 4bXyZ1\r\n", "4bXyZ1"),
        (b"250 OK id=1rABcd-0001Xy-2K\r\n", "1rABcd-0001Xy-2K"),
        (b"250 2.6.0 <k@h> [InternalId=123456, Hostname=x] Queued\r\n", "123456"),
        (b"250 fine\r\n", ""),
    ],
)
def test_queue_ids_of_the_usual_servers_are_read(said, wanted):
    with ChaosServer(smtp_script(dot=said)) as server:
        assert smtp.send(message(), settings(server), {}) == Accepted(wanted)


def test_dots_are_stuffed_and_xtext_escapes_syntax():
    assert stuffed(b".a\r\nb.\r\n..c") == b"..a\r\nb.\r\n...c\r\n"
    assert xtext("a+b=c d") == "a+2Bb+3Dc+20d"


def test_the_lint_finds_settings_that_would_fail_or_leak():
    bad = Settings(host="relay.example", port=0, sender="nobody", tls="none", username="u")
    assert [(one.severity, one.what) for one in smtp.lint(bad, {})] == [
        ("error", "sender: the address is not of the form name@domain"),
        ("error", "port is not between 1 and 65535"),
        ("error", "username is set without the secret password"),
        ("warning", "tls is none: email can be sent unencrypted"),
    ]
    good = Settings(host="relay.example", sender="a@b.example", username="u")
    assert smtp.lint(good, {"password": Held("x")}) == ()


def test_a_password_is_not_sent_in_clear_over_a_network():
    with ChaosServer(smtp_script()) as server:
        # 127.1 is the loopback under a name that does not say so.
        far = msgspec.structs.replace(settings(server, username="tocsin"), host="127.1")
        outcome = smtp.send(message(), far, {"password": Held(PASSWORD)})
    assert outcome == NotSent("the password is not sent without TLS")
    assert PASSWORD.encode() not in server.heard


def test_the_self_test_goes_to_our_own_address(relay, mailbox):
    assert smtp.self_test(message(), settings(relay), {}) == Accepted("Q7")
    assert mailbox.envelopes[0][0].rcpt_tos == ["alerts@breach.example"]


def test_capabilities_follow_the_settings():
    able = smtp.capabilities(Settings(host="Relay.Example", sender="a@b.example", username="u"))
    assert able.domains == {"smtp:relay.example:587"}
    assert able.hosts == {"host:relay.example"}
    assert able.confidentiality == "internal"
    assert able.secrets == {"password"}


def test_without_dsn_bounces_go_to_an_address_with_the_key(relay, mailbox):
    given = settings(relay, bounces="bounces@breach.example")
    smtp.send(message(), given, {})
    line = smtp.open_line(given, {})
    line.send([message(), message(idempotency_key="check-7")])
    line.close()
    keyed = "bounces+ABCDEFGHIJKLMNOPQRSTUVWXYZ234567@breach.example"
    assert [one.mail_from for one, _ in mailbox.envelopes] == [keyed, keyed, "bounces@breach.example"]
    seen = email.message_from_bytes(mailbox.envelopes[0][0].content)
    assert seen["From"] == "alerts@breach.example"


def test_with_dsn_the_sender_address_is_unchanged():
    with ChaosServer(smtp_script()) as server:
        assert smtp.send(message(), settings(server, bounces="b@breach.example"), {}) == Accepted("4bXyZ1")
    assert server.talks[0].lines[1].lower().startswith(b"mail from:<alerts@breach.example>")


def test_the_lint_looks_at_where_mail_comes_back_to():
    def said(given, **more):
        one = Settings(host="relay.example", sender="a@b.example", **more)
        return [(found.severity, found.what) for found in smtp.lint(one, given)]

    assert said({}, bounces="x" * 40 + "@b.example") == [
        ("error", "bounces: the address is longer than an address may be")
    ]
    assert said({}, bounces="b@other.example")[0][0] == "warning"
    assert said({}, bounces="bounces@B.example") == []
    box = smtp.Imap(host="imap.example", username="u", state=Path("state"), tls="none")
    assert said({}, imap=box) == [
        ("error", "imap is set without the secret imap_password"),
        ("error", "imap is read without TLS: the password can be sent unencrypted"),
    ]
    safe = msgspec.structs.replace(box, tls="implicit")
    assert said({"imap_password": Held("x")}, imap=safe) == []
    able = smtp.capabilities(Settings(host="relay.example", sender="a@b.example", imap=safe))
    assert able.secrets == {"imap_password"}
