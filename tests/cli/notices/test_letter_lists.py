"""Lists of people before letters: counts against facts, repeated people, a code for each person, minors and the deceased."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.test_letters import FACTS, HEAD, TEMPLATE, listed

CODED = TEMPLATE.replace("recipient.reference]", "recipient.reference, recipient.code]").replace(
    "\n{{ risk.advice }}",
    "\nCode {{ recipient.code }}.\n{% if notice.variant == 'minor' %}To the parents.{% endif %}\n\n{{ risk.advice }}",
)
TEXAS = FACTS.replace(
    "{total: 15760, by_jurisdiction: {US-CA: 12400, US-MA: 3100, US-TX: 260}",
    "{total: 249, by_jurisdiction: {US-TX: 249}",
)


@pytest.fixture
def texas(tocsin: AtDesk, playbook: Path, tmp_path: Path) -> AtDesk:
    """An incident with 249 people in Texas: with one more, its Attorney General must know."""
    (tocsin.home / "notices").mkdir(exist_ok=True)
    (tocsin.home / "notices" / "our-letter.md").write_text(CODED, encoding="utf-8")
    plain = TEMPLATE.replace("id: our-letter", "id: plain")
    (tocsin.home / "notices" / "plain.md").write_text(plain, encoding="utf-8")
    facts = tmp_path / "facts.yaml"
    facts.write_text(TEXAS, encoding="utf-8")
    tocsin.done("open", str(playbook), "--yes", "--facts", str(facts))
    return tocsin


def rows(count: int, head: str = HEAD, more: str = "") -> str:
    return head + "".join(
        f"R{n},Person {n},{n} Elm Street,US-TX{more.format(n=n)}\n" for n in range(1, count + 1)
    )


def made(desk: AtDesk, tmp_path: Path, people: str, *more: str, notice: str = "our-letter") -> Any:
    return desk(
        *("notice", "letters", notice, "--people", listed(tmp_path, people), "--to", "txt"),
        *("--out", str(tmp_path / "out"), "--format", "json", *more),
    )


def test_a_list_that_crosses_a_threshold_names_the_new_duty(texas: AtDesk, tmp_path: Path) -> None:
    said = made(texas, tmp_path, rows(250))
    assert (said.code, said.error) == (1, "counts_differ")
    assert "us-tx-breach/attorney_general" in said.json["message"]
    assert {"250", "249", "US-TX"} <= set(re.findall(r"[\w-]+", said.json["message"]))
    assert "people.by_jurisdiction.US-TX=250" in said.json["hint"]
    assert not (tmp_path / "out").exists()
    texas.done("fact", "set", "people.by_jurisdiction.US-TX=250", "people.total=250", "--source", "the list")
    assert made(texas, tmp_path, rows(250)).code == 0
    duties = texas("duties", "--format", "json").json["duties"]
    assert [one["verdict"] for one in duties if one["id"] == "us-tx-breach/attorney_general"] == ["applies"]


def test_a_difference_is_accepted_with_a_reason_and_recorded(texas: AtDesk, tmp_path: Path) -> None:
    said = made(texas, tmp_path, rows(248), "--accept-counts", "one person has no address")
    assert said.code == 0, said.err
    summary = json.loads((tmp_path / "out" / "letters.json").read_bytes())
    assert (len(summary["differences"]), summary["accepted"]) == (1, "one person has no address")
    assert made(texas, tmp_path, rows(248)).error == "counts_differ"


def test_a_place_that_the_list_leaves_out_is_a_difference(texas: AtDesk, tmp_path: Path) -> None:
    texas.done("fact", "set", "people.by_jurisdiction.US-IL=470", "people.total=719", "--source", "count")
    said = made(texas, tmp_path, rows(249))
    assert (said.code, said.error) == (1, "counts_differ")
    assert {"US-IL", "470"} <= set(re.findall(r"[\w-]+", said.json["message"]))


def test_a_filed_count_that_the_list_contradicts_is_a_difference(tocsin: AtDesk, tmp_path: Path) -> None:
    play = tmp_path / "p.yaml"
    play.write_text(
        """\
schema: tocsin/playbook/v1
name: to-people
version: 1.0.0
title: Letters to people
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: law, duties: all}
  - {id: draft, notice: told, duty: us-tx-breach/attorney_general, after: [law]}
""",
        encoding="utf-8",
    )
    (tocsin.home / "notices").mkdir(exist_ok=True)
    (tocsin.home / "notices" / "our-letter.md").write_text(CODED, encoding="utf-8")
    (tocsin.home / "notices" / "told.md").write_text(
        """\
