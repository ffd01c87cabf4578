"""Legal deadlines as a calendar: deadline or internal target, "start by", and the last day to mail all letters.

A law without a number of days ("without undue delay") has an internal target from the settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from runner.base.states import MARKS, Kind
from runner.incident.law.duties import BINDING
from runner.incident.state.incident import Incident
from runner.law.counting import HolidayCalendar
from runner.law.duty import DutyStatus, NextAct
from runner.law.regime import Level
from runner.reports.core.formatting import day, moment
from runner.reports.core.header import marked
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, line, paged, table
from runner.reports.core.report import Report, filled
from runner.reports.core.second_person import ground_words
from runner.reports.law.confidence import LEVEL_WORDS
from runner.reports.law.duties import running
from runner.reports.law.next_act import act_words
from runner.reports.law.titles import citation, recipient_name

DECIDED = ("decided_not_to_notify", "waived")


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One duty that applies or may apply and is not done. ``due`` is None without a fixed deadline."""

    duty: str
    recipient: str
    jurisdiction: str
    verdict: str
    due: datetime | None
    due_date: date | None
    due_kind: str
    start_by: datetime | None
    provisional: bool
    standard: str
    citation: str
    confidence: Level
    to: str = ""
    """The recipient in words: the authority's short name if known."""
    paper: str = ""
    """The notice in words, with its article."""
    target: datetime | None = None
    """The internal target of a duty without a fixed deadline whose clock has started."""
    zone: str = ""
    """The recipient's time zone."""
    state: str = "open"
    """``decided_not_to_notify`` and ``waived`` stay in the calendar."""
    ground: str = ""
    look_again: date | None = None
    """Day on which people look at the decision again."""
    next: NextAct | None = None


class Deadlines(Report, frozen=True, kw_only=True, tag="tocsin/deadlines/v1"):
    """All open deadlines, earliest first. ``mail_by`` is the last day with mail that meets the deadline of every state."""

    incident: str
    organisation: str = ""
    number: str = ""
    """The file number of the incident, else its codename."""
    kind: Kind
    as_of: datetime
    mail_by: date | None
    mail_by_because: str
    deadlines: tuple[Deadline, ...]


def deadlines(
    found: Sequence[DutyStatus], incident: Incident, now: datetime, holidays: HolidayCalendar | None = None
) -> Deadlines:
    """Return the open deadlines of an incident; on ``holidays`` of the United States nobody takes mail."""
    live = running(found, now)
    decided = [duty for duty in found if duty.state in DECIDED and duty.verdict in BINDING and duty.in_sight]
    rows = [
        filled(
            Deadline,
            duty,
            duty=duty.id,
            start_by=duty.latest_safe_start,
            to=(duty.authority and (duty.authority.short or duty.authority.name))
            or recipient_name(duty).removeprefix("the "),
            paper=f"{_STAGES.get(duty.stage, duty.stage.replace('_', ' '))} {citation(duty)}".strip(),
            target=duty.internal_target,
            zone=(duty.authority and duty.authority.zone)
            or str(duty.due_local.tzinfo or "" if duty.due_local else ""),
            ground=duty.record.ground if duty.record else "",
            look_again=duty.record.look_again if duty.record else None,
        )
        for duty in (*live, *decided)
    ]
    far = datetime.max.replace(tzinfo=UTC)
    letters = [
        duty
        for duty in live
        if duty.verdict == "applies"
        and duty.recipient == "individuals"
        and duty.jurisdiction.partition("-")[0] == "US"
        and duty.due_date is not None
    ]
    first = min(letters, key=lambda duty: duty.due or far, default=None)
    return Deadlines(
        incident=incident.codename,
        organisation=_fact(incident, "organisation.name"),
        number=_fact(incident, "incident.file_number") or incident.codename,
        kind=incident.kind,
        as_of=now,
        mail_by=_last_mail(first.due_date, holidays) if first is not None and first.due_date else None,
        mail_by_because=first.id if first is not None else "",
        deadlines=tuple(sorted(rows, key=lambda row: (row.due or row.target or far, row.duty))),
    )


def _last_mail(day: date, holidays: HolidayCalendar | None) -> date:
    """Return the day, or the last one before it that is neither a Sunday nor a federal holiday."""
    while day.isoweekday() == _SUNDAY or (holidays is not None and holidays.is_holiday(day, "US")):
        day -= timedelta(days=1)
    return day


_SUNDAY = 7
_STAGES = {"initial": "notification", "individuals": "letters"}


def _fact(incident: Incident, path: str) -> str:
    fact = incident.facts.get(path)
    return str(fact.value) if fact is not None and fact.value is not None else ""


def _place(row: Deadline) -> ZoneInfo:
    return ZoneInfo(row.zone or "UTC")


def _ends(row: Deadline) -> date | datetime | None:
    """Return the day to look at a decision again, else the deadline, else the day of the internal target."""
    if row.look_again:
        return row.look_again
    if row.due is None:
        return row.target.astimezone(_place(row)).date() if row.target else None
    return row.due_date if row.due_kind == "date" and row.due_date else row.due.astimezone(_place(row))


