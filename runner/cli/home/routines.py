"""Commands ``routine``, for scheduled jobs, ``shred``, which lists and erases data after their retention, and ``hold``."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, get_args

from runner.app.core.repository import IncidentRow, unknown_incident
from runner.cli.framework.home_catalogue import ensure_home
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    Scope,
    calendar_day,
    check_times,
    command,
    group,
    one_of,
    show,
    span,
)
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.incident.exercises.schedules import Routine, Rule

ROUTINES: tuple[Routine, ...] = get_args(Routine)


def add(app: Commands) -> None:
    """Add ``routine …``, ``hold`` and ``shred``."""
    commands = group(app, "routine", "Manage scheduled jobs: comcheck, watch, retention, backup.")
    command(commands, "add", Scope.HOME_WRITES)(keep)
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "drop", Scope.HOME_WRITES)(drop)
    command(app, "hold", Scope.HOME_WRITES)(hold)
    command(app, "shred", Scope.HOME_WRITES)(shred)


def keep(
    session: Session,
    routine: Annotated[str, Argument("ROUTINE", f"Scheduled job: {', '.join(ROUTINES)}.")],
    cron: Annotated[str, Option("--cron LINE", "Minute hour day month weekday, in local time.")] = "",
    every: Annotated[str, Option("--every SPAN", "Interval, as 12h.")] = "",
    zone: Annotated[
        str, Option("--zone ZONE", "Time zone of --cron. Default: the organisation's, then UTC.")
    ] = "",
    ahead: Annotated[str, Option("--ahead SPAN", "Time to the deadline, for watch. Default: 24h.")] = "",
    closed_for: Annotated[
        str, Option("--closed-for SPAN", "Time since the last entry. Default: 1095d.")
    ] = "",
) -> None:
    """Add a scheduled job.

    comcheck tests every contact method of every person. watch reminds commander and counsel of each real incident of
    deadlines that are near. retention lists what can be erased, as tocsin shred does.
    backup makes a backup as the settings say (backup.to and backup.keep).
    To run the jobs: tocsin scheduler, or in cron: tocsin drill run --due

    \b
    Examples:
      tocsin routine add comcheck --cron "0 9 * * 1"
      tocsin routine add watch --every 12h --ahead 36h
      tocsin routine add retention --every 7d --closed-for 730d
      tocsin routine add backup --every 1d
    """
    from runner.app.exercises import schedules

    job = one_of(routine, ROUTINES, "Scheduled job", "unknown_routine")
    check_times(cron, every)
    for option, given, whose in (
        ("--ahead", ahead, "watch"),
        ("--closed-for", closed_for, "retention"),
    ):
        if given and routine != whose:
            raise Usage(f"{option} is only for {whose}.", hint=f"Remove {option}", code="options_conflict")
    ensure_home(session)
    if job == "backup" and not session.service.home.backup.to:
        raise Usage(
            "The settings name no folder for backups.",
            hint="Write into tocsin.yaml: backup: {to: FOLDER}",
            code="backup_folder_missing",
        )
    rule = Rule(
        routine=job,
        cron=cron,
        every=span("--every", every),
        zone=zone or str(session.service.home.organisation.get("zone", "UTC")),
        ahead=span("--ahead", ahead),
        closed_for=span("--closed-for", closed_for),
    )
    kept = schedules.keep(session.service, rule)
    session.say(
        f"{kept.id} runs while a scheduler runs (tocsin scheduler), or if cron runs: tocsin drill run --due"
    )
    show(session, routine=True)


def list_(session: Session) -> None:
    """List the scheduled jobs with their times and results."""
    show(session, routine=True)


def drop(session: Session, name: Annotated[str, Argument("NAME", "Id, as in tocsin routine list.")]) -> None:
    """Remove a scheduled job. Keeps all entries."""
    from runner.app.exercises import schedules

    schedules.drop(session.service, name, routine=True)
    session.say(f"{name} is removed from the schedule")
    show(session, routine=True)


def hold(
    session: Session,
    incident: Annotated[
        str, Argument("INCIDENT", "Id or codename. Without it, lists all legal holds, also the ended.")
    ] = "",
    reason: Annotated[str, Option("--reason WHY", "The matter, and who asked for the hold.")] = "",
    until: Annotated[str, Option("--until DATE", "Day on which the hold ends by itself.")] = "",
    release: Annotated[bool, Option("--release", "End the hold.")] = False,
) -> None:
    """Place or release a legal hold, which prevents erasure.

    Everybody can place a hold. Only a person with the role counsel or dpo releases it; if there is none, the person who placed it.
    Nothing of the incident is erased, and no scheduled job asks for its erasure. With --until, it is asked again on that day.

    \b
    Examples:
      tocsin hold amber-falcon --reason "Example v. Sample, counsel Cleo Marsh"
      tocsin hold amber-falcon --release --reason "settled on 4 May"
      tocsin hold amber-falcon --until 2028-01-01 --reason "limitation of claims"
      tocsin hold
    """
    from msgspec.structs import asdict

    from runner.app.home import retention

    service, day = session.service, calendar_day(until)
    if release and until:
        raise Usage("--until is for a new hold.", hint="Remove --until", code="options_conflict")
    if release and not incident:
        again = "Run: tocsin hold INCIDENT --release --reason WHY"
        raise Usage("The incident is missing.", hint=again, code="argument_missing")
    if incident:
        row = _row(session, incident)
        retention.hold(service, row, reason, until=day, release=release)
        end = (
            f"on {day}" if day else f"when it is released: tocsin hold {row.codename} --release --reason WHY"
        )
        done = "The legal hold ended" if release else f"Nothing is erased until the legal hold ends, {end}"
        session.say(f"{row.codename}: {done}")
    names = {row.id: row.codename for row in service.incidents()}
    known = retention.kept(service)
    holds, ended = (
        [{"incident": name, "codename": names.get(name, ""), **asdict(one)} for name, one in found]
        for found in (known.holds.items(), known.ended_holds)
    )
    if session.json:
        session.show_json({"schema": "tocsin/holds/v1", "holds": holds, "ended": ended})
        return
    for one in () if incident else holds:
        end = f" until {one['ends']}" if one["ends"] else ""
        session.say(
            f"{one['codename']}: on hold since {one['since']:%Y-%m-%d}{end} by {one['by']}: {one['reason']}"
        )
    for one in () if incident else ended:
        over = one["until"] or one["ends"]
        how = f"ended by {one['ended_by']}: {one['end_reason']}" if one["ended_by"] else "ended by itself"
        session.say(f"{one['codename']}: on hold {one['since']:%Y-%m-%d} to {over:%Y-%m-%d}; {how}")
    if not holds and not incident:
        session.say("No incident has a legal hold")


def _show_due(session: Session) -> None:
    from runner.app.home.retention_queue import queue, queue_page

    report = queue(session.service, session.service.incidents())
    session.show(report, lambda: queue_page(report))


def _row(session: Session, incident: str) -> IncidentRow:
    row = session.service.row(session.service.find(incident))
    if row is None:
        raise unknown_incident(incident)
    return row


def shred(
    session: Session,
    incident: Annotated[
        str, Argument("INCIDENT", "Id or codename of the closed incident. Without it, lists what is due.")
    ] = "",
    reason: Annotated[str, Option("--reason WHY", "Reason, for example the period of your policy.")] = "",
    certificate: Annotated[
        Path | None,
        Option("--certificate FILE.pdf", "New file for the certificate, also of an earlier erasure."),
    ] = None,
    yes: Annotated[bool, Option("--yes", "No question.")] = False,
) -> None:
    """Erase personal data of a closed incident, permanently.

    Destroys the encryption key of the incident. Refused during a legal hold: tocsin hold. The journal can still be verified, and records the person and the reason.
    Older backups still contain the key; a restore from them erases the data again. First check for legal holds.
    Without INCIDENT, lists the decisions that are due: incidents, people and backups after their retention.

    \b
    Examples:
      tocsin shred
      tocsin shred amber-falcon --reason "closed three years ago, policy 7.2"
      tocsin shred amber-falcon --certificate amber-falcon-erased.pdf
    """
    from runner.app.home import retention
    from runner.cli.framework.outcome import warn_of_backups
    from runner.cli.framework.output_files import private_file

    service = session.service
    if not incident:
        _show_due(session)
        return
    row = _row(session, incident)
    if certificate is not None and (file := session.world.cwd / certificate).exists():
        raise Refused(
            f'File "{file}" exists. Nothing was erased.', hint="Name another file.", code="file_exists"
        )
    if certificate is None or not retention.is_shredded(service, row.id):
        retention.check(row, reason)
        if not yes:
            session.confirm(
                f"The entry in the register of breaches is erased, too. Erase the personal data of {row.codename} permanently?",
                "Check the incident, then repeat with --yes",
            )
        retention.shred(service, row, reason)
        session.say(
            f"The personal data of {row.codename} is erased. The journal can still be verified: tocsin audit verify"
        )
    warn_of_backups(session)
    said = {"schema": "tocsin/shredded/v1", "incident": row.id, "codename": row.codename, "reason": reason}
    if certificate is not None:
        from runner.app.bundles.erasure_certificate import certificate as written

        content = written(service, row)
        private_file(file, content, replace=False)
        said |= {"certificate": str(file), "sha256": sha256(content).hexdigest()}
        session.say(f"Certificate: {file}\nSHA-256 {said['sha256']}")
    if session.json:
        session.show_json(said)
