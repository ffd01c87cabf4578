"""What the law asks, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from runner.base.states import Kind
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group, instant
from runner.cli.framework.outcome import answer, submit
from runner.cli.framework.output_files import in_person
from runner.cli.framework.session import Session
from runner.cli.incidents.approvals import AsItWas
from runner.cli.incidents.status import All, Known, read_incident
from runner.errors import Usage
from runner.reports.core.formatting import short_digest
from runner.settings import CONFIG, cache_folder

if TYPE_CHECKING:
    from runner.reports.law.calendar import Deadlines

KINDS: tuple[Kind, ...] = ("real", "exercise", "test")
Why = Annotated[bool, Option("--why", help="Add reasons, sources and ids of each duty.")]
Duty = Annotated[str, Argument(metavar="DUTY", help="Its id, as in tocsin duties.")]
At = Annotated[str, Option("--at", metavar="INSTANT", help="When; now otherwise.")]


def add(app: Commands) -> None:
    """Add ``duties`` and ``duty …``."""
    command(app, "duties", formats=("text", "json", "csv"))(duties)
    duty = group(app, "duty", "Record what was done about a duty: a filing, a decision, a waiver.")
    command(duty, "record-filed", Scope.WRITES)(record_filed)
    command(duty, "decide", Scope.WRITES)(decide)
    command(duty, "waive", Scope.WRITES)(waive)


def duties(
    session: Session,
    which: Annotated[
        str,
        Argument(
            metavar="[register|calendar]",
            help="register: all breaches of the home, GDPR Art. 33(5). calendar: the open deadlines.",
        ),
    ] = "",
    facts: Annotated[
        list[str] | None,
        Option("--facts", metavar="FILE", help="Judge a facts file (or veris:FILE); needs no incident."),
    ] = None,
    at: Annotated[str, Option("--at", metavar="INSTANT", help="As of this instant.")] = "",
    everything: All = False,
    why: Why = False,
    known: Known = "",
    kind: Annotated[
        str, Option("--kind", metavar="KIND", help="Of the register: real, exercise or test.")
    ] = "real",
    out: Annotated[
        Path | None, Option("--out", metavar="FILE", help="Of the calendar: a file .ics or .xlsx.")
    ] = None,
    no_home: Annotated[
        bool, Option("--no-home", help="With --facts: leave out the home, its organisation and its own laws.")
    ] = False,
) -> None:
    """Show which duties apply, why, by when, and what is missing to tell.

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
        _register(session, which, kind)
        return
    if session.options.format == "csv":
        raise Usage(
            "only the register is written as CSV",
            hint="tocsin duties register --format csv",
            code="unknown_format",
        )
    if facts:
        _of_files(session, facts, at, known, everything=everything, why=why, no_home=no_home)
        return
    _of_incident(session, at, known, everything=everything, why=why)


def _of_files(
    session: Session, facts: list[str], at: str, known: str, *, everything: bool, why: bool, no_home: bool
) -> None:
    """Judge facts files, without an incident, on what the home says of the organisation."""
    from runner.app.law.duties import assess_files, organisation_of
    from runner.reports.law.duties import duties, duties_page

    if known:
        raise Usage(
            "--as-known-at is for incidents", hint="with --facts write --at INSTANT", code="options_conflict"
        )
    now = _when(session, at)
    home = session.folder if (session.folder / CONFIG).exists() and not no_home else None
    organisation = organisation_of(home) if home is not None else ()
    if organisation:
        session.say(
            f"the organisation is that of {session.folder / CONFIG}, where the file does not say otherwise;"
            " without it: --no-home"
        )
    found, warnings = assess_files(facts, now, home, cache_folder(session.world.environ), organisation)
    report = duties(found, now, warnings)
    session.show(report, lambda: duties_page(report, everything=everything, why=why))


def _of_incident(session: Session, at: str, known: str, *, everything: bool, why: bool) -> None:
    """Show an incident's duties, as of an instant or as known then."""
    from runner.reports.core.header import heading_of
    from runner.reports.law.duties import duties, duties_page

    now = _when(session, at or known)
    incident = read_incident(session, None, known)
    report = duties(session.service.duties(incident, now), now, session.service.misread(incident))
    heading = heading_of(incident)
    session.show(
        report,
        lambda: duties_page(report, heading, opened=incident.opened_at, everything=everything, why=why),
    )


def _register(session: Session, which: str, kind: str) -> None:
    """Show every personal data breach of the home: exercises are in no register unless they are asked for."""
    from runner.app.law.register import register
    from runner.reports.law.register import register_csv, register_page

    if which != "register":
        raise Usage(
            f"there is no report '{which}' of duties",
            hint="tocsin duties register|calendar",
            code="unknown_report",
        )
    if kind not in KINDS:
        raise Usage(f"there is no kind '{kind}'", hint=f"--kind {'|'.join(KINDS)}", code="unknown_kind")
    report = register(session.service, kind)
    if session.options.format == "csv":
        session.world.out.write(register_csv(report))
        return
    session.show(report, lambda: register_page(report))


