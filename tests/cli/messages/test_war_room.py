"""The war room, from the command line: outside compromised domains, in every message, changed by an event."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.reports.core.page import Paragraph
from runner.reports.messages.war_room import RoomView, room_blocks
from tests.cli.at_desk import AtDesk, compare

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
    compare("war-room-domains", rooms.done("domain", "list"), rooms.home)
    said = rooms("domain", "compromised", "carrier")
    assert (said.code, said.warnings) == (0, [])


def shown(desk: AtDesk) -> str:
    room = desk("status", "--format", "json").json["war_room"]
    return str(room["address"])


def test_the_first_confidential_room_is_shown_in_status_and_messages(rooms: AtDesk, tmp_path: Path) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes")
    assert shown(rooms) == CHAT
    assert CHAT in rooms.console
    assert {CHAT, "(chat)"} <= set(rooms.done("status").split())


def test_a_room_in_a_compromised_domain_is_left_and_not_used_again(rooms: AtDesk, tmp_path: Path) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes")
    rooms.done("domain", "compromised", "tenant")
    assert shown(rooms) == MATRIX
    entries = rooms("timeline", "--format", "json").json["entries"]
    told = [entry["text"] for entry in entries if entry["type"] == "RoomChosen"][-1]
    assert MATRIX in told
    assert {"matrix", "chat", "tenant"} <= set(re.findall(r"\w+", told.replace(MATRIX, "")))
    rooms.clock.advance(timedelta(hours=2))
    rooms("worker", "--once")
    assert MATRIX in rooms.console
    rooms.done("domain", "declare-up", "tenant", "--reason", "sessions revoked")
    assert shown(rooms) == MATRIX


def test_an_initially_compromised_domain_is_avoided_and_no_room_is_stated(
    rooms: AtDesk, tmp_path: Path
) -> None:
    rooms.done("open", str(tmp_path / "call-out.yaml"), "--yes", "--compromised", "tenant")
    assert shown(rooms) == MATRIX
    assert CHAT not in rooms.console
    rooms.done("domain", "declare-down", "own-matrix")
    assert shown(rooms) == BRIDGE
    rooms.done("domain", "declare-down", "carrier")
    assert shown(rooms) == ""
    waits = rooms("status", "--format", "json").json["needs_attention"]
    assert "no_war_room" in [wait["kind"] for wait in waits]
    [none] = room_blocks(RoomView(name="", address=""))
    assert isinstance(none, Paragraph)
    assert none.cells[0].text in rooms.done("status")


def test_a_room_of_a_channel_that_is_not_there_is_refused(rooms: AtDesk) -> None:
    rooms.settings(war_rooms={"chat": {"address": CHAT, "channel": "slack"}})
    said = rooms("person", "list", "--format", "json")
    assert (said.code, said.error) == (1, "bad_settings")
    (problem,) = said.json["problems"]
    assert (problem["code"], "slack" in problem["message"], problem["line"] > 1) == ("channel", True, True)


@pytest.mark.parametrize(
    ("room", "key"),
    [
        ({}, "address"),
        ({"open": True, "address": BRIDGE, "channel": "screen"}, "address"),
        ({"open": True}, "channel"),
    ],
)
def test_a_room_that_cannot_be_meant_is_refused(tocsin: AtDesk, room: dict[str, Any], key: str) -> None:
    tocsin.settings(war_rooms={"chat": room})
    said = tocsin("person", "list", "--format", "json")
    assert (said.code, said.error) == (1, "bad_settings")
    (problem,) = said.json["problems"]
    assert problem["code"] == "war-room"
    assert {"address", "channel"} & set(re.findall(r"\w+", problem["hint"])) == {key}
