"""What changed between two renderings, as a person and a script read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import DUTY, noticed, rendered


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
    assert [(fact["path"], fact["before"], fact["after"]) for fact in said["facts"]] == [
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
    for words, code in (
        (("short-notice", "7"), "unknown_version"),
        (("short-notice", "", "1"), "no_earlier_version"),
        (("x",), "unknown_notice"),
    ):
        said = desk("notice", "diff", *words)
        assert (said.code, said.error) == (1, code)


def test_a_redline_is_written_for_word_and_for_a_browser(desk: AtDesk, tmp_path: Path) -> None:
    files = desk("notice", "diff", "short-notice", "--out", str(tmp_path / "r"), "--format", "json").json[
        "files"
    ]
    assert [file["format"] for file in files] == ["html", "docx"]
    assert all(Path(file["path"]).name.startswith("REDLINE_short-notice_") for file in files)
    said = desk("notice", "diff", "draft", "--to", "pdf", "--out", str(tmp_path))
    assert (said.code, said.error, "pdf" in said.err) == (2, "unknown_format", True)


def test_changed_since_the_last_filing(desk: AtDesk) -> None:
    none = desk("notice", "diff", "draft", "--since-filed")
    assert (none.code, none.error, "eu-gdpr-33-controller-sa" in none.err) == (1, "not_filed", True)
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("duty", "record-filed", DUTY, "--reference", "4711")
    desk.done("fact", "set", "incident.summary=Somebody read three mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert (said["before"]["number"], said["before"]["filed"], said["after"]["number"]) == (2, True, 3)
    assert [fact["path"] for fact in said["facts"]] == ["incident.summary"]
    both = desk("notice", "diff", "draft", "1", "--since-filed")
    assert (both.code, both.error) == (2, "options_conflict")
