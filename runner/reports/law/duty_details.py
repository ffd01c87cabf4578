"""One legal duty in full: its reasons, times, exemptions, authority, records and sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.actions import Action, set_fact
from runner.documents.notice import CoverageState
from runner.law.duty import DutyDone, DutyStatus
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import (
    as_it_was,
    day,
    moment,
    screen_time,
    short_digest,
    signatures,
    unsigned,
    when,
)
from runner.reports.core.page import Block, Cell, Tone, arrow, ends, fields, flow, line, paged, rows, table
from runner.reports.core.second_person import TwoPersonRow, ground_words
from runner.reports.law.authority import office_fields
from runner.reports.law.confidence import LEVEL_WORDS, check_words
from runner.reports.law.duty_rows import DONE, VERDICTS, due_words, duty_row, start_words
from runner.reports.law.next_act import act_words
from runner.reports.law.titles import duty_label, recipient_name
from runner.reports.notices.notices import NoticeRow, notice_cells


class DutyShown(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/duty/v1"):
    """One duty, and the cautions of its law."""

    as_of: datetime
    duty: DutyStatus
    cautions: tuple[str, ...]
    grounds: Mapping[str, str] = {}
    """The exemptions that the statute has for a decision not to notify: code and text."""
    waivable: bool = False
    """The law has a waiver."""
    served_too: tuple[str, ...] = ()
    """Other duties that one filing serves together with this one."""
    notices: tuple[NoticeRow, ...] = ()
    """Every version of its notices, oldest first."""
    content: Mapping[CoverageState, int] = {}
    """How many required and forbidden items of the current notice have each state; empty without a notice."""
    awaiting: tuple[TwoPersonRow, ...] = ()
    """Decisions that await a second person."""


@paged
def duty_page(shown: DutyShown, opened: datetime | None = None) -> Iterator[Block]:
    """Draw one duty: its deadline, its reasons, its authority, and the cautions of its law."""
    yield ends((Cell("Legal duty", "title"),), (screen_time(shown.as_of),))
    yield from rows([duty_row(shown.duty, shown.as_of, opened)])
    yield from duty_blocks(shown.duty, shown.as_of, opened)
    for row in shown.awaiting:
        said = f"{row.by} asks to {row.text}: {row.reason}. It counts after confirmation by {' or '.join(row.roles)}"
        yield line(said, "warn", hang=2)
    listed = {one.ground for one in shown.duty.unless}
    if more := [row for row in shown.grounds.items() if row[0] not in listed]:
        yield line(f"OTHER EXEMPTIONS OF THE STATUTE ({len(more)})", "title")
        yield fields(more)
    if shown.notices:
        counts = (f"{number} {state.replace('_', ' ')}" for state, number in shown.content.items())
        yield line(f"NOTICES ({len(shown.notices)})", "title")
        yield table((notice_cells(row, shown.as_of) for row in shown.notices), 1)
        yield line(f"Content of the current notice: {', '.join(counts) or 'no required item'}", indent=2)
    if shown.cautions:
        yield line(f"CAUTIONS ({len(shown.cautions)})", "title")
        yield from (line(f"- {caution}", indent=2, hang=2) for caution in shown.cautions)


@paged
def filing_page(shown: DutyShown, text: NoticeRow | None) -> Iterator[Block]:
    """Draw where a duty is filed, and the text that is filed; None without a text."""
    duty = shown.duty
    yield ends((Cell("File a notice", "title"),), (screen_time(shown.as_of),))
    yield from rows([duty_row(duty, shown.as_of)])
    if duty.authority is not None:
        office = office_fields(duty.authority, shown.as_of)
        yield fields(((name, Cell(text, tone)) for name, text, tone in office), indent=4)
    yield line("THE TEXT TO FILE", "title")
    if text is None:
        yield line("No text was generated for this duty", "warn")
        return
    yield table([notice_cells(text, shown.as_of)], 1)
    signed = any(one.binds and one.approved for one in text.approvals)
    stale = text.stale and text.as_it_was is None
    if not signed or stale or text.status == "draft":
        yield line("Do not file it yet: it must be final, current and approved", "alarm")
    yield line(f"Exact version {text.digest}", "dim")


def duty_blocks(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> Iterator[Block]:
    """Yield the reasons of one duty, its times, sources and id; ``opened`` is the opening of its incident, if there is one."""
    details = _details(duty, now, opened)
    yield fields(((name, Cell(text, tone)) for name, text, tone in details), indent=4)
    for action in _commands(duty):
        yield flow(arrow(action, ""), indent=4, hang=2)


def _details(duty: DutyStatus, now: datetime, opened: datetime | None) -> Iterator[tuple[str, str, Tone]]:
    verdict: Tone = "warn" if duty.verdict == "unknown" else "plain"
    yield "Verdict", VERDICTS.get(duty.verdict, "applies"), verdict
    for reason in duty.because:
        yield "Why", reason.text, "plain"
    if duty.state not in DONE:
        yield from _unless(duty)
    office = duty.authority
    yield "To", f"{recipient_name(duty)} ({duty.jurisdiction})", "plain"
    if office is not None and duty.verdict in ("applies", "unknown") and duty.state not in DONE:
        yield from office_fields(office, now)
    yield "For", ", ".join(duty.populations), "plain"
    if duty.verdict != "not_applicable":
        yield from _times(duty, now, opened)
    yield "Needed", ", ".join(duty.missing_facts), "warn"
    yield "Next act", act_words(duty.next), "title"
    for record in (*duty.earlier, duty.record, *duty.corrections):
        if record is not None:
            yield "Record", record_words(record), "plain"
    for note in duty.notes:
        yield "Note", note, "dim"
    sure = check_words(duty.verification) if duty.verification is not None else ""
    # a contract, or a duty of one's own, without a date
    version = "" if duty.law_version.startswith("1900-") else f", version {duty.law_version}"
    yield "Source", f"{duty.citation}{version}; {LEVEL_WORDS[duty.confidence]}", "dim"
    yield "Check", sure, "dim"
    yield "Id", duty.id, "dim"


def _unless(duty: DutyStatus) -> Iterator[tuple[str, str, Tone]]:
    """Yield the exemptions of a duty, each with what it waits for."""
    for one in duty.unless:
        if one.missing or one.met or one.populations:
            wants = f"unknown: {', '.join(one.missing)}" if one.missing else "the facts support it"
            whom = f" (only for {', '.join(one.populations)})" if one.populations else ""
            yield "Unless", f"{one.text} [{one.ground}]: {wants}{whom}; not confirmed", "warn"
        else:
            yield "Unless", f"{one.text} [{one.ground}]: only counsel can confirm", "dim"


def decisions(duties: Sequence[DutyStatus]) -> list[tuple[str, str]]:
    """Return the decisions not to notify and the waivers: the duty, and the record in words."""
    return [
        (duty_label(duty), record_words(record))
        for duty in duties
        for record in (*duty.earlier, duty.record)
        if record is not None and record.kind != "filed"
    ]


def record_words(record: DutyDone) -> str:
    """Return the record of a duty in words: person, signatures, reason, and the condition to decide again."""
    proof = record.reference or record.receipt
    said = f"{DONE[record.kind]} {moment(record.at)} by {record.by}{signatures(record.signed)}"
    text = f", text {short_digest(record.digest)}" if record.digest else ""
    why = "; ".join(text for text in (record.reason, record.late_reason) if text)
    again = f"; decide again if {record.watch}" if record.watch else ""
    again += f"; look again on {day(record.look_again)}" if record.look_again else ""
    return f"{said}{ground_words(record.ground, record.evidence)}{f', {proof}' if proof else ''}{text}{f': {why}' if why else ''}{again}{unsigned(record.unsigned, record.accepted)}{as_it_was(record.as_it_was)}"


def _times(duty: DutyStatus, now: datetime, opened: datetime | None) -> Iterator[tuple[str, str, Tone]]:
    start = when(duty.clock.start, now) if duty.clock.start else "unknown"
    doubt = ", unconfirmed" if duty.provisional else ""
    yield "Period", f"{duty.clock.rule}, from {duty.clock.start_fact} ({start}){doubt}", "plain"
    yield "Deadline", due_words(duty, now), "plain"
    start_at = start_words(duty, now, opened)
    yield ("Start by" if start_at.startswith("by ") else "Start"), start_at.removeprefix("by "), "plain"
    if duty.latest_legal and duty.latest_legal != duty.due:
        yield "Later reading", f"{when(duty.latest_legal, now)} (do not plan on it)", "dim"
    if duty.not_before:
        yield "Not before", when(duty.not_before, now), "warn"
    yield "Wording", duty.standard, "plain"


def _commands(duty: DutyStatus) -> Iterator[Action]:
    """Yield the next act, and the filing, which is possible at any time; without an incident, the missing fact."""
    if duty.next is not None and duty.next.action is not None:
        yield duty.next.action
    if duty.state in DONE or duty.verdict == "not_applicable":
        return
    if duty.next is None and duty.missing_facts:
        yield set_fact(duty.missing_facts[0])
    if duty.verdict == "applies" and (duty.next is None or duty.next.act != "file"):
        yield suggested_actions.record_filed(duty.id)
