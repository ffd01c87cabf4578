"""A channel that cannot be used as configured stops neither the other channels nor what uses none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from runner.effects.perform import perform
from runner.errors import StoreError
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver
from runner.playbook.format import HttpCall
from runner.routing.messaging import ChannelConfig
from runner.workers.embedded import Worker
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.regression.desks import Desks
from tests.scenario import act, message

BAD = {
    "typo": ChannelConfig(adapter="smpt"),
    "half": ChannelConfig(adapter="smtp", settings={"hots": "mail.example"}),
}


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[Desks]:
    with Desks(tmp_path, BAD) as opened:
        yield opened


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with a home, and a playbook beside it."""
    (tmp_path / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    return desk


def _break(tocsin: AtDesk, name: str = "typo") -> None:
    """Add a channel that cannot be used, or make the good one such."""
    tocsin.settings(channels={**tocsin.channels["channels"], name: {"adapter": "smpt"}})


def _open(tocsin: AtDesk, *more: str) -> str:
    playbook = str(tocsin.home.parent / "badge.yaml")
    return tocsin("open", playbook, "--yes", "--fact", "incident.summary=Badge 4711", *more).err


def test_an_invalid_channel_is_listed_with_its_error_beside_valid_ones(desks: Desks) -> None:
    directory = desks.open().directory
    assert set(directory.channels) == {"mail", "hook"}
    assert set(directory.broken) == {"typo", "half"}
    assert "smpt" in directory.broken["typo"]


def test_messages_go_over_the_others_and_the_plan_says_why_the_bad_one_is_not_used(tocsin: AtDesk) -> None:
    _break(tocsin)
    shown = _open(tocsin)
    assert "smpt" in shown
    assert tocsin.console.count("A badge is missing: Badge 4711") == 2


def test_a_channel_that_broke_after_the_plan_leaves_an_attempt_that_did_not_happen(tmp_path: Path) -> None:
    with Desks(tmp_path) as desks:
        desk = desks.open()
        desks.incident("i1", message("m", to=("person:ana",)))

        def performing(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
            if isinstance(work, Deliver):
                bad = dict.fromkeys(desk.home.channels, BAD["typo"])
                desk.home = msgspec.structs.replace(desk.home, channels=bad)
                desk.forget_directory()
            return perform(work, incident, head, desk.library(incident), desk.tools(incident))

        Worker(desk, perform=performing).drain()
        (delivery,) = desk.load("i1").deliveries.values()
    assert delivery.attempts
    assert {attempt.state for attempt in delivery.attempts} == {"not_sent"}
    assert all("smpt" in attempt.reason for attempt in delivery.attempts)


def test_a_store_that_is_lost_before_the_send_leaves_no_doubt(tmp_path: Path) -> None:
    def lost() -> NoReturn:
        raise StoreError("The connection was lost.", code="store_unreachable")

    with Desks(tmp_path) as desks:
        desk = desks.open()
        desks.incident("i1", message("m", to=("person:ana",)))

        def performing(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
            tools = desk.tools(incident)
            if isinstance(work, Deliver):
                tools = msgspec.structs.replace(tools, compromises=lost)
            return perform(work, incident, head, desk.library(incident), tools)

        Worker(desk, perform=performing).drain()
        (delivery,) = desk.load("i1").deliveries.values()
    assert delivery.attempts
    assert {attempt.state for attempt in delivery.attempts} == {"not_sent"}


def test_addresses_of_other_channels_can_still_be_recorded_and_playbooks_checked(tocsin: AtDesk) -> None:
    _break(tocsin)
    tocsin.done("person", "add", "zoe", "--name", "Zoe", "--contact", "screen=zoe")
    said = tocsin("person", "add", "zoe", "--contact", "typo=zoe")
    assert (said.code, said.error, "smpt" in said.err) == (1, "broken_channel", True)
    assert tocsin("playbook", "validate", str(tocsin.home.parent / "badge.yaml")).code == 0


def test_doctor_says_which_channel_is_bad(tocsin: AtDesk) -> None:
    _break(tocsin)
    said = tocsin("doctor", "--format", "json")
    assert said.code == 4
    (found,) = (finding for finding in said.json["findings"] if finding["severity"] == "error")
    assert (found["area"], "typo" in found["what"], "smpt" in found["what"]) == ("channels", True, True)


def test_an_action_needs_no_channel(desks: Desks) -> None:
    desk = desks.open()
    call = HttpCall(url="https://elsewhere.example/isolate")
    desks.incident("i1", act("x", http=call))
    Worker(desk).drain()
    (attempt,) = desk.load("i1").invocations["main:x#1"].attempts
    assert attempt.state == "rejected"
    assert "smpt" not in attempt.reason
