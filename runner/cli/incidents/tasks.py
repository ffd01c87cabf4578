"""Commands of tasks: list, start, end, answer, assign and undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from shlex import quote
from typing import Annotated

from runner.actions import Action, Slot
from runner.app.core.step_reference import begun_step
from runner.cli.framework.completion import steps
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, duration, group
from runner.cli.framework.outcome import answer as answered
from runner.cli.framework.outcome import submit, tell
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident

Step = Annotated[str, Argument("STEP", "Id, id#n or row number of the task.", autocompletion=steps)]


def find(session: Session, text: str) -> tuple[Incident, str]:
    """Return the incident and the invocation in it."""
    incident = session.incident()
    return incident, begun_step(incident, text, session.service.library(incident))


def add(app: Commands) -> None:
    """Add ``task …``, ``answer`` and ``undo``."""
    tasks = group(app, "task", "Manage tasks: list, show, start, mark done, assign, skip, retry.")
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
    state: Annotated[str, Option("--state", "Only tasks in this state.")] = "",
    open_only: Annotated[bool, Option("--open", "Only tasks that have not ended.")] = False,
) -> None:
    """List the tasks with their row numbers.

    \b
    Examples:
      tocsin task list --open
      tocsin task list --state ready
    """
    from runner.reports.core.task_rows import task_rows
    from runner.reports.incidents.task import TasksReport, task_list_page

    incident = session.incident()
    rows = tuple(
        row
        for row in task_rows(incident, session.service.library(incident))
        if state in ("", row.state) and not (open_only and row.over)
    )
    report = TasksReport(incident=incident.id, tasks=rows)
    session.show(report, lambda: task_list_page(rows, incident, session.now()))


def show(session: Session, step: Step) -> None:
    """Show one task with instructions, checklist and approvals."""
    from runner.reports.incidents.task import task, task_page

    incident, name = find(session, step)
    report = task(incident, session.service.library(incident), name, session.reader.events(incident))
    session.show(report, lambda: task_page(report, session.now()))


def add_task(
    session: Session,
    title: Annotated[str, Argument("TITLE", "Title of the task.")],
    role: Annotated[str, Option("--role ROLE", "Role that the task is for.")] = "",
    to: Annotated[str, Option("--to PERSON", "Person that the task is for.")] = "",
    due: Annotated[str, Option("--due TIME", "Time until the internal target, as 2h.")] = "",
    instructions: Annotated[str, Option("--instructions TEXT", "Instructions for the task.")] = "",
) -> None:
    """Add a task. Reminds the role commander if it is overdue.

    \b
    Examples:
      tocsin task add "Call the landlord" --role technical --due 2h
      tocsin task add "Collect the spare laptops" --to maria
    """
    from runner.app.incidents.entries import own_task

    span = duration(due) if due else None
    made = own_task(session.service, title, role=role, to=to, due=span, instructions=instructions)
    submit(session, session.name(), made, "added")


def _do(session: Session, step: str, make: Callable[[str], c.AnyCommand], words: str) -> None:
    incident, name = find(session, step)
    submit(session, incident.id, make(name), f"{name} {words}")


def start(session: Session, step: Step) -> None:
    """Start a task."""
    _do(session, step, lambda name: c.StartTask(step=name), "is assigned to you")


def done(
    session: Session,
    step: Step,
    text: Annotated[str, Option("--comment TEXT", "Comment on the result. Stored in the journal.")] = "",
    everything: Annotated[
        bool, Option("--all", "Mark all checklist items first; asks for each item that must be checked.")
    ] = False,
    instead: Annotated[
        list[str] | None,
        Option("--instead ITEM=HOW", "How an item was done that the action did not do. Repeatable."),
    ] = None,
) -> None:
    """Mark a task as done.

    On a terminal, asks for each open checklist item. Asks how each item was done that an action did not do.

    \b
    Examples:
      tocsin task done wipe --comment "acknowledged by the device"
      tocsin task done 4 --all
      tocsin task done end --instead "ana@example.org=blocked in the console"
    """
    incident, name = find(session, step)
    asked = everything or session.world.asks
    rows = _all_rows(session, incident, name, each=not everything) if asked else ()
    how = _instead(session, incident, name, instead or ())
    made: list[c.AnyCommand] = [*rows, c.CompleteTask(step=name, comment=text, instead=how)]
    answered(session, session.service.act(session.principal, incident.id, made), f"{name} is done")
    _warn_of_drafts(session, incident)


def _warn_of_drafts(session: Session, before: Incident) -> None:
    """Warn of each notice that the end of a task has generated as a draft: what is missing, and what fills it."""
    from runner.incident.steps.approvals import refuse_unready
    from runner.reports.core.action_text import hint_text

    after = session.service.load(before.id)
    for made in [one for key, one in after.documents.items() if key not in before.documents]:
        try:
            refuse_unready(after, after.invocations[made.step])
        except Refused as error:
            session.warn("draft_made", f"{error.message} {hint_text(error)}")


def _instead(session: Session, incident: Incident, name: str, texts: Sequence[str]) -> dict[str, str]:
    """Return how each item was done that an action did not do, as given or as a person at a terminal says."""
    from runner.incident.state.action_items import left_items

    left = left_items(incident, incident.invocations[name], session.service.library(incident))
    said = {}
    for text in texts:  # the name of an item can contain "="
        item = next((one for one in left if text.startswith(f"{one}=")), text.partition("=")[0])
        said[item] = text[len(item) + 1 :]
    for item in (one for one in left if session.world.asks and one not in said):
        said[item] = session.ask(f"{item} is not done: {left[item]}. How was it done instead?")
    return said


def _all_rows(
    session: Session, incident: Incident, name: str, *, each: bool = False
) -> tuple[c.CheckRow, ...]:
    """Return a check for every open item; an item for safety or evidence, or ``each``, needs its own confirmation."""
    from runner.reports.incidents.task import task

    report = task(incident, session.service.library(incident), name)
    items = [item for item in report.checklist if not item.done]
    asked = [item for item in items if item.must or each]
    numbers = " ".join(str(item.row) for item in asked)
    for item in asked:
        again = f"tocsin task check {quote(name)} {numbers}"
        session.confirm(f"Item {item.row}: {item.text}. Is it done?", again)
    return tuple(c.CheckRow(step=name, row=item.row - 1, at_once=item not in asked) for item in items)


def check(
    session: Session,
    step: Step,
    row: Annotated[list[int] | None, Argument("[ROW]...", "Numbers of the checklist items, from 1.")] = None,
    everything: Annotated[
        bool, Option("--all", "All items; asks for each item that must be checked.")
    ] = False,
) -> None:
    """Mark checklist items as done.

    \b
    Examples:
      tocsin task check contain 2
      tocsin task check contain 1 3 5
    """
    if bool(row) == everything:
        raise Usage(
            "The checklist items are missing, or both items and --all are given.",
            hint="tocsin task check STEP 1 3",
            code="options_conflict" if everything else "argument_missing",
        )
    incident, name = find(session, step)
    ticks = tuple(c.CheckRow(step=name, row=item - 1) for item in row or ())
    made = ticks or _all_rows(session, incident, name)
    which = ", ".join(map(str, row or ())) or "all"
    turn = session.service.act(session.principal, incident.id, made)
    tell(session, turn, f"{name}: items marked done: {which}")


def uncheck(
    session: Session,
    step: Step,
    row: Annotated[list[int], Argument("ROW...", "Numbers of the checklist items, from 1.")],
) -> None:
    """Mark checklist items as not done.

    \b
    Example:
      tocsin task uncheck contain 2
    """
    incident, name = find(session, step)
    made = [c.CheckRow(step=name, row=one - 1, done=False) for one in row]
    which = ", ".join(map(str, row))
    turn = session.service.act(session.principal, incident.id, made)
    tell(session, turn, f"{name}: items marked not done: {which}")


def skip(session: Session, step: Step, reason: Reason = "") -> None:
    """Skip a task. The tasks after it continue. Needs --reason."""
    _do(session, step, lambda name: c.SkipStep(step=name, reason=reason), "is skipped")


def reopen(session: Session, step: Step, reason: Reason = "") -> None:
    """Reopen an ended task. Keeps all entries. Needs --reason."""
    _do(session, step, lambda name: c.ReopenStep(step=name, reason=reason), "is open again")


def assign(
    session: Session,
    step: Step,
    person: Annotated[str, Argument("PERSON", "Person who gets the task.")],
    reason: Reason = "",
) -> None:
    """Assign a task to a person. Needs --reason.

    \b
    Example:
      tocsin task assign wipe maria --reason "has the console open"
    """
    from runner.app.core.directory import person as known

    known(session.service, person)
    _do(
        session,
        step,
        lambda name: c.AssignStep(step=name, to=person, reason=reason),
        f"is assigned to {person}",
    )


def fail(session: Session, step: Step, reason: Reason = "") -> None:
    """Mark a task as failed. Needs --reason."""
    _do(session, step, lambda name: c.FailStep(step=name, reason=reason), "failed")


def comment(
    session: Session, step: Step, text: Annotated[str, Argument("TEXT", "Text of the comment.")]
) -> None:
    """Add a comment to a task."""
    _do(session, step, lambda name: c.CommentStep(step=name, text=text), "has a comment")


def retry(session: Session, step: Step, reason: Reason = "") -> None:
    """Retry a blocked automatic task."""
    _do(session, step, lambda name: c.RetryStep(step=name, reason=reason), "is retried")


def cancel(session: Session, step: Step, reason: Reason = "") -> None:
    """Cancel a task and all tasks that depend only on it.

    Needs --reason."""
    _do(session, step, lambda name: c.CancelStep(step=name, reason=reason), "is cancelled")


def answer(
    session: Session,
    step: Step,
    value: Annotated[
        list[str] | None,
        Argument("[VALUE]...", "Value of the answer; for a form FACT=VALUE or FACT=unknown."),
    ] = None,
    unknown: Annotated[
        bool, Option("--unknown", "The answer, or each named field of a form, is not known.")
    ] = False,
    ask_again: Annotated[
        str, Option("--ask-again TIME", "Time until the question is asked again, as 2h. Needs --unknown.")
    ] = "",
    source: Annotated[str, Option("--source", "Source of the answer; regulator and board read it.")] = "",
    confidence: Annotated[str, Option("--confidence", "Certainty: confirmed or estimated.")] = "confirmed",
    grounds: Annotated[str, Option("--grounds", "Reason, if the answer moves a deadline.")] = "",
) -> None:
    """Answer a question, or fields of a form. Records each answer as a fact.

    A form can be answered in parts. Without values, a terminal asks for each open field.

    \b
    Examples:
      tocsin answer encrypted no --source "device inventory"
      tocsin answer elements name,contact
      tocsin answer aware "20m ago"
      tocsin answer encrypted --unknown --ask-again 2h
      tocsin answer what_happened incident.impact=confidentiality data.encrypted=unknown
      tocsin answer what_happened --unknown data.encrypted --ask-again 2h
    """
    from runner.app.incidents.facts import record_answer
    from runner.app.incidents.outcome import moved
    from runner.cli.incidents.forms import Said, fill

    incident, name = find(session, step)
    again = session.now() + duration(ask_again) if ask_again else None
    if incident.invocations[name].kind == "form" and (value or not unknown):
        texts = [f"{one}=unknown" for one in value or ()] if unknown else value or ()
        fill(session, incident, name, texts, Said(source, confidence, grounds), again)
        return
    if (value is None) != unknown or len(value or ()) > 1:
        raise Usage(
            "The answer is missing, several answers are given, or both an answer and --unknown.",
            hint=Action("step.answer", Slot("STEP"), {"value": Slot("VALUE")}),
            code="argument_missing" if not value and not unknown else "options_conflict",
        )
    if value is None:
        made = c.AnswerUnknown(step=name, ask_again=again)
        turn = session.service.act(session.principal, incident.id, [made])
        counts = getattr(session.service.library(incident).step(incident, name), "unknown_as", "")
        words = f"{name}: the answer is unknown{f' and counts as {counts}' if counts else ''}"
        answered(session, turn, words)
        return
    turn, changes = record_answer(session.service, incident.id, name, value[0], source, confidence, grounds)
    tell(session, turn, f"{name} is answered", moved(session.service, turn, changes))


def undo(session: Session) -> None:
    """Undo your last command. Keeps the entries, marked as wrong.

    Works only if nothing followed from the command. Facts get the earlier value, checklist items are not done again,
    and a done task is open again.

    \b
    Example:
      tocsin undo
    """
    from runner.app.incidents.undo import undo as undone

    turn, done = undone(session.service, session.principal, session.incident().id)
    tell(session, turn, f"Undone: {'; '.join(done)}")
