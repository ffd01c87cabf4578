"""An open question is answered when its fact is recorded, by whoever records it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.at_desk import AtDesk


def task(desk: AtDesk, step: str) -> dict[str, str]:
    found = desk("task", "list", "--format", "json").json["tasks"]
    return dict(next(one for one in found if one["step"] == step))


def words(desk: AtDesk, *command: str) -> str:
    return " ".join(desk.done(*command).split())


def test_a_fact_answers_the_question_that_asks_for_it(incident: AtDesk) -> None:
    out = incident.done("fact", "set", "data.encrypted=no", "--source", "door log", "--as", "jonas")
    assert "lost-badge:used#1 is answered" in out
    assert task(incident, "used")["state"] == "done"
    told = incident.done("timeline")
    assert "by jonas" in told
    assert "with tocsin fact set" in told
    assert "answers lost-badge:used#1" in words(incident, "fact", "history", "data.encrypted")
    found = incident("fact", "history", "data.encrypted", "--format", "json").json["history"]
    assert found[0]["answers"] == ["lost-badge:used#1"]


def test_steps_behind_the_question_go_on(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all")
    out = incident.done("fact", "set", "data.encrypted=no", "--source", "door log")
    assert "Write the report" in out


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
    assert "answers lost-badge:used#1" in words(incident, "fact", "history", "data.encrypted")


def test_a_fact_on_behalf_of_somebody_answers_for_that_person(incident: AtDesk) -> None:
    behalf = ("--as", "maria", "--on-behalf-of", "ada", "--via", "phone")
    incident.done("fact", "set", "data.encrypted=no", "--source", "door log", *behalf)
    assert task(incident, "used")["state"] == "done"
    assert "on behalf of ada" in words(incident, "timeline")
    assert "tocsin confirm" in words(incident, "status")


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
