"""Of one act only the fact that moves a deadline later, or ends a duty, waits for a second person; the rest counts at once."""

from __future__ import annotations

from pathlib import Path

from tests.cli.at_desk import AtDesk
from tests.cli.incidents.test_second_person import (
    FACTS,
    INITIAL,
    LATER,
    LETTERS,
    PEOPLE,
    ROLES,
    WHY,
    acts,
    asked,
    by,
    duty,
    opened,
    status,
)

NOTICE = """\
---
schema: tocsin/notice/v1
id: own-notice
version: 1.0.0
title: Notice
language: en
requires: [{ref: a, item: When, facts: [incident.aware_at]}, {ref: b, item: How many, facts: [people.total]}]
---
# Notice

Aware: {{ incident.aware_at|datetime }}. People: {{ people.total }}.
"""
PLAY = f"""\
schema: tocsin/playbook/v1
name: noticed
version: 1.0.0
title: A notice
roles: {{commander: {{title: Commander}}, counsel: {{title: Counsel}}, executive: {{title: Executive}}, technical: {{title: Technical}}}}
steps:
  - {{id: law, duties: all}}
  - {{id: draft, notice: own-notice, duty: {INITIAL}, after: [law]}}
  - id: risk
    form: The risk
    role: counsel
    fields:
      - {{fact: risk.harm_assessment.grounds, ask: On what grounds?}}
      - {{fact: people.total, ask: How many people?}}
      - {{fact: incident.aware_at, ask: When were you aware?}}
"""


def facts(desk: AtDesk) -> dict[str, object]:
    return {one["key"]: one["value"] for one in desk("fact", "show", "--format", "json").json["facts"]}


def with_notice(tocsin: AtDesk, folder: Path) -> AtDesk:
    tocsin.settings(people=PEOPLE, roles=ROLES)
    (tocsin.home / "notices").mkdir(exist_ok=True)
    (tocsin.home / "notices" / "own-notice.md").write_text(NOTICE, encoding="utf-8")
    for name, text in (("facts.yaml", FACTS), ("noticed.yaml", PLAY)):
        (folder / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(folder / "noticed.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    return tocsin


def test_other_facts_of_the_same_act_are_recorded_at_once(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    said = by(
        desk, "eve", "fact", "set", "people.total=3100", LATER, "data.records=9", "--source", "log", *WHY
    )
    assert said.code == 0, said.err
    known = facts(desk)
    assert (known["people.total"], known["data.records"]) == (3100, 9)
    [waiting] = status(desk)["second_person"]
    assert (waiting["kind"], waiting["state"], "people.total" in waiting["text"]) == (
        "move_clock",
        "awaiting",
        False,
    )
    assert duty(desk)["due"] == "2026-11-27T08:10:00Z", "the earlier deadline counts"
    assert by(desk, "jonas", "confirm", asked(desk)).code == 0
    assert duty(desk)["due"] == "2026-11-27T08:40:00Z"


def test_an_imported_file_waits_only_for_its_clock(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    (tmp_path / "more.yaml").write_text(
        "schema: tocsin/facts/v1\nsource: the log\n"
        "incident: {aware_at: '2026-11-24T08:40:00Z', started_at: '2026-11-23T08:00:00Z'}\n"
        "people: {total: 3100}\ndata: {encrypted: false}\n",
        encoding="utf-8",
    )
    desk.done("fact", "import", str(tmp_path / "more.yaml"), "--yes", *WHY)
    known = facts(desk)
    assert (known["people.total"], known["data.encrypted"], "incident.started_at" in known) == (
        3100,
        False,
        True,
    )
    assert known["incident.aware_at"] != "2026-11-24T08:40:00Z"
    assert acts(desk) == [("move_clock", "maria", "awaiting", "")]


def test_a_fact_that_ends_a_duty_waits_alone(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    words = ("fact", "set", "risk.to_people=risk", "people.total=12", "--source", "the assessment", *WHY)
    assert by(desk, "maria", *words).code == 0
    assert facts(desk)["people.total"] == 12
    assert duty(desk, LETTERS)["verdict"] == "applies"
    assert by(desk, "jonas", "confirm", asked(desk)).code == 0
    assert duty(desk, LETTERS)["verdict"] == "not_applicable"


def test_both_deadlines_are_shown_until_the_later_one_is_confirmed(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    desk.done("fact", "set", LATER, "--source", "log", *WHY)
    [row] = desk("duty", "show", INITIAL, "--format", "json").json["awaiting"]
    [move] = [one for one in row["moves"] if one["duty"] == INITIAL]
    assert (move["old"], move["new"]) == ("2026-11-27T08:10:00Z", "2026-11-27T08:40:00Z")
    words = desk.done("duties", "--why")
    assert "08:40" in words or "09:40" in words


def test_a_paper_has_a_gap_where_it_prints_a_fact_that_waits(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = with_notice(tocsin, tmp_path)
    desk.done("fact", "set", "people.total=3100", LATER, "--source", "log", *WHY)
    desk.done("notice", "render", "draft")
    newest = desk("notice", "list", "--format", "json").json["notices"][-1]
    assert (newest["status"], newest["gaps"]) == ("draft", ["missing: incident.aware_at"])
    by(desk, "jonas", "confirm", asked(desk))
    desk.done("notice", "render", "draft")
    newest = desk("notice", "list", "--format", "json").json["notices"][-1]
    assert (newest["status"], newest["gaps"]) == ("final", [])


def test_a_form_at_a_terminal_asks_only_for_the_missing_grounds(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = with_notice(tocsin, tmp_path)
    typed = "\n3100\n2026-11-24T08:40:00Z\nthe first report was about another badge\n"
    said = desk("answer", "risk", types=typed)
    assert said.code == 0, said.err
    assert facts(desk)["people.total"] == 3100
    assert acts(desk) == [("move_clock", "maria", "awaiting", "")]


def test_grounds_that_the_form_asks_for_are_its_grounds(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = with_notice(tocsin, tmp_path)
    typed = ("incident.aware_at=2026-11-24T08:40:00Z", "risk.harm_assessment.grounds=the log was read twice")
    assert desk("answer", "risk", *typed, "people.total=3100").code == 0
    assert (facts(desk)["people.total"], acts(desk)) == (3100, [("move_clock", "maria", "awaiting", "")])
    assert by(desk, "jonas", "confirm", asked(desk)).code == 0
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    assert next(task["state"] for task in tasks if task["step"] == "risk") == "done"
