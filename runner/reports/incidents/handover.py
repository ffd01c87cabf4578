"""The handover brief: DO NOW, deadlines, awaited people, decisions, and changes since the last brief."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import msgspec

from runner.incident.law.duties import BINDING, LIVE
from runner.incident.state.handover import Handover
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.law.duty_state import PEOPLE
from runner.playbook.format import CONTAINERS
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.attention_rows import attention_rows
from runner.reports.core.do_now import NOTHING, waits
from runner.reports.core.formatting import person_name, person_names, remaining, when
from runner.reports.core.header import Heading, heading_of, screen_header
from runner.reports.core.page import Block, Cell, Row, flow, line, paged, rows
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.incidents.duty_lanes import attention_folded
from runner.reports.incidents.status import Status
from runner.reports.incidents.timeline import Entry
from runner.reports.law.duty_rows import deadline_words
from runner.reports.law.titles import duty_label
from runner.reports.messages.war_room import RoomView, room_blocks

DECISIONS = frozenset(
    {
        "ApprovalGiven",
        "DutyRecorded",
        "DomainDeclared",
        "LettersSigned",
        "NoticeKept",
        "NoticeOverridden",
        "RuleOverridden",
        "PlaybookPinned",
        "PlaybookMigrated",
        "IncidentPaused",
        "IncidentResumed",
        "IncidentClosed",
        "IncidentReopened",
        "SeveritySet",
        "AccessSet",
        "SecondPersonAsked",
        "SecondPersonConfirmed",
        "RoleAssigned",
        "CommandTaken",
        "AttemptResolved",
    }
)
"""Entries that record a decision about the whole incident."""
_WAITING = frozenset({"ready", "active", "failed", "expired", "outcome_unknown"})


class OpenClock(msgspec.Struct, frozen=True, kw_only=True):
    """An open legal deadline; ``latest_safe_start`` is the time to start by."""

    duty: str
    recipient: str
    due: datetime | None
    due_local: datetime | None
    """The deadline in the authority's zone."""
    due_date: date | None
    """The date of the deadline there, if the law names a date."""
    latest_safe_start: datetime | None
    provisional: bool
    state: str
    title: str = ""
    """Title with recipient and article."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An awaited act: a task, or the acknowledgement of a message."""

    who: tuple[str, ...]
    what: str
    ref: str
    due: datetime | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the timeline in a brief."""

    event: int
    at: datetime
    actor: str
    text: str


class Brief(Report, frozen=True, kw_only=True, tag="tocsin/brief/v1"):
    """The whole brief; ``version`` is its last journal entry."""

    heading: Heading
    as_of: datetime
    version: int
    summary: str
    command: tuple[str, ...]
    """The people with the role."""
    war_room: RoomView | None
    steps_ended: int
    steps: int
    tasks_ended: int
    tasks: int
    """All tasks of the playbooks; ``steps`` omits the tasks that no scope has opened yet."""
    needs_attention: tuple[AttentionItem, ...]
    clocks: tuple[OpenClock, ...]
    waiting: tuple[Waiting, ...]
    decisions: tuple[Told, ...]
    since: int
    """The last entry of the previous brief; 0 without one."""
    changes: tuple[Told, ...]
    last: Handover | None


def brief(incident: Incident, status: Status, entries: Sequence[Entry], role: str = "commander") -> Brief:
    """Return the brief as of the status; ``entries`` are the incident's timeline."""
    rows = [row for row in status.tasks if row.invocation]
    tasks = [row for row in status.tasks if row.over or not row.superseded]
    told = incident.handover
    since = told.version if told is not None else 0
    summary = incident.facts.get("incident.summary")
    return Brief(
        heading=heading_of(incident),
        as_of=status.as_of,
        version=incident.version,
        summary=str(summary.value) if summary is not None and summary.value is not None else "",
        command=incident.roles.get(role, ()),
        war_room=status.war_room,
        steps_ended=sum(row.over for row in rows),
        steps=len(rows),
        tasks_ended=sum(row.over for row in tasks),
        tasks=len(tasks),
        needs_attention=status.needs_attention,
        clocks=tuple(_clocks(status.duties)),
        waiting=tuple(_waiting(incident, rows)),
        decisions=tuple(filled(Told, entry) for entry in entries if _decides(entry)),
        since=since,
        changes=tuple(filled(Told, entry) for entry in entries if entry.event > since and not entry.detail),
        last=told,
    )


