"""The findings of an examination as a page, for the terminal and the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from runner.app.home.doctor import DO_NOW, Examination
from runner.app.home.doctor_checks import Severity
from runner.reports.core.action_text import command_text
from runner.reports.core.formatting import count
from runner.reports.core.page import ARROW, Block, Cell, Tone, flow, line, paged

_MARKS: Mapping[Severity, tuple[str, Tone]] = {
    "good": ("OK", "good"),
    "warning": ("Warning", "warn"),
    "error": ("ERROR", "alarm"),
    "mended": ("repaired", "good"),
}


@paged
def findings_page(report: Examination, aim: Callable[[str, str], str] | None = None) -> Iterator[Block]:
    """Draw the findings in the order of the checks; ``aim`` takes a codename and a command, and names the incident in it."""
    for finding in report.findings:
        word, tone = _MARKS[finding.severity]
        if finding.area == DO_NOW and finding.severity == "error":
            word = "Do now"
        mark = Cell(f"{word:<9}", tone)
        yield flow(mark, f"{finding.area}: {finding.what}", hang=9)
        if finding.hint or finding.action is not None:
            hint, action = finding.hint, finding.action
            if aim is not None and action is not None and finding.incident:
                hint, action = aim(finding.incident, command_text(action)), None
            yield flow(Cell(f"{ARROW} {hint}", "command", action), indent=9, hang=2)
    wrong = [finding.area for finding in report.findings if finding.severity == "error"]
    waits = wrong.count(DO_NOW)
    if report.home or not report.ok:  # a quick look cannot say that nothing is to do
        counts = ((len(wrong) - waits, "error"), (waits, "item in DO NOW", "items in DO NOW"))
        found = ", ".join(count(*one) for one in counts if one[0])
        verdict = f"Action required: {found}" if found else "No action required"
        yield line(verdict, "good" if report.ok else "alarm")
