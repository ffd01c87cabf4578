"""Lists of a form's fields: what one may hold, how each mistake is said, and what a notice does with one."""

from __future__ import annotations

from typing import Any

import pytest

from runner.documents.contents.coverage import check
from runner.documents.contents.form_values import answers
from runner.documents.files.form_file import scan_fields
from runner.documents.files.notice_file import load_notice, scan_notice
from runner.documents.notice import Notice
from runner.documents.render import render
from runner.documents.template.values import Budget
from runner.documents.write import write
from runner.errors import Problem
from tests.documents.examples import context

LIST = """\
schema: tocsin/fields/v1
id: small
version: 1.0.0
title: A small form
citation: Art. 1
source: https://example.com/form
stages: [first, last]
sections:
  - title: What happened
    stage: first
    fields:
      - {id: "1", name: Kind of report, says: {first: first report, last: last report}}
      - {id: "2", name: What happened, fact: incident.summary}
      - {id: "3", name: How, fact: incident.vector, choices: {phishing: a deceptive message}}
      - {id: "4", name: When, fact: [incident.occurred_at, incident.started_at]}
      - {id: "5", name: Vendor, fact: incident.vendor.name, only: a vendor is involved}
  - title: In the end
    stage: last
    fields:
      - {id: "6", name: Countries, fact: incident.cross_border_places, when: incident.cross_border}
"""
NOTICE = """\
---
schema: tocsin/notice/v1
id: small
version: 1.0.0
title: Small
language: en-GB
form: {fields: small, stage: last}
---
# Small

{% for section in sections %}
::: fields
{% for field in section.fields %}
{{ field.id }} {{ field.name }}: {{ field.answer }}
{% endfor %}
:::
{% endfor %}
"""


def forms(name: str) -> tuple[str, str] | None:
    return (LIST, "small.yaml") if name == "small" else None


def small(stage: str = "last") -> tuple[Notice, str]:
    return load_notice(NOTICE.replace("stage: last", f"stage: {stage}").encode(), "small.md", forms=forms)


def said(facts: dict[str, Any], stage: str = "last") -> list[str]:
    """Return the lines that start with a field's number."""
    notice, body = small(stage)
    text = write(render(notice, body, facts, context=context()), "txt").decode()
    return [line for line in text.splitlines() if line[:1].isdigit() and ": " in line]


def test_a_stage_asks_for_the_fields_of_those_before_it_as_well() -> None:
    assert [field.id for section in small("first")[0].sections for field in section.fields] == list("12345")
    assert [item.ref for item in small("last")[0].requires] == list("123456")


def test_the_digest_of_a_notice_covers_its_form() -> None:
    other = LIST.replace("What happened, fact", "What was done, fact")
    changed, _body = load_notice(NOTICE.encode(), "small.md", forms=lambda _name: (other, "small.yaml"))
    assert changed.sha256 != small()[0].sha256


def test_fields_read_as_their_form_wants_them() -> None:
    facts = {
        "incident": {
            "summary": "Mail was read.",
            "vector": "phishing",
            "started_at": "2026-11-24T09:10:00+01:00",
            "cross_border": True,
            "cross_border_places": ["FR", "DE"],
        }
    }
    assert said(facts) == [
        "1 Kind of report: last report",
        "2 What happened: Mail was read.",
        "3 How: a deceptive message",
        "4 When: 2026-11-24T08:10:00Z",
        "6 Countries: Germany; France",
    ]


def test_a_field_is_left_out_only_where_it_is_surely_not_asked_or_a_person_has_to_see() -> None:
    assert said({}) == [
        "1 Kind of report: last report",
        "2 What happened: [MISSING: incident.summary]",
        "3 How: [MISSING: incident.vector]",
        "4 When: [MISSING: incident.occurred_at]",
        "6 Countries: [MISSING: incident.cross_border_places]",
    ]
    without = said({"incident": {"cross_border": False, "cross_border_places": ["FR"]}})
    assert not any(line.startswith("6") for line in without)
    assert "5 Vendor: Fabrikam" in said({"incident": {"vendor": {"name": "Fabrikam"}}})


def test_human_checks_are_to_verify_and_missing_answers_are_gaps() -> None:
    notice, body = small()
    document = render(notice, body, {"incident": {"cross_border": False}}, context=context())
    lines = {line.ref: line for line in check(notice, document)}
    states = {ref: line.state for ref, line in lines.items()}
    assert states == {
        "1": "covered",
        "2": "gap",
        "3": "gap",
        "4": "gap",
        "5": "to_check",
        "6": "not_required",
    }
    assert lines["5"].item.endswith(" a vendor is involved)")


def test_an_export_reads_the_same_answers_with_their_values() -> None:
    facts = {"incident": {"vector": "phishing", "started_at": "2026-11-24T08:10:00Z", "cross_border": True}}
    found = {answer.field.id: answer for answer in answers(small()[0], facts, ("en-GB", "UTC", Budget()))}
    assert (found["3"].value, found["3"].shown) == ("phishing", "a deceptive message")
    assert (found["4"].path, found["4"].value) == ("incident.started_at", "2026-11-24T08:10:00Z")
    assert [found[field].asked for field in "1356"] == [True, True, None, True]


def spot(problem: Problem) -> tuple[int, int, str]:
    return problem.line, problem.column, problem.code


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("fields/v1", "fields/v9", (1, 9, "fields-schema")),
        ("fact: incident.summary}", "fact: incident.summary, x: 1}", (13, 9, "fields-value")),
        ("fact: incident.summary", "fact: incident.sumary", (13, 9, "fields-fact")),
        (", fact: incident.summary", "", (13, 9, "fields-fact")),
        ("{phishing:", "{fishing:", (14, 9, "fields-choice")),
        ('id: "2"', 'id: "1"', (13, 14, "fields-id")),
        ("stage: first", "stage: start", (10, 12, "fields-stage")),
        ("last: last report", "end: last report", (12, 9, "fields-stage")),
        ("when: incident.cross_border", "when: incident.crossborder", (20, 9, "fields-condition")),
        ("when: incident.cross_border", "when: 1 + 1", (20, 9, "fields-condition")),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(old: str, new: str, expected: tuple[int, int, str]) -> None:
    assert old in LIST
    _found, problems = scan_fields(LIST.replace(old, new, 1), "small.yaml")
    assert [spot(problem) for problem in problems] == [expected]


def test_a_notice_that_names_no_form_or_no_stage_says_so() -> None:
    def problems(text: str) -> list[tuple[int, int, str]]:
        return [spot(problem) for problem in scan_notice(text.encode(), "small.md", forms=forms)[2]]

    assert problems(NOTICE.replace("fields: small", "fields: big")) == [(7, 16, "notice-form")]
    assert problems(NOTICE.replace("stage: last", "stage: end")) == [(7, 30, "notice-form")]
