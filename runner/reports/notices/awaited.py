"""The tasks before the approval of a notice: what it waits for, and who does them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.reports.core.page import Block, Cell, flow, line
from runner.reports.core.task_rows import TaskRow, named, task_rows


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A task that must end before the approval of a notice begins."""

    approval: str
    """Title of the approval."""
    step: str
    title: str
    who: str
    """Who does it; empty if nobody has the role."""


def awaited(incident: Incident, library: Library, steps: Sequence[str]) -> tuple[Awaited, ...]:
    """Return the tasks before the approvals that wait, of the current notices of these invocations."""
    tasks = {task.invocation: task for task in task_rows(incident, library)} if steps else {}
    return tuple(dict.fromkeys(one for step in steps for one in _awaited(incident, step, tasks)))


def awaited_blocks(awaits: Sequence[Awaited]) -> Iterator[Block]:
    """Yield the tasks that an approval waits for, with links."""
    if awaits:
        yield line("THE APPROVAL WAITS FOR", "title")
    for one in awaits:
        title = Cell(one.title, about=f"task/{one.step}")
        yield flow(title, f" · {one.who or 'nobody has the role'}", indent=2, hang=2)


def _awaited(incident: Incident, notice: str, tasks: Mapping[str, TaskRow]) -> Iterator[Awaited]:
    """Yield the tasks before the approvals of one notice."""
    bound = incident.invocations.get(notice)
    about = ("approve", bound.step, bound.scope) if bound is not None else None
    for one in incident.invocations.values():
        task = tasks.get(one.id)
        if task is None or (one.kind, one.subject, one.scope) != about:
            continue
        for step in task.waits_for:
            before = tasks.get(incident.latest.get(f"{one.scope}|{step}", ""))
            yield Awaited(
                approval=task.title,
                step=before.invocation if before else step,
                title=named(before) if before else step,
                who=before.who if before else "",
            )