def _decision(row: Deadline) -> str:
    """Return the decision about a duty in words; empty if the duty is open."""
    if row.state not in DECIDED:
        return ""
    again = "" if row.look_again else ", no day to look again"
    return f"{row.state.replace('_', ' ')}{ground_words(row.ground)}{again}"


@paged
def calendar_page(found: Deadlines) -> Iterator[Block]:
    """Draw the deadlines."""
    yield from marked(found.kind)
    yield line(f"{found.incident} · Legal deadlines · {moment(found.as_of)}", "title")
    if found.mail_by is not None:
        because = f" (first deadline: {found.mail_by_because})"
        yield line(f"Last day to mail the letters in the United States: {day(found.mail_by)}{because}")
    if not found.deadlines:
        yield line("No open deadline", "good")
        return
    yield Blank()
    yield table((_cells(row, found.as_of) for row in found.deadlines), 2, indent=0)
    yield Blank()
    notes = "A date ends at midnight, local time of the authority. ~ means an unconfirmed start time."
    yield line(notes, "dim")
    if any(row.target and not row.due for row in found.deadlines):
        yield line("target: internal, because the law has no number", "dim")


def _cells(row: Deadline, now: datetime) -> Cells:
    ends = _ends(row)
    soft = row.due is None or row.look_again is not None
    passed = soft and ends is not None and ends <= now.astimezone(_place(row)).date()
    tone: Tone = "alarm" if passed else "warn" if row.provisional or row.verdict == "unknown" else "plain"
    words = "not started" if row.due_kind == "waits_for_event" else "no fixed time"
    if ends is not None:
        kind = "look again " if row.look_again else "target " if row.due is None else ""
        words = f"{kind}{moment(ends, _place(row)) if isinstance(ends, datetime) else day(ends)}"
    whom = f"{row.to}{', undetermined' if row.verdict == 'unknown' else ''}"
    whom += f": {row.standard}" if row.due is None and row.standard else ""
    first = f"{'~ ' if row.provisional else ''}{words}{', PASSED' if passed else ''}"
    return Cell(first, tone), row.duty, Cell(_decision(row) or whom, "dim"), act_words(row.next)


def ics(found: Deadlines) -> bytes:
    """Return the deadlines as iCalendar (RFC 5545): one event each, with an alarm at "start by", and the last day to mail."""
    from icalendar import Alarm, Calendar, Component, Event

    mark = f"[{MARKS[found.kind]}] " if found.kind != "real" else ""
    book = Calendar()
    book.add("prodid", "-//Tocsin//duties//EN")
    book.add("version", "2.0")

    def add(to: Component, component: Component, **values: object) -> Component:
        for name, value in values.items():
            component.add(name, value)
        to.add_component(component)
        return component

    def event(name: str, summary: str, description: str, ends: date | datetime) -> Component:
        values = {"uid": f"{found.incident}/{name}@tocsin", "dtstamp": found.as_of.astimezone(UTC)}
        start = ends.astimezone(UTC) if isinstance(ends, datetime) else ends
        return add(book, Event(), **values, summary=mark + summary, description=description, dtstart=start)

    if found.mail_by is not None:
        because = f"The first deadline is that of {found.mail_by_because}."
        event("mail-by", "Last day to mail the letters in the United States", because, found.mail_by)
    for row in found.deadlines:
        if (ends := _ends(row)) is None:
            continue
        when = f"Due {moment(row.due, _place(row))}" if row.due else "Internal target: the law has no number"
        act = f"Next: {act_words(row.next)}. " if act_words(row.next) else ""
        said = f"{_decision(row) or when}. {act}{row.citation}. {row.standard} Confidence: {LEVEL_WORDS[row.confidence]}. Duty: {row.duty}"
        made = event(row.duty, _summary(found, row), said, ends)
        start = row.start_by if row.state not in DECIDED else None
        if row.due is not None and start is not None and start < row.due:
            words = f"{mark}Start now: {_summary(found, row)}"
            add(made, Alarm(), action="DISPLAY", description=words, trigger=start.astimezone(UTC))
    return bytes(book.to_ical())


def _summary(found: Deadlines, row: Deadline) -> str:
    """Return a deadline as in a diary: organisation, recipient, notice, hour at the recipient, and file number."""
    whose = f"{found.organisation} – " if found.organisation else ""
    state = f"due {row.due.astimezone(_place(row)):%H:%M %Z}" if row.due is not None else "target"
    again = "look again at the decision: " if row.look_again else ""
    may = " (undetermined)" if row.verdict == "unknown" else ""
    doubt = " (unconfirmed start time)" if row.provisional else ""
    return (
        f"{whose}{row.to}: {again}{row.paper} {_decision(row) or state} (incident {found.number}){may}{doubt}"
    )
