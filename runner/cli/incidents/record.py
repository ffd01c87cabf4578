"""Commands of the journal and of the state of an incident: note, attach, correct, confirm, pause, close."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from runner.app.incidents import entries
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, Where, command, instant_of
from runner.cli.framework.outcome import answer, page, submit, tell
from runner.cli.framework.session import Session
from runner.cli.incidents.evidence import CollectedAt, CollectedBy, Description, Method, Place
from runner.errors import Refused
from runner.incident.state import commands as c
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "note", Scope.WRITES)(note)
    command(app, "attach", Scope.WRITES)(attach)
    command(app, "correct", Scope.WRITES)(correct)
    command(app, "confirm", Scope.WRITES)(confirm)
    command(app, "pause", Scope.WRITES)(pause)
    command(app, "resume", Scope.WRITES)(resume)
    command(app, "restrict", Scope.WRITES)(restrict)
    command(app, "unrestrict", Scope.WRITES)(unrestrict)
    command(app, "cancel", Scope.WRITES)(cancel)
    command(app, "close", Scope.WRITES)(close)
    command(app, "reopen", Scope.WRITES)(reopen)


def note(
    session: Session,
    text: Annotated[str, Argument("TEXT", "Text of the note.")],
    at: Annotated[str, Option("--at INSTANT", "Time that the note is about. Default: now.")] = "",
    privileged: Annotated[bool, Option("--privileged", "Readable only by counsel.")] = False,
) -> None:
    """Add a note to the timeline.

    \b
    Examples:
      tocsin note "the provider confirmed the reset" --at "20m ago"
      tocsin note --privileged "asked for advice on the contract"
    """
    about = instant_of(session, at) if at else None
    done = "noted; counsel alone can read it, nobody else again" if privileged else "noted"
    submit(session, session.name(), entries.note(text, about, privileged=privileged), done)


def attach(
    session: Session,
    file: Annotated[Path, Argument("FILE", "File to store as evidence.")],
    source: Annotated[str, Option("--source", "Origin of the file.")] = "",
    description: Description = "",
    collected_by: CollectedBy = "",
    collected_at: CollectedAt = "",
    place: Place = "",
    method: Method = "",
) -> None:
    """Store a file as evidence, encrypted.

    What you leave out can be added later: tocsin evidence describe EVIDENCE

    \b
    Example:
      tocsin attach login.log --source "mail tenant" --collected-by maria --method "export of the audit log"
    """
    from runner.app.incidents.evidence import described, store, take

    name = session.incident().id
    at = instant_of(session, collected_at) if collected_at else None
    about = described(description, collected_by, at, place, method)
    made = take(session.service, name, file, source)
    turn = store(session.service, name, made, about)
    said = f"{made.evidence}, {made.size} bytes, sha256:{made.sha256}"
    answer(session, turn, f"Evidence file {made.name} stored: {said}")


def correct(
    session: Session,
    event: Annotated[int, Argument("EVENT", "Number of the entry in the timeline.")],
    reason: Reason = "",
) -> None:
    """Mark a timeline entry as wrong. Keeps the entry. Needs --reason.

    This reverses what the entry did. A task or a duty is open again, and an alert goes on. A fact has its earlier value.
    If only another command can do that, Tocsin refuses and names it.

    \b
    Example:
      tocsin correct 17 --reason "it was the other mailbox"
    """
    from runner.app.incidents.corrections import correct as mark

    turn, found, changed = mark(session.service, session.incident().id, event, reason)
    if found.entry != event:
        session.say(f"Entry {event} is the proposal. Its decision is entry {found.entry}.")
    again = (*(f"The duty {duty} is open again" for duty in found.reopened), *changed)
    tell(session, turn, ". ".join((f"Entry {found.entry} is marked as wrong", *again)))


def confirm(
    session: Session,
    event: Annotated[int, Argument("EVENT", "Number of the entry in the timeline.")],
) -> None:
    """Confirm an entry as the second person, or one on your behalf.

    If the entry is wrong, use: tocsin correct.

    \b
    Example:
      tocsin confirm 17 --as maria
    """
    if session.options.on_behalf_of:
        raise Refused(
            "You cannot confirm on behalf of another person.",
            hint="Ask that person to run the command with --as PERSON",
            code="on_behalf",
        )
    from runner.app.incidents.corrections import decision_of

    name = session.name()
    turn = session.service.act(session.principal, name, [c.ConfirmEntry(seq=event)])
    decision = decision_of(turn.after, event)
    counts = f". The decision is entry {decision}" if decision else ""
    counts += (
        f". {turn.after.codename} is {turn.after.state}" if turn.before.state != turn.after.state else ""
    )
    tell(session, turn, f"{session.by} confirmed the entry{counts}")
    people = turn.after.second_person.get(event)
    if people is not None and people.one_user:
        session.warn(
            "one_user",
            f"The system user {people.second_os_user} spoke for {people.act.by} and for {people.second}. "
            "Every report names this.",
        )


def pause(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Pause automatic work. Statutory deadlines continue. Needs --reason."""
    made = c.Pause(reason=reason)
    submit(session, session.name(where), made, "Paused. Statutory deadlines continue.")


