"""The record and the incident's life: notes, evidence, corrections; pause, resume, cancel, close."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from runner.cli.framework import outcome
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, Where, command, instant
from runner.cli.framework.outcome import answer, submit, tell
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.incident.state import commands as c


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "note", Scope.WRITES)(note)
    command(app, "attach", Scope.WRITES)(attach)
    command(app, "correct", Scope.WRITES)(correct)
    command(app, "confirm", Scope.WRITES)(confirm)
    command(app, "pause", Scope.WRITES)(pause)
    command(app, "resume", Scope.WRITES)(resume)
    command(app, "cancel", Scope.WRITES)(cancel)
    command(app, "close", Scope.WRITES)(close)
    command(app, "reopen", Scope.WRITES)(reopen)


def note(
    session: Session,
    text: Annotated[str, Argument(metavar="TEXT", help="The line for the log.")],
    at: Annotated[str, Option("--at", metavar="INSTANT", help="The time that it speaks of.")] = "",
    privileged: Annotated[bool, Option("--privileged", help="For counsel alone.")] = False,
) -> None:
    """Write a line into the log.

    \b
    Examples:
      tocsin note "the provider confirmed the reset" --at "20m ago"
      tocsin note --privileged "asked for advice on the contract"
    """
    if not text.strip():
        raise Usage(
            "there is nothing to note",
            hint='as: tocsin note "the provider confirmed the reset"',
            code="words_missing",
        )
    about = instant(at, session.now()) if at else None
    made = c.AddNote(by=session.by, text=text, about=about, privileged=privileged)
    submit(session, session.name(), made, "noted")


def attach(
    session: Session,
    file: Annotated[Path, Argument(metavar="FILE", help="The file to take into custody.")],
    source: Annotated[str, Option("--source", help="Where it comes from, and who took it.")] = "",
) -> None:
    """Take a file into custody: its bytes are sealed and kept, its SHA-256 is on record.

    \b
    Example:
      tocsin attach login.log --source "exported from the mail tenant by maria"
    """
    from runner.app.incidents.evidence import take

    name = session.incident().id
    made = take(session.service, name, file, source)
    turn = session.service.act(session.principal, name, [made])
    answer(
        session,
        turn,
        f"{made.name} is in custody: {made.evidence}, {made.size} bytes, sha256:{made.sha256}",
    )


def correct(
    session: Session,
    event: Annotated[int, Argument(metavar="EVENT", help="Its number in the timeline.")],
    reason: Reason = "",
) -> None:
    """Say that an entry of the timeline is wrong; both stay. Needs --reason.

    Where it recorded a filing, a decision or a waiver, the duty is open again.

    \b
    Example:
      tocsin correct 17 --reason "it was the other mailbox"
    """
    made = c.CorrectEvent(by=session.by, seq=event, reason=reason)
    duties = session.incident().duties.values()
    again = "".join(
        f"; {duty.id} is open again" for duty in duties if duty.entry == event and duty.record is not None
    )
    submit(session, session.name(), made, f"event {event} is marked as wrong{again}")


def confirm(
    session: Session,
    event: Annotated[int, Argument(metavar="EVENT", help="Its number in the timeline.")],
) -> None:
    """Confirm what needs a second person, or what somebody recorded on your behalf. If it is wrong: tocsin correct.

    \b
    Example:
      tocsin confirm 17 --as maria
    """
    if session.options.on_behalf_of:
        raise Refused(
            "nobody confirms for somebody else", hint="that person does it, with --as", code="on_behalf"
        )
    made = c.ConfirmEntry(
        by=session.by,
        seq=event,
        os_user=session.principal.os_user,
        proven_by=session.principal.proven_by or "",
    )
    name = session.name()
    submit(session, name, made, f"{session.by} confirms it")
    people = session.reader.incident(name).second_person.get(event)
    if people is not None and people.one_user:
        session.warn(
            "one_user",
            f"the system user {people.second_os_user} has spoken for {people.act.by} and for {people.second}; "
            "every report will say so",
        )


def pause(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Stop all automatic work. Legal clocks run on. Needs --reason."""
    submit(session, session.name(where), c.Pause(by=session.by, reason=reason), "paused; legal clocks run on")


def resume(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Go on with automatic work.

    An incident that was set aside because its work failed again and again needs --reason.

    \b
    Example:
      tocsin resume amber-falcon --reason "the worker has more memory now"
    """
    from runner.app.core import suspended_incidents

    turn = suspended_incidents.resume(session.service, session.name(where), reason)
    tell(session, turn, "goes on")


def cancel(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Call the whole incident off; what was done stays on record. Needs --reason."""
    submit(session, session.name(where), c.CancelIncident(by=session.by, reason=reason), "called off")


def close(
    session: Session,
    where: Where = None,
    reason: Reason = "",
    leave_open: Annotated[
        list[str] | None,
        Option("--leave-open", metavar="DUTY=REASON", help="Why an open duty is left so; may be repeated."),
    ] = None,
) -> None:
    """Declare the incident over. Without options it lists all that is open.

    Open tasks need --reason. Each open duty of a law in force needs --leave-open, and two people: the incident
    commander, and counsel or an executive. One asks, the other confirms; nothing is closed until then.

    \b
    Examples:
      tocsin close --reason "contained; tasks 4 and 5 go to the service desk"
      tocsin close --reason "contained" --leave-open eu-gdpr-33-controller-sa/phases="counsel files it by Friday"
    """
    from runner.app.home.retention import close_shredded, is_shredded

    if is_shredded(session.service, session.name(where)):
        row = close_shredded(session.service, session.name(where))
        done = outcome.Done(
            incident=row.id,
            codename=row.codename,
            version=row.version,
            done=("closed; what it said was shredded",),
            ready=(),
            stuck=(),
        )
        session.show(done, lambda: outcome.page(done))
        return
    made = c.Close(by=session.by, reason=reason, leave_open=_pairs(leave_open or ()))
    submit(session, session.name(where), made, "closed")


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if bad := next((duty for duty, equals, _ in pairs if not equals), None):
        raise Usage(
            f"--leave-open {bad} has no reason", hint=f"--leave-open {bad}=WHY", code="argument_missing"
        )
    return {duty: why for duty, _, why in pairs}


def reopen(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Take up again an incident that was closed: work, clocks and reminders go on. Needs --reason.

    \b
    Example:
      tocsin reopen amber-falcon --reason "the attacker is back"
    """
    submit(session, session.name(where), c.Reopen(by=session.by, reason=reason), "reopened")
