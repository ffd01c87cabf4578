"""Schedules of exercises and routines: the next run and the result of each run.

The time of an unannounced exercise stays hidden until the exercise starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from runner.base.instants import duration_text
from runner.errors import warning
from runner.incident.exercises.schedules import (
    AnyScheduleEvent,
    DrillScheduled,
    DrillUnscheduled,
    Firing,
    FiringAcknowledged,
    FiringClaimed,
    FiringEnded,
    FiringMissed,
    FiringOpened,
    FiringRestored,
    Schedule,
    attention,
)
from runner.reports.core.formatting import moment
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, flow, line, paged, table
from runner.reports.core.report import Report, filled

SHOWN = 5
"""The number of newest runs on a page."""
_TONES: dict[str, Tone] = {"passed": "good", "opened": "good", "missed": "alarm", "failed": "alarm"}


class FiringReport(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a schedule."""

    id: str
    fire_at: datetime
    state: str
    recorded: datetime
    codename: str
    detail: str
    acknowledged: str
    """The reason and the person of an acknowledgement of a missed or failed run."""


class ScheduleReport(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule; ``next`` is in its own zone."""

    schedule: str
    exercise: str
    routine: str
    ahead: str
    closed_for: str
    cron: str
    every: str
    zone: str
    no_notice: str
    on_missed: str
    unattended: bool
    despite: str
    since: datetime
    by: str
    next: datetime | None
    needs_attention: str
    firings: tuple[FiringReport, ...]


class SchedulesReport(Report, frozen=True, kw_only=True, tag="tocsin/schedules/v1"):
    """All active schedules."""

    as_of: datetime
    schedules: tuple[ScheduleReport, ...]


def schedules_report(
    standing: Sequence[Schedule], upcoming: dict[str, datetime | None], now: datetime
) -> SchedulesReport:
    """Return the active schedules; ``upcoming`` has the next run of each."""
    return SchedulesReport(
        as_of=now, schedules=tuple(_report(schedule, upcoming.get(schedule.id)) for schedule in standing)
    )


def _report(schedule: Schedule, upcoming: datetime | None) -> ScheduleReport:
    rule = schedule.rule
    wrong = attention(schedule)
    return filled(
        ScheduleReport,
        rule,
        schedule=schedule.id,
        routine=rule.routine or "",
        ahead=_span(rule.ahead),
        closed_for=_span(rule.closed_for),
        every=_span(rule.every),
        no_notice=_span(rule.no_notice),
        since=schedule.since,
        by=schedule.by,
        next=upcoming,
        needs_attention=f"{wrong.id} {wrong.state}: {wrong.detail}" if wrong is not None else "",
        firings=tuple(map(_fired, sorted(schedule.firings.values(), key=lambda one: one.fire_at))),
    )


def _span(length: timedelta | None) -> str:
    return duration_text(length) if length is not None else ""


def _fired(firing: Firing) -> FiringReport:
    return filled(
        FiringReport,
        firing,
        recorded=firing.at,
        acknowledged=f"{firing.acknowledged} ({firing.acknowledged_by})" if firing.acknowledged else "",
    )


@paged
def schedules_page(report: SchedulesReport, begin: str) -> Iterator[Block]:
    """Draw the schedules; ``begin`` is the command to create the first one."""
    if not report.schedules:
        yield line(f"No schedules → {begin}", "dim")
    for number, one in enumerate(report.schedules):
        if number:
            yield Blank()
        comes = f"{one.next:%a %Y-%m-%d %H:%M} {one.zone}" if one.next is not None else "no further run"
        yield flow(Cell(one.schedule, "title"), f"  next: {comes}", hang=2)
        yield line("; ".join(filter(None, _how(one))), "dim", indent=2, hang=2)
        if one.firings:
            yield table(map(_row, one.firings[-SHOWN:]), 2)


def _how(one: ScheduleReport) -> Iterator[str]:
    yield f"cron {one.cron}" if one.cron else f"every {one.every}"
    if one.routine:
        yield f"deadlines within {one.ahead}" if one.ahead else ""
        yield f"closed for: {one.closed_for}" if one.closed_for else ""
    else:
        yield f"unannounced, within {one.no_notice}" if one.no_notice else "announced"
        yield "unattended" if one.unattended else "with people"
        yield f"missed-run policy: {one.on_missed}"


def _row(one: FiringReport) -> Cells:
    return (
        Cell(moment(one.fire_at), "dim"),
        Cell(one.state, "dim" if one.acknowledged else _TONES.get(one.state, "warn")),
        "; ".join(part for part in (one.codename, one.detail, one.acknowledged) if part),
    )


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """One future run of an announced schedule."""

    schedule: str
    at: datetime


def ics(coming: Sequence[Coming], now: datetime) -> bytes:
    """Return future announced exercises as iCalendar (RFC 5545), one event each."""
    from icalendar import Calendar, Event

    book = Calendar()
    book.add("prodid", "-//Tocsin//exercises//EN")
    book.add("version", "2.0")
    for one in coming:
        event = Event()
        event.add("uid", f"{one.schedule}/{one.at.astimezone(UTC):%Y%m%dT%H%M%SZ}@tocsin")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("summary", f"EXERCISE: {one.schedule}")
        event.add("dtstart", one.at.astimezone(UTC))
        book.add_component(event)
    return bytes(book.to_ical())


def told(event: AnyScheduleEvent) -> str:
    """Return the message of the scheduler for an entry; empty if the message would reveal an exercise."""
    match event:
        case FiringOpened(codename=codename, schedule=name):
            return f"EXERCISE: {name} is open as {codename}. To run it: tocsin drill run --go-on {codename}"
        case FiringEnded(routine=str(), schedule=name, detail=detail):
            return f"{name}: {detail}"
        case FiringEnded(outcome=outcome, schedule=name, detail=detail):
            return f"EXERCISE: {name} {outcome}{f': {detail}' if detail else ''}"
        case FiringMissed(schedule=name, fire_at=fire_at, reason=reason):
            return warning("exercise_missed", f"Exercise {name} of {moment(fire_at)} was missed: {reason}")
        case FiringRestored(schedule=name, fire_at=fire_at):
            return f"{name} of {moment(fire_at)} is scheduled again: the clock was ahead when the run was recorded"
        case FiringClaimed() | FiringAcknowledged() | DrillScheduled() | DrillUnscheduled():
            return ""
