"""The parts that an after-action report is built from, as nodes of the document tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from runner.documents.tree import Block, Field, Fields, Heading, Inline, Listing, Paragraph, Table, Text
from runner.reports.core.column_widths import column_widths
from runner.reports.core.zones import clocked


def words(text: str) -> tuple[Inline, ...]:
    """Return text as it is, whatever stands in it."""
    return (Text(text),) if text else ()


def heading(level: int, text: str) -> Heading:
    """Return a heading."""
    return Heading(level, words(text))


def paragraph(text: str) -> Paragraph:
    """Return a paragraph."""
    return Paragraph(words(text))


def fields(rows: Iterable[tuple[str, str]]) -> Fields:
    """Return labels and values; what is empty is left out."""
    return Fields(tuple(Field(words(label), words(value)) for label, value in rows if value))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table."""
    texts = [tuple(row) for row in rows]
    cells = tuple(tuple(words(cell) for cell in row) for row in texts)
    head = tuple(words(one) for one in heads)
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
