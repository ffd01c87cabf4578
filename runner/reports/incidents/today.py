"""The first page over all open incidents: how much is late, and the tasks of one person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from runner.reports.core.formatting import remaining
from runner.reports.core.page import Block, Cell, Row, flow, line, rows
from runner.reports.core.task_rows import TaskRow, named, state_words
from runner.reports.incidents.status import Status

SHOWN = 8
"""Most tasks of a list."""
_FAR = datetime.max.replace(tzinfo=UTC)


def late(found: Sequence[Status]) -> int:
    """Return the number of required actions after their time; a closed incident's, which each status has, count once."""
    return len({
        (item.action.args.get("incident", one.codename), item.ref, item.text)
        for one in found
        for item in one.needs_attention
        if item.due is not None and item.due <= one.as_of
    })  # fmt: skip


def own_tasks(found: Sequence[Status]) -> list[tuple[Status, TaskRow]]:
    """Return the tasks to do of the person of the statuses, in order of time."""
    mine = [(one, row) for one in found for row in one.tasks if row.invocation in one.mine]
    return sorted(mine, key=lambda pair: pair[1].due or _FAR)


def summary_line(found: Sequence[Status], running: int) -> Block:
    """Return the counts in one line; ``running`` is the number of open incidents, of which ``found`` may be only some."""
    overdue, mine = late(found), len(own_tasks(found))
    cut = f" · counted in {len(found)} of {running} open incidents" if len(found) < running else ""
    return flow(
        f"Open {running} · ", Cell(f"Late {overdue}", "alarm" if overdue else "good"), f" · Yours {mine}{cut}"
    )


def own_blocks(found: Sequence[Status]) -> Iterator[Block]:
    """Yield the tasks of the person: those of real incidents, and apart from them those of exercises."""
    for title, real in (("YOUR TASKS", True), ("YOUR TASKS IN EXERCISES", False)):
        mine = own_tasks([one for one in found if (one.kind == "real") is real])
        if mine:
            yield line(f"{title} ({len(mine)})", "title")
            yield from rows(_row(one, row) for one, row in mine[:SHOWN])
        if len(mine) > SHOWN:
            yield line(f"{len(mine) - SHOWN} more", "dim")


def _row(one: Status, row: TaskRow) -> Row:
    first = Cell(state_words(row))
    if row.due is not None:
        first = Cell(remaining(row.due, one.as_of), "alarm" if row.due <= one.as_of else "title")
    place = f"incident/{one.codename}"
    about = Cell(named(row), about=f"{place}/task/{row.invocation}")
    return Row(first, (about, " · ", Cell(one.codename, about=place)))
