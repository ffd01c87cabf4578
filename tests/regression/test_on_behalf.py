"""Neither the actor nor the person represented can approve work done on behalf."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk

FOR_ADA = ("--as", "bob", "--on-behalf-of", "ada", "--via", "phone")


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with an incident in which jonas and ada must both sign a report."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    desk.done("person", "add", "bob")
    desk.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    desk.done("task", "done", "block", "--all")
    desk.done("answer", "used", "no")
    return desk


def _approve(tocsin: AtDesk, person: str) -> tuple[int, str]:
    digest = tocsin("task", "show", "sign", "--format", "json").json["subject_digest"]
    said = tocsin("approve", "sign", "--as", person, "--digest", digest)
    return said.code, said.error


def test_the_person_represented_cannot_approve(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "report", *FOR_ADA)
    code, said = _approve(tocsin, "ada")
    assert (code, said) == (1, "author")
    assert _approve(tocsin, "jonas")[0] == 0


def test_a_person_who_did_it_on_behalf_cannot_approve_it(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "report", "--as", "jonas", "--on-behalf-of", "maria", "--via", "phone")
    assert _approve(tocsin, "jonas")[1] == "author"
    assert _approve(tocsin, "ada")[0] == 0


def test_work_redone_by_others_can_be_approved_by_the_first_author(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "report", *FOR_ADA)
    tocsin.done("task", "reopen", "report", "--reason", "too short")
    tocsin.done("task", "done", "report", "--comment", "longer")
    assert _approve(tocsin, "ada")[0] == 0
