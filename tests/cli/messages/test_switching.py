"""Channels changed in tocsin.yaml: open deliveries switch once, and the switch is recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: urgent-internal, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


def written(desk: AtDesk, channel: str) -> str:
    path = desk.home / f"{channel}.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def reached_by(desk: AtDesk, *channels: str) -> None:
    """Let Jonas be reached over these channels alone, the first one first."""
    desk.settings(
        people={
            "jonas": {"name": "Jonas", "contacts": [{"channel": c, "address": "jonas"} for c in channels]}
        },
        roles={"counsel": ["jonas"]},
        corporate=["elsewhere"],
        channels={
            name: {"adapter": "console", "priority": n, "settings": {"path": str(desk.home / f"{name}.txt")}}
            for n, name in enumerate(channels)
        },
    )


@pytest.fixture
def called(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A home in which Jonas was told over the only channel there was, and has not answered."""
    reached_by(tocsin, "screen")
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    assert "It begins" in written(tocsin, "screen")
    return tocsin


def switches(desk: AtDesk) -> list[str]:
    told = " ".join(desk.done("timeline").split())
    return [part.split("  ")[0] for part in told.split("Messages to ")[1:]]


def later(desk: AtDesk, span: timedelta = timedelta(minutes=5)) -> dict[str, Any]:
    desk.clock.advance(span)
    desk("worker", "--once")
    listed = desk("message", "list", "--format", "json").json["deliveries"]
    return desk("message", "show", listed[0]["delivery"], "--format", "json").json["delivery"]


def test_open_deliveries_over_a_removed_channel_switch_to_another(
    called: AtDesk,
) -> None:
    reached_by(called, "wall")
    found = later(called)
    assert [attempt["channel"] for attempt in found["attempts"]] == ["screen", "screen", "wall"]
    assert [attempt["state"] for attempt in found["attempts"]] == ["accepted", "rejected", "accepted"]
    assert "It begins" in written(called, "wall")
    [switch] = switches(called)
    assert switch.startswith("jonas change from screen to wall")
    assert "unverified contacts: jonas" in switch


def test_a_channel_that_is_now_first_is_used_at_the_next_planning(
    called: AtDesk,
) -> None:
    reached_by(called, "wall", "screen")
    assert [attempt["channel"] for attempt in later(called)["attempts"]] == ["screen", "screen"]
    assert switches(called) == []
    called.done("domain", "declare-down", "elsewhere", "--reason", "it was on the news")
    found = later(called, timedelta(minutes=10))
    assert "wall" in {attempt["channel"] for attempt in found["attempts"]}
    [switch] = switches(called)
    assert switch.startswith("jonas change from screen to wall")


def test_nothing_switches_when_the_channels_stay_the_same(called: AtDesk) -> None:
    called.done("domain", "declare-down", "elsewhere", "--reason", "it was on the news")
    later(called)
    assert switches(called) == []
