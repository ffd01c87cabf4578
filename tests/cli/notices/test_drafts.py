"""Drafts that are on no record: what they lack, and what their files are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import BODY, noticed


def test_check_shows_a_gap_that_no_required_item_names(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path, body=f"{BODY}\nWritten by {{{{ organisation.contact.name }}}}.\n")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    said = desk("notice", "check", "short-notice", "--format", "json")
    assert (said.code, said.json["complete"]) == (1, False)
    gaps = [one for one in said.json["coverage"] if one["state"] == "gap"]
    assert [(gap["ref"], gap["facts"]) for gap in gaps] == [("", ["organisation.contact.name"])]
    desk.done("fact", "set", "organisation.contact.name=Maria Muster", "--source", "her")
    said = desk("notice", "check", "short-notice", "--format", "json")
    assert (said.code, said.json["complete"]) == (0, True)
    assert {one["state"] for one in said.json["coverage"]} == {"covered"}


def test_two_duties_of_one_template_are_two_files(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    out = tmp_path / "drafts"
    for state in ("ma", "ct"):
        duty = f"us-{state}-breach/individuals"
        desk.done("notice", "render", "us-letter", "--duty", duty, "--out", str(out), "--to", "txt")
    assert sorted(path.name for path in out.iterdir()) == [
        "DRAFT_us-letter_us-ct-breach_individuals_1.3.0_en-US.txt",
        "DRAFT_us-letter_us-ma-breach_individuals_1.3.0_en-US.txt",
    ]


@pytest.mark.parametrize("name", ["press-holding-statement"])
def test_a_draft_without_a_duty_has_none_in_its_name(tocsin: AtDesk, tmp_path: Path, name: str) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("notice", "render", name, "--out", str(tmp_path / "drafts"), "--to", "txt")
    (path,) = (tmp_path / "drafts").iterdir()
    assert path.name.startswith(f"DRAFT_{name}_1.")


def test_check_without_a_duty_asks_for_it_and_names_no_internals(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    said = desk("notice", "check", "us-substitute-web", "--format", "json")
    named = [path for one in said.json["coverage"] for path in one["facts"]]
    assert [path for path in named if path.startswith("duty.")] == []
    assert "duty" in [one["ref"] for one in said.json["coverage"] if one["state"] == "gap"]


def test_check_of_a_translation_names_the_fact_of_its_language(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "log")
    said = desk("notice", "check", "gdpr-33-initial-de", "--format", "json")
    named = [path for one in said.json["coverage"] for path in one["facts"]]
    assert "translations.de.incident.summary" in named
    assert "incident.summary" not in named
