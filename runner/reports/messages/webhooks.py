"""Webhooks as a list, without their secrets and without the paths of their addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.reports.core.formatting import moment
from runner.reports.core.page import Block, Cell, fields, line, paged
from runner.reports.core.report import Report


class WebhookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook."""

    name: str
    host: str
    events: tuple[str, ...]
    """The kinds of entries; all if empty."""
    owner: str
    by: str
    made: datetime
    paused: str
    able: bool
    """Whether the owner may read incidents."""
    two_secrets: bool
    """The old secret signs, too: it was rotated within a day."""
    delivered: datetime | None
    failing: datetime | None
    retry: datetime | None
    why: str


class WebhooksReport(Report, frozen=True, kw_only=True, tag="tocsin/webhooks/v1"):
    """All webhooks by name."""

    as_of: datetime
    webhooks: tuple[WebhookRow, ...]


@paged
def webhooks_page(report: WebhooksReport) -> Iterator[Block]:
    """Draw the list."""
    for row in report.webhooks:
        state = "PAUSED" if row.paused else "FAILING" if row.failing else "" if row.able else "SENDS NOTHING"
        yield line(f"{row.name}  {state}".strip(), "alarm" if state else "title")
        why = row.paused or row.why or ("" if row.able else "the owner may not read incidents")
        yield fields(
            (
                ("To", row.host),
                ("Kinds", ", ".join(row.events) or "all"),
                ("Owner", row.owner),
                ("Last delivery", Cell(moment(row.delivered)) if row.delivered else Cell("never", "dim")),
                *((("Problem", Cell(why, "alarm")),) if why else ()),
                *((("Next attempt", moment(row.retry)),) if row.retry and not row.paused else ()),
                *((("Secrets", "two, after a rotation"),) if row.two_secrets else ()),
            )
        )
    if not report.webhooks:
        yield line("No webhook → tocsin webhook add NAME https://HOST/PATH", "dim")
