"""Commands of legal duties: list, register, calendar; record a filing, a decision or a waiver."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    Reason,
    Scope,
    calendar_day,
    command,
    group,
    instant_of,
    kind_of,
)
from runner.cli.framework.outcome import answer, submit
from runner.cli.framework.output_files import in_person
from runner.cli.framework.session import Session
from runner.cli.incidents.approvals import AsItWas
from runner.cli.incidents.status import All, Known, read_incident
from runner.cli.law.regimes import recorded_checks
from runner.errors import Usage
from runner.reports.core.formatting import short_digest
from runner.settings import CONFIG, cache_folder

if TYPE_CHECKING:
    from runner.app.law.duties import Decided
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
    duty = group(app, "duty", "Show a duty, record a filing, a decision or a waiver.")
    command(duty, "show")(show)
    command(duty, "record-filed", Scope.WRITES)(record_filed)
    command(duty, "decide", Scope.WRITES)(decide)
    command(duty, "waive", Scope.WRITES)(waive)


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


def show(session: Session, duty: Duty, at: At = "", known: Known = "") -> None:
    """Show one duty: reasons, deadline, authority, and the cautions of its law.

    \b
    Example:
      tocsin duty show eu-gdpr-33-controller-sa/initial
    """
    from runner.app.law.duties import shown
    from runner.reports.law.duty_details import duty_page

    now, incident = _when(session, at or known), read_incident(session, None, known)
    found = shown(session.service, session.reader, incident, duty, now)
    session.show(found, lambda: duty_page(found, incident.opened_at))


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


def record_filed(
    session: Session,
    duty: Duty,
    reference: Annotated[str, Option("--reference", "Reference number of the authority.")] = "",
    receipt: Annotated[
        Path | None, Option("--receipt FILE", "File with the receipt. Stored as evidence.")
    ] = None,
    at: At = "",
    late_reason: Annotated[str, Option("--late-reason WHY", "Reason for the delay.")] = "",
    step: Annotated[str, Option("--step STEP", "Filing task, if several are open.")] = "",
    digest: Annotated[
        str, Option("--digest SHA256", "Digest of the filed text, if several are possible.")
    ] = "",
    reason: Annotated[str, Option("--reason WHY", "Reason for filing a text without approval.")] = "",
    as_it_was: AsItWas = "",
    serves: Serves = None,
) -> None:
    """Record a filing with its proof. Ends the filing task.

    Without --digest, Tocsin uses the signed and current text, if there is exactly one. Otherwise it lists the texts and
    records nothing. If facts changed before the filing, the text is refused. Counsel can accept it with --as-it-was.

    \b
    Example:
      tocsin duty record-filed eu-gdpr-33-controller-sa/initial --reference 2026-4711 --receipt receipt.pdf
    """
    from runner.app.incidents.evidence import read
    from runner.app.law.filings import filing, others_to_file
    from runner.cli.incidents.tasks import find
    from runner.incident.state.commands import RecordDuty

    in_person(session, as_it_was)
    named = find(session, step)[1] if step else ""
    before = session.incident()
    files = filing(
        session.service,
        before,
        duty,
        at=_when(session, at),
        reference=reference,
        receipt=None if receipt is None else (receipt.name, read(receipt)),
        late_reason=late_reason,
        step=named,
        digest=digest,
        reason=reason,
        as_it_was=as_it_was,
        serves=serves or (),
    )
    turn = session.service.act(session.principal, before.id, files)
    record = (made := next(file for file in files if isinstance(file, RecordDuty))).record
    if record.unsigned:
        session.warn(
            "unsigned",
            f"The notice is not signed: {', '.join(record.unsigned)} is still open. The filing is recorded. "
            "Have the text checked, and file a supplement if necessary.",
        )
    if other := others_to_file(session.service, turn.after, made):
        session.warn("one_filing", f"If it served other duties too: tocsin duty record-filed {other}")
    text = f", text {short_digest(record.digest)}" if record.digest else ""
    answer(session, turn, "\n".join(f"{one} is filed{text}" for one in (duty, *(serves or ()))))


def decide(
    session: Session,
    duty: Duty,
    not_to_notify: Annotated[bool, Option("--not-to-notify", "Decision not to notify.")] = False,
    no_correction: Annotated[
        bool, Option("--no-correction", "Decision that a filed text needs no correction.")
    ] = False,
    reason: Reason = "",
    at: At = "",
    ground: Annotated[str, Option("--ground GROUND", "Exemption of the statute, or none.")] = "",
    watch: Annotated[str, Option("--watch CONDITION", "Condition that opens the decision again.")] = "",
    look_again: Annotated[str, Option("--look-again DATE", "Day to look at it again, in the calendar.")] = "",
) -> None:
    """Record a decision not to notify, or not to correct a filing. Needs two people.

    The two people are counsel, and an executive or the DPO. One person asks. The other runs tocsin confirm. Without
    --ground, Tocsin lists the exemptions of the statute. If the law does not require the notice, one person decides.
    The decision opens again if the legal result becomes stricter, or if the condition of --watch is true.

    \b
    Examples:
      tocsin duty decide eu-gdpr-33-controller-sa/initial --not-to-notify --ground risk_unlikely --reason "encrypted"
      tocsin duty decide us-ca-breach/attorney_general --not-to-notify --reason "480 people" --watch "people.total > 490"
      tocsin duty decide eu-gdpr-33-controller-sa/phases --not-to-notify --ground nothing_further --reason "complete"
      tocsin duty decide eu-gdpr-33-controller-sa/initial --no-correction --reason "3 people more, rounding"
    """
    if not_to_notify is no_correction:
        raise Usage(
            "The decision is missing, or not one.",
            hint="Add --not-to-notify or --no-correction",
            code="option_missing",
        )
    _decided(
        session,
        duty,
        "no_correction" if no_correction else "decided_not_to_notify",
        at,
        reason,
        "decided: no correction" if no_correction else "decided: not to notify",
        ground,
        watch,
        look_again,
    )


def waive(session: Session, duty: Duty, reason: Reason = "", at: At = "") -> None:
    """Record a waiver of a duty, if the law has a waiver.

    Needs two people, as tocsin duty decide."""
    _decided(session, duty, "waived", at, reason, "is waived")


def _decided(
    session: Session,
    duty: str,
    kind: Decided,
    at: str,
    reason: str,
    words: str,
    ground: str = "",
    watch: str = "",
    again: str = "",
) -> None:
    from runner.app.law.duties import against, decision

    incident = session.incident()
    for told in against(session.service, incident, duty, ground):
        session.warn("decision_contradicted", told)
    day, when = calendar_day(again), _when(session, at)
    made = decision(session.service, duty, kind, when, reason, ground=ground, watch=watch, look_again=day)
    submit(session, incident.id, made, f"{duty} {words}")


def _when(session: Session, at: str) -> datetime:
    return instant_of(session, at) if at else session.now()
