"""Email through a real Postfix relay: its reports are matched by message name and shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.needed import absent
from tests.servers.postfix import OURS, Postfix, postfix_program, running_postfix
from tests.servers.receivers import MailServer
from tests.web.served import delivery

pytestmark = pytest.mark.slow

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
classes: {by-mail-first: {from: urgent-internal, first_wave: 1}}
messages:
  alert: {class: by-mail-first, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""
ADA, BEN, CEM = (f"{name}@people.example" for name in ("ada", "ben", "cem"))


@pytest.fixture(scope="module")
def mx() -> Iterator[MailServer]:
    """A mail server that knows no DSN and no Ben, and is too busy for Cem."""
    server = MailServer(answers={BEN: "550 5.1.1 no such user", CEM: "451 4.3.2 try again later"})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def relay(mx: MailServer) -> Iterator[Postfix]:
    program = postfix_program()
    if program is None:
        absent("postfix", "apt-get install postfix; only root may run it")
    with running_postfix(program, mx.port) as server:
        yield server


def call_out(tocsin: AtDesk, relay: Postfix, address: str, **more: str) -> str:
    """Call out somebody who is reached by mail, and then on the screen; return the relay's name for the mail."""
    mail = {"host": "127.0.0.1", "port": relay.port, "sender": OURS, "tls": "none", **more}
    screen = tocsin.channels["channels"]["screen"]
    channels = {
        "mail": {"adapter": "smtp", "priority": 10, "settings": {**mail, "mailbox": str(relay.mailbox)}},
        "screen": {**screen, "priority": 20},
    }
    ways = [{"channel": name, "address": address} for name in channels]
    people = {"anybody": {"name": "Anybody", "contacts": ways}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["anybody"]})
    path = tocsin.home.parent / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    [attempt] = delivery(tocsin)["attempts"]
    assert (attempt["channel"], attempt["state"]) == ("mail", "accepted")
    return str(attempt["provider_id"])


def shown(tocsin: AtDesk) -> str:
    """Return the delivery as a person reads it."""
    return tocsin.done("message", "show", delivery(tocsin)["delivery"])


def reported(relay: Postfix, action: str, queued: str) -> bytes:
    """Wait for the relay's report of a kind about one of its mails, and return it."""
    lines = (f"\nX-Postfix-Queue-ID: {queued}\n".encode(), f"\nAction: {action}\n".encode())
    return relay.wait(lambda mail: all(line in mail for line in lines))


def test_a_forwarded_message_counts_only_as_relayed(tocsin: AtDesk, relay: Postfix, mx: MailServer) -> None:
    report = reported(relay, "relayed", call_out(tocsin, relay, ADA))
    [name] = [name for to, name, _ in mx.mails if to == ADA]
    envelope = name.strip("<>").partition("@")[0]
    assert f"\nOriginal-Envelope-Id: {envelope}\n".encode() in report
    assert delivery(tocsin)["evidence"] == "accepted"
    tocsin("worker", "--once")
    found = delivery(tocsin)
    assert (found["evidence"], found["state"], len(found["attempts"])) == ("relayed", "active", 1)
    [receipt] = found["attempts"][0]["receipts"]
    assert (receipt["kind"], receipt["code"]) == ("relayed", "2.0.0")
    assert "(2.0.0)" in shown(tocsin)
    proved = tocsin("message", "prove", found["delivery"], "--format", "json").json
    assert (proved["evidence"], len(proved["entries"])) == ("relayed", 2)
    assert proved["not_proved"] != ""


def test_a_bounce_takes_the_acceptance_back_and_opens_the_next_channel(
    tocsin: AtDesk, relay: Postfix
) -> None:
    report = reported(relay, "failed", call_out(tocsin, relay, BEN))
    assert b"It begins" not in report, "the relay was asked to return the headers alone"
    tocsin("worker", "--once")
    mail, screen = delivery(tocsin)["attempts"]
    assert (mail["channel"], mail["state"]) == ("mail", "rejected")
    assert (screen["channel"], screen["state"]) == ("screen", "accepted")
    [receipt] = mail["receipts"]
    assert (receipt["kind"], receipt["code"]) == ("failed", "5.1.1")
    assert ("5.1.1" in mail["reason"], "(5.1.1)" in shown(tocsin)) == (True, True)


def test_a_deferred_mail_is_neither_relayed_nor_failed_until_it_is(
    tocsin: AtDesk, relay: Postfix, mx: MailServer
) -> None:
    queued = call_out(tocsin, relay, CEM)
    reported(relay, "delayed", queued)
    tocsin("worker", "--once")
    found = delivery(tocsin)
    assert (found["evidence"], found["state"], len(found["attempts"])) == ("accepted", "active", 1)
    assert [receipt["kind"] for receipt in found["attempts"][0]["receipts"]] == ["delayed"]
    del mx.answers[CEM]
    reported(relay, "relayed", queued)
    tocsin("worker", "--once")
    found = delivery(tocsin)
    assert (found["evidence"], found["goal"]) == ("relayed", "acked")
    assert {"relayed", "acked"} <= set(shown(tocsin).split())


def test_a_bounce_without_delivery_reports_is_recognised_by_its_address(
    tocsin: AtDesk, mx: MailServer
) -> None:
    program = postfix_program()
    if program is None:
        absent("postfix", "apt-get install postfix; only root may run it")
    with running_postfix(program, mx.port, "dsn") as relay:
        queued = call_out(tocsin, relay, BEN, bounces=OURS)
        bounce = reported(relay, "failed", queued)
        assert b"Original-Envelope-Id" not in bounce
        [path] = (relay.mailbox / "new").iterdir()
        # Whoever returns no headers leaves the address as the only name.
        path.write_bytes(re.sub(rb"(?m)^(Message-ID|References|In-Reply-To): .*$", b"X-Gone: x", bounce))
        tocsin("worker", "--once")
    mail, screen = delivery(tocsin)["attempts"]
    assert (mail["channel"], mail["state"]) == ("mail", "rejected")
    assert (screen["channel"], screen["state"]) == ("screen", "accepted")
