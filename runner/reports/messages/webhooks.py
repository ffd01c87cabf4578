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

    @property
    def problem(self) -> str:
        """Why nothing is sent; empty if it works."""
        if self.paused:
            return f"paused, {self.paused}"
        if self.failing is not None:
            return f"it fails since {moment(self.failing)}: {self.why}"
        return "" if self.able else f"{self.owner} may not read incidents any more"


class WebhooksReport(Report, frozen=True, kw_only=True, tag="tocsin/webhooks/v1"):
    """All webhooks by name."""

    as_of: datetime
    webhooks: tuple[WebhookRow, ...]


@paged
def webhooks_page(report: WebhooksReport) -> Iterator[Block]:
    """Draw the list."""
    for row in report.webhooks:
        yield line(row.name, "alarm" if row.problem else "title")
        rows: dict[str, Cell | str] = {
            "Problem": Cell(row.problem, "alarm"),
            "To": row.host,
            "Kinds": ", ".join(row.events) or "all",
            "Owner": row.owner,
            "Last delivery": moment(row.delivered) if row.delivered else "never",
            "Secrets": "two, after a rotation" if row.two_secrets else "one",
        }
        yield fields((name, value) for name, value in rows.items() if row.problem or name != "Problem")
    if not report.webhooks:
        yield line("No webhook → tocsin webhook add NAME https://HOST/PATH", "dim")
