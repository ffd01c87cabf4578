"""A mobilising alert needs one acknowledgement from every role; no acknowledgement stops another role's alert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles:
  commander: {title: Incident commander}
  technical: {title: Technical lead}
  counsel: {title: Legal counsel}
  dpo: {title: Data protection officer}
messages:
  alert: {class: urgent-internal, text: "It begins", to: [role:commander, role:technical, role:counsel, role:dpo]}
steps:
  - {id: tell, message: alert}
  - {id: isolate, task: Isolate, role: technical}
"""
ROLES = {"commander": ["maria"], "technical": ["jonas"], "counsel": ["ada"]}


@pytest.fixture
def called(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """Maria opened the incident and is its commander; jonas and ada are called, and nobody is the dpo."""
    return opened(tocsin, tmp_path, ROLES)


def opened(tocsin: AtDesk, tmp_path: Path, roles: dict[str, list[str]]) -> AtDesk:
    """Open the incident with these roles, as maria."""
    tocsin.settings(roles=roles)
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def deliveries(tocsin: AtDesk) -> dict[str, dict[str, Any]]:
    """Return the first delivery of everybody who was told."""
    found: dict[str, dict[str, Any]] = {}
    for delivery in listed(tocsin)["deliveries"]:
        found.setdefault(delivery["recipient"], delivery)
    return found


def listed(tocsin: AtDesk) -> dict[str, Any]:
    """Return the list of messages."""
    found: dict[str, Any] = tocsin("message", "list", "--format", "json").json
    return found


def roles(tocsin: AtDesk) -> dict[str, str]:
    """Return where each role that the alert addressed stands."""
    return {role["role"]: role["state"] for role in listed(tocsin)["roles"]}


def acknowledge(tocsin: AtDesk, person: str) -> None:
    """Acknowledge the alert as somebody."""
    delivery = deliveries(tocsin)[person]["delivery"]
    code = tocsin("message", "show", delivery, "--format", "json").json["code"]
    tocsin.done("ack", code, "--as", person)


def step(tocsin: AtDesk) -> str:
    """Return the state of the step that sends the alert."""
    rows = tocsin("task", "list", "--format", "json").json["tasks"]
    return next(str(row["state"]) for row in rows if row["step"] == "tell")


def test_the_opener_is_not_alerted_and_each_role_is_listed(called: AtDesk) -> None:
    assert set(deliveries(called)) == {"jonas", "ada"}
    assert roles(called) == {
        "commander": "filled_by_opener",
        "technical": "awaited",
        "counsel": "awaited",
        "dpo": "unheld",
    }
    assert step(called) == "active"


def test_an_acknowledgement_stops_no_alert_for_another_role(called: AtDesk) -> None:
    acknowledge(called, "ada")
    assert {name: one["state"] for name, one in deliveries(called).items()} == {
        "jonas": "active",
        "ada": "satisfied",
    }
    assert roles(called)["counsel"] == "acknowledged"
    assert (roles(called)["technical"], step(called)) == ("awaited", "active")
    told = called.console.rpartition("To: ")[2]
    assert told.startswith("jonas")
    assert "Ada Adler (counsel)" in told
    assert "Jonas Jansen (technical)" in told
    acknowledge(called, "jonas")
    assert (roles(called)["technical"], step(called)) == ("acknowledged", "done")


def test_one_holder_of_a_role_is_enough_for_it(tocsin: AtDesk, tmp_path: Path) -> None:
    called = opened(tocsin, tmp_path, {"technical": ["jonas", "ada"]})
    acknowledge(called, "ada")
    assert deliveries(called)["jonas"]["state"] == "cancelled"
    assert step(called) == "done"


def test_a_person_with_two_roles_is_awaited_until_both_are_filled(tocsin: AtDesk, tmp_path: Path) -> None:
    called = opened(tocsin, tmp_path, {"technical": ["jonas", "ada"], "counsel": ["jonas"]})
    acknowledge(called, "ada")
    assert deliveries(called)["jonas"]["state"] == "active"
    assert roles(called)["counsel"] == "awaited"
    assert roles(called)["technical"] == "acknowledged"


def test_an_alert_to_roles_of_the_opener_alone_is_done(tocsin: AtDesk, tmp_path: Path) -> None:
    alone = opened(tocsin, tmp_path, {"commander": ["maria"], "technical": ["maria"], "counsel": ["maria"]})
    assert (deliveries(alone), step(alone)) == ({}, "done")
    assert roles(alone)["technical"] == "filled_by_opener"
    plan = alone("message", "plan", "--format", "json").json["plan"]
    assert plan == []


def test_an_unheld_role_needs_action_and_does_not_block_the_alert(called: AtDesk) -> None:
    wanted = called("status", "--format", "json").json["needs_attention"]
    assert [one["ref"] for one in wanted if one["kind"] == "role_unheld"] == ["dpo"]
    called.done("role", "assign", "dpo", "ada")
    wanted = called("status", "--format", "json").json["needs_attention"]
    assert [one["ref"] for one in wanted if one["kind"] == "role_unheld"] == []


def test_messages_of_an_older_class_keep_its_quorum(tocsin: AtDesk, tmp_path: Path) -> None:
    old = {"urgent-internal": {"from": "urgent-internal", "ack_quorum": "any", "mobilises": False}}
    tocsin.settings(roles=ROLES, classes=old)
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    assert set(deliveries(tocsin)) == {"maria", "jonas", "ada"}
    tocsin.settings(roles=ROLES)
    acknowledge(tocsin, "maria")
    assert deliveries(tocsin)["jonas"]["state"] == "cancelled"
    assert step(tocsin) == "done"
