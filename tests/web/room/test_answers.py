"""Checklists, questions and forms on the page of a task."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runner.base.instants import instant
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, hidden, offered, served
from tests.web.room.test_acts import act, mark, page, shown

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: questions
version: 1.0.0
title: Questions
roles: {commander: {title: Incident commander}}
steps:
  - id: contain
    task: Stop it
    role: commander
    checklist: [{must: Access is ended}, Keys are changed]
  - {id: encrypted, ask: Were the data encrypted?, sets: data.encrypted, role: commander}
  - {id: leaving, ask: Are data still leaving?, sets: incident.insider.data_leaving, unknown_as: yes, role: commander}
  - {id: limit, task: Limit it, role: commander, after: [leaving], when: incident.insider.data_leaving}
  - id: about
    form: What is known
    role: commander
    fields:
      - {fact: incident.summary, ask: What happened?}
      - {fact: people.total, ask: How many people?}
  - {id: noticed, ask: When was it noticed?, sets: incident.discovered_at, role: commander}
  - id: times
    form: When it was
    role: commander
    fields:
      - {fact: incident.aware_at, ask: Since when do you know it?, help: The moment of reasonable certainty.}
"""


@pytest.fixture
def asked(desk: AtDesk, tmp_path: Path) -> Iterator[Served]:
    """The room of an incident with a checklist, a question and a form."""
    (tmp_path / "questions.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk.settings()
    desk.done("open", str(tmp_path / "questions.yaml"), "--yes")
    with served(desk) as found:
        yield found


def test_items_are_marked_one_by_one_and_taken_back(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:contain#1"
    assert act(asked, maria, "check", step, row="1", done="yes").status_code == 303
    assert [item["done"] for item in shown(desk, step)["checklist"]] == [True, False]
    assert act(asked, maria, "check", step, row="1", done="no").status_code == 303
    assert [item["done"] for item in shown(desk, step)["checklist"]] == [False, False]
    for row in ("0", "9", "-1", "x", ""):
        assert act(asked, maria, "check", step, row=row, done="yes").status_code == 409, row


def test_a_task_with_open_items_says_how_many_before_it_can_be_done(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:contain#1"
    for row, left in (("1", "2 of 2"), ("2", "1 of 2"), ("", "")):
        text = page(asked, maria, step)
        note = text.partition('id="off-done">')[2].partition("<")[0]
        assert ("done" in offered(text), left in note, bool(note)) == (not left, True, bool(left))
        if row:
            act(asked, maria, "check", step, row=row, done="yes")
    assert act(asked, maria, "done", step).status_code == 303


def test_an_unknown_answer_counts_as_the_playbook_says(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:leaving#1"
    assert act(asked, maria, "answer", step, value="unknown").status_code == 303
    assert [shown(desk, one)["task"]["state"] for one in ("leaving", "limit")] == ["done", "ready"]
    (fact,) = desk("fact", "show", "incident.insider.data_leaving", "--format", "json").json["facts"]
    assert (fact["value"], fact["confidence"]) == (True, "assumed")


def test_a_question_is_answered_and_can_be_unknown(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:encrypted#1"
    assert act(asked, maria, "answer", step, value="").status_code == 409
    assert act(asked, maria, "answer", step, value="perhaps").status_code == 409
    assert act(asked, maria, "answer", step, value="no", source="the inventory").status_code == 303
    (fact,) = desk("fact", "show", "data.encrypted", "--format", "json").json["facts"]
    assert (fact["value"], fact["source"]) == (False, "the inventory")


def test_a_form_is_answered_in_parts_and_nothing_is_half_recorded(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:about#1"
    wrong = act(asked, maria, "answer", step, **{"incident.summary": "Lost", "people.total": "many"})
    assert (wrong.status_code, 'value="many"' in wrong.text) == (409, True)
    assert desk("fact", "show", "incident", "--format", "json").json["facts"] == []
    assert act(asked, maria, "answer", step, **{"incident.summary": "Lost"}).status_code == 303
    assert 'name="incident.summary"' not in page(asked, maria, step)
    assert act(asked, maria, "answer", step, **{"people.total": "unknown"}).status_code == 303
    assert shown(desk, step)["task"]["state"] == "done"


@pytest.mark.parametrize("value", ["no", "unknown"])
def test_an_answer_to_a_changed_question_is_refused(asked: Served, desk: AtDesk, value: str) -> None:
    maria, step = asked.reader("maria"), "questions:encrypted#1"
    before = mark(page(asked, maria, step))
    desk.done("task", "assign", step, "jonas", "--reason", "has the inventory")
    assert act(asked, maria, "answer", step, mark=before, value=value).status_code == 412
    assert desk("fact", "show", "data.encrypted", "--format", "json").json["facts"] == []


def test_a_form_that_changed_meanwhile_is_refused(asked: Served, desk: AtDesk) -> None:
    maria, step = asked.reader("maria"), "questions:about#1"
    before = mark(page(asked, maria, step))
    desk.done("answer", step, "people.total=7")
    answer = act(asked, maria, "answer", step, mark=before, **{"incident.summary": "Lost"})
    assert (answer.status_code, 'value="Lost"' in answer.text) == (412, True)


@pytest.mark.parametrize(
    ("step", "field", "fact"),
    [
        ("noticed", "value", "incident.discovered_at"),
        ("times", "incident.aware_at", "incident.aware_at"),
    ],
)
def test_a_relative_time_is_recorded_as_it_was_previewed(
    asked: Served, desk: AtDesk, step: str, field: str, fact: str
) -> None:
    facts = (f"{fact}=2026-11-24T08:00:00Z", "organisation.established_in=DE", "people.by_jurisdiction.DE=9")
    more = ("organisation.role=controller", "data.involved=true", "data.elements=name", "risk.to_people=risk")
    desk.done("fact", "set", *facts, *more, "--source", "log")
    maria, when = asked.reader("maria"), desk.clock.now() - timedelta(hours=4)
    given = {field: "4h ago", "grounds": "the log says so"}
    desk.done("task", "reopen", step, "--reason", "another log")
    before = act(asked, maria, "answer", step, **given)
    settled = hidden(before.text, field)
    assert (before.status_code, instant(settled, desk.clock.now())) == (200, when)
    desk.clock.advance(timedelta(seconds=65))
    answer = act(asked, maria, "answer", step, **given, sure=hidden(before.text, "sure"))
    assert answer.status_code == 200, "the typed text is another instant now"
    given[field] = settled
    assert act(asked, maria, "answer", step, **given, sure=hidden(before.text, "sure")).status_code == 303
    (known,) = desk("fact", "show", fact, "--format", "json").json["facts"]
    assert instant(known["value"], desk.clock.now()) == when
