"""The whole of a campaign on either store: planned, sent, killed in the middle, resumed, receipts taken in, counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import (
    approve,
    by_mail,
    listed,
    opened,
    people,
    planned,
    prepared,
    relay,
    run,
    sent,
    standing,
)
from tests.regression.test_bulk_kills import killed_after
from tests.servers.postgres import postgres_server, postgres_url
from tests.servers.receivers import MailServer

__all__ = ["postgres_server", "postgres_url", "relay"]

pytestmark = pytest.mark.slow
CHUNK = 10


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, relay: MailServer, tmp_path: Path) -> Iterator[AtDesk]:
    """A home on either store with a relay, an incident, and a letter that is approved."""
    shutil.copytree(prepared(), tmp_path / "home")
    made = AtDesk(tmp_path / "home")
    made.clock.time = datetime.now(UTC)  # the senders have clocks of their own
    for _ in range(200):
        made.chance.name("skipped")
    channels = {**made.channels["channels"], "relay": by_mail(relay)}
    if request.param == "sqlite":
        made.settings(channels=channels)
    else:
        made.settings(channels=channels, store=request.getfixturevalue("postgres_url"))
        made("doctor", "--repair")
        opened(made)
    approve(made)
    yield made
    made.close()


def test_a_campaign_killed_twice_ends_with_each_person_notified_once(
    desk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(80))
    planned(desk, path, "--chunk", str(CHUNK))
    killed_after(relay, desk.home, path, 23)
    killed_after(relay, desk.home, path, len(relay.mails) + 15)
    desk.clock.time = datetime.now(UTC)
    last = sent(desk, path)
    assert last["ending"] == "done"
    told = [address for address, _, _ in relay.mails]
    assert len(told) == len(set(told)), "somebody was told twice"
    whole = standing(desk, path)
    unknown = whole["still_open"]["unknown"]
    assert 0 < unknown <= 2 * CHUNK
    assert whole["notified"] + unknown == 80
    assert len(set(told)) >= whole["notified"]
    attention = json.loads(desk("status", "--format", "json").out)["needs_attention"]
    assert [one["kind"] for one in attention if one["kind"] == "bulk_unknown"] == ["bulk_unknown"]
    found = run(desk, "status", path, "--verify")
    assert found["chunks"]["unknown"] == 2
    # their own mails prove some of them; the rest is sent again by a person's word alone
    run(desk, "resume", path, "--reason", "they may get it twice", "--resend-unknown")
    assert sent(desk, path)["ending"] == "done"
    assert standing(desk, path)["evidence"] == {"accepted": 80}
    assert run(desk, "status", path)["counters"]["sent"] == 80
    assert {address for address, _, _ in relay.mails} == {f"person{n}@people.example" for n in range(1, 81)}
    came_back(desk, relay, path, tmp_path)


def came_back(desk: AtDesk, relay: MailServer, path: str, folder: Path) -> None:
    """Take in receipts and a STOP list, and count again: the sum holds, and the tables fit the journal."""
    key = {address: one.strip("<>").partition("@")[0] for address, one, _ in relay.mails}
    back = (
        "kind,key,address,code\n"
        f"delivered,{key['person1@people.example']},,\n"
        f"failed,{key['person1@people.example']},,5.1.1\n"
        f"failed,{key['person2@people.example']},,5.1.1\n"
        "stopped,,person3@people.example,\n"
    )
    run(desk, "receipts", path, "--from", listed(folder, back, "back.csv"))
    whole = standing(desk, path)
    assert (whole["evidence"], whole["still_open"]) == ({"accepted": 78, "delivered": 1}, {"post": 1})
    found = run(desk, "status", path, "--verify")
    assert (found["counters"]["bounced"], found["counters"]["complaints"]) == (1, 0)
    assert found["suppressed"] == {"hard_bounce": 2, "stop": 1}
    desk.done("audit", "verify")


def test_a_pause_and_the_canary_hold_on_either_store(desk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    path = listed(tmp_path, people(30))
    run(desk, "plan", path)
    assert (sent(desk, path)["ending"], len(relay.mails)) == ("waiting", 10)
    run(desk, "pause", path, "--reason", "we look again")
    assert desk("bulk", "send", "our-letter", "--people", path, "--yes").code == 1
    run(desk, "resume", path, "--reason", "it was right")
    desk.clock.advance(timedelta(hours=1))
    assert sent(desk, path)["ending"] == "done"
    assert sorted(address for address, *_ in relay.mails) == sorted({address for address, *_ in relay.mails})
    assert standing(desk, path)["evidence"] == {"accepted": 30}
