"""A step name means the same step during the whole incident; a waiting step names its condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

NORTH = """\
schema: tocsin/playbook/v1
name: north
version: 1.0.0
title: North
roles: {commander: {title: Incident commander}}
steps:
  - {id: triage, task: Look at it, role: commander}
  - {id: late, ask: "Is it late?", sets: data.encrypted, role: commander, after: [triage]}
  - {id: sign, task: Sign for the north, role: commander}
  - id: south
    group: South
    after: [triage]
    steps:
      - {id: seal, task: Seal it, role: commander}
      - {id: consequences, ask: "Which impact?", sets: incident.impact, role: commander, after: [seal]}
"""
EAST = """\
schema: tocsin/playbook/v1
name: east
version: 1.0.0
title: East
roles: {commander: {title: Incident commander}}
steps:
  - {id: sign, task: Sign for the east, role: commander}
"""


@pytest.fixture
def north(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident of one playbook; another one, which has a step of the same name, is at hand."""
    (tmp_path / "east.yaml").write_text(EAST, encoding="utf-8")
    path = tmp_path / "north.yaml"
    path.write_text(NORTH, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def rows(desk: AtDesk) -> dict[str, dict[str, Any]]:
    """Return the rows of the list by invocation."""
    return {task["invocation"]: task for task in desk("task", "list", "--format", "json").json["tasks"]}


def shown(desk: AtDesk, name: str) -> str:
    """Return the invocation that a name means, or the code of the refusal."""
    said = desk("task", "show", name, "--format", "json")
    return str(said.json["task"]["invocation"]) if said.code == 0 else said.error


def test_a_short_name_never_comes_to_mean_another_step(north: AtDesk, tmp_path: Path) -> None:
    north.done("task", "done", "sign")
    assert shown(north, "sign") == "north:sign#1"
    north.done("graft", str(tmp_path / "east.yaml"), "--reason", "the east as well")
    assert shown(north, "sign") == "ambiguous"
    north.done("task", "done", "east:sign#1")
    assert shown(north, "sign") == "ambiguous"
    north.done("task", "reopen", "east:sign#1", "--reason", "again")
    assert shown(north, "sign") == "ambiguous"
    assert shown(north, "east:sign") == "east:sign#2"
    for name, row in rows(north).items():
        assert not name or shown(north, row["command_name"]) == name


def test_rows_keep_their_numbers_after_reopening(north: AtDesk) -> None:
    north.done("task", "done", "triage")
    before = {row["step"]: row["row"] for row in rows(north).values()}
    north.done("task", "reopen", "triage", "--reason", "missed one")
    after = rows(north)
    assert (after["north:triage#2"]["row"], after["north:triage#1"]["row"]) == (before["triage"], 0)
    assert shown(north, str(before["triage"])) == "north:triage#2"
    assert shown(north, "triage#1") == "north:triage#1"
    assert {row["step"]: row["row"] for row in after.values() if row["row"]} == before


def test_a_waiting_step_names_its_missing_condition(north: AtDesk) -> None:
    for words in (("task", "show"), ("task", "done")):
        said = north(*words, "consequences")
        assert (said.code, said.error) == (1, "task_not_open"), words
        assert "triage" in said.err
        assert {"task", "show", "south"} <= set(said.err.split())
    said = north("answer", "consequences", "Fraud")
    assert (said.code, said.error) == (1, "task_not_open")
    assert "triage" in said.err
    assert shown(north, "late") == "north:late#1"
    said = north("answer", "late", "perhaps")
    assert (said.code, said.error) == (1, "task_not_open")
    assert {"task", "show", "triage"} <= set(said.err.split())
    north.done("task", "done", "triage")
    said = north("answer", "consequences", "Fraud")
    assert (said.code, said.error) == (1, "task_not_open")
    assert "seal" in said.err


def test_a_name_that_nothing_has_is_still_unknown(north: AtDesk) -> None:
    assert shown(north, "consequence") == "unknown_step"


def test_an_error_names_a_task_as_people_type_it(north: AtDesk, tmp_path: Path) -> None:
    said = north("answer", "consequences", "incident.impact=integrity", "--source", "log")
    assert (said.error, "north:" in said.err) == ("task_not_open", False)
    north.done("graft", str(tmp_path / "east.yaml"), "--reason", "the east as well")
    assert north("task", "show", "sign").err.count("sign#1") == 2, (
        "an ambiguous name has the names beside the rows"
    )
