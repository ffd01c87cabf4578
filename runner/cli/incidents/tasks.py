"""Commands of tasks: list, start, end, answer, assign and undo."""

from __future__ import annotations

from typing import Annotated

from runner.acts.tasks import TASK, TASK_SHOW
from runner.app.core.step_reference import begun_step
from runner.cli.framework.act_commands import add_acts, add_view
from runner.cli.framework.completion import steps
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, duration, group
from runner.cli.framework.outcome import submit, tell
from runner.cli.framework.session import Session
from runner.incident.state.incident import Incident

Step = Annotated[str, Argument("STEP", "Id, id#n or row number of the task.", autocompletion=steps)]


def find(session: Session, text: str) -> tuple[Incident, str]:
    """Return the incident and the invocation in it."""
    incident = session.incident()
    return incident, begun_step(incident, text, session.service.library(incident))


def add(app: Commands) -> None:
    """Add ``task …``, ``answer`` and ``undo``."""
    tasks = group(app, TASK.name, TASK.words)
    command(tasks, "list")(list_)
    add_view(tasks, "show", TASK, TASK_SHOW)
    command(tasks, "add", Scope.WRITES)(add_task)
    add_acts(app, tasks, TASK)
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
