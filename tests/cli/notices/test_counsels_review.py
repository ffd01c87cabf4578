"""What goes out is approved and verified; names of notices work alike in all commands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import BODY, DUTY, PLAYBOOK, noticed, rendered
from tests.cli.notices.test_adopt import edited, pulled

TWICE = PLAYBOOK.replace(
    "  - {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft]}\n",
    f"  - {{id: final, notice: short-notice, duty: {DUTY}, after: [draft]}}\n"
    "  - {id: sign, approve: final, by: {roles: [counsel]}, after: [final]}\n",
).replace("file: draft", "file: final")


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A notice whose two tasks have the same final text; nobody approved it."""
    made = noticed(tocsin, tmp_path, playbook=TWICE)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("notice", "render", "draft")
    made.done("notice", "render", "final")
    return made


def test_a_text_that_nobody_approved_does_not_go_out(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("notice", "pull", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "to-file").exists()


def test_one_current_text_stands_for_the_draft_and_the_final_task(desk: AtDesk, tmp_path: Path) -> None:
    rows = desk("notice", "list", "--format", "json").json["notices"]
    assert [row["step"].partition("#")[0][-5:] for row in rows if row["current"]] == ["final"]
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    rows = desk("notice", "list", "--format", "json").json["notices"]
    assert [row["step"].partition("#")[0][-5:] for row in rows if row["current"]] == ["final"]
    desk.done("notice", "render", "final")
    one = pulled(desk, tmp_path / "one").parent
    assert len([path for path in one.glob("*.docx") if "REDLINE" not in path.name]) == 1
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert "final" in rendered(desk)["step"]


def test_a_row_number_names_a_notice_in_every_command(desk: AtDesk) -> None:
    listed = desk("notice", "list").out.splitlines()
    number = next(line.split()[0] for line in listed if ":final#1/" in line)
    assert desk("notice", "show", number).code == 0
    assert desk("notice", "check", number).error != "unknown_notice"


def test_the_only_current_text_is_filed_with_a_reason_alone(desk: AtDesk) -> None:
    filing = ("duty", "record-filed", DUTY, "--reference", "4711")
    assert desk(*filing).error == "which_text"
    assert desk(*filing, "--reason", "the portal closed").code == 0


def test_forbidden_content_is_not_verified_away(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path, forbids="[{ref: c, item: The summary, facts: [incident.summary]}]")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    assert desk("notice", "tick", "draft", "--as", "ada").error == "draft"


def test_a_tick_is_carried_over_to_the_final_with_the_same_text(tocsin: AtDesk, tmp_path: Path) -> None:
    ban = "[{ref: c, item: The cause, facts: [incident.root_cause]}]"
    desk = noticed(tocsin, tmp_path, playbook=TWICE, forbids=ban)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    draft = desk("notice", "show", "draft", "--format", "json").json["notice"]
    desk.done("notice", "tick", "draft", "1", "--as", "jonas", "--digest", draft["digest"])
    desk.done("notice", "render", "final")
    [tick] = rendered(desk)["ticks"].values()
    assert (tick["by"], tick["carried_from"]) == ("jonas", draft["document"])
    assert draft["document"] in desk.done("notice", "show", "final")
    assert desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"]).code == 0
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "final")
    assert rendered(desk)["ticks"] == {}


def test_a_tick_without_a_sentence_stays_while_all_facts_are_the_same(tocsin: AtDesk, tmp_path: Path) -> None:
    ban, body = "[{ref: c, item: The cause, facts: [incident.root_cause]}]", "Of {{ notice.date|date }}.\n"
    desk = noticed(tocsin, tmp_path, playbook=TWICE, forbids=ban, body=f"{BODY}\n{body}")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    digest = desk("notice", "show", "draft", "--format", "json").json["notice"]["digest"]
    desk.done("notice", "tick", "draft", "1", "--as", "jonas", "--digest", digest)
    desk.clock.advance(timedelta(days=1))
    desk.done("notice", "render", "draft")
    desk.done("notice", "render", "final")
    [tick] = rendered(desk)["ticks"].values()
    assert tick["by"] == "jonas"
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "final")
    assert rendered(desk)["ticks"] == {}


def test_a_notice_names_the_task_that_its_approval_waits_for(tocsin: AtDesk, tmp_path: Path) -> None:
    title, name = "Read the contract", "Jonas Jansen"
    book = PLAYBOOK.replace("after: [draft]}\n  - {id: hand", "after: [draft, read]}\n  - {id: hand").replace(
        "  - {id: sign,", f"  - {{id: read, task: {title}, role: counsel}}\n  - {{id: sign,"
    )
    desk = noticed(tocsin, tmp_path, playbook=book)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    [one] = desk("notice", "show", "draft", "--format", "json").json["awaits"]
    assert (one["title"], name in one["who"]) == (title, True)
    assert name in desk.done("notice", "show", "draft")
    desk.done("task", "done", "read", "--as", "jonas")
    assert desk("notice", "show", "draft", "--format", "json").json["awaits"] == []