---
schema: tocsin/notice/v1
id: told
version: 1.0.0
title: Told
language: en-US
requires: [{ref: "1", item: Residents, facts: [people.by_jurisdiction.US-TX]}]
---
# Told

{{ people.by_jurisdiction['US-TX'] }} residents.
""",
        encoding="utf-8",
    )
    facts = tmp_path / "facts.yaml"
    facts.write_text(TEXAS.replace("249", "3"), encoding="utf-8")
    tocsin.done("open", str(play), "--yes", "--facts", str(facts))
    tocsin.done("notice", "render", "draft")
    digest = tocsin("notice", "list", "--format", "json").json["notices"][-1]["digest"]
    tocsin.done(
        *("duty", "record-filed", "us-tx-breach/attorney_general", "--reference", "1", "--digest", digest),
        *("--reason", "the portal closed"),
    )
    tocsin.done("fact", "set", "people.by_jurisdiction.US-TX=4", "people.total=4", "--source", "the list")
    said = made(tocsin, tmp_path, rows(4))
    assert (said.code, said.error) == (1, "counts_differ")
    assert "us-tx-breach/attorney_general" in said.json["message"]


def test_repeated_people_are_shown_and_a_person_decides(texas: AtDesk, tmp_path: Path) -> None:
    texas.done("fact", "set", "people.by_jurisdiction.US-TX=2", "people.total=2", "--source", "count")
    people = HEAD + "R1,Ada Ek,1 Elm,US-TX\nR2,Ben Oz,2 Elm,US-TX\nR3,ADA  ek,1 elm,US-TX\n"
    said = made(texas, tmp_path, people)
    assert (said.code, said.error, "4" in said.json["message"]) == (1, "repeated_people", True)
    assert "Ada" not in said.json["message"]
    said = made(texas, tmp_path, people, "--repeated", "drop")
    assert (said.json["letters"], said.json["dropped"]) == (2, 1)
    assert made(texas, tmp_path, people, "--repeated", "keep").error == "counts_differ"
    assert made(texas, tmp_path, people, "--repeated", "maybe").error == "unknown_answer"


def test_each_person_has_an_own_code_that_only_the_letter_shows(texas: AtDesk, tmp_path: Path) -> None:
    texas.done("fact", "set", "people.by_jurisdiction.US-TX=3", "people.total=3", "--source", "count")
    head = HEAD.replace("jurisdiction", "jurisdiction,code")
    twice = made(texas, tmp_path, rows(3, head, ",SAME-4711"))
    missing = made(texas, tmp_path, rows(2, head, ",C{n}-4711") + "R3,Person 3,3 Elm Street,US-TX,\n")
    for said in (twice, missing):
        assert (said.code, said.error) == (1, "people")
        assert "4711" not in said.out + said.err
    said = made(texas, tmp_path, rows(3, head, ",C{n}-4711"))
    assert said.code == 0, said.err
    holders = {
        path.name
        for path in (tmp_path / "out").rglob("*.*")
        if path.is_file() and b"4711" in path.read_bytes()
    }
    assert holders == {f"DRAFT_000000{n}_R{n}.txt" for n in (1, 2, 3)}
    assert "4711" not in said.out + said.err + texas.done("timeline")
    assert made(texas, tmp_path, rows(3, head, ",C{n}-4711"), notice="plain").error == "people"


def test_minors_have_a_text_of_their_own_and_a_template_without_one_is_refused(
    texas: AtDesk, tmp_path: Path
) -> None:
    texas.done("fact", "set", "people.by_jurisdiction.US-TX=3", "people.total=3", "--source", "count")
    head = HEAD.replace("jurisdiction", "jurisdiction,variant")
    people = rows(2, head, ",adult") + "R3,Person 3,3 Elm Street,US-TX,{}\n"
    said = made(texas, tmp_path, people.format("minor"))
    assert said.code == 0, said.err
    assert [(group["variant"], group["letters"]) for group in said.json["groups"]] == [("", 2), ("minor", 1)]
    told = {
        path.stem[-2:]: "To the parents." in path.read_text() for path in (tmp_path / "out").rglob("*.txt")
    }
    assert told == {"R1": False, "R2": False, "R3": True}
    for word in ("deceased", "ghost"):
        assert made(texas, tmp_path, people.format(word)).error == "people"
    head = HEAD.replace("jurisdiction", "jurisdiction,variant,deceased")
    for cells in (",x", "adult,ja", "minor,yes"):
        assert made(texas, tmp_path, rows(3, head, f",{cells}")).error == "people"