def _calendar(session: Session, out: Path | None, known: str) -> None:
    """Show the open deadlines, or write them as iCalendar or as a spreadsheet."""
    from runner.cli.framework.output_files import write_out
    from runner.reports.law.calendar import calendar_page, deadlines, ics, sheet

    now = instant(known, session.now()) if known else session.now()
    incident = read_incident(session, None, known)
    found = deadlines(session.service.duties(incident, now), incident.codename, now, incident.kind)
    if out is None:
        session.show(found, lambda: calendar_page(found))
        return
    if out.suffix not in (".ics", ".xlsx"):
        raise Usage(
            f"{out.name} is neither .ics nor .xlsx", hint="--out deadlines.ics", code="unknown_ending"
        )
    if out.suffix == ".ics":
        content = ics(found)
    else:
        from runner.documents.writers.sheet import xlsx

        content = xlsx([sheet(found)], now)
    write_out(out, content)
    session.say(f"{out}: {_held(found) if out.suffix == '.ics' else f'{len(found.deadlines)} deadlines'}")


def _held(found: Deadlines) -> str:
    """Say how many deadlines a calendar can hold, and name the others."""
    total, others = (
        len(found.deadlines),
        [row.duty for row in found.deadlines if not (row.due and row.due_date)],
    )
    words = f"{total - len(others)} of {total} have a date and are in it"
    return f"{words}; without a date: {', '.join(others)}" if others else words


def record_filed(
    session: Session,
    duty: Duty,
    reference: Annotated[str, Option("--reference", help="The authority's reference number.")] = "",
    receipt: Annotated[
        Path | None, Option("--receipt", metavar="FILE", help="The receipt; it is taken into custody.")
    ] = None,
    at: At = "",
    late_reason: Annotated[str, Option("--late-reason", metavar="WHY", help="Why it was late.")] = "",
    step: Annotated[str, Option("--step", metavar="STEP", help="The filing step, where several wait.")] = "",
    digest: Annotated[
        str, Option("--digest", metavar="SHA256", help="The text that was filed, where it is not clear.")
    ] = "",
    reason: Annotated[
        str, Option("--reason", metavar="WHY", help="Why a text was filed that nobody had signed.")
    ] = "",
    as_it_was: AsItWas = "",
) -> None:
    """Record a filing with its proof; it ends the step that waits for it.

    Without --digest the text is taken that is signed and current, if there is exactly one; otherwise the choices are
    listed and nothing is recorded. A text of which facts had changed when it was filed is refused, unless counsel lets it pass with --as-it-was.

    \b
    Example:
      tocsin duty record-filed eu-gdpr-33-controller-sa/initial --reference 2026-4711 --receipt receipt.pdf
    """
    from runner.app.law.duties import filing
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
        receipt=receipt,
        late_reason=late_reason,
        step=named,
        digest=digest,
        reason=reason,
        as_it_was=as_it_was,
    )
    turn = session.service.act(session.principal, before.id, files)
    [record] = [file.record for file in files if isinstance(file, RecordDuty)]
    if record.unsigned:
        session.warn(
            "unsigned",
            f"the notice is not signed: {', '.join(record.unsigned)} is still open. The filing is on record all the "
            "same; have it looked at, and file a supplement if it must change",
        )
    answer(
        session, turn, f"{duty} is filed{f', text {short_digest(record.digest)}' if record.digest else ''}"
    )


def decide(
    session: Session,
    duty: Duty,
    not_to_notify: Annotated[
        bool, Option("--not-to-notify", help="The decision: nobody is notified.")
    ] = False,
    reason: Reason = "",
    at: At = "",
    ground: Annotated[
        str,
        Option(
            "--ground", metavar="GROUND", help="The statute's exemption, or none: against the law's answer."
        ),
    ] = "",
    watch: Annotated[
        str, Option("--watch", metavar="CONDITION", help="Opens the decision again as soon as it holds.")
    ] = "",
) -> None:
    """Record the decision not to notify. It takes two people: counsel, and an executive or the DPO.

    One asks, the other runs tocsin confirm; nothing changes until then. Without --ground the exemptions of the
    statute are listed. A later decision stands beside an earlier one. Where the law does not ask for the notice,
    one person decides. It opens again by itself when the law's answer grows, and when --watch holds.

    \b
    Examples:
      tocsin duty decide eu-gdpr-33-controller-sa/initial --not-to-notify --ground risk_unlikely --reason "encrypted"
      tocsin duty decide us-ca-breach/attorney_general --not-to-notify --reason "480 people" --watch "people.total > 490"
    """
    if not not_to_notify:
        raise Usage(
            "say what was decided",
            hint="add --not-to-notify; a notification is recorded as filed",
            code="option_missing",
        )
    _decided(session, duty, "decided_not_to_notify", at, reason, "is decided: not to notify", ground, watch)


def waive(session: Session, duty: Duty, reason: Reason = "", at: At = "") -> None:
    """Record that a duty was waived, where its law knows a waiver. It takes two people, as duty decide does."""
    _decided(session, duty, "waived", at, reason, "is waived")


def _decided(
    session: Session,
    duty: str,
    kind: Literal["decided_not_to_notify", "waived"],
    at: str,
    reason: str,
    words: str,
    ground: str = "",
    watch: str = "",
) -> None:
    from runner.app.law.duties import decision

    incident = session.incident()
    made = decision(session.service, duty, kind, _when(session, at), reason, ground=ground, watch=watch)
    submit(session, incident.id, made, f"{duty} {words}")


def _when(session: Session, at: str) -> datetime:
    return instant(at, session.now()) if at else session.now()
