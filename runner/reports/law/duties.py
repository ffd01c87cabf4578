"""Duties as a person and a script read them: what the law asks, by when, why, and what is still missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from runner.law.duty import DutiesReport, DutyChange, DutyDone, DutyStatus
from runner.law.relevance import questions
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import (
    READER,
    as_it_was,
    count,
    day,
    moment,
    remaining,
    short_digest,
    signatures,
    unsigned,
    when,
)
from runner.reports.core.header import Heading, marked, render_header
from runner.reports.core.page import Blank, Block, Cell, Page, Paragraph, Table, Tone, line
from runner.reports.core.second_person import ground_words
from runner.reports.law.titles import titled

_DONE = {
    "filed": "filed",
    "filed_late": "filed late",
    "decided_not_to_notify": "decided not to notify",
    "waived": "waived",
}
_ASKED = 5
"""How many open questions a page shows."""
_FEW = 6
"""Up to how many duties that do not apply are named when the law was looked at."""
FAR = datetime.max.replace(tzinfo=UTC)
PROMPTLY = timedelta(days=7)
"""How far away a deadline must be to stand behind what the law wants without undue delay."""
_VERDICTS = ("applies", "unknown", "advisory", "not_applicable")


def duties(found: Sequence[DutyStatus], now: datetime, warnings: Sequence[str] = ()) -> DutiesReport:
    """Return the contract's document: what presses most comes first."""
    ordered = sorted(found, key=lambda duty: urgency(duty, now))
    return DutiesReport(as_of=now, duties=titled(ordered), warnings=tuple(warnings))


def urgency(duty: DutyStatus, now: datetime) -> tuple[bool, bool, int, datetime, int, str]:
    """Return what duties are ordered by: open before done, in sight, binding before advisory, the last moment to begin.

    A duty that may apply runs as one that does. What has no number in the law and applies stands before what leaves more
    than ``PROMPTLY``: "without undue delay" is no reason to wait for it.
    """
    binding = duty.verdict in ("applies", "unknown")
    kind = 0 if binding else (1 if duty.verdict == "advisory" else 2)
    order = _VERDICTS.index(duty.verdict)
    return duty.state in _DONE, not duty.in_sight, kind, presses(duty, now), order, duty.id


def presses(duty: DutyStatus, now: datetime) -> datetime:
    """Return the instant by which a duty is ordered among others: its last moment to begin, where it has one."""
    if duty.due_kind == "no_number" and duty.verdict == "applies":
        return now + PROMPTLY
    return duty.latest_safe_start or duty.due or FAR


def running(found: Sequence[DutyStatus], now: datetime) -> tuple[DutyStatus, ...]:
    """Return the duties in sight that apply or may apply and are not done, the most urgent first."""
    live = [d for d in found if d.verdict in ("applies", "unknown") and d.in_sight and d.state not in _DONE]
    return tuple(sorted(live, key=lambda duty: urgency(duty, now)))


def clock_words(duty: DutyStatus, now: datetime) -> tuple[str, Tone]:
    """Return a duty's clock in words, with what is uncertain about it."""
    if duty.state in _DONE:
        return _DONE[duty.state], "warn" if duty.state == "filed_late" else "good"
    if duty.verdict == "not_applicable":
        return "does not apply", "dim"
    if duty.state == "held":
        return "held by law enforcement", "warn"
    if duty.due is None:
        return _without_number(duty), "plain"
    doubt = ", provisional" if duty.provisional else ""
    if duty.verdict == "unknown":
        return f"{remaining(duty.due, now)} if it applies{doubt}", "warn"
    if duty.verdict == "advisory":
        return f"{remaining(duty.due, now)}, advisory{doubt}", "dim"
    late = duty.due <= now or (duty.latest_safe_start is not None and duty.latest_safe_start <= now)
    return f"{remaining(duty.due, now)}{doubt}", "alarm" if late else "plain"


def _without_number(duty: DutyStatus) -> str:
    if duty.due_kind == "waits_for_event":
        return f"not running: waits for {duty.clock.start_fact}"
    return duty.standard or "no fixed time"


def due_words(duty: DutyStatus, now: datetime) -> str:
    """Return when it is due, with the authority's time where that differs; a date ends with its last second there."""
    date_ = duty.due_date if duty.due_kind == "date" else None
    return deadline_words(duty.due, duty.due_local, date_, now)


