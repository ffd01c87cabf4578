"""Required actions outside incidents, shown after those of incidents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from runner.actions import REASON, Action
from runner.playbook.format import PEOPLE
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.attention_rows import attention_rows
from runner.reports.core.do_now import SOON
from runner.reports.core.formatting import count, moment
from runner.reports.core.page import Block, arrow, flow, line, rows
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.law.duties import running
from runner.reports.law.titles import duty_label

if TYPE_CHECKING:
    from runner.incident.exercises.improvements import Item
    from runner.incident.exercises.schedules import Book
    from runner.law.duty import DutyStatus
    from runner.reports.incidents.status import Status

_WRONG = {"missed": "did not happen", "failed": "failed"}
_NAMED = 4
"""Most items that are named."""


def late_items(items: Iterable[Item], today: date) -> Iterator[AttentionItem]:
    """Yield one entry for all overdue action items."""
    from runner.incident.exercises.improvements import overdue  # every status page imports this module

    late = [item.id for item in items if overdue(item, today)]
    if late:
        more = ", …" if len(late) > _NAMED else ""
        yield AttentionItem(
            kind="improvement_late",
            severity="low",
            ref=late[0],
            text=f"{count(len(late), 'action item is', 'action items are')} overdue: "
            f"{', '.join(late[:_NAMED])}{more}",
            action=Action("improvement.list"),
        )


def waiting_alerts(number: int, since: datetime | None) -> Iterator[AttentionItem]:
    """Yield one entry for all alerts that wait for a person."""
    if since is not None:
        yield AttentionItem(
            kind="alert_waits",
            ref="alert",
            since=since,
            text=f"{count(number, 'alert waits', 'alerts wait')} for a person since {moment(since)}",
            action=Action("alert.list"),
        )


def silent_webhooks(found: Iterable[tuple[str, str]]) -> Iterator[AttentionItem]:
    """Yield each webhook that sends nothing now."""
    for name, text in found:
        yield AttentionItem(
            kind="webhook_silent", severity="medium", ref=name, text=text, action=Action("webhook.list")
        )


def unconfirmed_access(number: int) -> Iterator[AttentionItem]:
    """Yield one entry for the tokens and calendar addresses of an older version that do not work."""
    if number:
        what = count(number, "token or calendar address", "tokens or calendar addresses")
        yield AttentionItem(
            kind="access_unconfirmed",
            severity="medium",
            ref="token",
            text=f"{what} of an earlier version of Tocsin: without effect until an administrator confirms the list",
            action=Action("token.reseal"),
        )


def missed_drills(book: Book) -> Iterator[AttentionItem]:
    """Yield each exercise and scheduled job whose last run was missed or failed and is not acknowledged."""
    from runner.incident.exercises.schedules import attention

    for schedule in book.schedules.values():
        wrong = attention(schedule) if schedule.ended is None else None
        if wrong is None:
            continue
        exercise, routine = schedule.rule.exercise, schedule.rule.routine
        if routine is not None:
            yield AttentionItem(
                kind="routine_failed",
                severity="medium",
                ref=wrong.id,
                since=wrong.fire_at,
                text=f"{schedule.id} of {moment(wrong.fire_at)}: {wrong.detail}",
                action=Action("drill.acknowledge", schedule.id, {"reason": REASON}),
            )
            continue
        yield AttentionItem(
            kind="drill_missed",
            severity="medium",
            ref=wrong.id,
            since=wrong.fire_at,
            text=f"Exercise {schedule.id}, {moment(wrong.fire_at)}, {_WRONG[wrong.state]}: {wrong.detail}. "
            f"Run it (tocsin drill run {exercise}), or record why not",
            action=Action("drill.acknowledge", schedule.id, {"reason": REASON}),
        )


def soon_elsewhere(
    codename: str, tasks: Iterable[TaskRow], duties: Iterable[DutyStatus], now: datetime
) -> Iterator[AttentionItem]:
    """Yield what is due first in an open incident, if that is overdue or due within two hours."""
    dues = [(row.due, named(row)) for row in tasks if row.kind in PEOPLE and row.state in ("ready", "active")]
    dues += [(one.due, duty_label(one)) for one in running([*duties], now)]
    found = sorted((due, text) for due, text in dues if due is not None and due - now <= SOON)
    for due, text in found[:1]:
        yield AttentionItem(
            kind="elsewhere",
            ref=codename,
            due=due,
            text=f"{codename}: {text}",
            detail=f"{len(found) - 1} more due there" if len(found) > 1 else "",
            action=Action("incident.next", args={"incident": codename}),
        )


def soon_blocks(found: Iterable[Status], now: datetime) -> Iterator[Block]:
    """Draw what is due within two hours, if several incidents are open."""
    live = [one for one in found if one.state != "closed"]
    due = [item for one in live for item in soon_elsewhere(one.codename, one.tasks, one.duties, one.as_of)]
    if len(live) > 1:
        yield from elsewhere_blocks(due, now, "DUE WITHIN 2 HOURS")


def elsewhere_blocks(
    items: Sequence[AttentionItem], now: datetime, title: str = "IN OTHER OPEN INCIDENTS"
) -> Iterator[Block]:
    """Draw what is due in several open incidents, the first on top."""
    if items:
        yield line(title, "title")
        yield from rows(attention_rows(sorted(items, key=lambda one: one.due or now), now))


def between_blocks(waiting: Sequence[AttentionItem]) -> Iterator[Block]:
    """Draw the actions on a page about an incident."""
    if not waiting:
        return
    yield line("OUTSIDE THIS INCIDENT", "title")
    for item in waiting:
        yield flow(f"{item.text}", arrow(item.action), indent=2, hang=2)
