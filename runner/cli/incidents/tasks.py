"""Work on steps: start, end, answer, and everything a person may do to one, each with its reason on record."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Annotated

from runner.app.core.step_reference import refuse_to_come, resolve_step
from runner.cli.framework.completion import steps
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, duration, group
from runner.cli.framework.outcome import answer as answered
from runner.cli.framework.outcome import submit, tell
from runner.cli.framework.session import Session
from runner.errors import NotFound, Usage
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.playbook.format import Due, OnOverdue, Task
from runner.reports.core.formatting import when
from runner.reports.core.header import heading_of, render_header
from runner.reports.core.page import Cell, Page, Table, Tone, line
from runner.reports.core.task_rows import TaskRow, numbered

Step = Annotated[
    str,
    Argument(metavar="STEP", help="A step's id, id#n, or its row number.", autocompletion=steps),
]
_TONES: dict[str, Tone] = {
    "ready": "title",
    "active": "title",
    "done": "good",
    "done_late": "warn",
    "failed": "alarm",
    "expired": "alarm",
    "outcome_unknown": "alarm",
}


def find(session: Session, text: str) -> tuple[Incident, str]:
    """Return the incident that is meant and the invocation in it."""
    incident = session.incident()
    try:
        return incident, resolve_step(incident, text, numbered(incident))
    except NotFound:
        refuse_to_come(incident, text, session.service.library(incident))
        raise


def list_page(rows: tuple[TaskRow, ...], incident: Incident, session: Session) -> Page:
    """Draw steps as numbered rows."""
    now = session.now()
    cells = tuple(
        (
            Cell(str(row.row) if row.row else "", "dim"),
            Cell(row.command_name or row.step),
            Cell(row.state.replace("_", " "), _TONES.get(row.state, "dim")),
            Cell(row.title, "dim" if row.over else "plain"),
            Cell(row.assignee or row.role, "dim"),
            Cell(
                f"due {when(row.due, now)}" if row.due and not row.over else "",
                "warn" if row.overdue else "dim",
            ),
        )
        for row in rows
    )
    if not cells:
        return Page((line(f"{incident.codename} has no steps like that", "dim"),))
    return Page((*render_header(heading_of(incident), "tasks"), Table(rows=cells, elastic=3, indent=0)))


def add(app: Commands) -> None:
    """Add ``task …``, ``answer`` and ``undo``."""
    tasks = group(
        app, "task", "Work on steps: list, show, start, done, and what to do when it goes otherwise."
    )
    command(tasks, "list")(list_)
    command(tasks, "show")(show)
    command(tasks, "add", Scope.WRITES)(add_task)
    command(tasks, "start", Scope.WRITES)(start)
    command(tasks, "done", Scope.WRITES)(done)
    command(tasks, "check", Scope.WRITES)(check)
    command(tasks, "uncheck", Scope.WRITES)(uncheck)
    command(tasks, "skip", Scope.WRITES)(skip)
    command(tasks, "reopen", Scope.WRITES)(reopen)
    command(tasks, "assign", Scope.WRITES)(assign)
    command(tasks, "fail", Scope.WRITES)(fail)
    command(tasks, "comment", Scope.WRITES)(comment)
    command(tasks, "retry", Scope.WRITES)(retry)
    command(tasks, "cancel", Scope.WRITES)(cancel)
    command(app, "answer", Scope.WRITES)(answer)
    command(app, "undo", Scope.WRITES)(undo)


def list_(
    session: Session,
    state: Annotated[str, Option("--state", help="Only steps in this state.")] = "",
    open_only: Annotated[bool, Option("--open", help="Only steps that have not ended.")] = False,
) -> None:
    """List the steps with the row numbers that commands take.

    \b
    Examples:
      tocsin task list --open
      tocsin task list --state ready
    """
    from runner.reports.core.task_rows import task_rows

    incident = session.incident()
    rows = tuple(
        row
        for row in task_rows(incident, session.service.library(incident))
        if state in ("", row.state) and not (open_only and row.over)
    )
    report = {"schema": "tocsin/tasks/v1", "incident": incident.id, "tasks": rows}
    session.show(report, lambda: list_page(rows, incident, session))


def show(session: Session, step: Step) -> None:
    """Show one step in full: instructions, checklist, tries, approvals, what it waits for."""
    from runner.reports.incidents.task import task, task_page

    incident, name = find(session, step)
    report = task(incident, session.service.library(incident), name)
    session.show(report, lambda: task_page(report, session.now()))


def add_task(
    session: Session,
    title: Annotated[str, Argument(metavar="TITLE", help="What to do.")],
    role: Annotated[str, Option("--role", metavar="ROLE", help="The role that does it.")] = "",
    to: Annotated[str, Option("--to", metavar="PERSON", help="The person who does it.")] = "",
    due: Annotated[str, Option("--due", metavar="TIME", help="Time until it is due, as 2h.")] = "",
) -> None:
    """Add a task that no playbook has. If it is late, the role commander is told.

    \b
    Examples:
      tocsin task add "Call the landlord" --role technical --due 2h
      tocsin task add "Collect the spare laptops" --to maria
    """
    if not title.strip():
        raise Usage(
            "the task has no words",
            hint='as: tocsin task add "Call the landlord" --to maria',
            code="words_missing",
        )
    if not (role or to):
        raise Usage("nobody is to do it", hint="add --role ROLE or --to PERSON", code="option_missing")
    if to:
        session.service.known(to)
    task = Task(
        id="",
        task=title.strip(),
        role=role,
        assignee=to,
        due=Due(offset=duration(due)) if due else None,
        on_overdue=OnOverdue(escalate="commander"),
    )
    submit(session, session.name(), c.AddTask(by=session.by, task=task), "added")


def _do(session: Session, step: str, make: Callable[[str], c.AnyCommand], words: str) -> None:
    incident, name = find(session, step)
    submit(session, incident.id, make(name), f"{name} {words}")


def start(session: Session, step: Step) -> None:
    """Say that you are on it."""
    _do(session, step, lambda name: c.StartTask(by=session.by, step=name), "is yours")


def done(
    session: Session,
    step: Step,
    text: Annotated[str, Option("--comment", metavar="TEXT", help="How; it is kept.")] = "",
    everything: Annotated[
        bool, Option("--all", help="Tick all rows first; asks for each row that must be checked.")
    ] = False,
) -> None:
    """Say that it is done.

    \b
    Examples:
      tocsin task done wipe --comment "acknowledged by the device"
      tocsin task done 4 --all
    """
    incident, name = find(session, step)
    rows = _all_rows(session, incident, name) if everything else ()
    made: list[c.AnyCommand] = [*rows, c.CompleteTask(by=session.by, step=name, comment=text)]
    answered(session, session.service.act(session.principal, incident.id, made), f"{name} is done")


def _all_rows(session: Session, incident: Incident, name: str) -> tuple[c.CheckRow, ...]:
    """Return the ticks of every open row; each row on which safety or evidence depends needs its own yes."""
    step = session.service.library(incident).step(incident, name)
    if not isinstance(step, Task):
        return ()
    rows = [n for n in range(len(step.rows)) if n not in incident.invocations[name].checked]
    must = [n for n in rows if step.must(n)]
    numbers = " ".join(str(n + 1) for n in must)
    for n in must:
        session.confirm(
            f"Row {n + 1}: {step.rows[n]}. Is it so?", f"tocsin task check {quote(name)} {numbers}"
        )
    return tuple(c.CheckRow(by=session.by, step=name, row=n, at_once=n not in must) for n in rows)


def check(
    session: Session,
    step: Step,
    row: Annotated[list[int] | None, Argument(metavar="[ROW]...", help="The rows, from 1.")] = None,
    everything: Annotated[
        bool, Option("--all", help="All rows; asks for each row that must be checked.")
    ] = False,
) -> None:
    """Tick rows of a checklist.

    \b
    Examples:
      tocsin task check contain 2
      tocsin task check contain 1 3 5
    """
    if bool(row) == everything:
        raise Usage(
            "name rows of the checklist, or --all",
            hint="as: tocsin task check STEP 1 3",
            code="options_conflict" if everything else "argument_missing",
        )
    incident, name = find(session, step)
    ticks = tuple(c.CheckRow(by=session.by, step=name, row=one - 1) for one in row or ())
    made = ticks or _all_rows(session, incident, name)
    which = ", ".join(map(str, row or ())) or "all"
    turn = session.service.act(session.principal, incident.id, made)
    tell(session, turn, f"{name}: rows ticked: {which}")


def uncheck(
    session: Session,
    step: Step,
    row: Annotated[list[int], Argument(metavar="ROW...", help="The rows, from 1.")],
) -> None:
    """Take ticks of a checklist back.

    \b
    Example:
      tocsin task uncheck contain 2
    """
    incident, name = find(session, step)
    made = [c.CheckRow(by=session.by, step=name, row=one - 1, done=False) for one in row]
    which = ", ".join(map(str, row))
    turn = session.service.act(session.principal, incident.id, made)
    tell(session, turn, f"{name}: rows unticked: {which}")


def skip(session: Session, step: Step, reason: Reason = "") -> None:
    """Leave it out; what follows goes on. Needs --reason."""
    _do(session, step, lambda name: c.SkipStep(by=session.by, step=name, reason=reason), "is skipped")


def reopen(session: Session, step: Step, reason: Reason = "") -> None:
    """Do an ended step again; what was done stays on record. Needs --reason."""
    _do(session, step, lambda name: c.ReopenStep(by=session.by, step=name, reason=reason), "is open again")


def assign(
    session: Session,
    step: Step,
    person: Annotated[str, Argument(metavar="PERSON", help="Who has it from now on.")],
    reason: Reason = "",
) -> None:
    """Give it to somebody. Needs --reason.

    \b
    Example:
      tocsin task assign wipe maria --reason "has the console open"
    """
    from runner.app.core.directory import person as known

    known(session.service, person)
    _do(
        session,
        step,
        lambda name: c.AssignStep(by=session.by, step=name, to=person, reason=reason),
        f"is with {person}",
    )


def fail(session: Session, step: Step, reason: Reason = "") -> None:
    """Say that it did not work. Needs --reason."""
    _do(session, step, lambda name: c.FailStep(by=session.by, step=name, reason=reason), "failed")


def comment(
    session: Session, step: Step, text: Annotated[str, Argument(metavar="TEXT", help="What to say.")]
) -> None:
    """Say something about it; it stays on record."""
    _do(session, step, lambda name: c.CommentStep(by=session.by, step=name, text=text), "has a comment")


def retry(session: Session, step: Step, reason: Reason = "") -> None:
    """Have a stuck automatic step tried again."""
    _do(session, step, lambda name: c.RetryStep(by=session.by, step=name, reason=reason), "is tried again")


def cancel(session: Session, step: Step, reason: Reason = "") -> None:
    """Take it back; what hangs on it alone falls away, too. Needs --reason."""
    _do(session, step, lambda name: c.CancelStep(by=session.by, step=name, reason=reason), "is cancelled")


def answer(
    session: Session,
    step: Step,
    value: Annotated[str | None, Argument(metavar="[VALUE]", help="The answer.")] = None,
    unknown: Annotated[bool, Option("--unknown", help="Nobody knows yet.")] = False,
    ask_again: Annotated[
        str, Option("--ask-again", metavar="TIME", help="With --unknown: when to ask again, as 2h.")
    ] = "",
    source: Annotated[str, Option("--source", help="How you know.")] = "",
    confidence: Annotated[str, Option("--confidence", help="confirmed or estimated.")] = "confirmed",
    grounds: Annotated[str, Option("--grounds", help="Why, where the answer moves a deadline.")] = "",
) -> None:
    """Answer a question; the answer becomes a fact.

    \b
    Examples:
      tocsin answer encrypted no --source "device inventory"
      tocsin answer elements name,contact
      tocsin answer aware "20m ago"
      tocsin answer encrypted --unknown --ask-again 2h
    """
    from runner.app.incidents.facts import record_answer
    from runner.incident.law.moved_deadlines import moves

    if (value is None) != unknown:
        raise Usage(
            "give an answer, or --unknown",
            hint="as: tocsin answer STEP VALUE",
            code="options_conflict" if unknown else "argument_missing",
        )
    incident, name = find(session, step)
    if value is None:
        again = session.now() + duration(ask_again) if ask_again else None
        made = c.AnswerUnknown(by=session.by, step=name, ask_again=again)
        turn = session.service.act(session.principal, incident.id, [made])
        answered(session, turn, f"{name} is not known yet")
        return
    turn, changes = record_answer(session.service, incident.id, name, value, source, confidence, grounds)
    moved = moves(incident, changes, session.now(), session.service.library(incident))
    tell(session, turn, f"{name} is answered", moved)


def undo(session: Session) -> None:
    """Undo your last command, if nothing followed from it. The entries stay, marked as wrong.

    Facts get the value from before, ticks are taken back, and a task that was done is open again.

    \b
    Example:
      tocsin undo
    """
    from runner.app.incidents.undo import undo as undone

    turn, done = undone(session.service, session.incident().id)
    tell(session, turn, f"undone: {'; '.join(done)}")
