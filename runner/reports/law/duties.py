"""Legal duties as data and as text: deadlines, reasons and missing facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec

from runner.actions import Action, set_fact
from runner.law.duty import DutiesReport, DutyChange, DutyDone, DutyStatus, Unless
from runner.law.relevance import ELSEWHERE, questions
from runner.reports.core import suggested_actions
from runner.reports.core.do_now import must_begin
from runner.reports.core.formatting import (
    as_it_was,
    count,
    moment,
    screen_time,
    short_digest,
    signatures,
    unsigned,
    when,
)
from runner.reports.core.header import Heading, list_header
from runner.reports.core.page import (
    Block,
    Cell,
    Row,
    Tone,
    arrow,
    ends,
    fields,
    flow,
    line,
    paged,
    rows,
    table,
)
from runner.reports.core.second_person import ground_words
from runner.reports.law.authority import office_fields
from runner.reports.law.confidence import LEVEL_WORDS, check_words
from runner.reports.law.duty_rows import (
    DONE,
    HEADER,
    UNSURE,
    due_words,
    duty_row,
    law_words,
    next_fact,
    start_words,
    table_row,
    there_words,
    time_left,
)
from runner.reports.law.titles import duty_label, question_words, recipient_name, titled

_ALL = Action("duty.list", args={"all": True})
_WHY = Action("duty.list", args={"why": True})
_QUESTIONS = 3
"""Most questions about relevant duties."""
_MOST = 5
"""Most questions on a page."""
_SHOWN = 10
"""Most duties of a list on a page."""
_NEAR = timedelta(days=1)
"""Time before which the first deadline behind a question is named."""
_VERDICT_WORDS = {
    "applies": "applies",
    "unknown": "undetermined",
    "advisory": "not in force",
    "not_applicable": "does not apply",
}
_FEW = 6
"""Most duties that do not apply and are named after an assessment."""
FAR = datetime.max.replace(tzinfo=UTC)
PROMPTLY = timedelta(days=7)
"""A deadline further away than this is after duties "without undue delay"."""
_VERDICTS = ("applies", "unknown", "advisory", "not_applicable")


def duties(found: Sequence[DutyStatus], now: datetime, warnings: Sequence[str] = ()) -> DutiesReport:
    """Return the report, the most urgent duties first."""
    ordered = sorted(found, key=lambda duty: urgency(duty, now))
    return DutiesReport(as_of=now, duties=titled(ordered), warnings=tuple(warnings))


def urgency(duty: DutyStatus, now: datetime) -> tuple[bool, bool, int, datetime, int, str]:
    """Return the sort key of a duty: open before done, relevant, binding before advisory, then "start by".

    A duty that may apply counts as one that applies. A duty that applies without a fixed deadline is before a deadline more
    than ``PROMPTLY`` away: "without undue delay" is not a reason to wait.
    """
    binding = duty.verdict in ("applies", "unknown")
    kind = 0 if binding else (1 if duty.verdict == "advisory" else 2)
    order = _VERDICTS.index(duty.verdict)
    return duty.state in DONE, not duty.in_sight, kind, presses(duty, now), order, duty.id


def presses(duty: DutyStatus, now: datetime) -> datetime:
    """Return the time that orders a duty: its "start by", if it has one."""
    if duty.due_kind == "no_number" and duty.verdict == "applies":
        return now + PROMPTLY
    return duty.latest_safe_start or duty.due or FAR


def running(found: Sequence[DutyStatus], now: datetime) -> tuple[DutyStatus, ...]:
    """Return the relevant duties that apply or may apply and are not done, the most urgent first."""
    live = [d for d in found if d.verdict in ("applies", "unknown") and d.in_sight and d.state not in DONE]
    return tuple(sorted(live, key=lambda duty: urgency(duty, now)))


@paged
def duties_page(
    report: DutiesReport,
    heading: Heading | None = None,
    *,
    opened: datetime | None = None,
    everything: bool = False,
    why: bool = False,
    papers: Mapping[str, str] | None = None,
) -> Iterator[Block]:
    """Draw duties by verdict, the most urgent first; ``why`` adds reasons, sources and ids to each.

    ``papers`` has the status of the newest notice of each duty; without it the page names no notices.
    """
    now = report.as_of
    asked = _asked(report.duties)
    screen = _Screen(now, opened, None if everything else _SHOWN, why, papers, tuple(asked))
    if heading is not None:
        yield from list_header(heading, "Legal duties", now)
    else:
        yield ends((Cell("Legal duties", "title"),), (screen_time(now),))
    yield from (line(f"Warning: {warning}", "warn", hang=2) for warning in report.warnings)
    if not report.duties:
        yield line("No law was assessed: no facts are recorded", "dim")
        return
    yield from _do_now(report.duties, asked, now, heading is not None)
    listed = [d for d in report.duties if _is_listed(d, everything=everything)]
    yield from screen.section("DUTIES", listed)
    yield from screen.section("DONE", [d for d in report.duties if d.state in DONE])
    yield from _questions(report.duties, {} if heading is not None else asked, _MOST - len(asked), now)
    yield from _folded(report.duties, screen, everything)


def _is_listed(duty: DutyStatus, *, everything: bool) -> bool:
    if duty.state in DONE:
        return False
    return duty.verdict == "applies" or (duty.verdict == "unknown" and (duty.in_sight or everything))


def _asked(found: Sequence[DutyStatus]) -> dict[str, list[DutyStatus]]:
    """Return the facts that decide relevant duties, or name their authority, each with these duties; the most urgent first."""
    live = [d for d in found if d.state not in DONE and d.verdict in ("applies", "unknown") and d.in_sight]
    asked: dict[str, list[DutyStatus]] = {}
    for duty in live:
        authority = duty.authority.asks if duty.authority is not None and duty.verdict == "applies" else ""
        for path in dict.fromkeys((next_fact(duty), *duty.missing_facts[:1], authority)):
            if path:
                asked.setdefault(path, []).append(duty)
    return dict(islice(asked.items(), _QUESTIONS))


def _questions(
    found: Sequence[DutyStatus], asked: Mapping[str, Sequence[DutyStatus]], most: int, now: datetime
) -> Iterator[Block]:
    """Yield the questions about relevant duties, then those that decide the most of the near laws, the nearest first."""
    far = [d for d in found if d.verdict == "unknown" and not d.in_sight]
    ranked = ((d, d.missing_facts, (d.distance, d.due or FAR)) for d in far)
    wide = list(islice(questions(ranked).items(), most))
    if asked or far:
        elsewhere = sum(d.distance >= ELSEWHERE for d in far)
        where = (
            f" · undetermined: {count(len(far) - elsewhere, 'duty', 'duties')} here, {elsewhere} elsewhere"
        )
        yield line(f"QUESTIONS ({len(asked) + len(wide)}){where if far else ''}", "title")
        yield from rows(_answers(asked))
        yield from rows(_question(path, held, now) for path, held in wide)
        if elsewhere:
            yield line(
                "The laws of other places are undetermined until a fact names the place", "dim", indent=2
            )


def _answers(asked: Mapping[str, Sequence[DutyStatus]]) -> Iterator[Row]:
    for number, (path, held) in enumerate(asked.items(), 1):
        first, more = held[0], f" and {len(held) - 1} more" if len(held) > 1 else ""
        does = "Decides"
        if first.authority is not None and first.authority.asks == path:
            does = "Names the authority for"
        elif first.verdict == "applies" and not any(path in one.missing for one in first.unless):
            does = "Sets the deadline of"
        detail = (f"{does} {law_words(first)}{more}", arrow(set_fact(path)))
        yield Row(Cell(f"answer {number}", "title"), (question_words(path),), details=(detail,))


def _exemptions(duty: DutyStatus) -> list[Unless]:
    """Return the exemptions that facts can decide; others only counsel can judge."""
    return [one for one in duty.unless if one.missing or one.met]


class _Screen(msgspec.Struct, frozen=True):
    """How duties are drawn: the time, the number in a list, and whether with reasons."""

    now: datetime
    opened: datetime | None
    most: int | None
    why: bool
    papers: Mapping[str, str] | None
    asked: tuple[str, ...]
    """The facts of the numbered questions."""

    def section(self, title: str, found: Sequence[DutyStatus]) -> Iterator[Block]:
        """Yield a list with its title; nothing for an empty one."""
        if found:
            yield line(f"{title} ({len(found)})", "title")
            yield from self.rows(found)

    def rows(self, found: Sequence[DutyStatus]) -> Iterator[Block]:
        """Yield duties as rows of a table, or each with its reasons, and the number of further duties."""
        shown = found[: self.most]
        if self.why:
            for duty in shown:
                yield from rows([self.row(duty)])
                yield from duty_blocks(duty, self.now, self.opened)
        elif shown and shown[0].state in DONE:
            yield from rows(map(self.row, shown))
        else:
            drawn = [table_row(duty, self.now, self.following(duty)) for duty in shown]
            yield table((HEADER, *drawn), 5)
            if any(str(due).endswith(UNSURE) for _, _, _, due, *_ in drawn):
                yield line(f"{UNSURE} start time unconfirmed", "dim", indent=2)
        if len(shown) < len(found):
            yield flow(f"{len(found) - len(shown)} more", arrow(_ALL), indent=2)

    def following(self, duty: DutyStatus) -> str:
        """Return the next act of a duty: the number of a question, another fact to record, or the state of its notice."""
        fact = next_fact(duty)
        if fact in self.asked:
            return f"answer {self.asked.index(fact) + 1}"
        if fact or duty.state in DONE or duty.verdict not in ("applies", "unknown"):
            return f"record {fact}" if fact else ""
        return self.paper(duty)

    def paper(self, duty: DutyStatus) -> str:
        """Return the status of a duty's notice; letters and campaigns to many people are no notices of this list."""
        none = "" if duty.recipient == "individuals" else "no notice generated"
        return "" if self.papers is None else self.papers.get(duty.id, none)

    def row(self, duty: DutyStatus) -> Row:
        """Return a duty as a row: its deadline, then its records when it is done, else its notice and its exemption."""
        row = duty_row(duty, self.now, self.opened)
        if duty.state in DONE and duty.record is not None:
            records = tuple((record_words(one),) for one in (*duty.earlier, duty.record))
            return msgspec.structs.replace(row, details=records)
        details = row.details
        if duty.verdict == "applies" and (words := self.paper(duty)):
            details += ((f"Not filed · {words}",),)
        if exemptions := _exemptions(duty):
            details += ((f"Exemption: {exemptions[0].text}",),)
        return msgspec.structs.replace(row, details=details)