def _clocks(duties: Sequence[DutyStatus]) -> list[OpenClock]:
    running = [duty for duty in duties if duty.verdict in BINDING and duty.state in LIVE]
    never = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(running, key=lambda one: (one.latest_safe_start or one.due or never, one.id))
    return [
        filled(
            OpenClock,
            status,
            duty=status.id,
            due_date=status.due_date if status.due_kind == "date" else None,
            title=duty_label(status),
        )
        for status in ordered
    ]


def _waiting(incident: Incident, rows: Sequence[TaskRow]) -> Iterator[Waiting]:
    for row in rows:
        if row.over or row.state not in _WAITING or row.kind in CONTAINERS | {"message"}:
            continue
        roles = tuple(role for role in (row.role, *row.roles) if role)
        held = tuple(person for role in roles for person in incident.roles.get(role, ()))
        held += row.deputies
        who = (row.assignee,) if row.assignee else tuple(dict.fromkeys(held)) or roles
        yield Waiting(who=who, what=named(row), ref=row.command_name or row.step, due=row.due)
    for name in sorted(incident.moving):
        one = incident.deliveries[name]
        yield Waiting(
            who=(one.person,),
            what="Acknowledge the message" if one.goal == "acked" else f"Delivery ({one.goal})",
            ref=name,
            due=None,
        )


def _decides(entry: Entry) -> bool:
    return entry.type in DECISIONS or (entry.type == "StepEnded" and ": " in entry.text and not entry.detail)


@paged
def brief_page(found: Brief) -> Iterator[Block]:
    """Draw the brief."""
    now = found.as_of
    command = f"Incident command: {person_names(found.command) or 'nobody'}"
    yield from screen_header(found.heading, now)
    yield line(f"HANDOVER BRIEF, to entry {found.version}", "title")
    yield from (line(found.summary, indent=2, hang=2),) if found.summary else ()
    yield line(f"{command} · {found.tasks_ended} of {found.tasks} tasks ended", indent=2)
    yield from room_blocks(found.war_room) if found.war_room is not None else ()
    now_ = [item for item in found.needs_attention if not waits(item)]
    later = [item for item in found.needs_attention if waits(item)]
    yield from _section("DO NOW", attention_rows(attention_folded(now_, ()), now), NOTHING)
    if later:
        yield from _section("QUESTIONS, after isolation", attention_rows(later, now))
    yield from _section("DEADLINES AND START-BY TIMES", [_clock(clock, now) for clock in found.clocks])
    yield from _section("WAITING FOR", [_wait(waiting, now) for waiting in found.waiting])
    yield from _entries("DECISIONS", found.decisions, now)
    if found.last is not None:
        yield from _entries(f"SINCE THE BRIEF FOR {person_name(found.last.to)}", found.changes, now)


def _section(title: str, entries: Sequence[Row], otherwise: str = "None", by: str = "") -> list[Block]:
    """Return a titled list; an empty list has a text."""
    if not entries:
        return [flow(Cell(f"{title} (0) ", "title"), otherwise, hang=2)]
    return [flow(Cell(f"{title} ({len(entries)})", "title"), Cell(by, "dim"), hang=2), *rows(entries)]


def _clock(one: OpenClock, now: datetime) -> Row:
    begin = one.latest_safe_start
    start = f"start by {when(begin, now)}" if begin is not None and begin != one.due else ""
    doubt = "unconfirmed start time" if one.provisional else ""
    whose = "recipient" if one.recipient in PEOPLE else "authority"
    words = " · ".join(filter(None, (deadline_words(one.due, one.due_local, now, whose), start, doubt)))
    late = one.state == "overdue" or (begin is not None and begin < now)
    left = remaining(one.due, now) if one.due else "no fixed time"
    details = ((words,),) if words else ()
    return Row(Cell(left, "alarm" if late else "title"), (one.title or one.duty,), details=details)


def _wait(one: Waiting, now: datetime) -> Row:
    late = one.due is not None and one.due <= now
    first = Cell(remaining(one.due, now) if one.due else "to do", "alarm" if late else "title")
    who = person_names(one.who) or "nobody"
    return Row(first, (one.what, f" · {who}"), last=Cell(one.ref, "dim"))


def _entries(title: str, entries: Sequence[Told], now: datetime) -> list[Block]:
    """Return entries as a section; one actor of all entries is in the title, else each entry has its own."""
    actors = {one.actor for one in entries}
    by = f" · all by {actors.pop()}" if len(actors) == 1 else ""
    found = [(one, () if by else ((Cell(one.actor, "dim"),),)) for one in entries]
    return _section(title, [Row(when(one.at, now), (one.text,), details=own) for one, own in found], by=by)
