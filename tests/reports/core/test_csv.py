"""Tables for spreadsheets: no formula, and no character that hides or reorders."""

from __future__ import annotations

from runner.reports.core.report import csv_text


def test_a_stored_text_is_shown_as_what_it_is() -> None:
    assert csv_text(("a",), [("x\u202ey\x1b[31m",)]) == "a\nx[U+202E]y[U+001B][31m\n"


def test_lines_of_a_text_stay() -> None:
    assert csv_text(("a",), [("one\ntwo",)]) == 'a\n"one\ntwo"\n'