def _do_now(
    found: Sequence[DutyStatus], asked: Mapping[str, Sequence[DutyStatus]], now: datetime, incident: bool
) -> Iterator[Block]:
    """Yield the duties whose work must start and the questions that decide relevant duties; nothing without an incident."""
    entries = [
        Row(time_left(duty, now), (duty_label(duty),), details=((arrow(_file(duty), ""),),))
        for duty in found
        if duty.verdict == "applies" and must_begin(duty, now)
    ]
    entries += _answers(asked)
    if entries and incident:
        yield line(f"DO NOW ({len(entries)})", "title")
        yield from rows(entries)
        return
    unknown = [
        duty.due
        for duty in found
        if duty.verdict == "unknown" and duty.due is not None and duty.distance < ELSEWHERE
    ]
    if incident and not any(due - now < _NEAR for due in unknown):
        to_do = sum(duty.verdict == "applies" and duty.state not in DONE for duty in found)
        words = (
            Cell(f"{count(to_do, 'legal duty', 'legal duties')} to meet, no deadline requires a start now")
            if to_do
            else Cell("No legal duty needs action now", "good")
        )
        yield flow(words, arrow(suggested_actions.STATUS))


def _file(duty: DutyStatus) -> Action:
    late = duty.state == "overdue"
    return suggested_actions.record_filed_late(duty.id) if late else suggested_actions.record_filed(duty.id)


