"""Letters in bulk say for each duty whether somebody approved their pattern."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import verified
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
    """An incident whose letter for Massachusetts was rendered and waits for counsel."""
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
    return tocsin


def warned(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if "[not_approved]" in line]
    return [re.findall(r"\bus-[a-z]+-breach/\w+", line)[0] for line in lines]


def test_duties_with_unapproved_letters_are_named_and_the_letters_written(
    desk: AtDesk, tmp_path: Path
) -> None:
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt")
    assert said.code == 0, said.err
    assert warned(said.err) == ["us-ca-breach/individuals", DUTY, "us-tx-breach/individuals"]
    groups = json.loads((tmp_path / "out" / "letters.json").read_bytes())["groups"]
    assert [group["approved"] for group in groups] == [False, False, False]
    assert [group["approved_by"] for group in groups] == [[], [], []]


def test_an_approved_letter_is_recorded_with_approver_and_digest(desk: AtDesk, tmp_path: Path) -> None:
    digest = desk("notice", "list", "--format", "json").json["notices"][-1]["digest"]
    verified(desk)
    desk.done("approve", "sign", "--as", "ada", "--digest", digest)
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt")
    assert said.code == 0, said.err
    assert warned(said.err) == ["us-ca-breach/individuals", "us-tx-breach/individuals"]
    groups = json.loads((tmp_path / "out" / "letters.json").read_bytes())["groups"]
    (mine,) = [group for group in groups if group["duty"] == DUTY]
    assert (mine["approved"], mine["approved_by"], mine["approved_digest"]) == (True, ["ada"], digest)


def test_a_void_approval_approves_no_letters(desk: AtDesk, tmp_path: Path) -> None:
    digest = desk("notice", "list", "--format", "json").json["notices"][-1]["digest"]
    verified(desk)
    desk.done("approve", "sign", "--as", "ada", "--digest", digest)
    desk.done("fact", "set", "risk.advice=Change your password.", "--source", "log")
    desk.done("notice", "render", "draft")
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt")
    assert DUTY in warned(said.err)


def test_drafts_need_no_approval(desk: AtDesk, tmp_path: Path) -> None:
    said = run(desk, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt", "--draft")
    assert (said.code, warned(said.err)) == (0, [])
