"""Letters are marked as drafts until counsel approved a sample of each text for this list."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import rendered, verified
from tests.cli.notices.test_adopt import edited, pulled
from tests.cli.notices.test_letters import FACTS, PEOPLE, TEMPLATE, listed, run

DUTY = "us-ma-breach/individuals"
PLAYBOOK = f"""\
schema: tocsin/playbook/v1
name: to-people
version: 1.0.0
title: Letters to people
roles: {{commander: {{title: Incident commander}}, counsel: {{title: Legal counsel}}}}
steps:
  - {{id: law, duties: all}}
  - {{id: draft, notice: our-letter, duty: {DUTY}, after: [law]}}
  - {{id: sign, approve: draft, by: {{roles: [counsel]}}, after: [draft]}}
"""


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident whose letter for Massachusetts was approved by counsel."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    (tocsin.home / "notices").mkdir(exist_ok=True)
    for path, text in (
        (tocsin.home / "notices" / "our-letter.md", TEMPLATE),
        (tmp_path / "to-people.yaml", PLAYBOOK),
        (tmp_path / "facts.yaml", FACTS),
    ):
        path.write_text(text, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "to-people.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    tocsin.done("notice", "render", "draft")
    verified(tocsin)
    tocsin.done("approve", "sign", "--as", "ada", "--digest", rendered(tocsin)["digest"])
    return tocsin


TICKED = tuple(word for number in range(1, 12) for word in ("--tick", str(number)))
"""The letters for places without a notice of their own have eleven items to verify."""


def warned(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if "[not_approved]" in line]
    return [re.findall(r"\bus-[a-z]+-breach/\w+", line)[0] for line in lines]


def made(desk: AtDesk, tmp_path: Path, out: str, people: str = PEOPLE, *more: str) -> list[dict[str, Any]]:
    """Make the letters, and return the groups of the summary."""
    said = run(desk, listed(tmp_path, people), tmp_path / out, "--to", "txt", *more)
    assert said.code == 0, said.err
    groups: list[dict[str, Any]] = json.loads((tmp_path / out / "letters.json").read_bytes())["groups"]
    return groups


def signed(desk: AtDesk, folder: Path, *more: str) -> Any:
    return desk("notice", "sign-letters", str(folder), "--yes", "--as", "ada", "--format", "json", *more)


def test_letters_are_drafts_until_counsel_read_a_sample_of_each_text(desk: AtDesk, tmp_path: Path) -> None:
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt")
    assert said.code == 0, said.err
    assert warned(said.err) == ["us-ca-breach/individuals", DUTY, "us-tx-breach/individuals"]
    first = json.loads((tmp_path / "out" / "letters.json").read_bytes())["groups"]
    assert {(group["status"], group["approved"]) for group in first} == {("draft", False)}
    assert all("DRAFT" in path.read_text() for path in (tmp_path / "out" / "00001").glob("*.txt"))
    assert signed(desk, tmp_path / "out", "--sample", "1").error == "items_open"
    said = signed(desk, tmp_path / "out", "--sample", "1", *TICKED)
    assert said.code == 0, said.err
    again = made(desk, tmp_path, "final")
    assert {(group["status"], group["approved"], *group["approved_by"]) for group in again} == {
        ("final", True, "ada")
    }
    files = [path.name for path in (tmp_path / "final" / "00001").glob("*.txt")]
    assert len(files) == 5
    assert not [name for name in files if "DRAFT" in name]


@pytest.mark.parametrize("change", ["list", "text"])
def test_another_list_or_text_is_a_draft_again(desk: AtDesk, tmp_path: Path, change: str) -> None:
    made(desk, tmp_path, "out")
    assert signed(desk, tmp_path / "out", *TICKED).code == 0
    if change == "list":
        groups = made(desk, tmp_path, "next", PEOPLE.replace("1 Elm", "2 Elm"))
    else:
        desk.done("fact", "set", "risk.advice=Change your card.", "--source", "log")
        groups = made(desk, tmp_path, "next")
    assert {group["status"] for group in groups} == {"draft"}


def test_only_counsel_who_did_not_make_the_letters_approves_them(desk: AtDesk, tmp_path: Path) -> None:
    made(desk, tmp_path, "out", PEOPLE, "--as", "jonas")
    said = signed(desk, tmp_path / "out", "--as", "jonas", *TICKED)
    assert (said.code, said.error) == (1, "author")
    said = signed(desk, tmp_path / "out", "--as", "maria", *TICKED)
    assert (said.code, said.error) == (1, "role")
    assert signed(desk, tmp_path / "elsewhere").error == "letters_unknown"
    letter = next((tmp_path / "out" / "00001").glob("*A-1.txt"))
    letter.write_text("other words", encoding="utf-8")
    assert signed(desk, tmp_path / "out").error == "letters_changed"


def test_items_that_no_notice_ticked_are_named_and_block_the_approval(desk: AtDesk, tmp_path: Path) -> None:
    made(desk, tmp_path, "out")
    said = signed(desk, tmp_path / "out")
    assert (said.code, said.error) == (1, "items_open")
    assert "Advice" in said.json["message"]
    assert said.json["hint"].endswith(" ".join(TICKED))
    assert signed(desk, tmp_path / "out", *TICKED[:-2]).error == "items_open"
    assert not [
        one for one in desk("timeline", "--format", "json").json["entries"] if one["type"] == "LettersSigned"
    ]
    assert signed(desk, tmp_path / "out", *TICKED).code == 0


def test_drafts_need_no_approval(desk: AtDesk, tmp_path: Path) -> None:
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt", "--draft")
    assert (said.code, warned(said.err)) == (0, [])


def test_letters_wait_for_the_approval_of_their_notice(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("fact", "set", "risk.advice=Change your card.", "--source", "log")
    made(desk, tmp_path, "out")
    assert signed(desk, tmp_path / "out").error == "notice_stale"
    desk.done("notice", "render", "draft")
    refused = signed(desk, tmp_path / "out", *TICKED)
    assert (refused.error, refused.json["message"].count("1. ")) == ("items_open", 1)
    assert ["tick" in refused.json["hint"], "approve" in refused.json["hint"]] == [True, True]
    verified(desk)
    refused = signed(desk, tmp_path / "out")
    assert (refused.error, "sign-letters" in refused.json["hint"]) == ("not_approved", True)


def test_letters_do_not_lose_word_edits(desk: AtDesk, tmp_path: Path) -> None:
    file = pulled(desk, tmp_path / "word")
    edited(file, ("Keep your eyes open.", "Keep both eyes open."))
    desk.done("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes")
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt")
    assert (said.code, said.error) == (1, "edits_lost")
