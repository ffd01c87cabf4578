"""Channel test as data and as text: each contact method of each person, with the age of its last success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.actions import Action, Slot
from runner.base.states import AttemptState
from runner.reports.core.formatting import age, count, mask_contact
from runner.reports.core.page import Block, Cell, Tone, arrow, flow, line, paged, table
from runner.reports.core.report import Report
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Check

STALE = timedelta(days=90)
"""A success older than this is shown as a warning."""


class WayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one person; the address is masked."""

    person: str
    channel: str
    address: str
    worked_at: datetime | None
    """Last success with the present address."""
    tried_at: datetime | None
    state: AttemptState | None
    reason: str = ""


class ChecksReport(Report, frozen=True, kw_only=True, tag="tocsin/channel-check/v1"):
    """Every contact method of every person, and the people without one."""

    ways: tuple[WayRow, ...]
    without: tuple[str, ...]
    """People whom no channel reaches."""
    sent: int
    """Messages that the command sent."""


def way_row(
    person: str, channel: str, contact: ContactPoint | None, check: Check | None, worked: datetime | None
) -> WayRow:
    """Return one contact method."""
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
    """Draw the contact methods, each with the age of its last success and a later failure."""
    rows = tuple(
        (way.person, Cell(way.channel, "dim"), Cell(way.address, "dim"), Cell(*_standing(way, now)))
        for way in report.ways
    )
    if rows:
        yield table(rows, 3, indent=0)
    for name in report.without:
        add = Action("person.add", name, {"contact": Slot("CHANNEL=ADDRESS")})
        yield flow(Cell(f"{name}: no usable contact method", "alarm"), arrow(add), hang=2)
    if not rows:
        yield line("No contact method to test", "dim")


def _standing(one: WayRow, now: datetime) -> tuple[str, Tone]:
    worked = f"worked {age(one.worked_at, now)}" if one.worked_at is not None else "never worked"
    if one.state == "sending":
        return f"{worked}; test in progress", "warn"
    failed = one.state is not None and one.state != "accepted"
    if failed and one.tried_at is not None:
        state = (one.state or "").replace("_", " ")
        why = f": {one.reason}" if one.reason else ""
        return f"{worked}; last test {age(one.tried_at, now)}: {state}{why}", "alarm"
    if one.worked_at is None:
        return "never tested" if one.tried_at is None else "never tested with this address", "warn"
    return worked, "warn" if now - one.worked_at > STALE else "good"


def comcheck_words(
    ways: Sequence[tuple[str, str]], worked: Mapping[tuple[str, str], datetime], now: datetime
) -> str:
    """Return the test results of the contact methods of a plan in one sentence; empty without any."""
    if not ways:
        return ""
    known = sorted((worked[way], way) for way in dict.fromkeys(ways) if way in worked)
    total = len(dict.fromkeys(ways))
    untried = total - len(known)
    if not known:
        return f"Channel test: 0 of {count(total, 'contact method')} tested. → tocsin channel check"
    at, (person, channel) = known[0]
    oldest = f"oldest success {age(at, now)} ({channel} to {person})"
    never = f"{untried} of {count(total, 'contact method')} never worked; " if untried else ""
    due = ". → tocsin channel check" if untried or now - at > STALE else ""
    return f"Channel test: {never}{oldest}{due}"
