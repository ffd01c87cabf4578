"""Servers that refuse the sender: at once or in a late report, one reader or many, in one campaign and in the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from runner.app.campaigns.doubts import Reasons
from runner.app.campaigns.rates import Rates
from runner.app.campaigns.receipts import take
from runner.app.campaigns.send import WaitPolicy, send
from runner.incident.campaigns.campaign import BulkReceipt
from runner.reports.campaigns.campaigns import plan_blocks
from runner.routing.traffic import read_rate
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import (
    HEAD,
    bulk,
    listed,
    office,
    people,
    planned,
    relay,
    run,
    sent,
    standing,
)
from tests.incident.campaigns.test_bulk import campaign
from tests.servers.receivers import MailServer

__all__ = ("bulk", "office", "relay")
BLOCKED = "550 5.7.1 Message blocked: reputation of the sender"
UNREGISTERED = "550 5.7.515 Access denied, sending domain breach.example does not meet the level"


def end(desk: AtDesk, path: str, meanwhile: Callable[[], object] = lambda: None) -> str:
    """Send until the sender ends, and return how; waits take no time here."""
    service = desk.office()

    def wait(span: timedelta) -> None:
        desk.clock.advance(max(span, timedelta(minutes=10)))
        meanwhile()

    incident = service.load(service.find(None))
    patience = WaitPolicy(wait, lambda: False)
    return send(
        service, incident, "our-letter", Path(path), patience, lambda *_: None, Reasons(counts="x")
    ).ending


def at(*addresses: str) -> str:
    """Return a list of people with these addresses."""
    return HEAD + "".join(
        f'{one.replace("@", ".")},Person {n},"{n} Elm Road",DE,{one}\n' for n, one in enumerate(addresses, 1)
    )


def test_one_strict_mailbox_pauses_nothing_and_gets_a_letter(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {"person3@people.example": BLOCKED}
    path = listed(tmp_path, people(40))
    planned(bulk, path)
    assert end(bulk, path) == "done"
    assert standing(bulk, path)["still_open"] == {"post": 1}
    assert len(relay.mails) == 39


def test_three_readers_pause_their_destination(bulk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    relay.answers = {f"person{n}@people.example": BLOCKED for n in range(1, 4)}
    path = listed(tmp_path, people(40))
    planned(bulk, path)
    assert end(bulk, path) == "paused"
    assert standing(bulk, path)["still_open"]["deferred"] >= 3


def test_what_one_campaign_was_refused_does_not_pause_the_next(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    first = listed(tmp_path, at("a@gmail.com", "a@outlook.com", "a@people.example"))
    relay.answers = {"a@gmail.com": "550 5.7.26 unauthenticated", "a@outlook.com": UNREGISTERED}
    planned(bulk, first)
    assert end(bulk, first) == "paused"
    relay.answers = {}
    second = listed(tmp_path, at("b@gmail.com", "b@outlook.com", "b@people.example"), "others.csv")
    planned(bulk, second)
    assert end(bulk, second) == "done"
    assert standing(bulk, second)["notified"] == 3


def report(desk: AtDesk, path: str, relay: MailServer, address: str, code: str) -> tuple[str, ...]:
    """Process a late report that the receiver refuses the sender; return the campaigns that it paused."""
    key = next(one.strip("<>").partition("@")[0] for told, one, _ in relay.mails if told == address)
    receipt = BulkReceipt(kind="failed", key=key, code=code, about="destination")
    return take(desk.office(), (receipt,)).paused


def test_a_late_report_of_a_refusal_never_sends_the_same_message_again_by_itself(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(40))
    run(bulk, "plan", path, "--canary-wait", "30m")
    told: list[int] = []

    def meanwhile() -> None:
        if not told:
            told.append(len(report(bulk, path, relay, "person1@people.example", "5.7.1")))

    assert end(bulk, path, meanwhile) == "done"
    assert standing(bulk, path)["still_open"] == {"post": 1}
    assert Counter(address for address, _, _ in relay.mails)["person1@people.example"] == 1


@pytest.mark.parametrize(
    ("domain", "code", "state", "left"),
    [("outlook.com", "5.7.515", "paused", {"deferred": 1}), ("people.example", "5.7.1", "done", {"post": 1})],
)
def test_a_refusal_reported_after_the_end_waits_for_a_person_or_a_letter(
    bulk: AtDesk, relay: MailServer, tmp_path: Path, domain: str, code: str, state: str, left: dict[str, int]
) -> None:
    path = listed(tmp_path, people(3, domain=domain))
    planned(bulk, path)
    assert end(bulk, path) == "done"
    assert bool(report(bulk, path, relay, f"person1@{domain}", code)) is (state == "paused")
    found = run(bulk, "status", path)
    assert (found["state"], found["standing"]["still_open"]) == (state, left)
    if state == "paused":
        assert found["reason"]
        run(bulk, "resume", path, "--reason", "the domain is registered with the provider now")
        assert end(bulk, path) == "done"
        assert standing(bulk, path)["notified"] == 3


def test_the_slowest_of_several_rates_governs_how_many_go_out_at_once(bulk: AtDesk) -> None:
    service = bulk.office()
    channel = service.channels["relay"]

    def most(*rates: str) -> int:
        one = campaign(rates={"relay": tuple(map(read_rate, rates))})
        found = Rates(service, one, {"email": channel})
        return found.most("email", 500, service.clock.now())

    assert most("50/s", "10000/day burst 10000") == most("50/s") == 50
    assert most("2000/day burst 300") == 300
    assert most("2000/day") == 1


def test_nothing_is_kept_of_a_destination_that_has_recovered(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {"person3@people.example": BLOCKED}
    path = listed(tmp_path, people(60))
    run(bulk, "plan", path, "--canary-wait", "1m", "--chunk", "10")
    sent(bulk, path)
    assert bulk.office().marks("rest/")
    relay.answers = {}
    assert end(bulk, path) == "done"
    assert bulk.office().marks("rest/") == {}


def test_a_campaign_of_an_earlier_version_goes_on_without_its_rates_of_destinations(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(40))
    plan = run(bulk, "plan", path, "--canary-wait", "1m")["campaign"]
    service = bulk.office()
    tables = service.campaign_tables(service.principal)
    stored = tables.campaign(plan["id"]).campaign
    slow = {"*": (read_rate("1/min"),), "people.example": (read_rate("1/day"),)}
    tables.put(stored := replace(stored, rates={**slow, **stored.rates}))
    page = repr(list(plan_blocks(stored, {})))
    assert ("10000/s" in page, "1/day" in page) == (True, False)
    assert (sent(bulk, path)["ending"], len(relay.mails)) == ("waiting", 10)

    name = f"rest/{tables.digest('domain', 'people.example').hex()}"
    refuses = {"readers": ["b-1-1", "b-1-2", "b-1-3"], "stopped": True, "code": "550 5.7.1"}
    before = {"share": 0.25, "since": "2026-11-24T09:00:00Z", "held_until": "2027-11-24T09:30:00Z", **refuses}
    service.change_marks([name], lambda _: {name: msgspec.json.encode(before)})
    assert end(bulk, path) == "paused"
    assert standing(bulk, path)["still_open"] == {"deferred": 30}
    assert len(relay.mails) == 10
    run(bulk, "resume", path, "--reason", "the domain is registered now")
    assert sent(bulk, path)["ending"] == "done"
    assert len(relay.mails) == 40
