"""Login by token, with a token service of our own, a real SMTP exchange and a real Dovecot that asks whether the token holds."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiosmtpd.smtp import AuthResult

from integrations import smtp
from integrations.http.service import service_of
from integrations.port import Accepted, Answer, NotSent, Receipt, Rejected, Throttled, Timeouts
from integrations.smtp import Imap, OAuth, Settings, oauth
from runner.effects.gateway.translation import Held
from tests.integrations.test_smtp import Mailbox, Relay, message, settings
from tests.integrations.test_smtp_reports import KEY, group, report
from tests.servers import dovecot
from tests.servers.needed import absent
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

SECRETS = {"client_secret": Held("marker-client-secret")}
USER = "alerts@breach.example"


class Tokens(StandIn):
    """Gives a token for the right secret, and says which of its tokens hold (RFC 7662)."""

    def __init__(self, *acts: Act) -> None:
        super().__init__(*acts)
        self.given: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.answer: object = None

    def take(self, heard: Heard) -> tuple[int, object]:
        if heard.path == "/introspect":
            holds = heard.form.get("token") in self.given
            return 200, {"active": holds, "username": dovecot.USER, "scope": "mail"}
        self.asked.append(heard.form)
        if heard.form["client_secret"] != "marker-client-secret":
            return 401, {"error": "invalid_client", "error_description": heard.form["client_secret"]}
        self.given.append(f"marker-token-{len(self.given)}")
        return 200, self.answer or {
            "access_token": self.given[-1],
            "expires_in": 3600,
            "token_type": "Bearer",
        }


class Opened(Mailbox):
    """Takes the newest token alone, and says why it refuses any other, as Exchange does."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens
        self.valid = True

    async def auth_XOAUTH2(self, server, args) -> AuthResult:
        given = base64.b64decode(args[1]).decode()
        if self.valid and given == f"user={USER}\x01auth=Bearer {self._tokens.given[-1]}\x01\x01":
            return AuthResult(success=True)
        assert await server.challenge_auth(b'{"status":"400"}') == b""
        return AuthResult(success=False, handled=False)


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    oauth._TOKENS.clear()
    with Tokens() as server:
        yield server


@pytest.fixture
def relay(tokens: Tokens) -> Iterator[tuple[Relay, Opened]]:
    mailbox = Opened(tokens)
    server = Relay(mailbox, auth_require_tls=False)
    server.start()
    yield server, mailbox
    server.stop()


def by_token(relay: Relay, tokens: Tokens, **more: object) -> Settings:
    oauth = OAuth(token_url=f"{tokens.url}/token", client_id="app", scope="https://mail.example/.default")
    return settings(relay, username=USER, oauth=oauth, **more)


def test_a_token_opens_the_relay_and_is_kept_until_shortly_before_it_ends(relay, tokens: Tokens) -> None:
    server, mailbox = relay
    channel, sent = by_token(server, tokens), message()
    assert smtp.send(sent, channel, SECRETS) == Accepted("Q7")
    assert tokens.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "app",
            "scope": "https://mail.example/.default",
            "client_secret": "marker-client-secret",
        }
    ]
    later = msgspec.structs.replace(sent, at=sent.at + timedelta(minutes=54))
    assert smtp.send(later, channel, SECRETS) == Accepted("Q7")
    assert len(tokens.asked) == 1
    ending = msgspec.structs.replace(sent, at=sent.at + timedelta(minutes=56))
    assert smtp.send(ending, channel, SECRETS) == Accepted("Q7")
    assert (len(tokens.asked), len(mailbox.envelopes)) == (2, 3)


def test_a_line_for_many_messages_logs_in_by_token_too(relay, tokens: Tokens) -> None:
    server, _ = relay
    line = smtp.open_line(by_token(server, tokens), SECRETS)
    assert line.send([message()]) == (Accepted("Q7"),)
    line.close()


