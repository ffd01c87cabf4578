"""Parts of an after-action report, as nodes of the document tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from math import ceil, sqrt

from runner.documents.tree import Block, Field, Fields, Heading, Inline, Listing, Paragraph, Table, Text
from runner.reports.core.header import clocked

LETTERS = 92
"""Letters in a line of a table on paper."""
_CELL = 4
"""Width of the margins of a cell, in letters."""
_BOLD = 1.1
"""Factor for the wider letters of a table head."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_APART = re.compile(r"\s+|(?<=[-/])")
_UNBROKEN = 30
"""Every document writer breaks a longer word."""


def column_widths(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Return the widths in letters of columns with these cells, the head first; nothing where each text fits in a line.

    Each column is at least as wide as its longest word, and at most as wide as its longest line. Between the two a column has a
    width by the square root of all of its text, with which the sum of all cells' heights is least.
    """
    columns = list(zip(*rows, strict=True))
    most = [max(len(line) for cell in column for line in cell.split("\n")) + _CELL for column in columns]
    if sum(most) <= LETTERS:
        return ()
    least = [_CELL + max(ceil(_BOLD * _word(head)), *map(_word, ("", *cells))) for head, *cells in columns]
    most = [max(pair) for pair in zip(least, most, strict=True)]
    text = [sqrt(sum(map(len, column))) for column in columns]
    low, high = 0.0, float(LETTERS)
    for _ in range(40):
        scale = (low + high) / 2
        widths = _widths(scale, text, least, most)
        low, high = (scale, high) if sum(widths) < LETTERS else (low, scale)
    return tuple(max(1, round(width)) for width in _widths(low, text, least, most))


def _widths(
    scale: float, text: Sequence[float], least: Sequence[int], most: Sequence[int]
) -> tuple[float, ...]:
    return tuple(
        min(top, max(bottom, scale * size)) for size, bottom, top in zip(text, least, most, strict=True)
    )


def _word(cell: str) -> int:
    """Return the length of the longest word; a date with its time of day is one, and a hyphen or stroke ends one."""
    return min(_UNBROKEN, max(map(len, _APART.split(_MOMENT.sub("x" * 16, cell)))))


def words(text: str) -> tuple[Inline, ...]:
    """Return text without markup."""
    return (Text(text),) if text else ()


def heading(level: int, text: str) -> Heading:
    """Return a heading."""
    return Heading(level, words(text))


def paragraph(text: str) -> Paragraph:
    """Return a paragraph."""
    return Paragraph(words(text))


def fields(rows: Iterable[tuple[str, str]]) -> Fields:
    """Return labels and values, without empty values."""
    return Fields(tuple(Field(words(label), words(value)) for label, value in rows if value))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table."""
    texts = [tuple(row) for row in rows]
    cells = tuple(tuple(words(cell) for cell in row) for row in texts)
    head = tuple(words(head) for head in heads)
    return Table(("left",) * len(heads), head, cells, column_widths([tuple(heads), *texts]))


def bullets(lines: Iterable[str]) -> Listing:
    """Return a list."""
    return Listing("bullet", 1, _items(lines))


def numbered(lines: Iterable[str]) -> Listing:
    """Return a numbered list."""
    return Listing("decimal", 1, _items(lines))


def _items(lines: Iterable[str]) -> tuple[tuple[Block, ...], ...]:
    return tuple((paragraph(line),) for line in lines)


def time(at: datetime | None, zone: tzinfo) -> str:
    """Return an instant in a zone with its offset, or nothing."""
    return clocked(at, zone) if at is not None else ""
