"""Seed mailboxes: what a receiver's own server says of our message, read from a real mailbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from integrations import smtp
from integrations.port import Query
from integrations.smtp import Imap, Seed, seeds
from runner.effects.gateway.translation import as_held
from tests.servers import dovecot
from tests.servers.needed import absent
from tests.servers.receivers import free_port

GOOD = (
    "mx.people.example; dkim=pass (2048-bit key) header.i=@breach.example header.s=s1;\r\n"
    " spf=pass smtp.mailfrom=notice@breach.example; dmarc=pass (p=REJECT) header.from=breach.example"
)


@pytest.mark.parametrize(
    ("results", "lacks"),
    [
        (GOOD, []),
        (GOOD.replace("header.i=@breach", "header.d=breach"), []),
        (GOOD.replace("header.i=@breach", "header.d=mail.breach"), []),
        (GOOD.replace("header.i=@breach", "header.i=@relay"), ["DKIM"]),
        (GOOD.replace("header.i=@breach", "header.i=@notbreach"), ["DKIM"]),
        (GOOD.replace("dkim=pass", "dkim=fail (dkim=pass)"), ["DKIM"]),
        (GOOD.replace("dmarc=pass", "dmarc=none"), ["DMARC"]),
        ("mx.people.example; none", ["DKIM", "DMARC"]),
        ("", ["DKIM", "DMARC"]),
    ],
)
def test_only_a_signature_of_our_own_domain_and_a_passed_policy_count(results: str, lacks: list[str]) -> None:
    assert seeds.missing(results, "breach.example") == lacks


class Receiver:
    """A receiver that writes its results on top, and delivers into the mailbox."""

    def __init__(self, put: Callable[[bytes], None], results: str) -> None:
        self._put, self._results = put, results
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        field = f"Authentication-Results: {self._results}\r\n".encode() if self._results else b""
        self._put(field + b"Authentication-Results: mx.people.example; none\r\n" + envelope.content)
        return "250 2.0.0 OK"

    def stop(self) -> None:
        self._controller.stop()


@pytest.fixture
def mailbox(certificate: tuple[Path, Path]) -> Iterator[dovecot.Dovecot]:
    program = dovecot.dovecot_program()
    if program is None:
        absent("dovecot", "apt-get install dovecot-imapd; only root may run it")
    with dovecot.running_dovecot(program, *certificate) as running:
        running.put("1", b"From: somebody@people.example\r\nSubject: another\r\n\r\nwords\r\n")
        yield running


@pytest.mark.slow
def test_a_seed_mailbox_confirms_doubts_or_leaves_it_unknown(
    mailbox: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    def said(results: str, *, delivers: bool = True, password: str = dovecot.PASSWORD) -> list[str]:
        name = str(len(list(tmp_path.iterdir())))
        receiver = Receiver(lambda raw: mailbox.put(f"m{name}", raw) if delivers else None, results)
        box = Imap(
            host="127.0.0.1", port=mailbox.port, username=dovecot.USER, state=tmp_path / f"{name}.state"
        )
        channel = smtp.Settings(
            host="127.0.0.1",
            port=receiver.port,
            sender="notice@breach.example",
            tls="none",
            ca_file=str(certificate[0]),
            seeds={"people": Seed(address="seed@people.example", mailbox=box)},
        )
        at = datetime(2026, 11, 24, 9, int(name), tzinfo=UTC)
        try:
            found = list(seeds.prove(Query(at=at), channel, as_held({"seed_people": password}), tries=1))
        finally:
            receiver.stop()
        assert {finding.severity for finding in found} <= {"error"}
        return [finding.what for finding in found]

    assert said(GOOD) == []
    [doubt] = said(GOOD.replace("dmarc=pass", "dmarc=fail"))
    assert "DMARC" in doubt
    assert len(said("")) == 2
    [unknown] = said(GOOD, delivers=False)
    assert unknown.split()[-1] == "unknown"
    [refused] = said(GOOD, password="wrong")
    assert refused.split()[-1] == "unknown"
