"""Which step is meant, and how steps are listed."""

from __future__ import annotations

from typing import Annotated

from runner.app.core.step_reference import refuse_to_come, resolve_step
from runner.cli.framework.completion import steps
from runner.cli.framework.options import Argument
from runner.cli.framework.session import Session
from runner.errors import NotFound
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import when
from runner.reports.core.header import heading_of, top
from runner.reports.core.page import (
    Cell,
    Page,
    Table,
    Tone,
    line,
)
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
        refuse_to_come(incident, text, session.desk.library(incident))
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
    return Page((*top(heading_of(incident), "tasks"), Table(rows=cells, elastic=3, indent=0)))
