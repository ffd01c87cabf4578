"""Approvals that wait for people: the queue over all incidents, and one approval with everything that it binds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.states import MARKS, Kind
from runner.incident.state.documents import ENCLOSURE
from runner.incident.steps.approvals import Tally
from runner.reports.core.formatting import here, moment, remaining, when
from runner.reports.core.header import render_header
from runner.reports.core.page import (
    Block,
    Cell,
    Row,
    Tone,
    fields,
    flow,
    line,
    paged,
    rows,
    section,
    table,
)
from runner.reports.core.report import Report
from runner.reports.incidents.action_requests import request_cells
from runner.reports.incidents.task import TaskReport
from runner.reports.law.duty_rows import deadline_words
from runner.reports.notices.notices import approval_blocks, override_blocks, verification_blocks

Part = Literal["", "role", "author", "decided", "items", "draft", "nothing"]
"""Why a person cannot approve; empty if the person can."""
_PARTS: dict[Part, tuple[str, Tone]] = {
    "": ("You can approve or reject it", "title"),
    "role": ("You have none of its roles", "dim"),
    "author": ("You wrote this version. Another person must approve it", "warn"),
    "decided": ("You decided on this version already", "good"),
    "items": ("You cannot approve it yet: its items must be verified first", "warn"),
    "draft": ("You cannot approve it yet: it is a draft with missing information", "warn"),
    "nothing": ("You cannot approve it yet: there is no document", "dim"),
}
MINE: tuple[Part, ...] = ("", "items")
"""It waits for the reader, who approves it or verifies its items first."""


class WaitingApproval(msgspec.Struct, frozen=True, kw_only=True):
    """One approval that waits, of any incident."""

    incident: str
    codename: str
    kind: Kind
    as_of: datetime
    """Exercise time in an exercise."""
    step: str
    title: str
    tally: Tally
    part: Part
    due: datetime | None
    """The internal target of the task."""
    deadline: datetime | None = None
    """The statutory deadline of the duty of its document."""
    notice: str = ""
    document: str = ""
    stale: bool = False
    """Facts changed after its document was generated."""


class WaitingConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """One act of two people that the reader can confirm, or has requested."""

    codename: str
    kind: Kind
    entry: int
    since: datetime
    mine: bool
    """The reader can confirm it."""
    text: str


class SigningQueue(Report, frozen=True, kw_only=True, tag="tocsin/approvals/v1"):
    """All approvals that wait, those of the reader first; the earliest internal target first."""

    as_of: datetime
    approvals: tuple[WaitingApproval, ...]
    confirmations: tuple[WaitingConfirmation, ...] = ()


def part_words(part: Part) -> str:
    """Return why the reader cannot approve, as a sentence."""
    return f"{_PARTS[part][0]}."


def tally_words(tally: Tally) -> str:
    """Return the progress of an approval: ``1 of 2; counsel is still needed``."""
    roles = (" and " if tally.each else " or ").join(tally.still_needs)
    return f"{tally.have} of {tally.wanted}" + (f"; {roles} is still needed" if roles else "")


def _deadline(due: datetime | None, now: datetime) -> str:
    """Return a statutory deadline, with the recipient's time only where its zone is known."""
    there = due.astimezone(here()) if due is not None and not due.utcoffset() else due
    return deadline_words(due, there, now, "recipient")


@paged
def queue_page(queue: SigningQueue) -> Iterator[Block]:
    """Draw the approvals that wait for the reader, then those that wait for others."""
    mine = [one for one in queue.approvals if one.part in MINE]
    others = [one for one in queue.approvals if one.part not in MINE]
    confirm = [one for one in queue.confirmations if one.mine]
    asked = [one for one in queue.confirmations if not one.mine]
    for title, acts, listed in (("WAITS FOR YOU", confirm, mine), ("WAITS FOR OTHERS", asked, others)):
        yield line(f"{title} ({len(acts) + len(listed)})", "title")
        yield from rows([*map(_confirmation, acts), *map(_row, listed)])


