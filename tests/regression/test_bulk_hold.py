"""A law-enforcement hold during a campaign stops it at the next batch until the hold ends (R27)."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import (
    PLAYBOOK,
    TEXAS,
    approve,
    configure,
    listed,
    planned,
    prepared,
    refused,
    relay,
    run,
    sent,
    standing,
)
from tests.patience import PATIENCE
from tests.regression.test_bulk_kills import started
from tests.servers.receivers import MailServer

__all__ = ["relay"]

pytestmark = pytest.mark.slow
HEAD = "reference,name,address,jurisdiction,email,email_basis\n"


@pytest.fixture
def desk(relay: MailServer, tmp_path: Path) -> AtDesk:
    """A home with a relay, and an incident under the law of Texas whose letter is approved."""
    shutil.copytree(prepared(), tmp_path / "home")
    made = AtDesk(tmp_path / "home")
    made.clock.time = datetime.now(UTC)  # the sender has a clock of its own
    for _ in range(200):
        made.chance.name("skipped")
    made.chance.codename()
    configure(made, relay)
    here = PLAYBOOK.replace("eu-gdpr-34-data-subjects/individuals", "us-tx-breach/individuals")
    (tmp_path / "tell.yaml").write_text(here, encoding="utf-8")
    (tmp_path / "us.yaml").write_text(TEXAS, encoding="utf-8")
    words = ("--yes", "--facts", str(tmp_path / "us.yaml"), "--format", "json")
    made.done("use", json.loads(made.done("open", str(tmp_path / "tell.yaml"), *words))["incident"])
    approve(made)
    return made


def test_a_hold_stops_a_running_campaign_at_the_next_batch_until_it_ends(
    desk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    rows = (f"K{n},Person {n},{n} Elm Road,US-TX,person{n}@people.example,esign\n" for n in range(1, 41))
    path = listed(tmp_path, HEAD + "".join(rows))
    assert planned(desk, path, "--chunk", "10")["campaign"]["ways"] == {"email": 40}
    relay.hold_from, relay.hold = 15, threading.Event()
    process = started(desk.home, path)
    assert relay.held.wait(PATIENCE), "the sender did not get so far"

    now = datetime.now(UTC)
    held = {"agency": "the police", "form": "written", "from": now - timedelta(hours=1)}
    ends = now + timedelta(days=30)
    facts = [f"law_enforcement.hold.{name}={_text(value)}" for name, value in {**held, "until": ends}.items()]
    desk.clock.time = now
    desk.done("fact", "set", "law_enforcement.engaged=yes", *facts, "--source", "a letter of the police")
    hold, relay.hold_from = relay.hold, 0
    hold.set()
    assert process.wait(PATIENCE) == 4

    assert len(relay.mails) == 20, "the chunk in flight was ended, and no other begun"
    found = run(desk, "status", path)
    assert (found["state"], found["places"][0]["held"]) == ("paused", True)
    assert "R27" in found["reason"]
    run(desk, "resume", path, "--reason", "we try whether it lets us")
    assert refused(desk, "bulk", "send", "our-letter", "--people", path, "--yes")["code"] == "held"
    assert len(relay.mails) == 20

    over = _text(now - timedelta(minutes=1))
    desk.done("fact", "set", f"law_enforcement.hold.until={over}", "--source", "the police, by telephone")
    last = sent(desk, path)
    assert (last["ending"], last["outcomes"]) == ("done", {"accepted": 20}), run(desk, "status", path)
    assert sorted(address for address, *_ in relay.mails) == sorted(
        f"person{n}@people.example" for n in range(1, 41)
    )
    assert standing(desk, path)["evidence"] == {"accepted": 40}


def _text(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
