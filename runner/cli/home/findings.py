"""The page of ``tocsin doctor``."""

from __future__ import annotations

from collections.abc import Mapping

from runner.app.home.doctor import Examination
from runner.app.home.finding import Severity
from runner.reports.core.page import (
    Block,
    Cell,
    Page,
    Paragraph,
    Tone,
    line,
)

_MARKS: Mapping[Severity, tuple[str, Tone]] = {
    "good": ("ok", "good"),
    "warning": ("warning", "warn"),
    "error": ("ERROR", "alarm"),
    "mended": ("mended", "good"),
}


def findings_page(report: Examination) -> Page:
    """Draw the findings in the order in which they were looked for."""
    blocks: list[Block] = []
    for one in report.findings:
        word, tone = _MARKS[one.severity]
        mark = Cell(f"{word:<8}", tone)
        blocks.append(Paragraph(cells=(mark, Cell(f"{one.area}: {one.what}")), hang=8))
        if one.hint:
            blocks.append(Paragraph(cells=(Cell("→ "), Cell(one.hint, "command")), indent=8, hang=2))
    verdict = "nothing needs a person" if report.ok else "something needs a person"
    blocks.append(line(verdict, "good" if report.ok else "alarm"))
    return Page(tuple(blocks))
