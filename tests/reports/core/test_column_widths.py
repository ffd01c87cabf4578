"""The columns of a report's table: no word is cut, long text has the room, and a table that fits is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.reports.core.report_blocks import LETTERS, column_widths

WORDS = st.lists(st.text(alphabet="abc", min_size=1, max_size=9), max_size=30).map(" ".join)
TABLES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=1, max_size=8)
)


@given(TABLES)
def test_every_word_has_room_and_the_line_is_shared_out_as_a_whole(rows: list[list[str]]) -> None:
    widths = column_widths(rows)
    if not widths:
        assert sum(max(len(cell) for cell in column) for column in zip(*rows, strict=True)) <= LETTERS
        return
    assert LETTERS - len(widths) <= sum(widths) <= LETTERS + len(widths)
    for width, column in zip(widths, zip(*rows, strict=True), strict=True):
        assert width >= max((len(word) for cell in column for word in cell.split()), default=1)


def test_a_long_text_gets_the_width_that_short_columns_do_not_need() -> None:
    rows = [("1", "2026-10-10 06:00 UTC+02:00", "director", "word " * 60)] * 9
    number, time, who, what = column_widths([("Entry", "Time", "Who", "What"), *rows])
    assert (number, who) == (10, 12)
    assert 20 <= time < what
    assert what > LETTERS / 2 - 10


def test_a_word_with_hyphens_and_strokes_may_be_broken_there_and_a_time_may_not() -> None:
    rows = [("eu-gdpr-33-controller-sa/initial, and more", "2026-10-10 06:00 UTC+02:00 (time)", "word " * 90)]
    duty, time, _ = column_widths([("Duty", "Time", "What"), *rows])
    assert duty < 32
    assert time >= 16


def test_more_long_words_than_a_line_has_room_for_still_share_it() -> None:
    widths = column_widths([["x" * 200] * 9])
    assert len(set(widths)) == 1
    assert min(widths) > 0


def test_a_table_that_fits_is_left_to_its_writer() -> None:
    assert column_widths([("Name", "Rating"), ("T1", "P")]) == ()
