"""Before a signature: forbidden words are searched, a person verifies the rest, and contradictions block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import DUTY, noticed, rendered, verified
from tests.cli.notices.test_adopt import edited, pulled
from tests.cli.notices.test_letters import FACTS
from tests.cli.notices.test_monitoring import PLAYBOOK

BOUGHT = (
    "risk.monitoring.provider=Northwind",
    "risk.monitoring.months=18",
    "risk.monitoring.code=NW-1",
    "risk.monitoring.enrol_until=2027-02-28T23:59:00Z",
    "organisation.parent=none",
    "organisation.signatory.name=Lee Park",
    "organisation.signatory.role=Privacy Officer",
    "incident.individual_notice_planned_at=2026-12-01T09:00:00Z",
)


@pytest.fixture
def letter(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A complete letter for Massachusetts, with a person of each role."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    (tmp_path / "letter.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "letter.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    tocsin.done("fact", "set", *BOUGHT, "--source", "the order")
    tocsin.done("notice", "render", "draft")
    return tocsin


def states(desk: AtDesk) -> list[str]:
    """Return the states of the content that Massachusetts forbids."""
    lines = desk("notice", "check", "draft", "--format", "json").json["coverage"]
    return [
        line["state"] for line in lines if line["item"].startswith("must not say") and line["ref"] == "§ 3(b)"
    ]


def approve(desk: AtDesk, person: str = "ada") -> Any:
    return desk("approve", "sign", "--as", person, "--digest", rendered(desk)["digest"])


def test_a_number_of_residents_and_the_nature_are_found_in_advice(letter: AtDesk) -> None:
    assert states(letter) == ["to_check", "to_check"]
    advice = "risk.advice=Because hackers broke in, watch your accounts. 3,100 residents are affected."
    letter.done("fact", "set", advice, "--source", "memo")
    letter.done("notice", "render", "draft")
    assert states(letter) == ["forbidden", "forbidden"]
    compare("notice.check-forbidden", letter("notice", "check", "draft").out, letter.home)
    assert (rendered(letter)["status"], approve(letter).error) == ("draft", "draft")


def test_a_number_of_an_address_does_not_excuse_a_number_of_residents(letter: AtDesk) -> None:
    letter.done("fact", "set", "people.by_jurisdiction.US-MA=600", "--source", "recount")
    letter.done("notice", "render", "draft")
    assert states(letter)[0] == "to_check"
    letter.done("fact", "set", "risk.advice=We wrote to 600 Massachusetts residents.", "--source", "memo")
    letter.done("notice", "render", "draft")
    assert "forbidden" in states(letter)


def last_command(desk: AtDesk) -> list[str]:
    """Return the first words of the command at the end of the page of the approval."""
    return desk.done("task", "show", "sign").rpartition("→")[2].split()[:3]


def test_an_approval_waits_for_the_ticks_of_a_named_person(letter: AtDesk) -> None:
    one = rendered(letter)
    assert (one["status"], len(one["to_verify"]), one["ticks"]) == ("final", 2, {})
    said = approve(letter)
    assert (said.code, said.error, "tick" in said.err) == (1, "items_open", True)
    assert letter("notice", "check", "draft").code == 1
    assert last_command(letter) == ["tocsin", "notice", "tick"]
    tick = ("notice", "tick", "draft", "--as", "ada")
    assert letter(*tick, "--digest", one["digest"]).error == "argument_missing", "no tick of unseen items"
    assert letter(*tick, "3", "--digest", one["digest"]).error == "unknown_item"
    assert letter(*tick, "1", "--digest", "sha256:00").error == "digest_changed"
    assert letter(*tick, "1").error == "no_terminal"
    compare("notice.tick", letter(*tick, types="y\n").out, letter.home)
    assert {tick["by"] for tick in rendered(letter)["ticks"].values()} == {"ada"}
    assert letter("notice", "check", "draft").code == 0
    assert last_command(letter)[1:] == ["approve", "sign"]
    compare("notice.show-verified", letter("notice", "show", "us-letter").out, letter.home)
    assert approve(letter).code == 0


def test_a_new_text_is_verified_again(letter: AtDesk) -> None:
    verified(letter)
    letter.done("fact", "set", "risk.advice=Change your password.", "--source", "memo")
    letter.done("notice", "render", "draft")
    assert (rendered(letter)["ticks"], approve(letter).error) == ({}, "items_open")
    short = rendered(letter)["digest"][7:19]
    letter.done("notice", "tick", "draft", "1", "--as", "ada", "--digest", short)
    assert len(rendered(letter)["ticks"]) == 1


def test_open_items_are_refused_before_a_digest_is_confirmed(letter: AtDesk) -> None:
    said = letter("approve", "sign", "--as", "ada", types="y\n")
    assert (said.error, said.out) == ("items_open", "")


def test_an_unverified_text_is_filed_only_with_a_reason(tocsin: AtDesk, tmp_path: Path) -> None:
    ban = "[{ref: c, item: The cause, facts: [incident.root_cause]}]"
    desk = noticed(tocsin, tmp_path, forbids=ban)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    filing = ("duty", "record-filed", DUTY, "--reference", "4711", "--digest", rendered(desk)["digest"])
    assert desk(*filing).error == "not_approved"
    [item] = rendered(desk)["to_verify"]
    desk.done(*filing, "--reason", "it was filed by hand")
    [duty] = [one for one in desk("duties", "--all", "--format", "json").json["duties"] if one["id"] == DUTY]
    assert duty["record"]["accepted"] == [item]
    assert item in " ".join(desk.done("duty", "show", DUTY).split())
    assert item in " ".join(desk.done("timeline").split())


def test_requirements_that_a_template_does_not_list_are_shown(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path, refs="33(3)(a)")
    found = desk("notice", "check", "short-notice", "--duty", DUTY, "--format", "json").json
    states = {line["ref"]: line["state"] for line in found["coverage"]}
    assert [states[f"33(3)({letter})"] for letter in "abcd"] == [
        "covered",
        "to_check",
        "to_check",
        "to_check",
    ]
    assert (found["complete"], len(found["to_verify"])) == (False, 3)


def test_places_with_more_people_than_the_total_are_a_contradiction(letter: AtDesk) -> None:
    letter.done("fact", "set", "people.by_jurisdiction.US-TX=2600", "data.records=9", "--source", "recount")
    found = letter("notice", "consistency", "--format", "json").json
    assert [one["code"] for one in found["contradictions"]] == ["places_over_total"]
    assert re.findall(r"\d+,\d+", found["contradictions"][0]["what"]) == ["15,760", "18,100"]
    assert len(found["questions"]) == 1, "records are asked"
    letter.done("fact", "set", "people.total=18100", "--source", "recount")
    assert letter("notice", "consistency", "--format", "json").json["contradictions"] == []


def test_figures_and_dates_in_prose_that_no_fact_has_are_shown(letter: AtDesk) -> None:
    prose = "On November 12, 2026 somebody copied the files of 2,400 Massachusetts residents."
    letter.done("fact", "set", f"incident.summary={prose}", "--source", "memo")
    found = letter("notice", "consistency", "--format", "json").json
    assert [(one["code"], "2,400" in one["what"]) for one in found["contradictions"]] == [
        ("prose_and_facts", True)
    ]
    [said] = [one["says"] for one in found["prose"] if one["notice"] == "incident.summary"]
    assert said == ["2026-11-12", "2,400"]
    assert "incident.summary" in letter.done("notice", "consistency")
    letter.done("fact", "set", "incident.summary=We found 3,100 Massachusetts residents.", "--source", "memo")
    found = letter("notice", "consistency", "--format", "json").json
    assert (found["contradictions"], [one["current"] for one in found["prose"]]) == ([], [True])


def test_the_day_of_a_draft_is_no_day_of_the_letters(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "Draft of {{ notice.date|date }}. {{ incident.summary }} {{ incident.vector|label }}"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("fact", "set", "incident.individual_notice_planned_at=2026-12-01T09:00:00Z", "--source", "plan")
    desk.done("notice", "render", "draft")
    facts = desk("notice", "consistency", "--format", "json").json["facts"]
    rows = [row for fact in facts if fact["fact"].endswith("planned_at") for row in fact["statements"]]
    assert [row for row in rows if row["notice"] == "short-notice"] == []


def test_another_date_of_awareness_blocks_until_a_person_accepts_it(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "On {{ incident.detected_at|date }} we became aware. {{ incident.summary }} {{ incident.vector|label }}."
    desk = noticed(tocsin, tmp_path, body=body, more="facts: [incident.detected_at]")
    known = ("incident.detected_at=2026-11-22T09:00:00Z", "incident.vector=phishing")
    desk.done("fact", "set", *known, "--source", "log")
    desk.done("notice", "render", "draft")
    compare("notice.consistency", desk("notice", "consistency").out, desk.home)
    found = desk("notice", "consistency", "--format", "json").json
    assert [one["code"] for one in found["contradictions"]] == ["aware_dates"]
    assert approve(desk).error == "items_open"
    digest = rendered(desk)["digest"]
    tick = ("notice", "tick", "draft", "1", "--as", "jonas", "--digest", digest)
    assert desk(*tick).error == "reason_missing"
    desk.done(*tick, "--reason", "the press was told of the alarm")
    assert approve(desk).code == 0
    desk.done(
        "fact", "set", "incident.aware_at=2026-11-23T09:00:00Z", "--source", "log", "--grounds", "recount"
    )
    assert len(desk("notice", "show", "short-notice", "--format", "json").json["notice"]["ticks"]) == 1
    assert approve(desk, "jonas").error != ""


def test_reworded_prose_is_verified_and_the_same_file_is_taken_again(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    file = edited(
        pulled(desk, tmp_path / "out"), ("Somebody read a mailbox.", "A person read two mailboxes.")
    )
    desk.done("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes")
    one = rendered(desk)
    assert (one["status"], one["gaps"], len(one["to_verify"])) == ("final", [], 1)
    desk.done("fact", "set", "incident.summary=A person read two mailboxes.", "--source", "counsel")
    assert rendered(desk)["stale"]
    desk.done("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes")
    one = rendered(desk)
    assert (one["stale"], one["to_verify"], one["document"].endswith("@3")) == (False, [], True)
    assert desk("notice", "check", "draft").code == 0
    assert approve(desk).code == 0


def test_an_executive_approves_the_text_of_the_only_counsel(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    for role, people in (("counsel", ["jonas"]), ("executive", ["maria"])):
        desk.done("role", "assign", role, *people)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    assert approve(desk, "maria").error == "role"
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes")
    assert approve(desk, "jonas").error == "author"
    assert approve(desk, "maria").code == 0
    assert rendered(desk)["approvals"][-1]["role"] == "executive"


def test_missing_facts_include_what_drafts_lack(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    found = desk("fact", "missing", "--format", "json").json["drafts"]
    assert [one["missing"] for one in found] == ["incident.vector"]
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    assert desk("fact", "missing", "--format", "json").json["drafts"] == []
