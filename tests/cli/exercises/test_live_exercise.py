"""An exercise that sends real messages: only to consenting people, with the real time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.app.exercises.exercises import prepare_drill, set_clock
from runner.app.incidents.open_incident import commit_opening
from runner.files.exercise_file import load_exercise
from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import AtDesk
from tests.cli.messages.test_outages import PLAYBOOK, Service
from tests.crash.scenario import SIGNING

EXERCISE = """\
schema: tocsin/exercise/v1
name: call-out-live
title: Everybody is called
type: live_comms
playbook: ./call-out.yaml
participants:
  - {person: ada, role: player, plays: counsel, opted_in: true}
  - {person: ben, role: player, plays: counsel}
objectives: [{id: O1, text: Everybody is called, capability: Operational Communications}]
laws: []
"""


@pytest.fixture
def provider(tocsin: AtDesk) -> Iterator[Service]:
    service = Service(200)
    with service.server:
        (tocsin.home / "signing").write_text(SIGNING)
        people = {n: {"name": n, "contacts": [{"channel": "handle", "address": n}]} for n in ("ada", "ben")}
        channel = {
            "adapter": "webhook",
            "exercise": True,
            "settings": {"url": f"http://127.0.0.1:{service.server.port}/hook"},
            "secrets": {"signing": "file:signing"},
        }
        tocsin.settings(people=people, roles={"counsel": ["ada", "ben"]}, channels={"chat": channel})
        yield service


def test_messages_after_a_pause_carry_the_real_time(
    tocsin: AtDesk, provider: Service, tmp_path: Path
) -> None:
    (tmp_path / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "live.yaml").write_text(EXERCISE, encoding="utf-8")
    desk = tocsin.office()
    loaded = load_exercise(str(tmp_path / "live.yaml"), Catalog(tocsin.home))
    name = commit_opening(desk, prepare_drill(desk, loaded)).after.id
    set_clock(desk, name, "begun")
    set_clock(desk, name, "paused", reason="coffee")
    tocsin.clock.advance(timedelta(hours=2))
    set_clock(desk, name, "resumed")
    tocsin("worker", "--once")
    assert provider.asked == 1, "ben did not agree"
    heard = provider.server.heard
    assert b"[EXERCISE]" in heard
    (stamp,) = re.findall(rb"(?i)webhook-timestamp: (\d+)", heard)
    assert datetime.fromtimestamp(int(stamp), UTC) == tocsin.clock.now()
