"""The war room, from the command line: outside of what has fallen, in every message, chosen anew as an event."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

CHAT = "https://chat.example.org/rooms/crisis"
MATRIX = "https://matrix.example.org/#/crisis"
BRIDGE = "+15005550006"
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {commander: {title: Incident commander}}
messages: {one: {class: task-notice, to: [role:commander], text: "word"}}
steps:
  - {id: first, message: one}
  - {id: pause, wait: 1h, after: [first]}
  - {id: second, message: one, after: [pause]}
  - {id: over, task: End it, role: commander, after: [second]}
"""


@pytest.fixture
def rooms(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A home with a room that may hear too little, two that may hear enough, and a bridge."""
    path = str(tocsin.home / "console.txt")
    channels: dict[str, Any] = {
        "screen": {"adapter": "console", "domains": ["tenant"], "confidentiality": "confidential"},
        "plain": {"adapter": "console", "settings": {"path": path}},
    }
    tocsin.settings(
        channels=channels,
        people={"maria": {"name": "Maria", "contacts": [{"channel": "plain", "address": "maria"}]}},
        roles={"commander": ["maria"]},
        war_rooms={
            "lobby": {"address": "https://plain.example.org", "channel": "plain"},
            "chat": {"address": CHAT, "channel": "screen"},
            "matrix": {"address": MATRIX, "domains": ["own-matrix"], "confidentiality": "restricted"},
            "bridge": {"address": BRIDGE, "domains": ["carrier"], "confidentiality": "confidential"},
        },
    )
    (tmp_path / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
    return tocsin


def test_a_domain_that_only_a_war_room_depends_on_is_listed_with_it_and_declared_without_a_warning(
    rooms: AtDesk, tmp_path: Path
) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes")
    carrier = next(
        row
        for row in rooms("domain", "list", "--format", "json").json["domains"]
        if row["domain"] == "carrier"
    )
    assert carrier["war_rooms"] == ["bridge"]
    assert "war room bridge" in rooms.done("domain", "list")
    assert "depends on" not in rooms("domain", "compromised", "carrier").err


def shown(desk: AtDesk) -> str:
    room = desk("status", "--format", "json").json["war_room"]
    return str(room["address"])


def test_the_first_room_that_may_hear_what_is_confidential_stands_in_status_and_in_messages(
    rooms: AtDesk, tmp_path: Path
) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes")
    assert shown(rooms) == CHAT
    assert f"war room: {CHAT}" in rooms.console
    assert f"WAR ROOM  {CHAT} (chat)" in rooms.done("status")


def test_a_room_in_a_fallen_domain_is_left_at_once_as_an_event_and_not_gone_back_to(
    rooms: AtDesk, tmp_path: Path
) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes")
    rooms.done("domain", "compromised", "tenant")
    assert shown(rooms) == MATRIX
    told = " ".join(rooms.done("timeline").split())
    assert f"War room matrix: {MATRIX} (not chat any more)" in told
    assert "tenant is compromised" in told
    rooms.clock.advance(timedelta(hours=2))
    rooms("worker", "--once")
    assert f"war room: {MATRIX}" in rooms.console
    rooms.done("domain", "declare-up", "tenant", "--reason", "sessions revoked")
    assert shown(rooms) == MATRIX


def test_a_domain_that_fell_before_is_avoided_from_the_start_and_no_room_at_all_is_said(
    rooms: AtDesk, tmp_path: Path
) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes", "--compromised", "tenant")
    assert shown(rooms) == MATRIX
    assert CHAT not in rooms.console
    rooms.done("domain", "declare-down", "own-matrix")
    assert shown(rooms) == BRIDGE
    rooms.done("domain", "declare-down", "carrier")
    assert shown(rooms) == ""
    assert "none can be used" in rooms.done("status")


def test_a_room_of_a_channel_that_is_not_there_is_refused(rooms: AtDesk) -> None:
    rooms.settings(war_rooms={"chat": {"address": CHAT, "channel": "slack"}})
    assert "there is no channel 'slack'" in rooms("person", "list").err


@pytest.mark.parametrize(
    ("room", "word"),
    [
        ({}, "has an address or is opened"),
        ({"open": True, "address": BRIDGE, "channel": "screen"}, "has an address or is opened"),
        ({"open": True}, "who opens this room?"),
    ],
)
def test_a_room_that_cannot_be_meant_is_refused(tocsin: AtDesk, room: dict[str, Any], word: str) -> None:
    tocsin.settings(war_rooms={"chat": room})
    assert word in tocsin("person", "list").err
