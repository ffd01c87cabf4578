"""Notices and letters in several languages: no text in another language in its place, and no letter in a silent language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.facts.vocabulary.nested_facts import flatten
from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import rendered, verified
from tests.documents.europe import europe_facts
from tests.documents.europe_translations import translations

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: languages
version: 1.0.0
title: A notice in German
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: law, duties: all}
  - {id: draft, notice: gdpr-33-initial-de, duty: eu-gdpr-33-controller-sa/initial, after: [law]}
  - {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft]}
"""
PROSE = {
    "translations.de.incident.summary",
    "translations.de.incident.awareness_reasons",
    "translations.de.incident.other_authorities",
    "translations.de.populations.staff.data.categories_text",
    "translations.de.risk.advice",
    "translations.de.risk.consequences",
    "translations.de.risk.harm_assessment.grounds",
    "translations.de.risk.measures_planned",
    "translations.de.risk.mitigation",
}

TOLD = [
    "summary",
    "vector",
    "impact",
    "started_at",
    "detected_at",
    "discovered_at",
    "aware_at",
    "awareness_reasons",
    "other_authorities",
    "cross_border_processing",
    "file_number",
    "individual_notice_planned_at",
    "malicious",
    "exfiltration",
]


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A bank in Germany whose team writes English."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    facts = {key: value for key, value in europe_facts().items() if key != "translations"}
    facts["incident"] = {key: value for key, value in facts["incident"].items() if key in TOLD}
    facts["populations"] = facts["populations"][1:]
    facts["populations"][0]["data"]["elements"] = ["name", "payroll"]
    facts["populations"][0]["people"] = {"kinds": ["employees"], "total": 7}
    write(tmp_path / "facts.yaml", facts)
    (tmp_path / "play.yaml").write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "play.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    return tocsin


def write(path: Path, facts: dict[str, Any]) -> str:
    path.write_text(
        json.dumps({"schema": "tocsin/facts/v1", "source": "the team", **facts}), encoding="utf-8"
    )
    return str(path)


def translate(desk: AtDesk, *languages: str) -> None:
    texts = {one: text for one, text in translations().items() if one in languages}
    found = flatten("translations", texts, lambda problem: None)
    facts = [f"{leaf.stated.key}={leaf.stated.value}" for leaf in found]
    desk.done("fact", "set", *facts, "--source", "the translator")


def missing(desk: AtDesk) -> set[str]:
    return {gap.removeprefix("missing: ") for gap in rendered(desk)["gaps"] if gap.startswith("missing: ")}


def test_a_german_filing_with_english_prose_names_each_missing_text(desk: AtDesk) -> None:
    assert (rendered(desk)["status"], missing(desk)) == ("draft", PROSE)
    text = desk("notice", "show", "draft").out
    assert europe_facts()["incident"]["summary"] not in text
    translate(desk, "de")
    desk.done("notice", "render", "draft")
    assert (rendered(desk)["status"], missing(desk)) == ("final", set())
    verified(desk)
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])


def test_prose_in_the_language_of_the_notice_needs_no_translation(desk: AtDesk) -> None:
    desk.done("fact", "set", "organisation.prose_language=de", "--source", "the team")
    desk.done("notice", "render", "draft")
    assert (rendered(desk)["status"], missing(desk)) == ("final", set())


def test_a_translation_older_than_its_text_and_an_unconfirmed_one_are_to_verify(desk: AtDesk) -> None:
    translate(desk, "de")
    desk.done("notice", "render", "draft")
    verified(desk)
    desk.done("fact", "set", "incident.summary=Somebody read 300 mailboxes.", "--source", "forensics")
    said = desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert said.error == "notice_stale", "the text is of an older summary"
    made = ("translations.de.risk.advice=Ändern Sie das Passwort.", "--source", "machine translation")
    desk.done("fact", "set", *made, "--confidence", "estimated")
    desk.done("notice", "render", "draft")
    found = [item for item in rendered(desk)["to_verify"] if item.startswith("translation")]
    paths = [[word for word in item.split() if "." in word] for item in found]
    assert paths == [
        ["translations.de.incident.summary", "incident.summary"],
        ["translations.de.risk.advice"],
    ]
    assert desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"]).error == "items_open"


LIST = """\
reference,name,address,jurisdiction,language
A,Ada A,1 Street,FR,
B,Ben B,1 Street,NL,
C,Cleo C,1 Street,PT,
D,Dan D,1 Street,BE,nl
E,Eve E,1 Street,BE,
F,Flo F,1 Street,FR,pl
G,Gus G,1 Street,PL,pt
"""


def letters(desk: AtDesk, tmp_path: Path, people: str, notice: str = "auto") -> Any:
    path = tmp_path / "people.csv"
    path.write_text(people, encoding="utf-8")
    order = ("--people", str(path), "--out", str(tmp_path / "out"), "--to", "txt")
    named = ("--duty", "eu-gdpr-34-data-subjects/individuals", "--population", "staff")
    return desk("notice", "letters", notice, *order, *named, "--accept-counts", "a test", "--format", "json")


def test_each_person_gets_a_letter_in_their_language_or_a_warning_counts_it(
    desk: AtDesk, tmp_path: Path
) -> None:
    refused = letters(desk, tmp_path, LIST)
    assert refused.error == "notice_incomplete"
    assert "translations.pl.risk.advice" in json.dumps(refused.json["problems"])
    translate(desk, "fr", "nl", "pl")
    said = letters(desk, tmp_path, LIST)
    groups = {(one["jurisdiction"], one["language"]): one for one in said.json["groups"]}
    assert {key: one["written_in"] for key, one in groups.items()} == {
        ("FR", ""): "fr",
        ("NL", ""): "nl",
        ("PT", ""): "en",
        ("BE", "nl"): "nl",
        ("BE", ""): "en",
        ("FR", "pl"): "pl",
        ("PL", "pt"): "en",
    }
    assert [key for key, one in groups.items() if one["unchosen"]] == [("BE", ""), ("PL", "pt"), ("PT", "")]
    assert said.err.count("unchosen_language") == 3
    text = (tmp_path / "out").rglob("*F*.txt")
    assert translations()["pl"]["incident"]["summary"][:30] in "".join(one.read_text() for one in text)


def test_a_language_that_is_not_a_code_is_an_invalid_row(desk: AtDesk, tmp_path: Path) -> None:
    said = letters(desk, tmp_path, LIST.replace("FR,pl", "FR,polski"))
    assert (said.error, [one["line"] for one in said.json["problems"]]) == ("people", [7])


def test_a_named_template_is_a_chosen_language_unless_the_list_has_another(
    desk: AtDesk, tmp_path: Path
) -> None:
    said = letters(desk, tmp_path, LIST, "gdpr-34-letter")
    groups = {(one["jurisdiction"], one["language"]): bool(one["unchosen"]) for one in said.json["groups"]}
    assert [key for key, strange in groups.items() if strange] == [("BE", "nl"), ("FR", "pl"), ("PL", "pt")]
