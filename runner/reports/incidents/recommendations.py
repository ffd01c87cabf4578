"""The next three actions, each with its command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.actions import Action
from runner.base.states import Kind, State
from runner.playbook.format import PEOPLE, Horizon
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem, Rank
from runner.reports.core.attention_rows import attention_row
from runner.reports.core.do_now import NOTHING, folded_words, is_due, is_urgent, ordered, present, waits
from runner.reports.core.formatting import count
from runner.reports.core.header import Heading, screen_header
from runner.reports.core.page import Block, arrow, flow, paged, rows
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.incidents.duty_lanes import LaneGroup, attention_folded, words
from runner.reports.incidents.organisation_attention import elsewhere_blocks
from runner.reports.incidents.status import Status
from runner.reports.incidents.waiting import finished, waiting, waiting_blocks
from runner.reports.law.next_act import lane_act

HOW_MANY = 3


class Next(Report, frozen=True, kw_only=True, tag="tocsin/next/v1"):
    """The first actions of an incident, and the number of further actions."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    as_of: datetime
    next: tuple[AttentionItem, ...]
    more: int
    folded: Mapping[Horizon, int] = {}
    """Of these, the tasks of a later horizon."""
    waiting: tuple[str, ...] = ()
    """What waits for somebody else."""
    severity: str = ""
    alone: str = ""
    elsewhere: tuple[AttentionItem, ...] = ()
    """What is overdue or due within two hours in other open incidents that the reader may read."""


def next_actions(found: Status, how_many: int = HOW_MANY, *, everything: bool = False) -> Next:
    """Return the first actions: DO NOW and the tasks to do, in the one order.

    Similar lanes, all calls, and questions of one form are each one action; ``everything`` returns all actions.
    """
    listed, folded = actions(found, everything=everything)
    if not everything:
        calls = sum(item.kind == "unreachable" for item in listed)
        more_calls = f" (and {count(calls - 1, 'more person', 'more people')} to call)" if calls > 1 else ""
        unique: dict[object, AttentionItem] = {}
        for item in listed:
            call = item.kind == "unreachable"
            shown = msgspec.structs.replace(item, text=item.text + more_calls) if call else item
            unique.setdefault("calls" if call else item.action, shown)
        listed = tuple(unique.values())
    how_many = len(listed) if everything else how_many
    more = max(len(listed) - how_many, 0) + sum(folded.values())
    return filled(
        Next, found, next=listed[:how_many], more=more, folded=dict(folded), waiting=tuple(waiting(found))
    )


def actions(found: Status, *, everything: bool = False) -> tuple[tuple[AttentionItem, ...], Counter[Horizon]]:
    """Return DO NOW and the tasks to do in their order, and the number of the tasks of later horizons."""
    lanes = () if everything else found.lanes
    tasks, folded = _tasks(found, lanes, everything=everything)
    groups = {group.first: words(group) for group in lanes}
    ready = [task_item(row, found, groups.get(row.invocation, "")) for row in tasks]
    if finished(found):
        ready = [
            AttentionItem(
                kind="ready", ref=found.incident, text="Close the incident", action=suggested_actions.CLOSE
            )
        ]
    urgent = found.needs_attention if everything else attention_folded(found.needs_attention, lanes)
    return ordered((*urgent, *ready), found.mine), folded


def pressing_actions(found: Status, *, everything: bool = False) -> tuple[AttentionItem, ...]:
    """Return DO NOW for pages: the required actions, and the tasks of the reader, or of all, with an hour left.

    The questions that wait for containment have their own place there.
    """
    hour = {row.invocation for row in found.tasks if is_urgent(row, found.as_of)}
    hour &= set(found.mine) if found.me else hour
    listed, _ = actions(found, everything=everything)
    return tuple(item for item in listed if (item.ref in hour if item.kind == "ready" else not waits(item)))


def _tasks(
    found: Status, lanes: Sequence[LaneGroup], *, everything: bool
) -> tuple[list[TaskRow], Counter[Horizon]]:
    """Return the tasks to do that are not in DO NOW, of the present horizon only; own tasks have a horizon of their own."""
    told = {
        word
        for item in found.needs_attention
        if item.kind != "fact_missing"
        for word in (item.ref, item.action)
    }
    hidden = {name for group in lanes for name in group.rows if name != group.first}
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


def task_item(row: TaskRow, found: Status, title: str = "") -> AttentionItem:
    """Return a task to do as an action. A task for a duty has the time of the duty, and comes after the question that decides it.

    An approval or a filing has the next act of its duty: that one is not refused.
    """
    duty = next((one for one in found.duties if one.id in (row.item, row.duty)), None)
    act = duty.next if duty is not None else None
    at = (
        None
        if duty is None
        else duty.internal_target
        if duty.due_kind == "no_number"
        else duty.latest_safe_start or duty.due
    )
    who, detail, action = lane_act(row, found.duties)
    behind = act is not None and act.act == "answer"
    rank: Rank = 1 if row.containment else 3 if is_due(row, found.as_of) else 5
    return AttentionItem(
        kind="ready",
        ref=row.invocation,
        text=title or named(row),
        who=who,
        detail=detail,
        action=action,
        rank=7 if behind else rank,
        severity="low" if behind else "high",
        due=row.due or at,
    )


@paged
def next_page(found: Next) -> Iterator[Block]:
    """Draw the actions."""
    yield from screen_header(filled(Heading, found), found.as_of)
    yield from elsewhere_blocks(found.elsewhere, found.as_of)
    if not found.next:
        yield from waiting_blocks(NOTHING, found.waiting)
    yield from rows(attention_row(one, found.as_of) for one in found.next)
    if more := found.more - sum(found.folded.values()):
        yield flow(count(more, "more action"), arrow(suggested_actions.STATUS), indent=2)
    if found.folded:
        yield flow(folded_words(found.folded), arrow(Action("incident.next", args={"all": True})), indent=2)
