"""An added task, which no playbook contains, behaves like every other task."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk

ADD = ("task", "add", "Call the locksmith", "--role", "counsel", "--due", "2h")


def row(tocsin: AtDesk, step: str) -> dict[str, Any]:
    rows = tocsin("task", "list", "--format", "json").json["tasks"]
    (found,) = (row for row in rows if row["step"] == step)
    return dict(found)


def test_it_is_ready_at_once_and_due_from_now(incident: AtDesk) -> None:
    said = incident(*ADD, "--format", "json").json
    assert [one["step"] for one in said["ready"]] == ["call-the-locksmith"]
    found = row(incident, "call-the-locksmith")
    assert (found["state"], found["title"], found["role"]) == ("ready", "Call the locksmith", "counsel")
    assert found["due"] == "2026-11-24T11:00:00Z"
    shown = incident("task", "show", "call-the-locksmith", "--format", "json").json
    assert shown["playbook"]["name"] == ""
    entries = incident("timeline", "--search", "locksmith", "--format", "json").json["entries"]
    assert [entry["type"] for entry in entries] == ["TaskAdded", "StepReady"]


def test_it_is_worked_as_any_other(incident: AtDesk) -> None:
    incident.done(*ADD)
    status = incident("status", "--me", "ada", "--format", "json").json
    assert any("call-the-locksmith" in name for name in status["mine"])
    incident.done("task", "start", "call-the-locksmith", "--as", "ada")
    incident.done("task", "assign", "call-the-locksmith", "maria", "--reason", "is there")
    incident.done("task", "comment", "call-the-locksmith", "rang twice")
    incident.done("task", "done", str(row(incident, "call-the-locksmith")["row"]))
    incident.done("task", "reopen", "call-the-locksmith", "--reason", "a second lock")
    incident.done("task", "skip", "call-the-locksmith", "--reason", "not needed")
    assert (
        incident("task", "show", "call-the-locksmith", "--format", "json").json["task"]["state"] == "skipped"
    )


def test_an_overdue_added_task_alerts_its_people_and_the_commander(incident: AtDesk) -> None:
    incident.done(*ADD)
    incident.clock.advance(timedelta(hours=3))
    assert incident("worker", "--once").code == 4
    found = row(incident, "call-the-locksmith")
    assert (found["overdue"], found["role"]) == (True, "commander")
    kinds = [one["kind"] for one in incident("status", "--format", "json").json["needs_attention"]]
    assert "overdue" in kinds
    assert "Call the locksmith" in incident.console


def test_it_is_given_to_a_person(incident: AtDesk) -> None:
    incident.done("task", "add", "Water the plants", "--to", "ada")
    assert row(incident, "water-the-plants")["assignee"] == "ada"
    assert incident("task", "add", "Feed the cat", "--to", "adaa").error == "unknown_person"
    assert incident("task", "add", "Feed the cat").error == "option_missing"
    assert incident("task", "add", " ", "--to", "ada").error == "words_missing"
    assert incident("task", "add", "Feed the cat", "--role", "comander").error == "unknown_role"


@pytest.mark.parametrize(
    ("title", "step"),
    [("Block", "block-2"), ("鍵屋を呼ぶ", "task"), ("4711 again", "task-4711-again"), ("Over", "over-2")],
)
def test_an_added_task_gets_a_unique_step_name(incident: AtDesk, title: str, step: str) -> None:
    incident.done("task", "add", title, "--role", "commander")
    incident.done("task", "add", title, "--role", "commander")
    steps = [task["step"] for task in incident("task", "list", "--format", "json").json["tasks"]]
    assert step in steps
    assert len(set(steps)) == len(steps)
    incident.done("task", "done", step)


def test_it_survives_another_playbook_and_a_newer_version(incident: AtDesk, tmp_path: Path) -> None:
    incident.done(*ADD)
    other = tmp_path / "other.yaml"
    other.write_text(PLAYBOOK.replace("name: lost-badge", "name: lost-key"), encoding="utf-8")
    incident.done("graft", str(other), "--reason", "a key, too")
    newer = tmp_path / "newer.yaml"
    newer.write_text(PLAYBOOK.replace("version: 1.0.0", "version: 1.1.0").replace("Tell the", "Warn the"))
    incident.done("migrate", "--to", str(newer), "--run", "lost-badge", "--reason", "better words")
    assert row(incident, "call-the-locksmith")["state"] == "ready"
    incident.done(*ADD)
    incident.done("task", "done", "call-the-locksmith")
    assert row(incident, "call-the-locksmith-2")["state"] == "ready"
    office = incident.office()
    (found,) = office.incidents()
    assert office.repository.fold(found.id).version == found.version
    assert incident("audit", "verify").code == 0


def test_it_keeps_an_incident_open_and_is_not_added_to_a_closed_one(incident: AtDesk) -> None:
    incident.done(*ADD)
    said = incident("close", "--format", "json")
    assert "added:call-the-locksmith#1" in [problem["file"] for problem in said.json["problems"]]
    incident.closed("--reason", "found")
    assert incident(*ADD, "-i", "amber-falcon").error == "incident_closed"


def test_an_added_task_is_in_the_report_and_not_in_the_chart(incident: AtDesk, tmp_path: Path) -> None:
    incident.done(*ADD)
    incident.done("task", "done", "call-the-locksmith", "--as", "ada")
    incident.closed("--reason", "found")
    incident.done("report", "-i", "amber-falcon", "--to", "md", "--out", str(tmp_path / "out"))
    texts = [one.read_text(encoding="utf-8") for one in (tmp_path / "out").rglob("*.md")]
    assert any("Call the locksmith" in text for text in texts)
    chart = incident("playbook", "graph", "lost-badge", "-i", "amber-falcon", "--format", "json").json
    assert "locksmith" not in json.dumps(chart)
