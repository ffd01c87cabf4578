"""A text with unbounded cost is refused early or fails only its own step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk

LOOPS = "{% for x in LIST %}" * 9 + "x" + "{% endfor %}" * 9
LITERAL = "{% set l = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] %}" + LOOPS.replace("LIST", "l")
OF_FACTS = LOOPS.replace("LIST", "data.elements")
ELEMENTS = "data.elements=name,contact,ssn,payroll,tax_id,passport,tribal_id,military_id"


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine whose playbook's message costs as much as there are facts."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    text = PLAYBOOK.replace("{{ incident.summary }}", OF_FACTS)
    (tmp_path / "badge.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "bomb.yaml").write_text(text.replace(OF_FACTS, LITERAL), encoding="utf-8")
    return desk


def test_a_text_that_costs_too_much_whatever_the_facts_is_refused_when_it_is_checked(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    said = tocsin("playbook", "validate", str(tmp_path / "bomb.yaml"), "--format", "json")
    assert (said.code, [problem["code"] for problem in said.json["problems"]]) == (1, ["template-cost"])


def test_a_text_that_facts_make_too_costly_fails_its_own_step_with_the_reason(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    assert tocsin("playbook", "validate", str(tmp_path / "badge.yaml")).code == 0
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--fact", ELEMENTS)
    status = tocsin("status", "--format", "json").json
    (stuck,) = (one for one in status["needs_attention"] if one["kind"] == "stuck")
    assert stuck["ref"] == "lost-badge:tell#1"
    assert "template-cost" in stuck["text"]
    (failed,) = tocsin("message", "list", "--format", "json").json["not_written"]
    assert failed["step"] == stuck["ref"]
    assert "template-cost" in failed["why"]
    assert {task["step"]: task["state"] for task in status["tasks"]}["block"] == "ready"


def test_another_incident_is_announced_meanwhile(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--no-work", "--fact", ELEMENTS)
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--no-work", "--fact", "data.elements=name")
    tocsin("worker", "--once")
    assert tocsin.console.count("A badge is missing: x") == 2
