"""``tocsin report`` and ``tocsin drill report``: write an after-action report, sign it, or check a signed one against the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import (
    Commands,
    Option,
    Scope,
    command,
)
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Cell, Page, Table

if TYPE_CHECKING:
    from runner.incident.state.incident import Incident

To = Annotated[
    list[str] | None,
    Option("--to", metavar="FORMAT", help="docx, pdf, html, txt, md; several with commas."),
]
Out = Annotated[
    Path, Option("--out", metavar="PATH", help="A folder; or a file, whose ending is the format.")
]
Sign = Annotated[
    bool, Option("--sign", help="Stand for the bytes of the report and its annex; it is on record.")
]
Check = Annotated[
    Path | None, Option("--check", metavar="FILE", help="Check a signed file against the journal instead.")
]


def add(app: Commands) -> None:
    """Add ``report``."""
    command(app, "report", Scope.WRITES)(report)


def report(
    session: Session, to: To = None, out: Out = Path(), sign: Sign = False, check: Check = None
) -> int:
    """Write the after-action report of an incident, and its journal as an annex in a file of its own.

    It is a DRAFT until it is signed, which needs a closed incident. With --check a signed file is checked instead; exits
    with 1 if anything does not hold. The report of an exercise: tocsin drill report.

    \b
    Examples:
      tocsin report --out reports
      tocsin report --out report.pdf --sign --as maria
      tocsin report --check after-action-amber-falcon_82_en.pdf
    """
    incident = session.incident()
    if incident.drill is not None:
        hint = f"tocsin drill report -i {incident.codename}"
        raise Refused(f"{incident.codename} is an exercise", hint=hint, code="is_exercise")
    return _report(session, incident, to or (), out, sign=sign, check=check)


def drill_report(
    session: Session, to: To = None, out: Out = Path(), sign: Sign = False, check: Check = None
) -> int:
    """Write the after-action report and improvement plan of an exercise, and its journal as an annex.

    It is a DRAFT until it is signed, which needs every target rated by a person. With --check a signed file is checked
    instead; exits with 1 if anything does not hold. The report of a real incident: tocsin report.

    \b
    Examples:
      tocsin drill report --to docx,pdf --out reports
      tocsin drill report --to pdf --out reports --sign --as olga
      tocsin drill report --check reports/EXERCISE_after-action-amber-falcon_41_en.pdf
    """
    incident = session.incident()
    if incident.drill is None:
        hint = f"tocsin report -i {incident.codename}"
        raise Refused(f"{incident.codename} is no exercise", hint=hint, code="not_exercise")
    return _report(session, incident, to or (), out, sign=sign, check=check)


def _report(
    session: Session, incident: Incident, to: Sequence[str], out: Path, *, sign: bool, check: Path | None
) -> int:
    if check is not None:
        return _check(session, incident, check)
    from runner.app.exercises.after_action import write_report
    from runner.app.exercises.improvements import untaken
    from runner.app.notices.notices import FORMATS, formats_of
    from runner.cli.framework.output_files import pulled_page

    name, formats = "", formats_of(to)
    if out.suffix[1:] in FORMATS:
        if to:
            raise Usage("a file's ending is its format", hint="leave --to out", code="options_conflict")
        out, name, formats = out.parent, out.stem, formats_of([out.suffix[1:]])
    made = write_report(session.desk, incident, formats or ("docx", "pdf"), out, name=name, sign=sign)
    numbers = {key: getattr(made.numbers, key) for key in made.numbers.__struct_fields__}
    answer = {"schema": "tocsin/after-action/v1", **numbers, "files": made.files}
    session.show(answer, lambda: pulled_page(made.files))
    if left := untaken(session.desk, incident):
        words = f"{count(left, 'proposal is', 'proposals are')} not in its improvement plan"
        session.say(f"{words}: tocsin improvement add --from {incident.codename}")
    return 0


def _check(session: Session, incident: Incident, file: Path) -> int:
    from runner.app.exercises.signed_report import check_report

    found = check_report(session.desk, incident, file)
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
