"""Legal deadlines as a calendar: deadline or internal target, "start by", and the last day to mail all letters.

A law without a number of days ("without undue delay") has an internal target: three days after its clock starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from runner.base.states import MARKS, Kind
from runner.documents.writers.sheet import Sheet, Value
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.law.regime import Level
from runner.reports.core.formatting import day, moment
from runner.reports.core.header import marked, marking
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, line, paged, table
from runner.reports.core.report import Report, filled
from runner.reports.core.second_person import ground_words
from runner.reports.law.confidence import LEVEL_WORDS
from runner.reports.law.duties import running
from runner.reports.law.duty_rows import TARGET, target
from runner.reports.law.titles import citation, recipient_name

DECIDED = ("decided_not_to_notify", "waived")
_UNITED_STATES = "US"


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


class Deadlines(Report, frozen=True, kw_only=True, tag="tocsin/deadlines/v1"):
    """All open deadlines, earliest first. ``mail_by`` is the last day to mail that meets the deadline of every state."""

    incident: str
    organisation: str = ""
    number: str = ""
    """The file number of the incident, else its codename."""
    kind: Kind
    as_of: datetime
    mail_by: date | None
    mail_by_because: str
    deadlines: tuple[Deadline, ...]


def deadlines(found: Sequence[DutyStatus], incident: Incident, now: datetime) -> Deadlines:
    """Return the open deadlines of an incident."""
    decided = [
        duty
        for duty in found
        if duty.state in DECIDED and duty.verdict in ("applies", "unknown") and duty.in_sight
    ]
    rows = [
        filled(
            Deadline,
            duty,
            duty=duty.id,
            start_by=duty.latest_safe_start,
            to=_to(duty),
            paper=f"{_STAGES.get(duty.stage, duty.stage.replace('_', ' '))} {citation(duty)}".strip(),
            target=target(duty),
            zone=(duty.authority.zone if duty.authority else "") or _zone(duty),
            ground=duty.record.ground if duty.record is not None else "",
        )
        for duty in (*running(found, now), *decided)
    ]
    far = datetime.max.replace(tzinfo=UTC)
    letters = [
        duty
        for duty in running(found, now)
        if duty.verdict == "applies"
        and duty.recipient == "individuals"
        and duty.jurisdiction.partition("-")[0] == _UNITED_STATES
        and duty.due_date is not None
    ]
    first = min(letters, key=lambda duty: duty.due or far, default=None)
    return Deadlines(
        incident=incident.codename,
        organisation=_fact(incident, "organisation.name"),
        number=_fact(incident, "incident.file_number") or incident.codename,
        kind=incident.kind,
        as_of=now,
        mail_by=first.due_date if first is not None else None,
        mail_by_because=first.id if first is not None else "",
        deadlines=tuple(sorted(rows, key=lambda row: (row.due or row.target or far, row.duty))),
    )


_STAGES = {"initial": "notification", "individuals": "letters"}


def _fact(incident: Incident, path: str) -> str:
    fact = incident.facts.get(path)
    return str(fact.value) if fact is not None and fact.value is not None else ""


def _to(duty: DutyStatus) -> str:
    office = duty.authority
    return (office.short or office.name if office else "") or recipient_name(duty).removeprefix("the ")


def _zone(duty: DutyStatus) -> str:
    return str(duty.due_local.tzinfo or "") if duty.due_local is not None else ""


def _decision(row: Deadline) -> str:
    """Return the decision about a duty in words; empty if the duty is open."""
    return f"{row.state.replace('_', ' ')}{ground_words(row.ground)}" if row.state in DECIDED else ""


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
        yield line(
            f"target: internal, {TARGET.days} days after the start, because the law has no number", "dim"
        )


def _cells(row: Deadline, now: datetime) -> Cells:
    passed = row.due is None and row.target is not None and row.target <= now
    tone: Tone = "alarm" if passed else "warn" if row.provisional or row.verdict == "unknown" else "plain"
    return Cell(f"{_due(row)}{', PASSED' if passed else ''}", tone), row.duty, Cell(_whom(row), "dim")


def _whom(row: Deadline) -> str:
    if row.state in DECIDED:
        return _decision(row)
    words = f"{row.to}{', undetermined' if row.verdict == 'unknown' else ''}"
    return f"{words}: {row.standard}" if row.due is None and row.standard else words


def _due(row: Deadline) -> str:
    doubt = "~ " if row.provisional else ""
    if row.due is None:
        if row.target is not None:
            return f"{doubt}target {day(row.target.astimezone(_place(row)).date())}"
        return "not started" if row.due_kind == "waits_for_event" else "no fixed time"
    return doubt + (
        day(row.due_date) if row.due_kind == "date" and row.due_date else moment(row.due, _place(row))
    )


def _place(row: Deadline) -> ZoneInfo:
    return ZoneInfo(row.zone or "UTC")


_COLUMNS: Mapping[str, Callable[[Deadline], Value]] = {
    "Duty": lambda row: row.duty,
    "Recipient": lambda row: row.to,
    "Notice": lambda row: row.paper,
    "Jurisdiction": lambda row: row.jurisdiction,
    "Verdict": lambda row: row.verdict,
    "Due (UTC)": lambda row: row.due,
    "Due day": lambda row: row.due_date,
    "Due (recipient)": lambda row: moment(row.due, _place(row)) if row.due else "",
    "Internal target": lambda row: row.target.astimezone(_place(row)).date() if row.target else None,
    "Start by (UTC)": lambda row: row.start_by,
    "Provisional": lambda row: "yes" if row.provisional else "no",
    "Decision": lambda row: _decision(row),
    "Words of the law": lambda row: row.standard,
    "Citation": lambda row: row.citation,
    "Confidence": lambda row: LEVEL_WORDS[row.confidence],
}


def sheet(found: Deadlines) -> Sheet:
    """Return the deadlines as a spreadsheet."""
    notes = [marking(found.kind), f"{found.incident}, as of {found.as_of:%Y-%m-%d %H:%M} UTC"]
    if found.mail_by:
        notes.append(f"Letters in the United States: mail by {found.mail_by} ({found.mail_by_because})")
    return Sheet(
        name="Deadlines",
        heads=tuple(_COLUMNS),
        rows=[tuple(column(row) for column in _COLUMNS.values()) for row in found.deadlines],
        notes=tuple(filter(None, notes)),
    )


def ics(found: Deadlines) -> bytes:
    """Return the deadlines as iCalendar (RFC 5545): one event each, with an alarm at "start by", and the last day to mail."""
    from icalendar import Alarm, Calendar, Event

    mark = f"[{MARKS[found.kind]}] " if found.kind != "real" else ""
    book = Calendar()
    book.add("prodid", "-//Tocsin//duties//EN")
    book.add("version", "2.0")
    if found.mail_by is not None:
        mailing = Event()
        mailing.add("uid", f"{found.incident}/mail-by@tocsin")
        mailing.add("dtstamp", found.as_of.astimezone(UTC))
        mailing.add("summary", f"{mark}Last day to mail the letters in the United States")
        mailing.add(
            "description",
            f"The first deadline is that of {found.mail_by_because}.",
        )
        mailing.add("dtstart", found.mail_by)
        book.add_component(mailing)
    for row in found.deadlines:
        ends = row.due or row.target
        if ends is None:
            continue
        there, all_day = ends.astimezone(_place(row)), row.due is None or row.due_kind == "date"
        event = Event()
        event.add("uid", f"{found.incident}/{row.duty}@tocsin")
        event.add("dtstamp", found.as_of.astimezone(UTC))
        event.add("summary", f"{mark}{_summary(found, row)}")
        when = (
            f"Due {moment(ends, _place(row))}"
            if row.due
            else f"Internal target, {TARGET.days} days after the start"
        )
        event.add(
            "description",
            f"{when}. {row.citation}. {row.standard} Confidence: {LEVEL_WORDS[row.confidence]}. Duty: {row.duty}",
        )
        event.add("dtstart", (row.due_date or there.date()) if all_day else ends.astimezone(UTC))
        if row.due is not None and row.start_by is not None and row.start_by < row.due:
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", f"{mark}Start now: {_summary(found, row)}")
            alarm.add("trigger", row.start_by.astimezone(UTC))
            event.add_component(alarm)
        book.add_component(event)
    return bytes(book.to_ical())


def _summary(found: Deadlines, row: Deadline) -> str:
    """Return a deadline as in a diary: organisation, recipient, notice, hour at the recipient, and file number."""
    whose = f"{found.organisation} – " if found.organisation else ""
    hour = f"{row.due.astimezone(_place(row)):%H:%M %Z}" if row.due is not None else ""
    state = _decision(row) or (f"due {hour}" if hour else "target")
    may = " (undetermined)" if row.verdict == "unknown" else ""
    doubt = " (unconfirmed start time)" if row.provisional else ""
    return f"{whose}{row.to}: {row.paper} {state} (incident {found.number}){may}{doubt}"