def deadline_words(due: datetime | None, local: datetime | None, date_: date | None, now: datetime) -> str:
    """Return a deadline in the reader's zone; ``local`` is the same where it counts, ``date_`` what ends with it there."""
    if due is None:
        return ""
    mine, there = due.astimezone(READER.get() or now.tzinfo or UTC), local or due
    end = f"the end of {day(date_)}" if date_ is not None else ""
    if mine.utcoffset() == there.utcoffset():
        return f"by {end}" if end else f"due {when(due, now)}"
    theirs = end or (f"{there:%H:%M}" if there.date() == mine.date() else f"{day(there)} {there:%H:%M}")
    return f"due {when(due, now)} ({theirs} {there.tzname() or ''} at the authority)"


def start_words(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> str:
    """Return by when to begin; "at once" where that lies before there was anything to begin."""
    start = duty.latest_safe_start
    if start is None or start == duty.due or duty.state in _DONE:
        return ""
    if any(begun is not None and start < begun for begun in (duty.clock.start, opened)):
        return "at once"
    return f"by {when(start, now)}{' (passed)' if start <= now else ''}"


def duties_page(
    report: DutiesReport,
    heading: Heading | None = None,
    *,
    opened: datetime | None = None,
    everything: bool = False,
) -> Page:
    """Draw all duties in full; what does not apply is folded unless ``everything`` is asked for."""
    now = report.as_of
    subject = f"duties as of {moment(now)}"
    blocks: list[Block] = list(
        render_header(heading, subject) if heading else (*marked("real"), line(subject, "dim"))
    )
    duties = [d for d in report.duties if everything or (d.verdict != "not_applicable" and d.in_sight)]
    blocks += [line(f"! {told}", "warn") for told in report.warnings]
    for duty in duties:
        blocks.extend(duty_blocks(duty, now, opened))
    if not report.duties:
        blocks.append(line("no duty has been assessed: no law is pinned, or no facts are known", "dim"))
    if not everything:
        blocks.extend(_folded(report.duties, now))
    return Page(tuple(blocks))


def _folded(found: Sequence[DutyStatus], now: datetime) -> Iterator[Block]:
    """Yield the questions that would tell the duties apart that are not in sight, the best question first."""
    far = [d for d in found if not d.in_sight and d.verdict != "not_applicable"]
    if far:
        yield line(
            f"{count(len(far), 'duty', 'duties')} cannot be told yet (--all); these answers settle most",
            "title",
        )
        for path, held in islice(questions((d, d.missing_facts) for d in far).items(), _ASKED):
            words = f"{path}: {count(len(held), 'duty', 'duties')}{_shortest(held, now)}"
            yield Paragraph(cells=(Cell(words),), indent=2, hang=2)
            yield Paragraph(
                cells=(Cell("→ "), Cell(suggested_actions.set_fact(path), "command")), indent=2, hang=2
            )
    out = sum(d.verdict == "not_applicable" for d in found)
    if out:
        yield line(f"{out} that do not apply are not shown (--all)", "dim")


def _shortest(held: Sequence[DutyStatus], now: datetime) -> str:
    """Say how soon the first of several duties would be due, so that nobody waits too long with the answer."""
    first = min((d for d in held if d.due), key=lambda d: d.due or FAR, default=None)
    return f", the first due {when(first.due, now)} ({first.id})" if first is not None and first.due else ""


def duty_blocks(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> Iterator[Block]:
    """Yield one duty in full; ``opened`` is when its incident was, where it has one."""
    words, tone = clock_words(duty, now)
    yield Paragraph(cells=(Cell(duty.id, "title"), Cell("  "), Cell(words, tone)), hang=2)
    rows = [(Cell(name, "dim"), Cell(text, kind)) for name, text, kind in _details(duty, now, opened) if text]
    yield Table(rows=tuple(rows), elastic=1)
    for command in _commands(duty):
        yield Paragraph(cells=(Cell("→ "), Cell(command, "command")), indent=2, hang=2)
    yield Blank()


def _details(duty: DutyStatus, now: datetime, opened: datetime | None) -> Iterator[tuple[str, str, Tone]]:
    verdict: Tone = "warn" if duty.verdict == "unknown" else "plain"
    yield "verdict", duty.verdict.replace("_", " "), verdict
    for reason in duty.because:
        yield "because", reason.text, "plain"
    if duty.state not in _DONE:
        yield from _unless(duty)
    yield "to", f"{duty.recipient} ({duty.jurisdiction}), {duty.stage}", "plain"
    yield "for", ", ".join(duty.populations), "plain"
    if duty.verdict != "not_applicable":
        yield from _times(duty, now, opened)
    yield "missing", ", ".join(duty.missing_facts), "warn"
    for record in (*duty.earlier, duty.record):
        if record is not None:
            yield "record", record_words(record), "plain"
    for note in duty.notes:
        yield "note", note, "dim"
    yield "law", f"{duty.citation}, version {duty.law_version}, confidence: {duty.confidence}", "dim"


def _unless(duty: DutyStatus) -> Iterator[tuple[str, str, Tone]]:
    """Yield what would take a duty away if it were claimed; what only a person can judge is named by its code."""
    for one in duty.unless:
        if one.missing or one.met or one.populations:
            wants = f"not known: {', '.join(one.missing)}" if one.missing else "the facts speak for it"
            whom = f" (only for {', '.join(one.populations)})" if one.populations else ""
            yield "unless", f"{one.text} [{one.ground}]: {wants}{whom}; nobody has claimed it", "warn"
    judged = [one.ground for one in duty.unless if not (one.missing or one.met or one.populations)]
    yield "unless", f"counsel claims {', '.join(judged)}" if judged else "", "dim"


def record_words(record: DutyDone) -> str:
    """Return what was done about a duty, by whom, who signed it, why, and what opens it again."""
    proof = record.reference or record.receipt
    said = f"{_DONE[record.kind]} {moment(record.at)} by {record.by}{signatures(record.signed)}"
    text = f", text {short_digest(record.digest)}" if record.digest else ""
    why = "; ".join(text for text in (record.reason, record.late_reason) if text)
    again = f"; opens again when {record.watch}" if record.watch else ""
    return f"{said}{ground_words(record.ground, record.evidence)}{f', {proof}' if proof else ''}{text}{f': {why}' if why else ''}{again}{unsigned(record.unsigned)}{as_it_was(record.as_it_was)}"


def _times(duty: DutyStatus, now: datetime, opened: datetime | None) -> Iterator[tuple[str, str, Tone]]:
    start = when(duty.clock.start, now) if duty.clock.start else "not known"
    doubt = ", provisional: not yet fixed by anyone" if duty.provisional else ""
    yield "clock", f"{duty.clock.rule}, from {duty.clock.start_fact} ({start}){doubt}", "plain"
    yield "due", due_words(duty, now).removeprefix("due "), "plain"
    start_at = start_words(duty, now, opened)
    yield ("start by" if start_at.startswith("by ") else "start"), start_at.removeprefix("by "), "plain"
    if duty.latest_legal and duty.latest_legal != duty.due:
        yield "law allows", when(duty.latest_legal, now), "dim"
    if duty.not_before:
        yield "not before", when(duty.not_before, now), "warn"
    yield "standard", duty.standard, "plain"


def _commands(duty: DutyStatus) -> Iterator[str]:
    if duty.state in _DONE or duty.verdict == "not_applicable":
        return
    if duty.missing_facts:
        yield suggested_actions.set_fact(duty.missing_facts[0])
    if duty.verdict == "applies":
        if any(one.met for one in duty.unless):
            yield suggested_actions.decide_again(duty.id)
        yield suggested_actions.record_filed(duty.id)


def assessed_words(changes: Sequence[DutyChange]) -> str:
    """Name the duties in sight that may bind, and a few that went away; the others are only counted."""
    far = sum(not change.in_sight for change in changes)
    out = [change for change in changes if change.in_sight and change.verdict not in ("applies", "unknown")]
    named = [change for change in changes if change.in_sight and (change not in out or len(out) <= _FEW)]
    words = [_changed(change) for change in named]
    rest = len(changes) - len(named) - far
    if rest:
        words.append(f"{count(rest, 'duty does', 'duties do')} not apply")
    if far:
        words.append(f"{count(far, 'duty', 'duties')} cannot be told yet")
    return "; ".join(words) or "nothing changed"


def _changed(change: DutyChange) -> str:
    due = f", due {moment(change.due)}{' provisionally' if change.provisional else ''}" if change.due else ""
    late = ", OVERDUE" if change.overdue else ""
    again = f" (the decision not to notify no longer stands: {change.reopened})" if change.reopened else ""
    return f"{change.duty} {change.verdict.replace('_', ' ')}{due}{late}{again}"
