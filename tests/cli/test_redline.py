"""What changed between two renderings, as a person and a script read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.noticed import DUTY, noticed, rendered


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A notice that was rendered twice."""
    made = noticed(tocsin, tmp_path)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    made.done("notice", "render", "draft")
    return made


def test_the_last_two_renderings_are_compared_by_words_and_by_fact(desk: AtDesk) -> None:
    compare("notice.diff", desk.done("notice", "diff", "short-notice"), desk.home)
    said = desk("notice", "diff", "draft", "1", "2", "--format", "json").json
    assert (said["schema"], said["identical"]) == ("tocsin/notice-diff/v1", False)
    assert [(one["path"], one["before"], one["after"]) for one in said["facts"]] == [
        ("incident.summary", "Somebody read a mailbox.", "Somebody read two mailboxes."),
        ("incident.vector", None, "phishing"),
    ]


def test_a_rendering_is_named_by_number_digest_or_id(desk: AtDesk) -> None:
    first, second = desk("notice", "list", "--format", "json").json["notices"]
    for a, b in (
        ("1", "2"),
        (first["digest"], second["digest"][7:15]),
        (first["document"], second["document"]),
    ):
        found = desk("notice", "diff", "short-notice", a, b, "--format", "json").json
        assert (found["before"]["number"], found["after"]["number"]) == (1, 2)
    assert "there is no rendering '7'" in desk("notice", "diff", "short-notice", "7").err
    assert "nothing before" in desk("notice", "diff", "short-notice", "", "1").err
    assert "no notice 'x' was rendered" in desk("notice", "diff", "x").err


def test_a_redline_is_written_for_word_and_for_a_browser(desk: AtDesk, tmp_path: Path) -> None:
    files = desk("notice", "diff", "short-notice", "--out", str(tmp_path / "r"), "--format", "json").json[
        "files"
    ]
    assert [one["format"] for one in files] == ["html", "docx"]
    assert all(Path(one["path"]).name.startswith("REDLINE_short-notice_") for one in files)
    assert (
        "is not written as pdf" in desk("notice", "diff", "draft", "--to", "pdf", "--out", str(tmp_path)).err
    )


def test_changed_since_the_last_filing(desk: AtDesk) -> None:
    assert "nothing else was filed under eu-gdpr-33" in desk("notice", "diff", "draft", "--since-filed").err
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("duty", "record-filed", DUTY, "--reference", "4711")
    desk.done("fact", "set", "incident.summary=Somebody read three mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert (said["before"]["number"], said["before"]["filed"], said["after"]["number"]) == (2, True, 3)
    assert [one["path"] for one in said["facts"]] == ["incident.summary"]
    assert desk("notice", "diff", "draft", "1", "--since-filed").code == 2
