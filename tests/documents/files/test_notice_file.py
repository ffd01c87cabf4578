"""Notice files: what a lawyer may write, and how each mistake is said, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.documents.files.notice_file import load_notice, scan_notice
from runner.errors import Invalid, Problem
from runner.playbook.catalogue import Catalog
from tests.refusals import refused

NOTICES = Path(__file__).parents[3] / "playbooks" / "notices"

GOOD = """\
---
schema: tocsin/notice/v1
id: small
version: 1.0.0
title: Small
requires:
  - ref: 33(3)(c)
    item: Likely consequences
    facts: [risk.consequences]
---
# Small

{{ risk.consequences }}
"""


def problems(text: str) -> tuple[Problem, ...]:
    _notice, _body, found = scan_notice(text.encode(), "small.md")
    assert {(one.file, one.severity) for one in found} <= {("small.md", "error")}
    return tuple(found)


@pytest.mark.parametrize("path", sorted(NOTICES.glob("*.md")), ids=lambda path: path.stem)
def test_every_notice_that_we_ship_holds(path: Path) -> None:
    notice, _body = Catalog().notice(path.stem)
    assert notice.id == path.stem


def test_a_notice_is_read_with_the_digest_of_its_bytes() -> None:
    notice, body = load_notice(GOOD.encode(), "small.md")
    assert (notice.id, notice.requires[0].facts) == ("small", ("risk.consequences",))
    assert len(notice.sha256) == 64
    assert body == "# Small\n\n{{ risk.consequences }}\n"


def test_line_ends_of_windows_make_no_difference() -> None:
    notice, body = load_notice(GOOD.replace("\n", "\r\n").encode(), "small.md")
    assert notice.title == "Small"
    assert body.startswith("# Small")


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "code", "named"),
    [
        ("title: Small", "titel: Small", 5, 1, "notice-key", "title"),
        ("    item:", "    itme:", 8, 5, "notice-key", "item"),
        ("version: 1.0.0", "version: one", 4, 10, "notice-version", "1.0.0"),
        ("id: small\n", "", 2, 1, "notice-value", "id"),
        ("title: Small", "title: Small\nqqqq: 1", 6, 1, "notice-key", "slots"),
        ("id: small", "id: Small Notice", 3, 5, "notice-id", ""),
        ("title: Small", "title: [x]", 5, 8, "notice-value", "str"),
        ("notice/v1", "notice/v9", 2, 9, "notice-schema", "notice/v1"),
        ("title: Small", "title: Small\naudience: nobody", 6, 11, "notice-value", "nobody"),
        ("title: Small", "title: Small\nat_once: [risk.advice]", 6, 10, "notice-phases", "phased"),
        ("facts: [risk.consequences]", "facts: [risk.consequences]\n    when: 1 + 1", 10, 11, "notice-condition", "add"),
        ("facts: [risk.consequences]", "facts: [risk.consequences, risk.advice]", 6, 1, "notice-uncovered", "risk.advice"),
        ("{{ risk.consequences }}", "{{ risk.consequences", 13, 1, "template-syntax", ""),
        ("{{ risk.consequences }}", "{{ risk.consequences|safe }}", 13, 1, "template-forbidden", "safe"),
        ("# Small\n", "# Small\u202e\n", 11, 1, "notice-character", "U+202E"),
        ("# Small\n", "![x](https://example.com/x.png)\n", 11, 1, "template-markdown", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(
    old: str, new: str, line: int, column: int, code: str, named: str
) -> None:
    assert old in GOOD
    (problem,) = problems(GOOD.replace(old, new, 1))
    assert (problem.line, problem.column, problem.code) == (line, column, code)
    assert named in problem.message or named in problem.hint


def test_all_mistakes_are_said_at_once() -> None:
    text = GOOD.replace("title: Small", "titel: Small").replace("    item:", "    itme:")
    assert len(problems(text.replace("{{ risk.consequences }}", "{{ lipsum() }}"))) == 3


def test_a_file_without_front_matter_says_how_to_begin() -> None:
    (problem,) = problems("# Small")
    assert (problem.line, problem.code) == (1, "notice-front-matter")
    assert "tocsin/notice/v1" in problem.hint


def test_a_file_that_is_not_utf_8_says_where() -> None:
    _notice, _body, (problem,) = scan_notice(b"---\n\xff", "small.md")
    assert (problem.code, "4" in problem.message) == ("notice-encoding", True)


def test_yaml_that_cannot_be_read_keeps_its_line() -> None:
    (problem,) = problems(GOOD.replace("title: Small", "title: Small\ntitle: Again"))
    assert (problem.line, problem.column, problem.code) == (6, 1, "yaml-duplicate-key")


def test_loading_raises_with_every_problem() -> None:
    with refused("notice", Invalid) as caught:
        load_notice(GOOD.replace("titl", "tilt").encode(), "small.md")
    assert [problem.code for problem in caught.value.problems] == ["notice-key"]
    assert "small.md" in caught.value.message
