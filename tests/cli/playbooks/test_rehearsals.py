"""Tests of playbooks as a person runs them: what passes, what does not and why, and a test made from an incident."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runner.app.playbooks.fixtures import MADE_UP
from tests.cli.at_desk import PLAYBOOK, AtDesk, compare

TESTS = """\
schema: tocsin/playbook-test/v1
playbook: lost-badge
laws: []
notices: []
cases:
  - name: as asked
    answers: {used: no}
    expect:
      path: {}
      messages: {tell: [A badge is missing]}
      within: 1h
  - name: the report is refused once
    answers: {used: yes}
    deeds: {sign: [reject, retry]}
    expect: {again: [sign], steps: {over: done}}
"""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with a playbook and its tests; from where commands run it is called ``books``."""
    (tmp_path / "books" / "tests").mkdir(parents=True)
    (tmp_path / "books" / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "books" / "tests" / "lost-badge.yaml").write_text(TESTS, encoding="utf-8")
    with contextlib.chdir(tmp_path):
        yield tmp_path / "books"


def test_the_file_of_a_playbook_means_the_tests_beside_it(nowhere: AtDesk, books: Path) -> None:
    book = books / "lost-badge.yaml"
    assert nowhere.done("playbook", "test", str(book)) == nowhere.done("playbook", "test", str(books))
    (books / "tests" / "lost-badge.yaml").unlink()
    said = nowhere("playbook", "test", str(book))
    assert (said.code, said.error, str(book) in said.err) == (1, "no_tests", True)
    assert "tests/lost-badge.yaml" in said.err


def written(books: Path, old: str, new: str) -> str:
    """Change the tests and return their file."""
    path = books / "tests" / "lost-badge.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_passed_tests_list_the_steps_they_covered(nowhere: AtDesk, books: Path) -> None:
    said = nowhere("playbook", "test", books.name, "--missed")
    compare("rehearsal-passed", said.out.replace("books/", "BOOKS/"), books)
    assert said.code == 0


def test_each_difference_is_a_sentence_and_the_command_fails(nowhere: AtDesk, books: Path) -> None:
    written(
        books,
        "      path: {}\n      messages: {tell: [A badge is missing]}\n      within: 1h\n",
        "      path: {skipped: [block]}\n      messages: {tell: [A key is missing]}\n      within: 10s\n"
        "      times: {report: 2}\n      waits_for: {report: [data.encrypted]}\n      overdue: {used: counsel}\n"
        "      duties: {eu-gdpr-33-controller-sa/initial: filed}\n      again: [over]\n      closes: false\n",
    )
    said = nowhere("playbook", "test", books.name)
    compare("rehearsal-failed", said.out.replace("books/", "BOOKS/"), books)
    assert said.code == 1


def test_a_missing_answer_is_reported_with_the_next_action(nowhere: AtDesk, books: Path) -> None:
    written(books, "    answers: {used: no}\n", "")
    said = nowhere("playbook", "test", f"{books.name}/tests/lost-badge.yaml")
    compare("rehearsal-unanswered", said.out.replace("books/", "BOOKS/"), books)
    assert said.code == 1


def test_an_answer_without_a_text_is_refused(nowhere: AtDesk, books: Path) -> None:
    file = written(books, "    answers: {used: no}\n", "    answers: {used: ' '}\n")
    said = nowhere("playbook", "test", file)
    assert (said.code, said.error, f"{file}:7:" in said.err) == (1, "bad_tests", True)


CALLER = """\
schema: tocsin/playbook/v1
name: caller
version: 1.0.0
title: Call another playbook
roles: {commander: {title: Incident commander}}
steps:
  - {id: badge, playbook: lost-badge, title: Look for the badge}
  - {id: over, task: Close the case, role: commander, due: 1h, after: [badge]}
"""
CALLER_TESTS = """\
schema: tocsin/playbook-test/v1
playbook: ../caller.yaml
laws: []
notices: []
cases:
  - {name: with the usual answers of the called playbook, expect: {path: {}}}
"""


