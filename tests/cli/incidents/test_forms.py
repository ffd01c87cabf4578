"""A form as a person answers it: several answers at once, in parts, at a terminal, approved, undone and played."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk, compare

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: lost-disk
version: 1.0.0
title: Lost disk
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel, minimum: 2}}
steps:
  - id: facts
    form: Record what happened
    role: commander
    due: 1h
    skip_if_known: true
    instructions: Done when each field is closed.
    fields:
      - {fact: data.encrypted, ask: "Was the disk encrypted?", help: "See the device inventory."}
      - {fact: data.key_compromised, ask: "Was the key obtained too?", when: data.encrypted}
      - {fact: people.total, ask: "How many people are affected?"}
      - {fact: incident.summary, ask: "Where was the disk lost?", choices: [on a train, in the office]}
  - {id: sign, approve: facts, by: {roles: [counsel], distinct: 1}, after: [facts]}
  - {id: over, task: Tell the front desk, role: commander, after: [sign]}
"""
SHOWN = ("--format", "json")


@pytest.fixture
def form(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    path = tmp_path / "lost-disk.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def shown(desk: AtDesk) -> dict[str, Any]:
    found: dict[str, Any] = desk("task", "show", "facts", *SHOWN).json
    return found


def states(desk: AtDesk) -> dict[str, str]:
    return {one["fact"]: one["state"] for one in shown(desk)["fields"]}


def later(desk: AtDesk, *words: str) -> None:
    desk.clock.advance(timedelta(minutes=1))
    desk.done(*words)


def answered(desk: AtDesk) -> str:
    """Answer the whole form and return the digest of its values."""
    desk.done("answer", "facts", "data.encrypted=no", "people.total=40", "incident.summary=on a train")
    digest = shown(desk)["digest"]
    assert isinstance(digest, str)
    return digest


def test_answers_are_given_in_parts_and_the_rest_stays_open(form: AtDesk) -> None:
    form.done("answer", "facts", "data.encrypted=yes", "people.total=40", "--source", "inventory")
    found = shown(form)
    assert found["task"]["open_fields"] == ["data.key_compromised", "incident.summary"]
    assert (found["task"]["state"], found["task"]["progress"]) == ("ready", "2 of 4 fields answered")
    facts = {fact["key"]: fact for fact in form("fact", "show", "data", *SHOWN).json["facts"]}
    assert (facts["data.encrypted"]["value"], facts["data.encrypted"]["source"]) == (True, "inventory")
    compare("form-task", form.done("task", "show", "facts"), form.home)
    form.done("answer", "facts", "data.key_compromised=unknown", "incident.summary=in the office")
    assert shown(form)["task"]["state"] == "done"
    assert states(form)["data.key_compromised"] == "unknown"


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("people.total=many", "data.encrypted=no"), "fact", "people.total"),
        (("data.encrypted=no", "people.totl=4"), "unknown_field", "people.totl"),
        (("data.encrypted=no", "incident.summary=at sea"), "bad_answer", "incident.summary"),
        (("data.encrypted=no", "data.encrypted=yes"), "bad_answer", "data.encrypted"),
        (("data.encrypted=no", "people.total"), "fact", ""),
    ],
)
def test_a_wrong_answer_records_nothing_and_names_its_field(
    form: AtDesk, words: tuple[str, ...], code: str, named: str
) -> None:
    said = form("answer", "facts", *words, *SHOWN)
    assert (said.code, said.error, named in said.json["message"]) == (1, code, True)
    assert set(states(form).values()) <= {"open", "waiting"}


def test_unknown_can_be_an_option_and_can_be_asked_again(form: AtDesk) -> None:
    form.done("answer", "facts", "--unknown", "data.encrypted", "people.total")
    assert states(form) == {
        "data.encrypted": "unknown",
        "data.key_compromised": "not_needed",
        "people.total": "unknown",
        "incident.summary": "open",
    }
    form.done("answer", "facts", "incident.summary=unknown", "--ask-again", "2h")
    assert states(form)["incident.summary"] == "open"
    form.done("answer", "facts", "--unknown")
    assert shown(form)["task"]["state"] == "ready"


def test_a_terminal_asks_for_each_open_field_and_again_after_a_wrong_answer(form: AtDesk) -> None:
    said = form("answer", "facts", types="yes\nno\n\nat sea\non a train\n")
    assert said.code == 0
    assert states(form) == {
        "data.encrypted": "answered",
        "data.key_compromised": "answered",
        "people.total": "open",
        "incident.summary": "answered",
    }
    assert "inventory." in said.err
    assert form("answer", "facts", types="\n").code == 2
    assert form("answer", "facts").error == "argument_missing"


def test_known_facts_are_not_asked(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "lost-disk.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes", "--fact", "data.encrypted=no", "--fact", "people.total=3")
    assert shown(tocsin)["task"]["open_fields"] == ["incident.summary"]


def test_lists_name_the_command_that_answers(form: AtDesk) -> None:
    compare("form-next", form.done("next"), form.home)
    compare("form-list", form.done("task", "list"), form.home)


