"""Work on steps: start, end, answer, and everything a person may do to one, each with its reason on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from runner.cli.moments import duration
from runner.cli.options import Argument, Commands, Option, Scope, command, group
from runner.cli.outcome import answer as answered
from runner.cli.outcome import submit, tell
from runner.cli.session import Session
from runner.cli.steps import Reason, Step, find, list_page
from runner.errors import Usage
from runner.model import commands as c


def add(app: Commands) -> None:
    """Add ``task …`` and ``answer``."""
    tasks = group(
        app, "task", "Work on steps: list, show, start, done, and what to do when it goes otherwise."
    )
    command(tasks, "list")(list_)
    command(tasks, "show")(show)
    command(tasks, "start", Scope.WRITES)(start)
    command(tasks, "done", Scope.WRITES)(done)
    command(tasks, "check", Scope.WRITES)(check)
    command(tasks, "skip", Scope.WRITES)(skip)
    command(tasks, "reopen", Scope.WRITES)(reopen)
    command(tasks, "assign", Scope.WRITES)(assign)
    command(tasks, "fail", Scope.WRITES)(fail)
    command(tasks, "comment", Scope.WRITES)(comment)
    command(tasks, "retry", Scope.WRITES)(retry)
    command(tasks, "cancel", Scope.WRITES)(cancel)
    command(app, "answer", Scope.WRITES)(answer)


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
    from runner.views.rows import task_rows

    incident = session.incident()
    rows = tuple(
        row
        for row in task_rows(incident, session.desk.library(incident))
        if state in ("", row.state) and not (open_only and row.over)
    )
    report = {"schema": "tocsin/tasks/v1", "incident": incident.id, "tasks": rows}
    session.show(report, lambda: list_page(rows, incident, session))


def show(session: Session, step: Step) -> None:
    """Show one step in full: instructions, checklist, tries, approvals, what it waits for."""
    from runner.views.task import task, task_page

    incident, name = find(session, step)
    report = task(incident, session.desk.library(incident), name)
    session.show(report, lambda: task_page(report, session.now()))


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
    everything: Annotated[bool, Option("--all", help="Tick every checklist row first.")] = False,
) -> None:
    """Say that it is done.

    \b
    Examples:
      tocsin task done wipe --comment "acknowledged by the device"
      tocsin task done 4 --all
    """
    incident, name = find(session, step)
    ticks = _open_rows(session, name) if everything else ()
    rows = tuple(c.CheckRow(by=session.by, step=name, row=row) for row in ticks)
    session.desk.submit(incident.id, *rows, c.CompleteTask(by=session.by, step=name, comment=text))
    answered(session, incident, f"{name} is done")


def _open_rows(session: Session, name: str) -> tuple[int, ...]:
    incident = session.incident()
    rows = getattr(session.desk.library(incident).step(incident, name), "checklist", ())
    return tuple(n for n in range(len(rows)) if n not in incident.invocations[name].checked)


def check(
    session: Session,
    step: Step,
    row: Annotated[int | None, Argument(metavar="[ROW]", help="The row, from 1.")] = None,
    everything: Annotated[bool, Option("--all", help="Every row.")] = False,
) -> None:
    """Tick a row of a checklist.

    \b
    Example:
      tocsin task check contain 2
    """
    if (row is None) != everything:
        raise Usage(
            "name one row of the checklist, or --all",
            hint="as: tocsin task check STEP 1",
            code="options_conflict" if everything else "argument_missing",
        )
    incident, name = find(session, step)
    ticks = _open_rows(session, name) if row is None else (row - 1,)
    made = tuple(c.CheckRow(by=session.by, step=name, row=tick) for tick in ticks)
    session.desk.submit(incident.id, *made)
    what = "every row" if row is None else f"row {row}"
    answered(session, incident, f"{name}: {what} is ticked")


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
    from runner.service.people import person as known

    known(session.desk, person)
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
    from runner.engine.moved_clocks import moves
    from runner.service.facts import record_answer

    if (value is None) != unknown:
        raise Usage(
            "give an answer, or --unknown",
            hint="as: tocsin answer STEP VALUE",
            code="options_conflict" if unknown else "argument_missing",
        )
    incident, name = find(session, step)
    if value is None:
        again = session.now() + duration(ask_again) if ask_again else None
        session.desk.submit(incident.id, c.AnswerUnknown(by=session.by, step=name, ask_again=again))
        words = f"{name} is not known yet"
    else:
        after, changes = record_answer(session.desk, incident.id, name, value, source, confidence, grounds)
        moved = moves(incident, changes, session.now(), session.desk.library(incident))
        tell(session, incident, after, f"{name} is answered", moved)
        return
    answered(session, incident, words)
