"""``tocsin drill report``: write an after-action report, sign it, or hold a signed one against the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.options import Option
from runner.cli.session import Session
from runner.views.page import Cell, Page, Table
from runner.views.words import count


def report(
    session: Session,
    to: Annotated[
        list[str] | None,
        Option("--to", metavar="FORMAT", help="docx, pdf, html, txt, md; several with commas."),
    ] = None,
    out: Annotated[Path, Option("--out", metavar="DIR", help="The folder to write into.")] = Path(),
    sign: Annotated[
        bool, Option("--sign", help="Stand for the report's bytes, as evaluator; it is on record.")
    ] = False,
    check: Annotated[
        Path | None,
        Option("--check", metavar="FILE", help="Hold a signed report's file against the journal."),
    ] = None,
) -> int:
    """Write the after-action report and improvement plan of an exercise, or of a real incident.

    It is a DRAFT until it is signed, which needs every target rated by a person, or a real incident closed. With --check
    a signed file is held against the journal instead; exits with 1 if anything does not hold.

    \b
    Examples:
      tocsin drill report --to docx,pdf --out reports
      tocsin drill report --to pdf --out reports --sign --as olga
      tocsin drill report --check reports/EXERCISE_after-action-amber-falcon_41_en.pdf
    """
    if check is not None:
        return _check(session, check)
    from runner.cli.written import pulled_page
    from runner.service.after_action import write_report
    from runner.service.improvements import untaken
    from runner.service.notices import formats_of

    incident = session.incident()
    made = write_report(session.desk, incident, formats_of(to or []) or ("docx", "pdf"), out, sign=sign)
    numbers = {name: getattr(made.numbers, name) for name in made.numbers.__struct_fields__}
    answer = {"schema": "tocsin/after-action/v1", **numbers, "files": made.files}
    session.show(answer, lambda: pulled_page(made.files))
    if left := untaken(session.desk, incident):
        words = f"{count(left, 'proposal is', 'proposals are')} not in its improvement plan"
        session.say(f"{words}: tocsin improvement add --from {incident.codename}")
    return 0


def _check(session: Session, file: Path) -> int:
    from runner.service.report_check import check_report

    found = check_report(session.desk, session.incident(), file)
    rows = tuple(
        (
            Cell("holds" if one.holds else "DOES NOT HOLD", "good" if one.holds else "alarm"),
            Cell(one.about),
            Cell(one.said),
        )
        for one in found.findings
    )
    session.show(found, lambda: Page((Table(rows=rows, elastic=2, indent=0),)))
    return 0 if found.ok else 1
