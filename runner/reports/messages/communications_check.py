"""The communications check as people and scripts read it: each way to each person, and how long ago it last worked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.base.states import AttemptState
from runner.reports.core.formatting import age, count, mask_contact
from runner.reports.core.page import Block, Cell, Tone, line, paged, table
from runner.reports.core.report import Report
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Check

STALE = timedelta(days=90)
"""A way that last worked longer ago than this is as good as never tried."""


class WayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one person; the address is masked."""

    person: str
    channel: str
    address: str
    worked_at: datetime | None
    """When it last worked with the address of today."""
    tried_at: datetime | None
    state: AttemptState | None
    reason: str = ""


class ChecksReport(Report, frozen=True, kw_only=True, tag="tocsin/channel-check/v1"):
    """Every way to everybody, and who has none."""

    ways: tuple[WayRow, ...]
    without: tuple[str, ...]
    """People whom no channel reaches."""
    sent: int
    """Messages that this command sent."""


def way_row(
    person: str, channel: str, contact: ContactPoint | None, check: Check | None, worked: datetime | None
) -> WayRow:
    """Return one way as it is shown."""
    return WayRow(
        person=person,
        channel=channel,
        address=mask_contact(contact) if contact is not None else "",
        worked_at=worked,
        tried_at=check.at if check is not None else None,
        state=check.state if check is not None else None,
        reason=check.reason if check is not None else "",
    )


@paged
def checks_page(report: ChecksReport, now: datetime) -> Iterator[Block]:
    """Draw the ways, each with the age of its last success; a failure since then is said."""
    rows = tuple(
        (way.person, Cell(way.channel, "dim"), Cell(way.address, "dim"), Cell(*_standing(way, now)))
        for way in report.ways
    )
    if rows:
        yield table(rows, 3, indent=0)
    for name in report.without:
        add = f"tocsin person add {name} --contact CHANNEL=ADDRESS"
        yield line(f"{name}: no channel reaches them: {add}", "alarm", hang=2)
    if not rows:
        yield line("there is no way to try", "dim")


def _standing(one: WayRow, now: datetime) -> tuple[str, Tone]:
    worked = f"worked {age(one.worked_at, now)}" if one.worked_at is not None else "never worked"
    if one.state == "sending":
        return f"{worked}; being tried now", "warn"
    failed = one.state is not None and one.state != "accepted"
    if failed and one.tried_at is not None:
        state = (one.state or "").replace("_", " ")
        why = f": {one.reason}" if one.reason else ""
        return f"{worked}; last try {age(one.tried_at, now)}: {state}{why}", "alarm"
    if one.worked_at is None:
        return "never tried" if one.tried_at is None else "never tried with this address", "warn"
    return worked, "warn" if now - one.worked_at > STALE else "good"


def comcheck_words(
    ways: Sequence[tuple[str, str]], worked: Mapping[tuple[str, str], datetime], now: datetime
) -> str:
    """Return in a sentence how far the ways of a plan were tried; empty where there is none."""
    if not ways:
        return ""
    known = sorted((worked[way], way) for way in dict.fromkeys(ways) if way in worked)
    total = len(dict.fromkeys(ways))
    untried = total - len(known)
    if not known:
        return f"Channel test: 0 of {count(total, 'contact method')} tested. → tocsin channel check"
    at, (person, channel) = known[0]
    oldest = f"the oldest success is of {age(at, now)} ({channel} to {person})"
    never = f"{untried} of {count(total, 'way')} never worked; " if untried else ""
    due = ": tocsin channel check" if untried or now - at > STALE else ""
    return f"COMCHECK: {never}{oldest}{due}"
