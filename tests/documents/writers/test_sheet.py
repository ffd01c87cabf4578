"""Spreadsheets hold what was recorded as text: no formula, no link, whatever it begins with."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import pytest

from runner.documents.writers.sheet import Sheet, xlsx

MADE = datetime(2026, 11, 24, 9, tzinfo=UTC)


def part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read(name).decode()


@pytest.mark.parametrize(
    "hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)", "https://example.org", "\t=1"]
)
def test_a_hostile_text_stays_a_text(hostile: str) -> None:
    content = xlsx([Sheet(name="A", heads=("Head",), rows=[(hostile,)])], MADE)
    page = part(content, "xl/worksheets/sheet1.xml")
    assert "<f>" not in page
    assert "hyperlink" not in page
    assert hostile.strip() in part(content, "xl/sharedStrings.xml").replace("&#9;", "\t")


def test_every_type_of_value_is_written_as_its_type() -> None:
    row = ("text", 3, 2.5, True, date(2026, 11, 24), datetime(2026, 11, 24, 9, 30, tzinfo=UTC), None)
    content = xlsx([Sheet(name="A", heads=tuple("abcdefg"), rows=[row], notes=("first line",))], MADE)
    page = part(content, "xl/worksheets/sheet1.xml")
    assert "<v>2.5</v>" in page
    assert 't="b"><v>1</v>' in page
    assert "<v>46350</v>" in page  # 2026-11-24 as a spreadsheet counts days
    assert "<v>46350.3958333333" in page
