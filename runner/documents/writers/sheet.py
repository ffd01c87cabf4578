"""Spreadsheet writer of a table: every text is written as text, so that no fact becomes a formula."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

Value = str | int | float | bool | date | datetime | None


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One sheet: its name, the heads of its columns, its rows. Instants are written in UTC."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[Value, ...]]
    notes: tuple[str, ...] = ()
    """Lines above the table."""


def xlsx(sheets: Sequence[Sheet], made_at: datetime) -> bytes:
    """Return a workbook; the same sheets and instant give the same bytes."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"created": made_at.astimezone(UTC).replace(tzinfo=None)})
    look = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"}),
        "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top", "align": "left"}),
    }
    for sheet in sheets:
        _write(book.add_worksheet(sheet.name), sheet, look)
    book.close()
    return out.getvalue()


def _write(page: Any, sheet: Sheet, look: dict[str, Any]) -> None:
    top = len(sheet.notes)
    for line, note in enumerate(sheet.notes):
        page.write_string(line, 0, note)
    for column, head in enumerate(sheet.heads):
        page.write_string(top, column, head, look["head"])
        longest = max((len(_shown(row[column])) for row in sheet.rows), default=0)
        page.set_column(column, column, min(60, max(10, len(head), longest) + 2))
    for line, row in enumerate(sheet.rows, top + 1):
        for column, value in enumerate(row):
            _cell(page, line, column, value, look)
    page.freeze_panes(top + 1, 0)


def _shown(value: Value) -> str:
    return (
        f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value if value is not None else "")
    )


def _cell(page: Any, line: int, column: int, value: Value, look: dict[str, Any]) -> None:
    match value:
        case None:
            page.write_blank(line, column, None)
        case bool():
            page.write_boolean(line, column, value)
        case int() | float():
            page.write_number(line, column, value)
        case datetime():
            page.write_datetime(line, column, value.astimezone(UTC).replace(tzinfo=None), look["instant"])
        case date():
            page.write_datetime(line, column, value, look["date"])
        case str():
            page.write_string(line, column, value, look["text"])
