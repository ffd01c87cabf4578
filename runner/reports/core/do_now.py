"""DO NOW: the one definition of urgent actions, and their order.

``brief``, ``status``, ``next``, ``watch``, ``doctor``, ``worker --once``, the room and the exit code of ``status --check`` use
it from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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

ORDER: Mapping[Rank, tuple[AttentionKind, ...]] = {
    1: ("containment", "organisation_unknown", "paused", "set_aside"),
    2: (
        "duty_overdue", "duty_reopened", "duty_claimed", "duty_to_file", "filed_unsigned", "filing_differs", "clock",
    ),
    3: (
        "outcome_unknown", "overdue", "stuck", "rejected", "no_outcome", "not_worked", "update_missed", "no_war_room", "bulk_paused",
        "bulk_unknown", "bulk_planned", "bulk_idle", "bulk_left", "letters_waiting", "substitute_notice",
    ),
    4: ("unreachable", "acknowledge", "exposed"),
    5: ("ready",),
    6: (
        "second_person", "unconfirmed", "receipt", "role_unheld", "alternate_missing", "notice_stale", "exercise_over",
        "alert_waits", "webhook_silent", "access_unconfirmed", "routine_failed", "drill_missed", "improvement_late",
        "playbook_changed", "playbook_unexercised", "person_unreached", "sender_unregistered", "elsewhere",
    ),
    7: ("fact_missing",),
}  # fmt: skip
"""The one order of ``next``, DO NOW, the lists of tasks and the room: containment, duties, late work, calls, tasks,
confirmations and roles, questions of law. Four move: a step that contains, or that containment waits for, and a call
to the only people who can do one have rank 1; a question that decides a duty of rank 2 has rank 2; a message with
an unknown outcome is a call. In a rank, one's own come first, then the earliest."""
_RANKS: Mapping[AttentionKind, Rank] = {kind: rank for rank, kinds in ORDER.items() for kind in kinds}
SOON = timedelta(hours=2)
"""Time before "start by" from which a duty is in DO NOW."""
UNPLANNED = timedelta(hours=12)
"""The same before the deadline of a duty without a "start by"."""
FIRST_HOURS = timedelta(hours=4)
"""Time after the opening in which questions of law wait for containment, and the questions of the settings are hidden."""
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
HORIZONS: tuple[Horizon, ...] = get_args(Horizon)
NOTHING = "No action required now"


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
    """Return the required actions in their order."""
    items = tuple(items)
    contain = [row for row in rows if row.containment and not row.over and not row.superseded]
    wait = now - incident.opened_at < FIRST_HOURS and any(row.kind in PEOPLE for row in contain)
    gates = {path for row in contain if row.invocation in incident.blocked for path in row.missing}
    first = {row.invocation for row in contain} | gates | _awaited(incident, contain, items)
    pressing: dict[str, datetime] = {}
    for duty in duties:
        if duty.verdict == "unknown" and duty.in_sight and duty.missing_facts and must_begin(duty, now):
            fact, due = duty.missing_facts[0], duty.due or now
            pressing[fact] = min(due, pressing.get(fact, due))
    found: list[AttentionItem] = []
    for item in items:
        rank, severity = _RANKS[item.kind], item.severity
        if item.ref in first:
            rank, severity = 1, "critical" if item.person or severity == "critical" else "high"
        elif item.ref in pressing:
            rank = 2
        elif item.person:
            rank = 4
        elif item.kind == "fact_missing" and wait:
            if is_set_up(item.ref):
                continue
            severity = "low"
        at = item.due or pressing.get(item.ref)
        found.append(msgspec.structs.replace(item, rank=rank, severity=severity, due=at))
    return ordered(found)


def _awaited(incident: Incident, contain: Iterable[TaskRow], items: Iterable[AttentionItem]) -> set[str]:
    """Return the deliveries to the people whom a containment task waits for: nobody else who can do it was reached."""
    calls = {item.ref: item.person for item in items if item.kind == "unreachable"}
    away = set(calls.values())
    wanted: set[str] = set()
    for row in contain:
        if row.state == "ready":
            holders = (who for role in row.roles for who in incident.roles.get(role, ()))
            able = {row.assignee} if row.assignee else set(holders)
            wanted |= able if able <= away else set()
    return {ref for ref, person in calls.items() if person in wanted}


def waits(item: AttentionItem) -> bool:
    """Return whether a question of law waits for the containment tasks, or for the end of the first 4 hours."""
    return item.kind == "fact_missing" and item.severity == "low"


def order(item: AttentionItem, mine: Container[str] = ()) -> tuple[int, int, bool, bool, bool, float]:
    """Return the place of an action, as a key to sort by; ``mine`` are the tasks of the reader."""
    at, severity = item.due or item.since, SEVERITIES.index(item.severity)
    late = at.timestamp() if at else 0
    return item.rank, severity, item.kind == "ready", item.ref not in mine, at is None, late


def ordered(items: Iterable[AttentionItem], mine: Container[str] = ()) -> tuple[AttentionItem, ...]:
    """Return the actions in their order."""
    return tuple(sorted(items, key=lambda item: order(item, mine)))


def calm(rows: Iterable[TaskRow]) -> str:
    """Return the text of an empty DO NOW, with the number of open tasks that are not due."""
    open_ = sum(row.state in ("ready", "active") and row.kind in PEOPLE and not row.over for row in rows)
    return f"{NOTHING} · {count(open_, 'task')} to do" if open_ else NOTHING
