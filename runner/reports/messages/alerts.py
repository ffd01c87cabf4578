"""Alerts that wait for a person, with their age."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.reports.core.formatting import count, span, when
from runner.reports.core.page import Block, Cell, flow, line, paged
from runner.reports.core.report import Report

OLD = timedelta(hours=1)
"""After this time a draft that nobody looked at is shown as an alarm."""


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """One draft; ``title``, ``severity``, ``at`` and ``body`` are the words of the sender."""

    alert: str
    mapping: str
    sender: str
    title: str
    severity: str
    at: datetime | None
    received: datetime
    last: datetime
    count: int
    state: Literal["waiting", "opened", "dismissed"]
    resolved: bool
    codename: str
    by: str
    reason: str
    body: str
    playbook: str
    """The playbook that the mapping suggests."""


class AlertsReport(Report, frozen=True, kw_only=True, tag="tocsin/alerts/v1"):
    """Drafts, oldest first."""

    as_of: datetime
    alerts: tuple[AlertRow, ...]


@paged
def alerts_page(report: AlertsReport, *, words: bool = False, commands: bool = True) -> Iterator[Block]:
    """Draw the drafts; ``words`` adds the JSON of the sender, ``commands`` how to end a draft at a terminal."""
    waiting = [row for row in report.alerts if row.state == "waiting"]
    yield line(f"ALERTS ({len(waiting)})", "title")
    for row in report.alerts:
        age = report.as_of - row.received
        tone: Literal["alarm", "warn", "dim"] = "dim"
        first = row.state
        if row.state == "waiting":
            first, tone = f"waits {span(age)}", "alarm" if age >= OLD else "warn"  # type: ignore[assignment]
        yield flow(
            Cell(first, tone),
            Cell(f"  {row.title}", about=f"alert/{row.alert}"),
            Cell(f" · {row.severity}" if row.severity else "", "warn"),
            hang=2,
        )
        times = (
            f"{row.alert} · {row.mapping} · {count(row.count, 'alert')}, last {when(row.last, report.as_of)}"
        )
        over = " · the sender says that it is over" if row.resolved else ""
        ended = f" · {row.by}: {row.reason or row.codename}" if row.by else ""
        yield line(f"{times}{over}{ended}", "dim", indent=2)
        if words:
            at = f"{when(row.at, report.as_of)}, as the sender says" if row.at else "not said by the sender"
            yield line(f"Time of the alert: {at}", indent=2)
            yield line(f"First received {when(row.received, report.as_of)}, sent with {row.sender}", indent=2)
            yield line(f"Suggested playbook: {row.playbook or 'none'}", indent=2)
            yield line("The sender's own words:", indent=2)
            yield flow(row.body, indent=2)
    if waiting and commands:
        yield line("→ tocsin alert open ALERT PLAYBOOK, or tocsin alert dismiss ALERT --reason WHY", "dim")
    elif not waiting and not words:
        yield line("No alert waits", "good")
