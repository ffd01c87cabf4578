"""Entries that a person writes into an incident: notes, tasks of their own, and the end of the incident."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.errors import Usage
from runner.incident.state import commands as c
from runner.playbook.format import Due, OnOverdue, Task

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def note(text: str, about: datetime | None = None, *, privileged: bool = False) -> c.AddNote:
    """Return the command for a note about an instant, now by default; raises Usage without a text."""
    if not text.strip():
        raise Usage("The note has no text.", hint='tocsin note "TEXT"', code="words_missing")
    return c.AddNote(text=text, about=about, privileged=privileged)


def own_task(
    service: IncidentService,
    title: str,
    *,
    role: str = "",
    to: str = "",
    due: timedelta | None = None,
    instructions: str = "",
) -> c.AddTask:
    """Return the command for a task in no playbook; ``due`` is the time until its internal target.

    Raises Usage without a title or an assignee, and NotFound for an unknown person.
    """
    if not title.strip():
        raise Usage(
            "The task has no title.",
            hint='tocsin task add "Call the landlord" --to PERSON',
            code="words_missing",
        )
    if not (role or to):
        raise Usage("The task has no assignee.", hint="Add --role ROLE or --to PERSON", code="option_missing")
    if to:
        service.known(to)
    task = Task(
        id="",
        task=title.strip(),
        role=role,
        assignee=to,
        instructions=instructions.strip(),
        due=Due(offset=due) if due else None,
        on_overdue=OnOverdue(escalate="commander"),
    )
    return c.AddTask(task=task)


def close(reason: str, leave_open: Iterable[str] = ()) -> c.Close:
    """Return the command that closes an incident; raises Usage for a duty (``DUTY=REASON``) without a reason."""
    pairs = [text.partition("=") for text in leave_open]
    if bad := next((duty for duty, equals, _ in pairs if not equals), None):
        raise Usage(
            f"--leave-open {bad} has no reason.", hint=f"Use --leave-open {bad}=WHY", code="argument_missing"
        )
    return c.Close(reason=reason, leave_open={duty.strip(): why.strip() for duty, _, why in pairs})