def test_a_token_that_the_relay_refuses_is_not_used_again(relay, tokens: Tokens) -> None:
    server, mailbox = relay
    mailbox.valid = False
    refused = smtp.send(message(), by_token(server, tokens), SECRETS)
    assert isinstance(refused, Rejected)
    assert (refused.about, "marker" in repr(refused)) == ("account", False)
    mailbox.valid = True
    assert smtp.send(message(), by_token(server, tokens), SECRETS) == Accepted("Q7")
    assert len(tokens.asked) == 2


def test_without_a_token_no_message_is_sent(relay, tokens: Tokens) -> None:
    server, mailbox = relay
    wrong = smtp.send(message(), by_token(server, tokens), {"client_secret": Held("marker-wrong")})
    assert isinstance(wrong, Rejected)
    assert (wrong.code, wrong.about, "marker" in repr(wrong)) == ("401", "account", False)
    tokens.answer = {"access_token": "two\x01words", "expires_in": 60}
    assert isinstance(smtp.send(message(), by_token(server, tokens), SECRETS), NotSent)
    assert mailbox.envelopes == []


@pytest.mark.parametrize(
    ("act", "kind"), [("fail", NotSent), ("lose_answer", NotSent), ("throttle", Throttled)]
)
def test_a_token_service_that_fails_leaves_the_message_unsent(relay, act: Act, kind: type) -> None:
    oauth._TOKENS.clear()
    with Tokens(act) as server:
        assert isinstance(smtp.send(message(), by_token(relay[0], server), SECRETS), kind)
    assert relay[1].envelopes == []


def test_the_token_service_is_a_failure_domain_and_its_secret_is_needed(relay, tokens: Tokens) -> None:
    channel = by_token(relay[0], tokens, imap=Imap(host="127.0.0.1", username="x", state=Path("x")))
    able = smtp.capabilities(channel)
    assert service_of(tokens.url) in able.domains
    assert able.secrets == {"client_secret"}
    assert smtp.lint(channel, SECRETS) == ()
    assert "error" in {one.severity for one in smtp.lint(channel, {})}


def test_exchange_online_with_a_password_is_warned_of() -> None:
    settings = Settings(host="smtp.office365.com", sender=USER, username=USER)
    secrets = {"password": Held("x")}
    assert [one.severity for one in smtp.lint(settings, secrets)] == ["warning"]
    token = OAuth(token_url="https://login.microsoftonline.com/x/oauth2/v2.0/token", client_id="a", scope="b")
    assert smtp.lint(msgspec.structs.replace(settings, oauth=token), SECRETS) == ()


@pytest.mark.slow
def test_a_real_mailbox_is_opened_by_token(
    certificate: tuple[Path, Path], tmp_path: Path, tokens: Tokens
) -> None:
    program = dovecot.dovecot_program()
    if program is None:
        absent("dovecot", "apt-get install dovecot-imapd; only root may run it")
    with dovecot.running_dovecot(program, *certificate, introspection=f"{tokens.url}/introspect") as server:
        server.put("1", report(group("delivered")))
        box = Imap(host="127.0.0.1", port=server.port, username=dovecot.USER, state=tmp_path / "state")
        given = OAuth(token_url=f"{tokens.url}/token", client_id="app", scope="mail")
        channel = Settings(host="x", sender=USER, imap=box, oauth=given, ca_file=str(certificate[0]))
        got: list[str] = []

        def took(one: Receipt | Answer) -> bool:
            got.append(one.idempotency_key)
            return True

        def collect(at: datetime) -> str:
            waits = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=10))
            return smtp.collect(took, at, waits, channel, SECRETS)

        assert (collect(datetime(2026, 11, 24, tzinfo=UTC)), got) == ("", [KEY]), server.log
        tokens.given.append("only-this-one-holds")
        tokens.given.remove("marker-token-0")
        assert "refuses the login" in collect(datetime(2026, 11, 24, tzinfo=UTC))
        assert collect(datetime(2026, 11, 24, tzinfo=UTC)) == ""
        assert len(tokens.asked) == 2
