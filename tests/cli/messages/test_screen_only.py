"""A message that was only shown on the screen of its sender has reached nobody else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

ASKED = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}, commander: {title: Incident commander}}
messages:
  alert: {class: urgent-internal, subject: "Call out", text: "It begins"}
  note: {class: task-notice, subject: "A note", text: "It begins"}
steps:
  - {id: page, message: alert, to: [role:counsel]}
  - {id: tell, message: note, to: [role:commander, role:counsel]}
"""


@pytest.fixture
def shown(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident whose messages were shown at the desk of Maria, who opened it."""
    tocsin.settings(channels={"screen": {"adapter": "console", "confidentiality": "confidential"}})
    path = tmp_path / "call-out.yaml"
    path.write_text(ASKED, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def rows(desk: AtDesk) -> list[Any]:
    return list(desk("message", "list", "--format", "json").json["deliveries"])


def test_a_message_on_the_screen_of_its_sender_asks_for_a_call(shown: AtDesk) -> None:
    told = {(row["recipient"], row["on_screen"], row["attempts"][0]["screen"]) for row in rows(shown)}
    assert told == {("jonas", True, True), ("ada", True, True), ("maria", False, False)}
    todo = shown("message", "list", "--format", "json").json["needs_attention"]
    assert [one["kind"] for one in todo] == ["unreachable"] * 4
    assert {one["ref"] for one in todo} == {row["delivery"] for row in rows(shown) if row["on_screen"]}
    asked = next(row for row in rows(shown) if row["wanted"])
    assert asked["evidence"] == "none"
    assert "unreachable" in [
        one["kind"] for one in shown("status", "--format", "json").json["needs_attention"]
    ]


def test_a_recorded_call_ends_the_request_to_call(shown: AtDesk) -> None:
    for row in rows(shown):
        if row["on_screen"]:
            shown.done("call", row["delivery"], "--reached")
    assert [row["delivery"] for row in rows(shown) if row["on_screen"]] == []
    assert shown("message", "list", "--format", "json").json["needs_attention"] == []


def test_a_person_to_call_is_one_row_and_a_reader_acknowledges_instead_of_calling(shown: AtDesk) -> None:
    assert (
        len(re.findall("^ +call now", shown.done("status"), re.MULTILINE)) == 2
    )  # jonas and ada, 2 messages each
    mine = shown("status", "--me", "jonas", "--format", "json").json["needs_attention"]
    asked = {(one["person"], one["kind"], one["action"]["verb"]) for one in mine if one["person"]}
    assert asked == {("jonas", "acknowledge", "message.show"), ("ada", "unreachable", "delivery.call")}
    assert len(re.findall("^ +acknowledge", shown.done("status", "--me", "jonas"), re.MULTILINE)) == 1
    for one in mine:
        if one["person"] == "jonas":
            code = re.findall(r"tocsin ack (\S+)", shown.done(*one["command"].split()[1:]))
            shown.done("ack", *code, "--as", "jonas")
    left = shown("status", "--me", "jonas", "--format", "json").json["needs_attention"]
    assert {one["person"] for one in left if one["person"]} == {"ada"}


def test_a_message_that_no_channel_may_carry_is_not_called_sent(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    tocsin.done("domain", "compromised", "this-machine")
    tocsin.done("message", "send", "Meet at 5", "--to", "person:ada", "--ask-ack", "--yes")
    words = re.findall(r"· (sent|tried) ", tocsin.done("message", "list"))
    assert words == ["sent", "tried"]
