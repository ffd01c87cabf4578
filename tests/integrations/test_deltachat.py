"""Delta Chat with the real program on both sides, a real Postfix and a real Dovecot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integrations import deltachat
from integrations.port import Accepted, Answer, Outbound, Receipt, Timeouts
from integrations.testing.conformance import MARK, outbound
from runner.effects.gateway.translation import Held
from tests.servers.deltachat_reader import Reader, program
from tests.servers.dovecot import PASSWORD
from tests.servers.mail_host import DOMAIN, MailHost, running_mail_host

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"password": Held(PASSWORD)}
WAITS = Timeouts(read=timedelta(seconds=10), total=timedelta(seconds=40))
FINGERPRINT = "BF671A53F7668640B5750D5D9F08539D51A3FEE0"
LINK = f"https://i.delta.chat/#{FINGERPRINT}&v=3&i=P3uuTGro&s=XA68O4Tm&a=reader%40relay.example&n=Ada"


@pytest.fixture(scope="module")
def host(certificate: tuple[Path, Path]) -> Iterator[MailHost]:
    program()
    with running_mail_host(*certificate) as running:
        yield running


@pytest.fixture(scope="module")
def reader(host: MailHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with Reader(host, tmp_path_factory.mktemp("reader")) as running:
        yield running


@pytest.fixture(scope="module")
def settings(host: MailHost, tmp_path_factory: pytest.TempPathFactory) -> deltachat.Settings:
    return deltachat.Settings(
        account=f"tocsin@{DOMAIN}",
        folder=tmp_path_factory.mktemp("home") / "account",
        host="127.0.0.1",
        port=host.postfix.port,
        imap_port=host.dovecot.plain,
        tls="none",
    )


def message(recipient: str, key: str, **more: object) -> Outbound:
    told = {"recipient": recipient, "idempotency_key": key.ljust(32, "A"), "timeouts": WAITS, **more}
    return msgspec.structs.replace(outbound(recipient), **told)


def collected(settings: deltachat.Settings, *, keep: bool = True) -> tuple[list[Receipt | Answer], str]:
    got: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        got.append(one)
        return keep

    return got, deltachat.collect(took, AT, WAITS, settings, SECRETS)


@pytest.mark.slow
def test_a_message_is_encrypted_sent_once_read_and_answered(
    host: MailHost, reader: Reader, settings: deltachat.Settings
) -> None:
    first = deltachat.send(message(reader.link, "ONCE"), settings, SECRETS)
    assert isinstance(first, Accepted)
    got = reader.receive()
    assert MARK in got["text"]
    assert got["showPadlock"]
    assert deltachat.send(message(reader.link, "ONCE", attempt=2), settings, SECRETS) == first
    reader.read(got)
    reader.event("ConnectivityChanged")
    reader.reply(got, "on my way")
    reader.call("send_reaction", got["id"], ["\N{THUMBS UP SIGN}"])
    heard: dict[str, Receipt | Answer] = {}
    for _ in range(20):
        events, trouble = collected(settings)
        assert trouble == ""
        heard |= {one.event_id: one for one in events}
        if len(heard) == 3:
            break
    read, reaction = heard.pop(f"{first.provider_id}:read"), heard.pop(f"{first.provider_id}:reaction")
    (reply,) = heard.values()
    assert isinstance(read, Receipt)
    assert (read.kind, read.provider_id, read.idempotency_key) == (
        "read",
        first.provider_id,
        "ONCE".ljust(32, "A"),
    )
    for one in (reaction, reply):
        assert isinstance(one, Answer)
        assert (one.sender, one.provider_id) == (reader.link, first.provider_id)
    assert collected(settings) == ([], "")
    assert deltachat.send(message(reader.link, "ONCE", attempt=3), settings, SECRETS) == Accepted(
        first.provider_id, "read"
    )
    assert MARK not in host.seen()
    assert settings.folder.stat().st_mode & 0o077 == 0
