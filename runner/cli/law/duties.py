"""Commands of legal duties: list, register, calendar; record a filing, a decision or a waiver."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.acts.duties import DUTY, DUTY_SHOW
from runner.cli.framework.act_commands import add_acts, add_view
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    command,
    group,
    instant_of,
    kind_of,
)
from runner.cli.framework.session import Session
from runner.cli.incidents.status import All, Known, read_incident
from runner.cli.law.regimes import recorded_checks
from runner.errors import Usage
from runner.settings import CONFIG, cache_folder

if TYPE_CHECKING:
    from runner.reports.law.calendar import Deadlines

Why = Annotated[bool, Option("--why", "Add reasons, sources and ids of each duty.")]
Duty = Annotated[str, Argument("DUTY", "Id, as in tocsin duties.")]
Privileged = Annotated[bool, Option("--privileged", "Register as CSV: also reasons in people's own words.")]
At = Annotated[str, Option("--at INSTANT", "Time. Default: now.")]
Serves = Annotated[
    list[str] | None,
    Option("--serves DUTY", "Another duty that this filing serves, as New York's one form."),
]


def add(app: Commands) -> None:
    """Add ``duties`` and ``duty …``."""
    command(app, "duties", formats=("text", "json", "csv"))(duties)
    duty = group(app, DUTY.name, DUTY.words)
    add_view(duty, "show", DUTY, DUTY_SHOW, known=True)
    add_acts(app, duty, DUTY)


def duties(
    session: Session,
    which: Annotated[
        str,
        Argument(
            "[register|calendar]",
            "register: all breaches of the home folder, GDPR Art. 33(5). calendar: the open deadlines.",
        ),
    ] = "",
    facts: Annotated[
        list[str] | None,
        Option("--facts FILE", "File with facts, or veris:FILE. Needs no incident."),
    ] = None,
    at: Annotated[str, Option("--at INSTANT", "Time of the assessment. Default: now.")] = "",
    everything: All = False,
    why: Why = False,
    known: Known = "",
    kind: Annotated[
        str,
        Option("--kind KIND", "Kind of incident in the register: real, exercise or test."),
    ] = "real",
    out: Annotated[Path | None, Option("--out FILE", "Calendar: file .ics, for a calendar program.")] = None,
    privileged: Privileged = False,
    no_home: Annotated[
        bool,
        Option("--no-home", "With --facts: without the organisation and the laws of the home folder."),
    ] = False,
) -> None:
    """Show the legal duties with deadlines and missing facts.

    \b
    Examples:
      tocsin duties
      tocsin duties --why
      tocsin duties --facts facts.yaml --at 2026-11-24T10:00:00Z
      tocsin duties --as-known-at "3h ago"
      tocsin duties register --format csv
      tocsin duties calendar --out deadlines.ics
    """
    if which == "calendar":
        _calendar(session, out, known)
        return
    if which:
        _register(session, which, kind, privileged=privileged)
        return
    if session.options.format == "csv":
        raise Usage(
            "CSV is only for the register.",
            hint=Action("duty.list", "register", {"format": "csv"}),
            code="unknown_format",
        )
    if facts:
        _of_files(session, facts, at, known, everything=everything, why=why, no_home=no_home)
        return
    _of_incident(session, at, known, everything=everything, why=why)


def _of_files(
    session: Session, facts: list[str], at: str, known: str, *, everything: bool, why: bool, no_home: bool
) -> None:
    """Assess facts files without an incident, with the organisation facts of the home folder."""
    from runner.app.law.duties import assess_files, organisation_of
    from runner.reports.law.duties import duties, duties_page

    if known:
        raise Usage(
            "--as-known-at is only for incidents.",
            hint="With --facts, use --at INSTANT",
            code="options_conflict",
        )
    now = instant_of(session, at, apart=True) if at else session.now()
    home = session.folder if (session.folder / CONFIG).exists() and not no_home else None
    organisation, target = organisation_of(home)
    if organisation:
        session.say(
            f"The organisation facts are from {session.folder / CONFIG}, unless the file has its own. "
            "To ignore them: --no-home"
        )
    found, warnings, stated = assess_files(
        facts, now, home, cache_folder(session.world.environ), organisation, target
    )
    report = duties(found, now, warnings)
    session.show(report, lambda: duties_page(report, everything=everything, why=why, facts=stated))


def _of_incident(session: Session, at: str, known: str, *, everything: bool, why: bool) -> None:
    """Show an incident's duties, as of a time or as known then."""
    from runner.app.incidents.links import rows_of
    from runner.app.law.duties import ineffective_claims
    from runner.reports.core.header import heading_of
    from runner.reports.incidents.links import elsewhere
    from runner.reports.law.duties import duties, duties_page
    from runner.reports.notices.notices import papers

    now, service = _when(session, at or known), session.service
    incident = read_incident(session, None, known)
    recorded_checks(session)  # a warning if these cannot be read
    report = duties(service.duties(incident, now), now, ineffective_claims(service, incident))
    heading = heading_of(incident)
    session.show(
        report,
        lambda: duties_page(
            report,
            heading,
            opened=incident.opened_at,
            everything=everything,
            why=why,
            papers=papers(incident),
            incident=incident,
            elsewhere=elsewhere(() if known else rows_of(service, session.reader, incident.id)),
        ),
    )


def _register(session: Session, which: str, kind: str, *, privileged: bool) -> None:
    """Show the register of personal data breaches of the home folder, without exercises by default."""
    from runner.app.law.duties import register
    from runner.reports.law.register import register_csv, register_page

    if which != "register":
        raise Usage(
            f'Report "{which}" of duties is unknown.',
            hint=Action("duty.list", "register"),
            code="unknown_report",
        )
    report = register(session.service, session.reader, kind_of(kind, "Kind of duty"))
    if session.options.format == "csv":
        session.world.out.write(register_csv(report, privileged=privileged))
    else:
        session.show(report, lambda: register_page(report))


def _calendar(session: Session, out: Path | None, known: str) -> None:
    """Show the open deadlines, or write them as iCalendar."""
    from runner.cli.framework.output_files import write_out
    from runner.reports.law.calendar import calendar_page, deadlines, ics

    now = instant_of(session, known) if known else session.now()
    incident = read_incident(session, None, known)
    service = session.service
    holidays = service.library(incident).calendar
    found = deadlines(service.duties(incident, now), incident, now, holidays)
    if out is None:
        session.show(found, lambda: calendar_page(found))
        return
    if out.suffix != ".ics":
        raise Usage(
            f'File "{out.name}" does not end in .ics.', hint="Use --out deadlines.ics", code="unknown_ending"
        )
    write_out(out, ics(found))
    session.say(f"{out}: {_held(found)}")


def _held(found: Deadlines) -> str:
    """Show the number of deadlines in the calendar, and name the others."""
    total = len(found.deadlines)
    others = [row.duty for row in found.deadlines if not (row.due or row.target)]
    words = f"{total - len(others)} of {total} duties have a date or an internal target and are included"
    return f"{words}; without a date: {', '.join(others)}" if others else words


def _when(session: Session, at: str) -> datetime:
    return instant_of(session, at) if at else session.now()
