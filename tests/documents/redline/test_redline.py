"""What changed between two documents: word by word, in three forms that say the same, and by fact."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.redline.redline import Line, Redline, changed_facts, redline
from runner.documents.redline.redline_docx import write_redline_docx
from runner.documents.redline.redline_html import write_redline_html
from runner.documents.render import render
from tests.documents.examples import context, shipped, small, whole_facts
from tests.documents.redline.test_redline_golden import between


def told(line: Line) -> str:
    """A line as a person would mark it by hand."""
    signs = {"same": "%s", "added": "{+%s+}", "removed": "[-%s-]"}
    cells = ("".join(signs[piece.op] % piece.text for piece in cell) for cell in line.cells)
    return " | ".join(cells)


def changes(old: str, new: str) -> list[str]:
    return [told(line) for line in redline(small(old), small(new)).lines if line.changed]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("One two three.", "One two four.", ["One two [-three-]{+four+}."]),
        ("Found on 7 January 2026.", "Found on 9 January 2026.", ["Found on [-7-]{+9+} January 2026."]),
        ("a b c d e f", "a x y d e f", ["a [-b c-]{+x y+} d e f"]),
        ("Stays.\n\nGoes away.", "Stays.", ["[-Goes away.-]"]),
        ("Stays.", "Stays.\n\nCame.", ["{+Came.+}"]),
        ("# Title\n\nText", "# Other\n\nText", ["[-Title-]", "{+Other+}"]),
        ("1. one\n2. two", "1. one\n2. two\n3. three", ["{+three+}"]),
        ("|A|B|\n|-|-|\n|x|1|", "|A|B|\n|-|-|\n|x|2|\n|y|3|", ["x | [-1-]{+2+}", "{+y+} | {+3+}"]),
        ("Same **word** here", "Same word here", []),
        ("", "", []),
    ],
)
def test_added_and_removed_words_are_distinguished(old: str, new: str, said: list[str]) -> None:
    assert changes(old, new) == said


def test_a_draft_and_the_final_of_the_same_text_do_not_differ() -> None:
    notice, body = shipped("gdpr-34-letter")
    draft, final = (
        render(notice, body, whole_facts(), context=context(status=status)) for status in ("draft", "final")
    )
    assert redline(draft, final).identical


words = st.lists(st.sampled_from(["one", "two", "three", "four", "(x)", "2026"]), min_size=1, max_size=8)
paragraphs = st.lists(words.map(" ".join), max_size=6).map("\n\n".join)


@given(old=paragraphs, new=paragraphs)
def test_a_redline_contains_the_whole_old_and_new_text(old: str, new: str) -> None:
    found = redline(small(old), small(new))
    assert _side(found, "removed") == _side(redline(small(old), small(old)), "removed")
    assert _side(found, "added") == _side(redline(small(new), small(new)), "added")


def _side(found: Redline, op: str) -> list[str]:
    other = "added" if op == "removed" else "removed"
    lines = (line for line in found.lines if line.op != other)
    return ["".join(p.text for cell in line.cells for p in cell if p.op in ("same", op)) for line in lines]


def test_the_facts_that_changed_are_named_with_both_values() -> None:
    old, new = between()
    assert [(fact.path, bytes(fact.before), bytes(fact.after)) for fact in changed_facts(old, new)] == [
        ("incident.aware_at", b'"2026-11-24T08:10:00+00:00"', b'"2026-11-24T07:00:00Z"'),
        ("people.total", b"18462", b"18612"),
        ("populations[customers].people.total", b"18250", b"18400"),
    ]


def test_word_shows_the_words_that_the_comparison_found_as_tracked_changes() -> None:
    old, new = between()
    found = redline(old, new)
    xml = _main(write_redline_docx(found, old, new, author="Beispiel Handel GmbH"))
    assert _tagged(xml, "w:ins", "w:t") == "".join(_texts(found, "added"))
    assert _tagged(xml, "w:del", "w:delText") == "".join(_texts(found, "removed"))
    assert 'w:author="Beispiel Handel GmbH" w:date="2026-11-24T10:00:00Z"' in xml


def test_a_row_that_came_is_marked_as_a_row() -> None:
    old, new = small("|A|B|\n|-|-|\n|x|1|"), small("|A|B|\n|-|-|\n|x|1|\n|y|3|")
    xml = _main(write_redline_docx(redline(old, new), old, new, author="A"))
    assert re.search(r"<w:trPr><w:cantSplit/><w:ins [^>]*/></w:trPr>", xml)


def test_html_shows_the_same_words_as_ins_and_del() -> None:
    old, new = between()
    found = redline(old, new)
    page = write_redline_html(found, old, new).decode()
    assert re.findall("<ins>(.*?)</ins>", page) == [
        text for text in _texts(found, "added") if "\n" not in text
    ]
    assert len(re.findall("<del>", page)) == len(_texts(found, "removed"))
    assert "default-src 'none'" in page


def test_a_hostile_fact_is_text_in_every_redline() -> None:
    old, new = small("x"), small("</w:t></w:ins><script>alert(1)</script> x")
    found = redline(old, new)
    assert "<script>" not in write_redline_html(found, old, new).decode()
    assert "<script>" not in _main(write_redline_docx(found, old, new, author='"><x>'))


def test_the_same_comparison_gives_the_same_bytes() -> None:
    old, new = between()
    first, second = (write_redline_docx(redline(old, new), old, new, author="A") for _ in range(2))
    assert first == second


def test_a_long_letter_is_compared_paragraph_by_paragraph() -> None:
    old = small("\n\n".join(f"Paragraph {n} says that {n * 7} people were told." for n in range(400)))
    new = small("\n\n".join(f"Paragraph {n} says that {n * 8} people were told." for n in range(400)))
    assert not redline(old, new).identical


def _texts(found: Redline, op: str) -> list[str]:
    return [piece.text for line in found.lines for cell in line.cells for piece in cell if piece.op == op]


def _main(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.read("word/document.xml").decode()


def _tagged(xml: str, around: str, within: str) -> str:
    inner = "".join(re.findall(rf"<{around} [^>/]*>(.*?)</{around}>", xml))
    return "".join(re.findall(rf"<{within}[^>]*>([^<]*)</{within}>", inner))