def test_tests_of_a_called_playbook_give_the_answers_and_cover_its_steps(
    nowhere: AtDesk, books: Path
) -> None:
    usual = "usual: {answers: {used: no}}\ncases:\n"
    written(books, "cases:\n", usual)
    (books / "caller.yaml").write_text(CALLER, encoding="utf-8")
    tests = books / "tests" / "caller.yaml"
    tests.write_text(CALLER_TESTS, encoding="utf-8")
    said = nowhere("playbook", "test", str(tests), "--cover", "100", "--format", "json")
    (file,) = said.json["files"]
    assert (said.code, said.json["failed"], file["coverage"]["steps"]["of"]) == (0, 0, 2)
    written(books, usual, "cases:\n")
    unanswered = nowhere("playbook", "test", str(tests), "--format", "json")
    assert (unanswered.code, unanswered.json["failed"]) == (1, 1)


def test_one_case_can_be_selected_by_its_name(nowhere: AtDesk, books: Path) -> None:
    found = nowhere("playbook", "test", str(books), "--only", "refused", "--format", "json").json
    (file,) = found["files"]
    assert [case["name"] for case in file["cases"]] == ["the report is refused once"]
    assert (found["schema"], found["passed"], found["failed"]) == ("tocsin/playbook-tests/v1", 1, 0)
    said = nowhere("playbook", "test", str(books), "--only", "nothing")
    assert (said.code, said.error) == (1, "unknown_test")


def test_too_little_coverage_fails(nowhere: AtDesk, books: Path) -> None:
    said = nowhere("playbook", "test", str(books), "--only", "as asked", "--cover", "100", "--format", "json")
    assert (said.code, said.json["failed"]) == (1, 0)
    (file,) = said.json["files"]
    assert (file["coverage"]["branches"]["met"], file["coverage"]["branches"]["of"]) == (0, 1)
    assert "lost-badge:" in said.err.split()
    assert nowhere("playbook", "test", str(books), "--cover", "100").code == 0


def test_build_servers_read_it_as_junit(nowhere: AtDesk, books: Path, tmp_path: Path) -> None:
    written(books, "steps: {over: done}", "steps: {over: skipped}")
    report = tmp_path / "report.xml"
    said = nowhere("playbook", "test", str(books), "--format", "junit", "--junit", str(report))
    assert report.read_text(encoding="utf-8") == said.out
    suites = ElementTree.fromstring(said.out)  # noqa: S314
    assert (suites.tag, suites.attrib) == ("testsuites", {"tests": "2", "failures": "1"})
    failed = {case.get("name"): [one.get("message") for one in case] for case in suites.iter("testcase")}
    assert failed["as asked"] == []
    (message,) = failed["the report is refused once"]
    assert set(re.findall("over|skipped|done", message or "")) == {"over", "skipped", "done"}


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "named"),
    [
        ("cases:", "casse:", (5, 1), "key", ["casse", "cases"]),
        ("{used: no}", "{usd: no}", (7, 15), "step", ["usd", "used"]),
        ("[reject, retry]", "[rejekt]", (14, 20), "deed", ["rejekt", "reject"]),
        ("[reject, retry]", "[sleep 3]", (14, 20), "duration", ["3"]),
        ("answers: {used: no}", "takes: {block: 3 weeks}", (7, 20), "duration", ["3", "weeks"]),
        ("answers: {used: no}", "takes: {blok: 3h}", (7, 13), "step", ["blok", "block"]),
        ("answers: {used: no}", "finds: {block: [data.encryptd=yes]}", (7, 21), "fact", ["data.encryptd"]),
        ("answers: {used: no}", "facts: [data.encrypted=perhaps]", (7, 13), "fact", ["data.encrypted"]),
        (
            "answers: {used: no}",
            "learns: {data.encrypted: data.encryptd=yes}",
            (7, 30),
            "fact",
            ["data.encryptd"],
        ),
        ("playbook: lost-badge", "playbook: lost-bagde", (2, 11), "playbook", ["lost-bagde"]),
        (
            "tocsin/playbook-test/v1",
            "tocsin/playbook-tests/v1",
            (1, 9),
            "schema",
            ["tocsin/playbook-tests/v1"],
        ),
        ("the report is refused once", "as asked", (12, 11), "name", ["as", "asked"]),
    ],
)
def test_an_error_in_a_test_file_is_reported_with_its_position(
    nowhere: AtDesk, books: Path, old: str, new: str, place: tuple[int, int], code: str, named: list[str]
) -> None:
    file = written(books, old, new)
    said = nowhere("playbook", "validate", file, "--format", "json")
    assert said.code == 1
    problem = said.json["problems"][0]
    assert (problem["line"], problem["column"], problem["code"]) == (*place, code)
    text = f"{problem['message']} {problem['hint']}"
    assert [name for name in named if name not in text] == []
    said = nowhere("playbook", "test", file)
    assert (said.code, said.error) == (1, "unknown_playbook" if code == "playbook" else "bad_tests")