def _confirmation(one: WaitingConfirmation) -> Row:
    title = f"{'Confirm' if one.mine else 'Your'} entry {one.entry}"
    mark = "" if one.kind == "real" else f" · {MARKS[one.kind]}"
    words = (
        Cell(title, "title", about=f"incident/{one.codename}"),
        f" · {one.codename}",
        Cell(mark, "marking"),
    )
    return Row(Cell(f"since {moment(one.since)}"), words, details=((Cell(one.text),),))


def _row(one: WaitingApproval) -> Row:
    now, mark = one.as_of, "" if one.kind == "real" else f" · {MARKS[one.kind]}"
    ends = min(filter(None, (one.due, one.deadline)), default=None)
    late = ends is not None and ends <= now
    first = Cell(remaining(ends, now) if ends is not None else "no deadline", "alarm" if late else "plain")
    title = Cell(one.title, "title", about=f"incident/{one.codename}/sign/{one.step}")
    details = [(Cell(f"Signatures: {tally_words(one.tally)}"),)]
    if one.notice:
        until = _deadline(one.deadline, now)
        details.insert(0, (Cell(f"{one.notice}{f', legal deadline {until}' if until else ''}"),))
    if one.part:
        details.append((Cell(*_PARTS[one.part]),))
    if one.stale:
        details.append((Cell("Facts changed since: the text must be generated again", "alarm"),))
    return Row(first, (title, f" · {one.codename}", Cell(mark, "marking")), details=tuple(details))


@paged
def signing_page(
    report: TaskReport, tally: Tally, part: Part, same: Sequence[str], changed: Sequence[Block], now: datetime
) -> Iterator[Block]:
    """Draw an approval: its progress, what changed since it was given, the files with their digests, and open items."""
    row, notice = report.task, report.notice
    yield from render_header(report.heading, f"Approval · {row.title}")
    deadline = _deadline(report.legal_deadline, now)
    yield fields(
        [
            ("Signatures", Cell(tally_words(tally), "title")),
            ("Approval by", report.quorum),
            ("You", Cell(*_PARTS[part])),
            ("Legal deadline", deadline),
            ("Due", f"{when(row.due, now)} ({remaining(row.due, now)})" if row.due else ""),
            ("Document", Cell(notice.document, about=f"notice/{notice.document}") if notice else ""),
            (
                "Status",
                Cell(notice.status, "alarm" if notice.status == "draft" else "plain") if notice else "",
            ),
            ("Exact version", report.subject_digest or "nothing to approve yet"),
            ("Same text", f"also awaits you in {', '.join(same)}" if same else ""),
        ]
    )
    if notice is not None and (notice.open_gaps or notice.open_items):
        yield line(f"OPEN ({len(notice.open_gaps) + notice.open_items})", "alarm")
        yield from (line(f"– {gap}", "alarm", indent=2, hang=2) for gap in notice.open_gaps)
        if notice.open_items:
            words = f"– {notice.open_items} of {len(notice.to_verify)} items are not verified"
            yield flow(Cell(words, "warn", about=f"notice/{notice.document}"), indent=2)
            yield line("Verify the items first: then you can approve.", "warn", indent=4)
    if notice is not None:
        yield from override_blocks(notice)
    yield from changed
    if notice is not None:
        for title, enclosed in (("FILES", False), ("ENCLOSURES, approved with the text", True)):
            files = [
                (name.removeprefix(ENCLOSURE), digest)
                for name, digest in notice.files.items()
                if name.startswith(ENCLOSURE) is enclosed
            ]
            yield from section(title, files, 1)
        yield from verification_blocks(notice)
    yield from section("REQUESTS", request_cells(report.requests), 2)
    if report.fields:
        yield line("ANSWERS", "title")
        yield table(((one.ask, f"{one.value}", Cell(one.fact, "dim")) for one in report.fields), 0)
    yield from approval_blocks(report.approvals)
