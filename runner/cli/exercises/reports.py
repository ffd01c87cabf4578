"""``tocsin report`` and ``tocsin drill report``: write an after-action report, sign it, or check a signed one against the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import NEEDS_A_PERSON, Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import NotFound, Refused, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Cell, Page, Table
from runner.settings import CONFIG

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
    incident = _meant(session, exercise=False)
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
    incident = _meant(session, exercise=True)
    if incident.drill is None:
        hint = f"tocsin report -i {incident.codename}"
        raise Refused(f"{incident.codename} is no exercise", hint=hint, code="not_exercise")
    return _report(session, incident, to or (), out, sign=sign, check=check)


def _meant(session: Session, *, exercise: bool) -> Incident:
    """Return the incident that is meant; where none is open and none is named, the one that ended last."""
    from runner.app.core.step_reference import last_ended

    try:
        return session.incident()
    except NotFound as error:
        service = session.service
        rows = [row for row in service.incidents() if (row.kind == "exercise") is exercise]
        last = last_ended(service.store, rows) if error.code == "no_incident" else None
        if last is None:
            raise
        row = last[1]
        session.say(f"Incident: {row.codename} · {row.title} ({row.state})")
        return session.incident(row.id)


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
    report = write_report(session.service, incident, formats or ("docx", "pdf"), out, name=name, sign=sign)
    numbers = {key: getattr(report.numbers, key) for key in report.numbers.__struct_fields__}
    answer = {"schema": "tocsin/after-action/v1", **numbers, "files": report.files}
    session.show(answer, lambda: pulled_page(report.files))
    if left := untaken(session.service, incident):
        words = f"{count(left, 'proposal is', 'proposals are')} not in its improvement plan"
        session.say(f"{words}: tocsin improvement add --from {incident.codename}")
    return 0


def _check(session: Session, incident: Incident, file: Path) -> int:
    from runner.app.exercises.signed_report import check_report

    check = check_report(session.service, incident, file)
    rows = tuple(
        (
            Cell("holds" if finding.holds else "DOES NOT HOLD", "good" if finding.holds else "alarm"),
            Cell(finding.about),
            Cell(finding.said),
        )
        for finding in check.findings
    )
    session.show(check, lambda: Page((Table(rows=rows, elastic=2, indent=0),)))
    return 0 if check.ok else 1


def handbook(
    session: Session,
    exercise: Annotated[str, Argument(metavar="EXERCISE", help="A name, or a file.")],
    reader: Annotated[
        str, Option("--for", metavar="WHOM", help="players, controllers (and evaluators), or feedback.")
    ] = "",
    to: Annotated[
        list[str] | None,
        Option("--to", metavar="FORMAT", help="docx, pdf, html, txt, md; several with commas."),
    ] = None,
    out: Annotated[Path, Option("--out", metavar="DIR", help="The folder to write into.")] = Path(),
) -> None:
    """Write a book of an exercise: for players without what will happen, for controllers and evaluators with it.

    The players' book has how it begins, objectives, roles, rules, the word for a real emergency and the schedule. The
    controllers' has the scenario as a list, what is expected, and a guide to rate each objective by. With --for feedback:
    the form that everybody fills in after it.

    \b
    Examples:
      tocsin drill handbook lost-laptop --for players --to pdf --out books
      tocsin drill handbook exercises/autumn.yaml --for controllers --out books
    """
    from runner.app.exercises.after_action import MADE, write_handbook
    from runner.app.notices.notices import formats_of
    from runner.cli.framework.output_files import show_pulled
    from runner.cli.framework.session import catalog
    from runner.files.exercise_file import load_exercise

    chosen = next((one for one in MADE if one == reader), None)
    if chosen is None:
        said = f"there is no book for '{reader}'" if reader else "say for whom the book is"
        raise Usage(
            said, hint=f"--for {' | '.join(MADE)}", code="unknown_reader" if reader else "option_missing"
        )
    formats = formats_of(to or []) or ("docx", "pdf")
    loaded = load_exercise(exercise, catalog(session))
    service = session.service if (session.folder / CONFIG).exists() else None
    show_pulled(session, write_handbook(loaded, chosen, service, session.world.clock.now(), formats, out))


def readiness(
    session: Session,
    check: Annotated[bool, Option("--check", help="Exit with 4 while something needs a person.")] = False,
) -> int:
    """Show how ready you are: what was exercised when and how, what changed since, who is reached, what is left to improve.

    Only exercises with people count.

    \b
    Examples:
      tocsin drill readiness
      tocsin drill readiness --check || mail-somebody
    """
    from runner.app.exercises.readiness import readiness as gathered
    from runner.reports.exercises.readiness import readiness_page

    report = gathered(session.service)
    session.show(report, lambda: readiness_page(report))
    return NEEDS_A_PERSON if check and report.needs_attention else 0
