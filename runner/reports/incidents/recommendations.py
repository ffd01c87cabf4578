"""The next three actions, each with its command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from runner.actions import Action
from runner.base.states import Kind, State
from runner.playbook.format import PEOPLE, Horizon
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem, Rank
from runner.reports.core.attention_rows import attention_row
from runner.reports.core.do_now import NOTHING, TASKS, folded_words, is_urgent, present
from runner.reports.core.formatting import count
from runner.reports.core.header import Heading, screen_header
from runner.reports.core.page import Block, arrow, flow, paged, rows
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.incidents.duty_lanes import LaneGroup, attention_folded, words
from runner.reports.incidents.status import Status
from runner.reports.incidents.waiting import waiting, waiting_blocks

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
    person: str = ""
    """The person to reach."""


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
    folded: Mapping[Horizon, int] = {}
    """Of these, the tasks of a later horizon."""
    waiting: tuple[str, ...] = ()
    """What waits for somebody else."""
    severity: str = ""
    alone: str = ""


def next_actions(found: Status, how_many: int = HOW_MANY, *, everything: bool = False) -> Next:
    """Return DO NOW, with the tasks to do before its questions.

    Similar lanes are one action; ``everything`` returns all actions, each lane separately.
    """
    if everything:
        how_many = len(found.tasks) + len(found.needs_attention)
        found = msgspec.structs.replace(found, lanes=())
    tasks, folded = _tasks(found, everything=everything)
    urgent = found.needs_attention if everything else attention_folded(found.needs_attention, found.lanes)
    ordered = [item for _, item in sorted(_candidates(found, urgent, tasks), key=lambda pair: pair[0])]
    if not everything:
        unique = {item.action: item for item in reversed(ordered)}
        ordered = [item for item in ordered if unique[item.action] is item]
    more = max(len(ordered) - how_many, 0) + sum(folded.values())
    return filled(
        Next,
        found,
        next=tuple(ordered[:how_many]),
        more=more,
        folded=dict(folded),
        waiting=tuple(waiting(found)),
    )


_Order = tuple[int, bool, bool, datetime, int]
_FAR = datetime.max.replace(tzinfo=UTC)


def _tasks(found: Status, *, everything: bool) -> tuple[list[TaskRow], Counter[Horizon]]:
    """Return the tasks to do that are not in DO NOW, of the present horizon only; own tasks have a horizon of their own."""
    told = {word for item in found.needs_attention for word in (item.ref, item.action)}
    hidden = {name for group in found.lanes for name in group.rows if name != group.first}
    ready = [
        row
        for row in found.tasks
        if row.state in ("ready", "active")
        and row.kind in PEOPLE
        and row.invocation not in hidden | told
        and suggested_actions.row_step(row) not in told
    ]
    over = any(item.kind == "exercise_over" for item in found.needs_attention)
    if found.state not in ("open", "paused") or over:
        return [], Counter()
    if everything:
        return ready, Counter()
    mine, later = present([row for row in ready if row.invocation in found.mine], found.as_of)
    others, more = present([row for row in ready if row.invocation not in found.mine], found.as_of)
    return mine + others, later + more


def _candidates(
    found: Status, urgent: Sequence[AttentionItem], tasks: Sequence[TaskRow]
) -> Iterator[tuple[_Order, Item]]:
    groups = {group.first: group for group in found.lanes}
    for n, one in enumerate(urgent):
        yield (one.rank, False, False, _FAR, n), filled(Item, one)
    for row in tasks:
        mine = is_urgent(row, found.as_of) or row.invocation in found.mine
        order = (TASKS, True, not mine, row.due or _FAR, row.row)
        yield order, _ready(found, row, groups.get(row.invocation))


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
        yield from waiting_blocks(NOTHING, found.waiting)
    yield from rows(attention_row(one, found.as_of) for one in found.next)
    if more := found.more - sum(found.folded.values()):
        yield flow(count(more, "more action"), arrow(suggested_actions.STATUS), indent=2)
    if found.folded:
        yield flow(folded_words(found.folded), arrow(Action("incident.next", args={"all": True})), indent=2)
