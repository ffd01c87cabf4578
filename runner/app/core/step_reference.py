"""References to a step: its id, ``id#n``, or its row number. An ambiguous reference is refused with the choices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from runner.actions import Action, Slot
from runner.base.text import nearest
from runner.errors import NotFound, Refused
from runner.incident.state.expression_view import open_before
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.reports.core.formatting import moment
from runner.reports.core.task_rows import definition, handle, numbered, place_of, to_come

if TYPE_CHECKING:
    from runner.app.core.repository import IncidentRow, Repository


def resolve_step(incident: Incident, text: str) -> str:
    """Return the invocation that ``text`` names; a number is that of a task, counted from 1.

    A bare id is the newest invocation of its step. An id that several steps of the incident have, or had, is always
    refused: it does not become unique when the other steps end. Raises NotFound, or Refused with the
    choices.
    """
    if text in incident.invocations:
        return text
    rows = numbered(incident)
    if text.isdecimal():
        if not 1 <= int(text) <= len(rows):
            raise NotFound(f"Task {text} does not exist.", hint=Action("task.list"), code="unknown_row")
        return rows[int(text) - 1]
    invocations = [i for i in incident.invocations.values() if _named(i, text)]
    if not invocations:
        known = sorted({i.step for i in incident.invocations.values()})
        near = nearest(text, known)
        hint = f"Use {near}" if near else Action("task.list")
        raise NotFound(
            f'Task "{text}" does not exist in "{incident.codename}".', hint=hint, code="unknown_step"
        )
    return _one(invocations, text, rows)


def begun_step(incident: Incident, text: str, library: Library) -> str:
    """Return the invocation that ``text`` names; raises as ``resolve_step`` does, and Refused for a step that is not open yet."""
    try:
        return resolve_step(incident, text)
    except NotFound:
        _refuse_to_come(incident, text, library)
        raise


def _refuse_to_come(incident: Incident, text: str, library: Library) -> None:
    """Raise Refused if ``text`` is a step of a body that is not open yet, with the steps that it waits for."""
    for invocation in incident.invocations.values():
        step = definition(incident, library, invocation.id)
        if step is None or invocation.scopes or invocation.over:
            continue
        if any(text == row.step for row in to_come(step, library, incident, invocation)):
            before = ", ".join((*open_before(incident, invocation, step), *invocation.missing))
            raise Refused(
                f'Task "{text}" is not open. It is part of {invocation.step}{f", which waits for {before}" if before else ""}.',
                hint=Action("task.show", handle(incident, invocation.id)),
                code="task_not_open",
            )


def _named(invocation: Invocation, text: str) -> bool:
    names = (invocation.step, f"{invocation.step}#{invocation.n}", place_of(invocation.id))
    return text in names or invocation.id.endswith(
        (f".{text}", f":{text}", f".{text}#{invocation.n}", f":{text}#{invocation.n}")
    )


def _one(candidates: list[Invocation], text: str, rows: Sequence[str]) -> str:
    newest = {place_of(invocation.id): invocation for invocation in candidates}
    if len(newest) == 1:
        return candidates[-1].id
    choices = sorted(newest.values(), key=lambda one: one.over)
    listed = ", ".join(f"{rows.index(i.id) + 1} ({i.id})" if i.id in rows else i.id for i in choices[:6])
    raise Refused(
        f'"{text}" matches {len(choices)} tasks: {listed}.', hint="Name one of them.", code="ambiguous"
    )


ENDS = ("IncidentClosed", "IncidentCancelled")
NEWEST = 8
"""How many of the newest closed incidents are checked."""


def nothing_open(repository: Repository, rows: Sequence[IncidentRow]) -> NotFound:
    """Return the error, with the incident that closed last, when, and the command that shows it."""
    last = last_ended(repository, rows)
    if last is None:
        start = Action("incident.open", Slot("PLAYBOOK"))
        return NotFound("No incident is open.", hint=start, code="no_incident")
    at, row = last
    said = f'No incident is open. "{row.codename}" was {row.state} at {moment(at)}.'
    return NotFound(
        said,
        hint=f"Show the incident: tocsin status --incident {row.codename}. Or: tocsin open PLAYBOOK",
        code="no_incident",
    )


def last_ended(repository: Repository, rows: Sequence[IncidentRow]) -> tuple[datetime, IncidentRow] | None:
    """Return the incident that closed last, with the time; None if none closed or all are erased."""
    over = sorted(
        (row for row in rows if row.state in ("closed", "cancelled")), key=lambda row: row.opened_at
    )
    ended = [(at, row) for row in over[-NEWEST:] if (at := _ended(repository, row)) is not None]
    return max(ended, key=lambda pair: pair[0], default=None)


def _ended(repository: Repository, row: IncidentRow) -> datetime | None:
    """Return when one closed; None for an erased one: nobody can read it."""
    ended: datetime | None = None
    for event in repository.store.read(row.id):
        if event.payload is None:
            return None
        if event.type in ENDS:
            ended = event.at
    return ended
