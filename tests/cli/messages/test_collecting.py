"""The worker fetches receipts from Signal, an SMSC and a modem, and reports by email."""

from __future__ import annotations

import os
import re
from pathlib import Path

from aiosmtpd.controller import Controller

from integrations.testing.chaos import closed_port
from tests.cli.at_desk import AtDesk
from tests.integrations.test_smtp_reports import group, report
from tests.servers.modem import Modem
from tests.servers.postgres import BOTH_STORES
from tests.servers.stand_ins import signal_gateway, smsc
from tests.web.at_provider import ADA, by_signal, opened, telephone
from tests.web.served import delivery

pytestmark = BOTH_STORES


def test_a_worker_fetches_messages_from_the_signal_gateway(tocsin: AtDesk, tmp_path: Path) -> None:
    with signal_gateway.SignalGateway() as server:
        by_signal(tocsin, server)
        opened(tocsin, tmp_path)
        server.waiting = [signal_gateway.receipt(*server.sent, source=ADA)] * 2
        tocsin("worker", "--once")
    found = delivery(tocsin)
    assert (found["evidence"], len(found["attempts"][0]["receipts"])) == ("delivered", 1)


def test_a_gateway_that_cannot_be_reached_is_said_and_stops_nothing(tocsin: AtDesk, tmp_path: Path) -> None:
    with signal_gateway.SignalGateway() as server:
        by_signal(tocsin, server)
        opened(tocsin, tmp_path)
    said = tocsin("worker", "--once")
    assert (said.warnings, "phone" in said.err) == (["nothing_fetched"], True)
    assert ADA not in said.err


def test_no_provider_is_asked_before_a_message_is_sent(tocsin: AtDesk) -> None:
    with signal_gateway.SignalGateway() as server:
        by_signal(tocsin, server)
        tocsin("worker", "--once")
        assert server.heard == []


def test_a_worker_fetches_and_confirms_messages_from_an_smsc(tocsin: AtDesk, tmp_path: Path) -> None:
    with smsc.Smsc() as server:
        settings = {
            "host": "127.0.0.1",
            "port": server.port,
            "line": "private",
            "system_id": smsc.SYSTEM_ID,
            "sender": "+15005550006",
        }
        telephone(tocsin, {"adapter": "smpp", "settings": settings}, password=smsc.PASSWORD)
        opened(tocsin, tmp_path)
        server.waiting = [smsc.receipt(one.name) for one in server.submitted]
        tocsin("worker", "--once")
        server.rest()
        assert server.waiting == []
    assert delivery(tocsin)["evidence"] == "delivered"


def test_without_the_internet_the_modem_sends_and_brings_report_and_reply(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    phone = Modem(tmp_path / "gammu")
    gateway = {"url": f"http://127.0.0.1:{closed_port()}", "number": "+15005550006"}
    channels = {
        "signal": {"adapter": "signal", "priority": 10, "settings": gateway},
        "sim": {"adapter": "modem", "settings": {"operator": "carrier-x", "folder": str(phone.folder)}},
    }
    for channel in channels.values():
        channel["confidentiality"] = "internal"
    people = {"ada": {"name": "Ada", "contacts": [{"channel": "phone", "address": ADA}]}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})
    opened(tocsin, tmp_path)
    log = phone.work()
    tocsin("worker", "--once")
    found = delivery(tocsin)
    assert [(one["channel"], one["state"]) for one in found["attempts"]] == [
        ("signal", "not_sent"),
        ("sim", "accepted"),
    ]
    assert found["evidence"] == "relayed"
    [code] = set(re.findall(r"code ([A-Z2-9]{6})", log))
    phone.arrive(ADA, "Delivered", PDU="Status_Report", MessageReference="255")
    phone.arrive(ADA, f"I have it, {code}")
    phone.work()
    written = tocsin.clock.now().timestamp() - 60
    for path in (phone.folder / "inbox").iterdir():
        os.utime(path, (written, written))
    tocsin("worker", "--once")
    assert delivery(tocsin)["evidence"] == "read"  # a number can be taken over
    assert list((phone.folder / "inbox").iterdir()) == []


def test_a_channel_test_over_a_modem_works_only_after_the_modem_sent_it(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    phone = Modem(tmp_path / "gammu")
    settings = {"operator": "carrier-x", "folder": str(phone.folder)}
    people = {"ada": {"name": "Ada", "contacts": [{"channel": "sim", "address": ADA}]}}
    tocsin.settings(
        channels={"sim": {"adapter": "modem", "settings": settings, "timeout": "1s"}}, people=people
    )
    said = tocsin("channel", "check", "--yes", "--format", "json")
    [way] = said.json["ways"]
    assert (said.code, way["state"], way["worked_at"]) == (1, "unknown", None)
    with phone.running():
        said = tocsin("channel", "check", "--yes", "--format", "json")
    [way] = said.json["ways"]
    assert (said.code, way["state"], way["worked_at"] is None) == (0, "accepted", False)


class Relay(Controller):
    """A relay on a port of the system's choice, which keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        super().__init__(self, hostname="127.0.0.1", port=0)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mails.append(envelope.content)
        return "250 2.0.0 Ok: queued as 4ABC"


def test_a_worker_reads_delivery_reports_from_the_mailbox(tocsin: AtDesk, tmp_path: Path) -> None:
    relay = Relay()
    relay.start()
    try:
        sender = "incident@example.org"
        settings = {
            "host": "127.0.0.1",
            "port": relay.port,
            "sender": sender,
            "tls": "none",
            "mailbox": "mail",
        }
        people = {"ada": {"name": "Ada", "contacts": [{"channel": "mail", "address": "ada@example.org"}]}}
        channels = {"mail": {"adapter": "smtp", "settings": settings}}
        tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})
        (tocsin.home / "mail" / "new").mkdir(parents=True)
        opened(tocsin, tmp_path)
        [mail] = relay.mails
        [key] = re.findall(rb"Message-ID: <([A-Z2-7]{32})@", mail)
        for n, action in enumerate(("relayed", "delivered")):
            told = report(group(action), envelope=key.decode())
            (tocsin.home / "mail" / "new" / str(n)).write_bytes(told)
            tocsin("worker", "--once")
            assert delivery(tocsin)["evidence"] == action
    finally:
        relay.stop()
