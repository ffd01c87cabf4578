"""A campaign through a real Postfix to mail servers that refuse, defer and block by a script: one defers, one is paused, nobody gets two.

``TOCSIN_CAMPAIGN`` is the number of people of the large one, 100,000 unless set.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.app.campaigns.destinations import Destinations
from runner.app.campaigns.doubts import Reasons
from runner.app.campaigns.send import WaitPolicy, send
from runner.reports.campaigns.campaigns import Sent
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import HEAD, bulk, office, relay, run, standing
from tests.servers.needed import absent
from tests.servers.postfix import OURS, Postfix, postfix_program, running_postfix
from tests.servers.receivers import MailServer

__all__ = ("bulk", "office", "relay")
pytestmark = pytest.mark.slow

SMALL = 300
"""Destinations with few people."""
GREYLISTED, DEAD, BLOCKING = 43, 97, 211
"""Every so manieth person: deferred at Gmail, does not exist, has a mailbox with a rule of its own."""
FAST = 2_000
"""Up to this person Gmail finds us too fast."""
MOST_QUEUED = 120.0


class Receivers(MailServer):
    """Every destination of the list, behind one port; it counts who got how many messages."""

    def __post_init__(self) -> None:
        """Begin without anything seen."""
        self.seen, self.got, self.blocks = Counter[str](), Counter[str](), True
        super().__post_init__()

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Answer as the destination of this address does."""
        self.seen[address] += 1
        name, _, domain = address.partition("@")
        n = int(name.removeprefix("person"))
        if domain == "outlook.com" and self.blocks:
            return "550 5.7.515 Access denied, sending domain breach.example does not meet the level"
        if n % DEAD == 0:
            return "550 5.1.1 no such user"
        if n % BLOCKING == 0:
            return "550 5.7.1 Blocked by recipient"
        if domain == "gmail.com" and n <= FAST and n % GREYLISTED == 0 and self.seen[address] <= 3:
            return "450 4.7.28 unusual rate of mail from your address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take one message."""
        self.got.update(envelope.rcpt_tos)
        return "250 2.0.0 queued"


def domain_of(n: int) -> str:
    """Return the destination of one person: four of ten at Gmail, two at Outlook, one at Yahoo, the rest elsewhere."""
    large = (
        "gmail.com",
        "outlook.com",
        "yahoo.com",
        "gmail.com",
        "",
        "gmail.com",
        "",
        "outlook.com",
        "gmail.com",
        "",
    )
    return large[n % 10] or f"people{n % SMALL}.example"


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    server = Receivers()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postfix(receivers: Receivers) -> Iterator[Postfix]:
    program = postfix_program()
    if program is None:
        absent("postfix", "apt-get install postfix; only root may run it")
    with running_postfix(program, receivers.port) as server:
        yield server


class Sending:
    """One person who sends a campaign, while a worker reads what comes back."""

    def __init__(self, desk: AtDesk, postfix: Postfix, path: Path) -> None:
        self.desk, self._postfix, self._path = desk, postfix, path
        self._collected = desk.clock.now()

    def run(self) -> Sent:
        """Send until the sender ends; waits take no time here, and every two minutes of them the reports are read."""
        service = self.desk.office()
        incident = service.load(service.find(None))
        patience = WaitPolicy(self._wait, lambda: False)
        ended = send(
            service,
            incident,
            "our-letter",
            self._path,
            patience,
            lambda done, total: None,
            Reasons(counts="x"),
        )
        self.collect()
        return ended

    def _wait(self, span: timedelta) -> None:
        self.desk.clock.advance(max(span, timedelta(seconds=1)))
        if self.desk.clock.now() - self._collected >= timedelta(minutes=2):
            self.collect()

    def collect(self) -> None:
        """Wait until the relay has nothing left, and read all reports."""
        pause = threading.Event()
        for _ in range(int(MOST_QUEUED / 0.1)):
            if not self._postfix.queued():
                break
            pause.wait(0.1)
        while any((self._postfix.mailbox / "new").iterdir()):
            self.desk("worker", "--once")
        self._collected = self.desk.clock.now()


def campaign(desk: AtDesk, postfix: Postfix, receivers: Receivers, path: Path, count: int) -> None:
    """Send to that many people, correct what one provider refused, and send to the rest."""
    rows = (f'K{n},Person {n},"{n} Elm Road",DE,person{n}@{domain_of(n)}\n' for n in range(1, count + 1))
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    mail = {"host": "127.0.0.1", "port": postfix.port, "sender": OURS, "tls": "none"}
    channel = {"adapter": "smtp", "personal_data": "personal", "rates": ["2000/s"]}
    settings = {**mail, "mailbox": str(postfix.mailbox)}
    desk.settings(channels={**desk.channels["channels"], "relay": {**channel, "settings": settings}})
    started = time.perf_counter()
    plan = run(desk, "plan", str(path))
    assert {name: one[0]["messages"] for name, one in plan["campaign"]["rates"].items()} == {"relay": 2000}
    sending = Sending(desk, postfix, path)
    begun = desk.clock.now()
    ended = sending.run()
    took = desk.clock.now() - begun
    everybody = {f"person{n}@{domain_of(n)}": n for n in range(1, count + 1)}
    fit = {
        address
        for address, n in everybody.items()
        if n % DEAD and n % BLOCKING and not address.endswith("@outlook.com")
    }
    at_outlook = [address for address in everybody if address.endswith("@outlook.com")]
    refused = sum(address in receivers.seen for address in at_outlook)
    service = desk.office()
    known = Destinations(service, service.campaign_tables(service.principal))
    sys.stdout.write(
        f"{count} people: {len(receivers.got)} got it, {refused} of {len(at_outlook)} at Outlook were tried,"
        f" {took} on the clock, {time.perf_counter() - started:.0f} s\n"
    )
    assert ended.ending == "paused"
    assert set(receivers.got) == fit
    assert set(receivers.got.values()) == {1}
    assert refused < max(20, 0.03 * len(at_outlook))
    whole = standing(desk, str(path))
    assert whole["notified"] == len(fit)
    assert whole["still_open"]["deferred"] == len(at_outlook)
    refusing = {known.names.get(domain, "other"): one.stopped for domain, one in known.all().items()}
    assert refusing == {"outlook.com": True}

    receivers.blocks = False
    run(desk, "resume", str(path), "--reason", "the domain is registered with the provider now")
    assert sending.run().ending == "done"
    fit |= {address for address in at_outlook if everybody[address] % DEAD and everybody[address] % BLOCKING}
    assert set(receivers.got) == fit
    assert set(receivers.got.values()) == {1}
    whole = standing(desk, str(path))
    assert (whole["notified"], whole["still_open"]) == (len(fit), {"post": count - len(fit)})
    desk.done("bulk", "status", "our-letter", "--people", str(path), "--verify")


def test_one_provider_defers_one_is_paused_and_the_campaign_goes_on(
    bulk: AtDesk, postfix: Postfix, receivers: Receivers, tmp_path: Path
) -> None:
    campaign(bulk, postfix, receivers, tmp_path / "people.csv", 300)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_people_each_get_one_message(
    bulk: AtDesk, postfix: Postfix, receivers: Receivers, tmp_path: Path
) -> None:
    receivers.seen.clear()
    receivers.got.clear()
    receivers.blocks = True
    count = int(os.environ.get("TOCSIN_CAMPAIGN", "100000"))
    campaign(bulk, postfix, receivers, tmp_path / "people.csv", count)
