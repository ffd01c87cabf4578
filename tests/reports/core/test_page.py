"""One layout for pipes and terminals; hostile words cannot move the cursor."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from runner.reports.core.header import marking, prompt
from runner.reports.core.page import (
    Cell,
    Drawing,
    Ends,
    Page,
    Paragraph,
    Table,
    layout,
    line,
    plain,
    table,
    visible,
    width_of,
)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
CELLS = st.lists(st.builds(Cell, WORDS), min_size=1, max_size=4).map(tuple)
PARAGRAPHS = st.builds(Paragraph, cells=CELLS, indent=st.integers(0, 8), hang=st.integers(0, 8))
TABLES = st.builds(
    lambda rows, elastic: Table(rows=tuple(rows), elastic=elastic),
    st.lists(CELLS, min_size=1, max_size=4),
    st.integers(0, 0),
)
ENDS = st.builds(Ends, left=CELLS, right=CELLS)
PAGES = st.lists(PARAGRAPHS | TABLES | ENDS, max_size=4).map(lambda blocks: Page(tuple(blocks)))


@given(PAGES, st.integers(40, 120))
def test_no_line_is_wider_than_asked_for(page: Page, width: int) -> None:
    assert all(
        width_of("".join(cell.text for cell in line).rstrip()) <= width for line in layout(page, width)
    )


@given(PAGES)
def test_terminal_control_characters_are_removed(page: Page) -> None:
    text = plain(page)
    assert all(
        one.isprintable() or one == "\n" or one in "\u200c\u200d\u200e\u200f\u00ad" or ord(one) > 127
        for one in text
    )
    assert not any(one in text for one in "\x1b\x07\u202e\u2066")


@given(PAGES, st.integers(40, 100))
def test_a_terminal_shows_the_very_lines_that_a_pipe_gets(page: Page, width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=width, legacy_windows=False)
    console.print(Drawing(page))
    drawn = [one.rstrip() for one in out.getvalue().split("\n")[:-1]]
    assert drawn == ["".join(cell.text for cell in line).rstrip() for line in layout(page, width)]


def test_a_word_that_is_too_wide_is_cut_and_nothing_is_lost() -> None:
    text = plain(Page((line("x" * 100, indent=2, hang=2),)), 40)
    assert "".join(text.split()) == "x" * 100


def test_wide_characters_count_twice() -> None:
    assert (width_of("事故"), width_of("e\u0301"), width_of("abc")) == (4, 1, 3)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[2Jb", "a\N{REPLACEMENT CHARACTER}[2Jb"),
        ("two\nlines", "two lines"),
        ("\u202eevil", "\N{REPLACEMENT CHARACTER}evil"),
        ("می‌خواهم", "می‌خواهم"),
        ("[bold]x[/]", "[bold]x[/]"),
    ],
)
def test_hostile_characters_are_shown_visibly(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_colour_is_only_added() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=40, legacy_windows=False)
    console.print(Drawing(Page((line("late", "alarm"),))))
    assert out.getvalue() == "\x1b[1;31mlate\x1b[0m\n"


def test_an_exercise_is_marked_and_a_real_incident_is_not() -> None:
    assert (marking("exercise"), marking("real")) == ("EXERCISE · EXERCISE · EXERCISE", "")
    assert (prompt("test", "calm-otter"), prompt("real", "calm-otter")) == (
        "[SELF-TEST calm-otter]",
        "[calm-otter]",
    )


def test_titles_of_columns_are_left_out_where_the_rows_do_not_fit_side_by_side() -> None:
    made = Page(
        (table((("Left", "Law", "Next"), ("2 days", "GDPR Article 33 " * 3, "answer 1")), 2, titled=True),)
    )
    for width, shown in ((100, True), (40, False)):
        text = " ".join(cell.text for line in layout(made, width) for cell in line)
        assert ("Left" in text, "GDPR" in text) == (shown, True)
