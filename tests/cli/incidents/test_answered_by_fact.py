"""A recorded fact answers the open question about it, whoever records it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.incident.turn.implicit_answers import HOW
from tests.cli.at_desk import AtDesk


def task(desk: AtDesk, step: str) -> dict[str, str]:
    found = desk("task", "list", "--format", "json").json["tasks"]
    return dict(next(task for task in found if task["step"] == step))


def entry(desk: AtDesk) -> dict[str, Any]:
    """Return the entry of the timeline that says how the question was answered."""
    entries = desk("timeline", "--format", "json").json["entries"]
    (found,) = (entry for entry in entries if entry["type"] == "StepEnded" and HOW in entry["text"])
    return dict(found)


def test_a_fact_answers_the_question_that_asks_for_it(incident: AtDesk) -> None:
    words = ("data.encrypted=no", "--source", "door log", "--as", "jonas")
    said = incident("fact", "set", *words, "--format", "json").json
    assert any("lost-badge:used#1" in one for one in said["done"])
    assert task(incident, "used")["state"] == "done"
    assert incident("task", "show", "used", "--format", "json").json["ended_by"] == "jonas"
    assert (entry(incident)["claimed"], entry(incident)["on_behalf_of"]) == ("jonas", None)
    assert "lost-badge:used#1" in incident.done("fact", "history", "data.encrypted")
    found = incident("fact", "history", "data.encrypted", "--format", "json").json["history"]
    assert found[0]["answers"] == ["lost-badge:used#1"]


def test_steps_after_the_question_become_ready(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all")
    words = ("data.encrypted=no", "--source", "door log")
    said = incident("fact", "set", *words, "--format", "json").json
    assert "report" in [one["step"] for one in said["ready"]]


def test_unknown_answers_nothing(incident: AtDesk) -> None:
    incident.done("fact", "set", "data.encrypted=?", "--source", "nobody knows")
    assert task(incident, "used")["state"] == "ready"


def test_a_set_that_is_open_leaves_the_question_open(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "asking.yaml"
    path.write_text(CHOOSING.replace("incident.vector, choices: [phishing, misdelivery]", "data.elements"))
    tocsin.done("open", str(path), "--yes")
    tocsin.done("fact", "set", "data.elements+=ssn", "--source", "log")
    assert task(tocsin, "how")["state"] == "ready"
    tocsin.done("fact", "set", "data.elements-=?", "--source", "log")
    assert task(tocsin, "how")["state"] == "done"


def test_an_answer_is_in_the_history_as_one(incident: AtDesk) -> None:
    incident.done("answer", "used", "yes", "--source", "door log")
    assert "lost-badge:used#1" in incident.done("fact", "history", "data.encrypted")
    found = incident("fact", "history", "data.encrypted", "--format", "json").json["history"]
    assert found[0]["answers"] == ["lost-badge:used#1"]


def test_a_fact_on_behalf_of_a_person_answers_for_that_person(incident: AtDesk) -> None:
    behalf = ("--as", "maria", "--on-behalf-of", "ada", "--via", "phone")
    incident.done("fact", "set", "data.encrypted=no", "--source", "door log", *behalf)
    assert task(incident, "used")["state"] == "done"
    assert (entry(incident)["claimed"], entry(incident)["on_behalf_of"]) == ("maria", "ada via phone")
    (open_,) = (
        one
        for one in incident("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "unconfirmed"
    )
    assert open_["command"] == f"tocsin confirm {open_['ref']} --as ada"


def test_a_question_that_takes_few_answers_is_not_answered_by_another(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "choosing.yaml"
    path.write_text(CHOOSING, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    tocsin.done("fact", "set", "incident.vector=loss", "--source", "log")
    assert task(tocsin, "how")["state"] == "ready"
    tocsin.done("fact", "set", "incident.vector=phishing", "--source", "log")
    assert task(tocsin, "how")["state"] == "done"


CHOOSING = """\
schema: tocsin/playbook/v1
name: choosing
version: 1.0.0
title: Choosing
roles: {commander: {title: Incident commander}}
steps:
  - {id: how, ask: "Letter or mail?", sets: incident.vector, choices: [phishing, misdelivery], role: commander}
"""
