"""Notice files: what a lawyer may write, and how each mistake is said, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import Invalid
from runner.loading.catalog import Catalog
from runner.loading.notices import load_notice, scan_notice

NOTICES = Path(__file__).parents[2] / "playbooks" / "notices"

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


def problems(text: str) -> list[str]:
    _notice, _body, found = scan_notice(text.encode(), "small.md")
    return [str(problem) for problem in found]


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
    ("old", "new", "expected"),
    [
        ("title: Small", "titel: Small", "small.md:5:1: error: unknown key 'titel' [notice-key] (did you mean 'title'?)"),
        ("    item:", "    itme:", "small.md:8:5: error: unknown key 'itme' [notice-key] (did you mean 'item'?)"),
        ("version: 1.0.0", "version: one", "small.md:4:10: error: a version is three numbers, as 1.0.0 [notice-version]"),
        ("id: small\n", "", "small.md:2:1: error: Object missing required field `id` [notice-value]"),
        ("title: Small", "title: Small\nqqqq: 1", "small.md:6:1: error: unknown key 'qqqq' [notice-key] (known are id, version, title, regime, duties, fits, translates, form, law_items, says, parts, language, audience, requires, forbids, links, facts, headings, min_points, phased, at_once, logo, slots)"),
        ("id: small", "id: Small Notice", "small.md:3:5: error: an id is lower-case words joined by hyphens [notice-id]"),
        ("title: Small", "title: [x]", "small.md:5:8: error: Expected `str`, got `array` [notice-value]"),
        ("notice/v1", "notice/v9", "small.md:2:9: error: this is not a notice file [notice-schema] (write 'schema: tocsin/notice/v1')"),
        ("title: Small", "title: Small\naudience: nobody", "small.md:6:11: error: Invalid enum value 'nobody' [notice-value]"),
        ("title: Small", "title: Small\nat_once: [risk.advice]", "small.md:6:10: error: nothing may follow later [notice-phases] (set 'phased: true' or take 'at_once' away)"),
        ("facts: [risk.consequences]", "facts: [risk.consequences]\n    when: 1 + 1", "small.md:10:11: error: add is not part of what a notice may use [notice-condition]"),
        ("facts: [risk.consequences]", "facts: [risk.consequences, risk.advice]", "small.md:6:1: error: the text never says risk.advice, which an item requires [notice-uncovered]"),
        ("{{ risk.consequences }}", "{{ risk.consequences", "small.md:13:1: error: unexpected end of template, expected 'end of print statement'. [template-syntax]"),
        ("{{ risk.consequences }}", "{{ risk.consequences|safe }}", "small.md:13:1: error: there is no filter 'safe': there are capital, count, date, datetime, label, number, place, said, time, words [template-forbidden]"),
        ("# Small\n", "# Small\u202e\n", "small.md:11:1: error: the text holds U+202E at character 8 [notice-character]"),
        ("# Small\n", "![x](https://example.com/x.png)\n", "small.md:11:1: error: a notice cannot hold an image [template-markdown]"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert problems(GOOD.replace(old, new, 1)) == [expected]


def test_all_mistakes_are_said_at_once() -> None:
    text = GOOD.replace("title: Small", "titel: Small").replace("    item:", "    itme:")
    assert len(problems(text.replace("{{ risk.consequences }}", "{{ lipsum() }}"))) == 3


def test_a_file_without_front_matter_says_how_to_begin() -> None:
    (problem,) = problems("# Small")
    assert "there is no front matter" in problem
    assert "schema: tocsin/notice/v1" in problem


def test_a_file_that_is_not_utf_8_says_where() -> None:
    _notice, _body, (problem,) = scan_notice(b"---\n\xff", "small.md")
    assert problem.message == "not UTF-8 at byte 4"


def test_yaml_that_cannot_be_read_keeps_its_line() -> None:
    (problem,) = problems(GOOD.replace("title: Small", "title: Small\ntitle: Again"))
    assert problem.startswith("small.md:6:1: error:")


def test_loading_raises_with_every_problem() -> None:
    with pytest.raises(Invalid, match=r"small\.md does not hold: 1 problem") as caught:
        load_notice(GOOD.replace("titl", "tilt").encode(), "small.md")
    assert caught.value.problems[0].code == "notice-key"
