"""Commands ``report`` and ``drill report``: after-action reports, their signature and its check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.cli.framework.options import NEEDS_A_PERSON, Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import NotFound, Refused, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Cell, Page, table
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.incident.state.incident import Incident

To = Annotated[list[str] | None, Option("--to FORMAT", "Formats with commas: docx, pdf, html, txt, md.")]
Out = Annotated[Path, Option("--out PATH", "Folder, or file whose ending sets the format.")]
Sign = Annotated[bool, Option("--sign", "Sign the report and its annex. Stored in the journal.")]
Check = Annotated[Path | None, Option("--check FILE", "Signed file to check against the journal.")]


def add(app: Commands) -> None:
    """Add ``report``."""
    command(app, "report", Scope.WRITES)(report)


def report(
    session: Session, to: To = None, out: Out = Path(), sign: Sign = False, check: Check = None
) -> int:
    """Write the after-action report of an incident, with annex.

    The annex is the journal, in its own file. The report is a DRAFT until you sign it. To sign, the incident must be
    closed. With --check, checks a signed file; the exit code is 1 if the check fails. For an exercise: tocsin drill report.

    \b
    Examples:
      tocsin report --out reports
      tocsin report --out report.pdf --sign --as maria
      tocsin report --check after-action-amber-falcon_82_en.pdf
    """
    incident = _meant(session, exercise=False)
    if incident.drill is not None:
        hint = Action("drill.report", args={"incident": incident.codename})
        raise Refused(f'"{incident.codename}" is an exercise.', hint=hint, code="is_exercise")
    return _report(session, incident, to or (), out, sign=sign, check=check)


def drill_report(
    session: Session, to: To = None, out: Out = Path(), sign: Sign = False, check: Check = None
) -> int:
    """Write the after-action report of an exercise, with annex.

    Contains the improvement plan. The annex is the journal. The report is a DRAFT until you sign it. To sign, a person
    must have rated every target. With --check, checks a signed file; the exit code is 1 if the check fails. For a real
    incident: tocsin report.

    \b
    Examples:
      tocsin drill report --to docx,pdf --out reports
      tocsin drill report --to pdf --out reports --sign --as olga
      tocsin drill report --check reports/EXERCISE_after-action-amber-falcon_41_en.pdf
    """
    incident = _meant(session, exercise=True)
    if incident.drill is None:
        hint = Action("incident.report", args={"incident": incident.codename})
        raise Refused(f'"{incident.codename}" is not an exercise.', hint=hint, code="not_exercise")
    return _report(session, incident, to or (), out, sign=sign, check=check)


def _meant(session: Session, *, exercise: bool) -> Incident:
    """Return the named or open incident, else the last ended incident."""
    from runner.app.core.step_reference import last_ended

    try:
        return session.incident()
    except NotFound as error:
        service = session.service
        rows = [row for row in service.incidents() if (row.kind == "exercise") is exercise]
        last = last_ended(service.repository, rows) if error.code == "no_incident" else None
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
            raise Usage("The file ending sets the format.", hint="Remove --to", code="options_conflict")
        out, name, formats = out.parent, out.stem, formats_of([out.suffix[1:]])
    report = write_report(session.service, incident, formats or ("docx", "pdf"), out, name=name, sign=sign)
    numbers = {key: getattr(report.numbers, key) for key in report.numbers.__struct_fields__}
    answer = {"schema": "tocsin/after-action/v1", **numbers, "files": report.files}
    session.show(answer, lambda: pulled_page(report.files))
    if left := untaken(session.service, incident):
        words = f"{count(left, 'proposal is', 'proposals are')} not in the improvement plan"
        session.say(f"{words}: tocsin improvement add --from {incident.codename}")
    return 0


def _check(session: Session, incident: Incident, file: Path) -> int:
    from runner.app.exercises.after_action import check_report

    check = check_report(session.service, incident, file)
    rows = tuple(
        (
            Cell("OK" if finding.holds else "CHECK FAILED", "good" if finding.holds else "alarm"),
            finding.about,
            finding.said,
        )
        for finding in check.findings
    )
    session.show(check, lambda: Page((table(rows, 2, indent=0),)))
    return 0 if check.ok else 1


def handbook(
    session: Session,
    exercise: Annotated[str, Argument("EXERCISE", "Name of an exercise, or a file.")],
    reader: Annotated[
        str, Option("--for WHOM", "Readers: players, controllers (and evaluators), or feedback.")
    ] = "",
    to: To = None,
    out: Annotated[Path, Option("--out DIR", "Folder to write into.")] = Path(),
) -> None:
    """Write a handbook of an exercise for one group of readers.

    Players get the start, objectives, roles, rules, emergency word and schedule. Controllers and evaluators also get the
    list of injects, the expected actions and a rating guide. With --for feedback: the form for all participants.

    \b
    Examples:
      tocsin drill handbook lost-laptop --for players --to pdf --out books
      tocsin drill handbook exercises/autumn.yaml --for controllers --out books
    """
    from runner.app.exercises.after_action import MADE, write_handbook
    from runner.app.notices.notices import formats_of
    from runner.cli.framework.home_catalogue import catalog
    from runner.cli.framework.output_files import show_pulled
    from runner.files.exercise_file import load_exercise

    chosen = next((name for name in MADE if name == reader), None)
    if chosen is None:
        said = (
            f'There is no handbook for "{reader}".' if reader else "The readers of the handbook are missing."
        )
        raise Usage(
            said, hint=f"Use --for {' | '.join(MADE)}", code="unknown_reader" if reader else "option_missing"
        )
    formats = formats_of(to or []) or ("docx", "pdf")
    loaded = load_exercise(exercise, catalog(session))
    service = session.service if (session.folder / CONFIG).exists() else None
    show_pulled(session, write_handbook(loaded, chosen, service, session.world.clock.now(), formats, out))


def readiness(
    session: Session,
    check: Annotated[bool, Option("--check", "Exit code 4 if an action is required.")] = False,
) -> int:
    """Show exercises, changes, channel tests and open action items.

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
