"""The next three actions, each with its command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from runner.actions import Action
from runner.base.states import Kind, State
from runner.playbook.format import PEOPLE
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import Rank
from runner.reports.core.attention_rows import attention_row
from runner.reports.core.do_now import NOTHING, TASKS
from runner.reports.core.formatting import count
from runner.reports.core.header import Heading, screen_header
from runner.reports.core.page import Block, arrow, flow, line, paged, rows
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.incidents.duty_lanes import LaneGroup, attention_folded, words
from runner.reports.incidents.status import Status

HOW_MANY = 3


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One action."""

    kind: str
    """As in ``needs_attention``, or ``ready`` for a step that can be done."""
    ref: str
    text: str
    action: Action
    rank: Rank
    """Its rank in DO NOW; tasks to do that are not due have the rank of tasks."""
    due: datetime | None = None
    who: str = ""
    detail: str = ""


class Next(Report, frozen=True, kw_only=True, tag="tocsin/next/v1"):
    """The first actions of an incident, and the number of further actions."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    as_of: datetime
    next: tuple[Item, ...]
    more: int
    severity: str = ""
    alone: str = ""


def next_actions(found: Status, how_many: int = HOW_MANY, *, everything: bool = False) -> Next:
    """Return DO NOW, with the tasks to do before its questions.

    Similar lanes are one action; ``everything`` returns all actions, each lane separately.
    """
    if everything:
        how_many = len(found.tasks) + len(found.needs_attention)
        found = msgspec.structs.replace(found, lanes=())
    ordered = [item for _, item in sorted(_candidates(found), key=lambda pair: pair[0])]
    if not everything:
        unique = {item.action: item for item in reversed(ordered)}
        ordered = [item for item in ordered if unique[item.action] is item]
    return filled(Next, found, next=tuple(ordered[:how_many]), more=max(len(ordered) - how_many, 0))


_Order = tuple[int, bool, bool, datetime, int]
_FAR = datetime.max.replace(tzinfo=UTC)


def _candidates(found: Status) -> Iterator[tuple[_Order, Item]]:
    groups = {group.first: group for group in found.lanes}
    hidden = {name for group in found.lanes for name in group.rows if name != group.first}
    words = {word for item in found.needs_attention for word in (item.ref, item.action)}
    for n, one in enumerate(attention_folded(found.needs_attention, found.lanes)):
        yield (one.rank, False, False, _FAR, n), filled(Item, one)
    over = any(item.kind == "exercise_over" for item in found.needs_attention)
    if found.state not in ("open", "paused") or over:
        return
    for row in found.tasks:
        if row.state in ("ready", "active") and row.kind in PEOPLE and row.invocation not in words | hidden:
            order = (TASKS, True, row.invocation not in found.mine, row.due or _FAR, row.row)
            item = _ready(found, row, groups.get(row.invocation))
            if item.action not in words:
                yield order, item


def _ready(found: Status, row: TaskRow, group: LaneGroup | None) -> Item:
    return Item(
        kind="ready",
        ref=row.invocation,
        text=words(group) if group else named(row),
        who=row.who,
        detail=row.progress,
        action=suggested_actions.row_step(row),
        rank=TASKS,
        due=row.due,
    )


@paged
def next_page(found: Next) -> Iterator[Block]:
    """Draw the actions."""
    yield from screen_header(filled(Heading, found), found.as_of)
    if not found.next:
        yield line(NOTHING, "good")
    yield from rows(attention_row(one, found.as_of) for one in found.next)
    if found.more:
        yield flow(count(found.more, "more action"), arrow(suggested_actions.STATUS), indent=2)