def test_a_playbook_without_tests_says_where_they_go(nowhere: AtDesk) -> None:
    said = nowhere("playbook", "test", "lost-bagde")
    assert (said.code, said.error) == (1, "no_tests")
    assert [name in said.err for name in ("tests/lost-bagde.yaml", "tocsin/playbook-test/v1")] == [True] * 2


def test_a_test_leaves_nothing_behind_and_opens_nothing_in_the_home(tocsin: AtDesk, books: Path) -> None:
    tocsin.done("playbook", "test", str(books))
    assert json.loads(tocsin.done("list", "--format", "json"))["incidents"] == []
    assert tocsin.console == ""


def test_a_channel_that_fails_is_seen_by_the_playbook(nowhere: AtDesk, books: Path) -> None:
    written(
        books,
        "  - name: as asked\n    answers: {used: no}\n",
        "  - name: as asked\n    answers: {used: no}\n    channels: {screen: [rejected]}\n"
        "    deeds: {tell: [skip]}\n",
    )
    said = nowhere("playbook", "test", str(books), "--only", "as asked", "--format", "json")
    (file,) = said.json["files"]
    (failure,) = file["cases"][0]["failures"]
    assert set(re.findall("tell|skipped|done", failure)) == {"tell", "done", "skipped"}


def test_an_incident_becomes_a_test_that_passes(tocsin: AtDesk, books: Path, tmp_path: Path) -> None:
    tocsin.done("open", str(books / "lost-badge.yaml"), "--fact", "incident.summary=Lea lost it", "--yes")
    tocsin.done("fact", "set", "incident.contained_at=now", "--source", "the door log")
    for word in (("task", "skip", "block", "--reason", "it is old"), ("answer", "used", "yes")):
        tocsin.done(*word)
    tocsin.done("task", "done", "report", "--as", "maria")
    for person in ("jonas", "ada"):
        tocsin.done("approve", "sign", "--as", person, types="y\n")
    tocsin.done("task", "done", "over")
    made = tmp_path / "books" / "tests" / "lost-badge.train.yaml"
    said = tocsin("playbook", "fixture", "--from-incident", "amber-falcon", "--out", str(made))
    assert said.code == 0, said.err
    text = made.read_text(encoding="utf-8")
    assert "Lea" not in text
    assert MADE_UP in text
    made.write_text(text.replace("playbook: lost-badge@1.0.0", "playbook: lost-badge"), encoding="utf-8")
    tried = tocsin("playbook", "test", str(made), "--format", "json")
    assert (tried.code, tried.json["passed"], tried.json["failed"]) == (0, 1, 0)
    again = tocsin("playbook", "fixture", "--from-incident", "amber-falcon", "--out", str(made))
    assert (again.code, again.error) == (1, "file_exists")