def resume(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Resume automatic work.

    If automatic work stopped after repeated failures, --reason is required.

    \b
    Example:
      tocsin resume amber-falcon --reason "the worker has more memory now"
    """
    from runner.app.core import suspended_incidents
    from runner.reports.incidents.attention import RESTORED

    turn = suspended_incidents.resume(session.service, session.name(where), reason)
    if turn.before.paused_why.startswith(RESTORED):
        done = f"{turn.after.codename} continues here. The first machine and every other copy of this home folder must stay off"
    else:
        done = "continues"
    tell(session, turn, done)


def restrict(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Restrict an incident to the people with a role in it. Needs --reason.

    A role in the home folder does not show it any more. This is true for web pages, the API, calendars and webhooks. To
    remove a person, assign the role to the others. Users of this machine can read all incidents.

    \b
    Example:
      tocsin restrict amber-falcon --reason "an employee is suspected"
    """
    turn = session.service.act(
        session.principal, session.name(where), [c.SetAccess(restricted=True, reason=reason)]
    )
    people = sorted({person for held in turn.after.roles.values() for person in held})
    tell(session, turn, f"Restricted. These people see the incident: {', '.join(people)}")


def unrestrict(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Show an incident again to people with a role in the home folder. Needs --reason."""
    made = c.SetAccess(restricted=False, reason=reason)
    submit(session, session.name(where), made, "Not restricted any more")


def cancel(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Cancel the incident. Keeps all entries. Needs --reason.

    While legal duties are undetermined, a second person must confirm: the commander with counsel or an executive.
    """
    submit(session, session.name(where), c.CancelIncident(reason=reason), "Cancelled.")


def close(
    session: Session,
    where: Where = None,
    reason: Reason = "",
    leave_open: Annotated[
        list[str] | None,
        Option("--leave-open DUTY=REASON", "Duty that stays open, with its reason; may be repeated."),
    ] = None,
) -> None:
    """Close the incident, or say what is needed to close it.

    Open tasks need --reason. Each open duty of a law in force needs --leave-open and two people. An undetermined duty
    with a deadline needs two people. So does an unknown country or role of the organisation. These are the
    incident commander, and counsel or an executive. One person asks. The incident closes when the other person confirms.

    \b
    Examples:
      tocsin close --reason "contained; tasks 4 and 5 go to the service desk"
      tocsin close --reason "contained" --leave-open eu-gdpr-33-controller-sa/phases="counsel files it by Friday"
    """
    from runner.app.home.retention import close_shredded, is_shredded
    from runner.app.incidents.outcome import Done

    if is_shredded(session.service, session.name(where)):
        row = close_shredded(session.service, session.name(where))
        said = ("Closed. The personal data was erased.",)
        done = Done(incident=row.id, codename=row.codename, version=row.version, done=said)
        session.show(done, lambda: page(done))
        return
    made = entries.close(reason, leave_open or ())
    if reason.strip():
        _tell_open(session, session.name(where), made.leave_open)
    submit(session, session.name(where), made, "closed")


def _tell_open(session: Session, name: str, left: Mapping[str, str]) -> None:
    """Show what is open before the incident closes: by name, and the number of tasks."""
    from runner.app.law.duties import open_work

    found = open_work(session.service, name, left)
    tasks = [one for one in found if one.code == "open_task"]
    lines = [f"{one.file}: {one.message}" for one in found if one not in tasks]
    lines += [count(len(tasks), "task")] if tasks else []
    if lines:
        rows = [line(each, indent=2, hang=2) for each in lines]
        session.tell(Page((line("OPEN WHEN THE INCIDENT CLOSES", "title"), *rows)))


def reopen(session: Session, where: Where = None, reason: Reason = "") -> None:
    """Reopen a closed incident. Needs --reason, which regulator, insurer and board read.

    Automatic work, deadlines and reminders continue.

    \b
    Example:
      tocsin reopen amber-falcon --reason "the attacker is back"
    """
    submit(session, session.name(where), c.Reopen(reason=reason), "reopened")
