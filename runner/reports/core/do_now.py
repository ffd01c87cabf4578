"""DO NOW: the one definition of urgent actions, and their order.

``brief``, ``status``, ``next``, ``watch``, ``doctor``, ``worker --once`` and the exit code of ``status --check`` use it from
here. It has containment tasks, people to call, duties whose work must start, tasks that are due or blocked, and questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

import msgspec

from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.law.relevance import is_set_up
from runner.playbook.format import PEOPLE, Horizon
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import SEVERITIES, AttentionItem, AttentionKind, Rank
from runner.reports.core.formatting import count
from runner.reports.core.task_rows import TaskRow, named

SOON = timedelta(hours=2)
"""Time before "start by" from which a duty is in DO NOW."""
UNPLANNED = timedelta(hours=12)
"""The same before the deadline of a duty without a "start by"."""
FIRST_HOURS = timedelta(hours=4)
"""Time after the opening in which legal questions wait for open containment tasks, and the questions of the settings are hidden."""
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
HORIZONS: tuple[Horizon, ...] = get_args(Horizon)
CLOCKS: Rank = 3
TASKS: Rank = 4
QUESTIONS: Rank = 5
LATER: Rank = 6
NOTHING = "No action required now"
_RANKS: Mapping[AttentionKind, Rank] = {
    "containment": 1,
    "organisation_unknown": 1,
    "unreachable": 2,
    "acknowledge": 2,
    "exposed": 2,
    "outcome_unknown": 2,
    "set_aside": 2,
    "duty_overdue": 3,
    "duty_reopened": 3,
    "duty_claimed": 3,
    "duty_to_file": 3,
    "filed_unsigned": 3,
    "filing_differs": 3,
    "notice_stale": QUESTIONS,
    "clock": 3,
    "role_unheld": QUESTIONS,
    "alternate_missing": QUESTIONS,
    "unconfirmed": QUESTIONS,
}
"""All other kinds are tasks."""


def must_begin(duty: DutyStatus, now: datetime) -> bool:
    """Return whether a duty is overdue, past "start by", or less than ``SOON`` before it."""
    if duty.due is None or duty.state not in ("open", "overdue"):
        return False
    start = duty.latest_safe_start or duty.due
    return start - now <= (SOON if start < duty.due else UNPLANNED)


def containment(rows: Iterable[TaskRow], now: datetime) -> Iterator[AttentionItem]:
    """Yield the containment tasks to do that are not overdue."""
    for row in rows:
        if _contains(row) and not row.stuck and not is_due(row, now):
            yield AttentionItem(
                kind="containment",
                ref=row.invocation,
                due=row.due,
                text=named(row),
                who=row.who,
                detail=row.progress,
                action=suggested_actions.row_step(row),
            )


def is_due(row: TaskRow, now: datetime) -> bool:
    """Return whether a task is due, also before the journal records that it is overdue."""
    return row.overdue or (row.due is not None and row.due <= now)


def horizon(row: TaskRow, now: datetime) -> Horizon:
    """Return when a task is listed: by its playbook or its time left; always now if it contains the incident or is urgent."""
    if row.containment or row.stuck or row.overdue or is_urgent(row, now):
        return "now"
    return row.horizon or ("today" if row.due is None or row.due - now <= DAY else "later")


def is_urgent(row: TaskRow, now: datetime) -> bool:
    """Return whether a task is due within the hour."""
    return row.due is not None and row.due - now <= HOUR


def present(rows: Sequence[TaskRow], now: datetime) -> tuple[list[TaskRow], Counter[Horizon]]:
    """Return the tasks of the earliest horizon that has some, and the number of the others by horizon.

    Automatic steps have no horizon: they are always listed, and never hide a task of a person.
    """
    found = [(horizon(row, now) if row.kind in PEOPLE else None, row) for row in rows]
    counts = Counter(when for when, _ in found if when is not None)
    first = next((when for when in HORIZONS if counts[when]), "now")
    del counts[first]
    return [row for when, row in found if when in (first, None)], counts


def folded_words(counts: Mapping[Horizon, int]) -> str:
    """Return the number of tasks that are not listed: ``3 tasks for today, 2 for later``."""
    parts = [(counts.get(when, 0), when) for when in HORIZONS if counts.get(when)]
    first = [count(parts[0][0], "task") + f" for {parts[0][1]}"] if parts else []
    return ", ".join(first + [f"{many} for {when}" for many, when in parts[1:]])


def _contains(row: TaskRow) -> bool:
    return row.containment and row.kind in PEOPLE and row.state in ("ready", "active")


def do_now(
    items: Iterable[AttentionItem],
    incident: Incident,
    rows: Sequence[TaskRow],
    duties: Iterable[DutyStatus],
    now: datetime,
) -> tuple[AttentionItem, ...]:
    """Return the required actions in order: by rank, severity and time."""
    first = {row.invocation for row in rows if row.containment}
    early = now - incident.opened_at < FIRST_HOURS
    wait = early and any(map(_contains, rows))
    contained = all(row.over or row.superseded for row in rows if row.containment and row.kind in PEOPLE)
    pressing: dict[str, datetime] = {}
    for duty in duties:
        if duty.verdict == "unknown" and duty.in_sight and duty.missing_facts and must_begin(duty, now):
            fact, due = duty.missing_facts[0], duty.due or now
            pressing[fact] = min(due, pressing.get(fact, due))
    ranked = (
        msgspec.structs.replace(
            item, rank=_rank(item, first, pressing, wait), due=item.due or pressing.get(item.ref)
        )
        for item in items
    )
    return ordered(
        item
        for item in ranked
        if contained
        or not early
        or item.rank == CLOCKS
        or item.kind != "fact_missing"
        or not is_set_up(item.ref)
    )


def _rank(item: AttentionItem, first: set[str], pressing: Mapping[str, datetime], wait: bool) -> Rank:
    if item.ref in first or (item.kind == "paused" and item.severity == "critical"):  # critical: restored
        return 1
    if item.kind == "fact_missing":
        return CLOCKS if item.ref in pressing else LATER if wait else QUESTIONS
    return _RANKS.get(item.kind, TASKS)


def ordered(items: Iterable[AttentionItem]) -> tuple[AttentionItem, ...]:
    """Return the actions in their order."""

    def order(item: AttentionItem) -> tuple[int, int, bool, float]:
        at = item.due or item.since
        return item.rank, SEVERITIES.index(item.severity), at is None, at.timestamp() if at else 0

    return tuple(sorted(items, key=order))


def calm(rows: Iterable[TaskRow]) -> str:
    """Return the text of an empty DO NOW, with the number of open tasks that are not due."""
    open_ = sum(row.state in ("ready", "active") and row.kind in PEOPLE and not row.over for row in rows)
    return f"{NOTHING} · {count(open_, 'task')} to do" if open_ else NOTHING