def _question(path: str, held: Sequence[DutyStatus], now: datetime) -> Row:
    """Return a question as a row: the number of near duties that it decides, and the first deadline if that is near."""
    near = [duty for duty in held if duty.distance < ELSEWHERE]
    dues = [(duty.due, duty.due_local) for duty in near if duty.due is not None]
    first = min(dues, default=None, key=lambda due: due[0])
    soon = first is not None and first[0] - now < _NEAR
    details = ((Cell(f"First deadline: {there_words(*first, now)}", "warn"),),) if soon and first else ()
    words = (question_words(path), Cell(f"  {path}", "dim"))
    return Row(count(len(near or held), "duty", "duties"), words, details=details)


def _folded(found: Sequence[DutyStatus], screen: _Screen, everything: bool) -> Iterator[Block]:
    """Yield the number of duties not in force or not applicable; with ``everything`` the duties themselves."""
    out = [d for d in found if d.verdict == "not_applicable" and d.state not in DONE]
    offers = [d for d in found if d.verdict == "advisory" and d.state not in DONE]
    if everything:
        yield from screen.section("NOT IN FORCE", offers)
        yield from screen.section("DOES NOT APPLY", out)
        return
    parts = [f"NOT IN FORCE ({len(offers)})" if offers else "", f"DOES NOT APPLY ({len(out)})" if out else ""]
    if words := " · ".join(filter(None, parts)):
        yield flow(Cell(words, "title"), arrow(_ALL), hang=2)
    if not screen.why:
        yield flow(Cell("Reasons, sources and ids", "dim"), arrow(_WHY), hang=2)