def test_the_approval_binds_to_all_values_and_a_corrected_fact_voids_it(form: AtDesk) -> None:
    digest = answered(form)
    compare("form-approval", form.done("task", "show", "sign"), form.home)
    form.done("approve", "sign", "--as", "jonas", "--digest", digest)
    assert form("task", "show", "over", *SHOWN).json["task"]["state"] == "ready"
    form.done("fact", "set", "people.total=41", "--source", "second count")
    sign = form("task", "show", "sign", *SHOWN).json
    assert (sign["task"]["state"], sign["subject_digest"] != digest) == ("ready", True)


def test_an_author_on_behalf_of_another_cannot_approve(form: AtDesk) -> None:
    behalf = ("--on-behalf-of", "jonas", "--via", "phone")
    form.done("answer", "facts", "data.encrypted=no", *behalf)
    form.done("answer", "facts", "people.total=40", "incident.summary=on a train")
    said = form("approve", "sign", "--as", "jonas", "--digest", shown(form)["digest"])
    assert (said.code, said.error) == (1, "author")


def test_a_reopened_form_asks_every_field_again(form: AtDesk) -> None:
    answered(form)
    form.done("task", "reopen", "facts", "--reason", "another disk")
    assert set(states(form).values()) == {"open"} | {"not_needed"}
    assert states(form)["data.encrypted"] == "open"


def test_undo_opens_the_fields_of_the_last_command(form: AtDesk) -> None:
    later(form, "answer", "facts", "data.encrypted=no")
    later(form, "answer", "facts", "people.total=40")
    later(form, "undo")
    assert states(form) == {
        "data.encrypted": "answered",
        "data.key_compromised": "not_needed",
        "people.total": "open",
        "incident.summary": "open",
    }
    later(form, "answer", "facts", "people.total=unknown")
    later(form, "undo")
    assert states(form)["people.total"] == "open"


def test_a_recorded_fact_answers_a_field_and_is_undone(form: AtDesk) -> None:
    later(form, "fact", "set", "people.total=40", "--source", "count")
    assert states(form)["people.total"] == "answered"
    later(form, "undo")
    assert states(form)["people.total"] == "open"


TESTS = """\
schema: tocsin/playbook-test/v1
playbook: lost-disk
laws: []
notices: []
usual: {answers: {facts: [data.encrypted=yes, data.key_compromised=no, people.total=40, incident.summary=on a train]}}
cases:
  - name: every field
    expect: {path: {}}
  - name: not encrypted
    answers: {facts: [data.encrypted=no, data.key_compromised=no, people.total=unknown, incident.summary=on a train]}
    expect: {path: {}}
  - name: asked again and reopened
    deeds: {facts: [unknown], over: [reopen facts]}
    expect: {path: {}, again: [facts, sign]}
"""


@pytest.fixture
def played(nowhere: AtDesk, tmp_path: Path) -> Callable[[str], Any]:
    folder = tmp_path / "books"
    (folder / "tests").mkdir(parents=True)
    (folder / "lost-disk.yaml").write_text(PLAYBOOK, encoding="utf-8")

    def play(tests: str) -> Any:
        (folder / "tests" / "lost-disk.yaml").write_text(tests, encoding="utf-8")
        said = nowhere("playbook", "test", str(folder), *SHOWN)
        return said.code, said.json

    return play


def test_simulated_responders_fill_forms(played: Callable[[str], Any]) -> None:
    code, report = played(TESTS)
    assert code == 0, json.dumps(report, indent=1)


def test_a_field_without_an_answer_and_a_wrong_one_fail_a_test(played: Callable[[str], Any]) -> None:
    code, report = played(TESTS.replace("people.total=40, ", ""))
    assert (code, "people.total" in json.dumps(report)) == (1, True)
    code, report = played(TESTS.replace("people.total=40", "people.total=many"))
    assert (code, "people.total" in json.dumps(report)) == (1, True)


def test_a_test_made_from_an_incident_has_the_answers_of_its_forms(form: AtDesk) -> None:
    form.done("answer", "facts", "data.encrypted=no", "people.total=?")
    form.done("answer", "facts", "incident.summary=on a train")
    form.done("approve", "sign", "--as", "jonas", "--digest", shown(form)["digest"])
    form.done("task", "done", "over")
    text = form.done("playbook", "fixture", "--from-incident", "amber-falcon")
    assert "people.total=?" in text


def test_who_recorded_the_facts_of_a_form_before_cannot_approve_it(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "lost-disk.yaml"
    first = "steps:\n  - {id: first, task: Look, role: commander}\n"
    text = PLAYBOOK.replace("steps:\n", first).replace("    due: 1h\n", "    due: 1h\n    after: [first]\n")
    path.write_text(text, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    facts = ("data.encrypted=no", "people.total=40", "incident.summary=on a train")
    tocsin.done("fact", "set", *facts, "--source", "log", "--as", "jonas")
    tocsin.done("task", "done", "first")
    assert shown(tocsin)["task"]["state"] == "done"
    assert tocsin("approve", "sign", "--as", "jonas", types="y\n").error == "author"
    assert tocsin("approve", "sign", "--as", "ada", types="y\n").code == 0