class DutyShown(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/duty/v1"):
    """One duty, and the cautions of its law."""

    as_of: datetime
    duty: DutyStatus
    cautions: tuple[str, ...]


@paged
def duty_page(shown: DutyShown, opened: datetime | None = None) -> Iterator[Block]:
    """Draw one duty: its deadline, its reasons, its authority, and the cautions of its law."""
    yield ends((Cell("Legal duty", "title"),), (screen_time(shown.as_of),))
    yield from rows([duty_row(shown.duty, shown.as_of, opened)])
    yield from duty_blocks(shown.duty, shown.as_of, opened)
    if shown.cautions:
        yield line(f"CAUTIONS ({len(shown.cautions)})", "title")
        yield from (line(f"- {caution}", indent=2, hang=2) for caution in shown.cautions)


def duty_blocks(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> Iterator[Block]:
    """Yield the reasons of one duty, its times, sources and id; ``opened`` is the opening of its incident, if there is one."""
    details = _details(duty, now, opened)
    yield fields(((name, Cell(text, tone)) for name, text, tone in details), indent=4)
    for action in _commands(duty):
        yield flow(arrow(action, ""), indent=4, hang=2)


def _details(duty: DutyStatus, now: datetime, opened: datetime | None) -> Iterator[tuple[str, str, Tone]]:
    verdict: Tone = "warn" if duty.verdict == "unknown" else "plain"
    yield "Verdict", _VERDICT_WORDS[duty.verdict], verdict
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
    for record in (*duty.earlier, duty.record):
        if record is not None:
            yield "Record", record_words(record), "plain"
    for note in duty.notes:
        yield "Note", note, "dim"
    sure = check_words(duty.verification) if duty.verification is not None else ""
    yield "Source", f"{duty.citation}, version {duty.law_version}; {LEVEL_WORDS[duty.confidence]}", "dim"
    yield "Check", sure, "dim"
    yield "Id", duty.id, "dim"


def _unless(duty: DutyStatus) -> Iterator[tuple[str, str, Tone]]:
    """Yield the exemptions of a duty; those that only counsel can judge by their codes."""
    for one in duty.unless:
        if one.missing or one.met or one.populations:
            wants = f"unknown: {', '.join(one.missing)}" if one.missing else "the facts support it"
            whom = f" (only for {', '.join(one.populations)})" if one.populations else ""
            yield "Unless", f"{one.text} [{one.ground}]: {wants}{whom}; not confirmed", "warn"
    judged = [one.ground for one in duty.unless if not (one.missing or one.met or one.populations)]
    yield "Unless", f"counsel confirms {', '.join(judged)}" if judged else "", "dim"


def record_words(record: DutyDone) -> str:
    """Return the record of a duty in words: person, signatures, reason, and the condition to decide again."""
    proof = record.reference or record.receipt
    said = f"{DONE[record.kind]} {moment(record.at)} by {record.by}{signatures(record.signed)}"
    text = f", text {short_digest(record.digest)}" if record.digest else ""
    why = "; ".join(text for text in (record.reason, record.late_reason) if text)
    again = f"; decide again if {record.watch}" if record.watch else ""
    return f"{said}{ground_words(record.ground, record.evidence)}{f', {proof}' if proof else ''}{text}{f': {why}' if why else ''}{again}{unsigned(record.unsigned)}{as_it_was(record.as_it_was)}"


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
    if duty.state in DONE or duty.verdict == "not_applicable":
        return
    if duty.missing_facts:
        yield set_fact(duty.missing_facts[0])
    if duty.verdict == "applies":
        if any(one.met for one in duty.unless):
            yield suggested_actions.decide_again(duty.id)
        yield suggested_actions.record_filed(duty.id)


def assessed_words(changes: Sequence[DutyChange]) -> str:
    """Return the changed duties in words: relevant duties by name, the others only counted."""
    far = sum(not change.in_sight for change in changes)
    out = [change for change in changes if change.in_sight and change.verdict not in ("applies", "unknown")]
    named = [change for change in changes if change.in_sight and (change not in out or len(out) <= _FEW)]
    words = [_changed(change) for change in named]
    rest = len(changes) - len(named) - far
    if rest:
        words.append(f"{count(rest, 'duty does', 'duties do')} not apply")
    if far:
        words.append(f"{count(far, 'duty', 'duties')} undetermined")
    return "; ".join(words) or "no change"


def _changed(change: DutyChange) -> str:
    due = f", due {moment(change.due)}{' (unconfirmed)' if change.provisional else ''}" if change.due else ""
    late = ", OVERDUE" if change.overdue else ""
    again = f" (the decision not to notify is void: {change.reopened})" if change.reopened else ""
    return f"{change.duty} {change.verdict.replace('_', ' ')}{due}{late}{again}"
