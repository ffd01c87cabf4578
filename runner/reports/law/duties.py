"""Legal duties as data and as text: deadlines, reasons and missing facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec

from runner.actions import Action, set_fact
from runner.facts.vocabulary.register import Fact, nested
from runner.incident.law.duties import claim
from runner.incident.state.incident import Incident
from runner.law.duty import DutiesReport, DutyChange, DutyStatus
from runner.law.relevance import ELSEWHERE, places, questions
from runner.reports.core import suggested_actions
from runner.reports.core.do_now import must_begin
from runner.reports.core.formatting import count, moment, remaining, screen_time
from runner.reports.core.header import Heading, list_header
from runner.reports.core.page import Block, Cell, Row, arrow, ends, flow, line, paged, rows, table
from runner.reports.core.second_person import confirmation, who_words
from runner.reports.law.duty_details import duty_blocks, record_words
from runner.reports.law.duty_rows import (
    DONE,
    HEADER,
    NOT_DONE,
    UNSURE,
    Elsewhere,
    differs_words,
    duty_row,
    earlier_words,
    is_past_target,
    law_words,
    next_fact,
    table_row,
    there_words,
    time_left,
)
from runner.reports.law.next_act import act_words, awaited
from runner.reports.law.titles import duty_label, question_words, titled

_NONE: Mapping[str, tuple[Action, str]] = {}
_NO_FACTS: Mapping[str, Fact] = {}
_NOWHERE: Elsewhere = {}
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


def urgency(duty: DutyStatus, now: datetime) -> tuple[bool, bool, int, bool, datetime, int, str]:
    """Return the sort key of a duty: open before done, relevant, binding before advisory, dated, then "start by".

    A duty that may apply counts as one that applies. A duty without a fixed deadline whose internal target passed is first.
    """
    binding = duty.verdict in ("applies", "unknown")
    kind = 0 if binding else (1 if duty.verdict == "advisory" else 2)
    order = _VERDICTS.index(duty.verdict)
    undated = duty.due is None and not is_past_target(duty, now)
    return duty.state in DONE, not duty.in_sight, kind, undated, presses(duty, now), order, duty.id


def presses(duty: DutyStatus, now: datetime) -> datetime:
    """Return the time that orders a duty: its "start by", if it has one."""
    if duty.due_kind == "no_number" and duty.verdict == "applies":
        return duty.internal_target or now if is_past_target(duty, now) else now + PROMPTLY
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
    incident: Incident | None = None,
    facts: Mapping[str, Fact] = _NO_FACTS,
    elsewhere: Elsewhere = _NOWHERE,
) -> Iterator[Block]:
    """Draw duties by verdict, the most urgent first; ``why`` adds reasons, sources and ids to each.

    ``papers`` has the status of the newest notice of each duty; without it the page names no notices. ``incident`` adds
    who recorded a sent notice and the start times that await a second person; its facts, or ``facts``, the places of
    people without a business. ``elsewhere`` has deadlines of linked incidents.
    """
    now = report.as_of
    facts = incident.facts if incident is not None else facts
    asked = _asked(report.duties)
    waits = awaited(incident) if incident is not None else {}
    earlier = {duty.id: words for duty in report.duties if (words := earlier_words(elsewhere, duty, now))}
    most = None if everything else _SHOWN
    said = {duty: one.words for duty, one in waits.items()}
    screen = _Screen(now, opened, most, why, papers, tuple(asked), facts, said, earlier)
    if heading is not None:
        yield from list_header(heading, "Legal duties", now)
    else:
        yield ends((Cell("Legal duties", "title"),), (screen_time(now),))
    yield from (line(f"Warning: {warning}", "warn", hang=2) for warning in report.warnings)
    if not report.duties:
        yield line("No law was assessed: no facts are recorded", "dim")
        return
    pending = _pending(incident) if incident is not None else {}
    yield from _do_now(report.duties, _answers(asked, pending, facts), now, heading is not None)
    yield from _unnamed(report.duties, facts)
    listed = [d for d in report.duties if _is_listed(d, everything=everything)]
    yield from screen.section("DUTIES", listed)
    yield from screen.section("DONE", [d for d in report.duties if d.state in DONE])
    yield from _questions(report.duties, {} if heading is not None else asked, _MOST - len(asked), now, facts)
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
    found: Sequence[DutyStatus],
    asked: Mapping[str, Sequence[DutyStatus]],
    most: int,
    now: datetime,
    facts: Mapping[str, Fact],
) -> Iterator[Block]:
    """Yield the questions about relevant duties, then those that decide the most of the near laws, the nearest first."""
    far = [d for d in found if d.verdict == "unknown" and not d.in_sight]
    ranked = ((d, d.missing_facts, (d.distance, d.due or FAR)) for d in far)
    wide = list(islice(questions(ranked).items(), most))
    if asked or far:
        elsewhere = sum(d.distance >= ELSEWHERE for d in far)
        here = sum(d.verdict == "unknown" for d in found) - elsewhere
        where = f" · undetermined: {count(here, 'duty', 'duties')} here, {elsewhere} elsewhere"
        yield line(f"QUESTIONS ({len(asked) + len(wide)}){where if far else ''}", "title")
        yield from rows(_answers(asked, facts=facts))
        yield from rows(_question(path, held, now) for path, held in wide)
        if elsewhere:
            yield line(
                "The laws of other places are undetermined until a fact names the place", "dim", indent=2
            )


def _pending(incident: Incident) -> dict[str, tuple[Action, str]]:
    """Return the facts that await a second person because they end a duty or start it later, each with the action that confirms it, and words."""
    return {
        fact.key: (
            confirmation(incident, people),
            f"{'The end of a duty' if any(one.ends for one in people.act.moves) else 'A later start'}"
            f" awaits {who_words(incident, people)}",
        )
        for people in incident.second_person.values()
        if people.state == "awaiting" and people.act.kind == "move_clock"
        for fact in people.act.facts
    }


def _unnamed(found: Sequence[DutyStatus], facts: Mapping[str, Fact]) -> Iterator[Block]:
    """Yield the places with affected people whose laws all do not apply, because the organisation names no business there."""
    counted = {
        path.rpartition(".")[2]
        for path, fact in facts.items()
        if "people.by_jurisdiction." in path and fact.value
    }
    named = places({"organisation": (nested(facts).get("organisation") or {})})
    laws = [duty for duty in found if duty.jurisdiction in counted - named]
    live = {one.jurisdiction for one in laws if one.verdict in ("applies", "unknown") and one.in_sight}
    if out := sorted({duty.jurisdiction for duty in laws} - live):
        words = f"People in {', '.join(out)} are recorded, but the organisation's facts name no business there. Check"
        path = "organisation.does_business_in"
        action = set_fact(path, facts.get(path), ",".join(out))
        yield flow(Cell(words, "warn"), arrow(action), hang=2)


def _answers(
    asked: Mapping[str, Sequence[DutyStatus]],
    pending: Mapping[str, tuple[Action, str]] = _NONE,
    facts: Mapping[str, Fact] = _NO_FACTS,
) -> Iterator[Row]:
    for number, (path, held) in enumerate(asked.items(), 1):
        first, more = held[0], f" and {len(held) - 1} more" if len(held) > 1 else ""
        does = "Decides"
        if first.authority is not None and first.authority.asks == path:
            does = "Names the authority for"
        elif first.verdict == "applies" and not any(path in one.missing for one in first.unless):
            does = "Sets the deadline of"
        act = first.next if next_fact(first) == path and first.next is not None else None
        asks = act.action if act is not None and act.act == "answer" else None
        detail = (f"{does} {law_words(first)}{more}", arrow(asks or set_fact(path, facts.get(path))))
        if path in pending:
            action, words = pending[path]
            detail = (words, arrow(action))
        yield Row(Cell(f"answer {number}", "title"), (question_words(path),), details=(detail,))


class _Screen(msgspec.Struct, frozen=True):
    """How duties are drawn: the time, the number in a list, and whether with reasons."""

    now: datetime
    opened: datetime | None
    most: int | None
    why: bool
    papers: Mapping[str, str] | None
    asked: tuple[str, ...]
    """The facts of the numbered questions."""
    facts: Mapping[str, Fact] = _NO_FACTS
    awaited: Mapping[str, str] = {}
    """What awaits a second person, by duty."""
    earlier: Mapping[str, str] = {}
    """The earlier deadline in a linked incident, by duty."""

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
            yield table((HEADER, *drawn), 5, titled=True)
            listed = ((duty, self.earlier[duty.id]) for duty in shown if duty.id in self.earlier)
            yield from (line(f"{law_words(duty)}: {words}", "warn", indent=2) for duty, words in listed)
            if any(str(due).endswith(UNSURE) for _, _, _, due, *_ in drawn):
                yield line(f"{UNSURE} start time unconfirmed", "dim", indent=2)
        if len(shown) < len(found):
            yield flow(f"{len(found) - len(shown)} more", arrow(_ALL), indent=2)

    def following(self, duty: DutyStatus) -> str:
        """Return the next act of a duty: the number of a question above, or the act with who can do it or what blocks it."""
        fact, waits = next_fact(duty), self.awaited.get(duty.id, "")
        if duty.next is not None and duty.next.act != "answer":
            words = act_words(duty.next)
            return words if waits in words else f"{words}; {waits}"
        if fact in self.asked:
            return f"answer {self.asked.index(fact) + 1}"
        return f"answer {fact}" if fact else waits

    def paper(self, duty: DutyStatus) -> str:
        """Return the status of a duty's notice; letters and campaigns to many people are no notices of this list."""
        none = "" if duty.recipient == "individuals" else "no notice generated"
        return "" if self.papers is None else self.papers.get(duty.id, none)

    def row(self, duty: DutyStatus) -> Row:
        """Return a duty as a row: its deadline, then its records when it is done, else its notice and its exemption."""
        row = duty_row(duty, self.now, self.opened)
        if duty.state in DONE and duty.record is not None:
            records: tuple[tuple[str | Cell], ...] = tuple(
                (record_words(one),) for one in (*duty.earlier, duty.record, *duty.corrections)
            )
            if duty.differs:
                records += ((Cell(differs_words(duty), "alarm"),),)
            if duty.verdict == "not_applicable":
                records += (("Does not apply now",),)
            return msgspec.structs.replace(row, details=records)
        if duty.state in DONE:
            late = duty.state == "filed_late"
            first = Cell("notified late" if late else "notified", "warn" if late else "good")
            return msgspec.structs.replace(row, first=first, details=tuple(self.by_fact(duty)))
        details = row.details
        for said in (self.earlier, self.awaited):
            if words := said.get(duty.id):
                details += ((Cell(words, "warn"),),)
        if duty.verdict == "applies" and (words := self.paper(duty)):
            details += ((f"Not filed · {words}",),)
        # Facts can decide these; the others only counsel can judge.
        if exemptions := [one for one in duty.unless if one.missing or one.met]:
            details += ((f"Exemption: {exemptions[0].text}",),)
        return msgspec.structs.replace(row, details=details)

    def by_fact(self, duty: DutyStatus) -> Iterator[tuple[str]]:
        """Yield who recorded the fact that a notice was sent, and whether Tocsin has the final text."""
        if (fact := claim(duty, self.facts)) is not None:
            yield (f"Fact recorded by {fact.by}: {fact.key}",)
        paper = (self.papers or {}).get(duty.id, "")
        if self.papers is not None and ": final" not in paper:
            yield (f"No final notice on record{f' · {paper}' if paper else ''}",)


def _do_now(
    found: Sequence[DutyStatus], answers: Iterable[Row], now: datetime, incident: bool
) -> Iterator[Block]:
    """Yield the passed targets, the duties whose work must start and the questions that decide relevant duties.

    Without these: the number of duties and the nearest deadline. Nothing without an incident.
    """
    passed = sum(is_past_target(duty, now) for duty in found)
    if incident and passed:
        words = f"{count(passed, 'duty', 'duties')} without fixed deadline: internal target passed"
        yield flow(Cell(words, "alarm"), arrow(Action("duty.list", "calendar")))
    entries = [
        Row(time_left(duty, now), (duty_label(duty),), details=(*_claim(duty), *_act(duty)))
        for duty in found
        for corrects in (duty.next is not None and duty.next.act == "correct",)
        if duty.verdict == "applies" and (must_begin(duty, now) or duty.state == "claimed" or corrects)
    ]
    entries += answers
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
        to_do = [duty for duty in found if duty.verdict == "applies" and duty.state not in DONE]
        dues = [(duty.due, duty) for duty in to_do if duty.due is not None and duty.state not in NOT_DONE]
        first = min(dues, default=None, key=lambda due: due[0])
        next_ = f" · nearest deadline: {remaining(first[0], now)}, {law_words(first[1])}" if first else ""
        words = f"{count(len(to_do), 'legal duty', 'legal duties')} to meet{next_}"
        calm = Cell(words) if to_do else Cell("No legal duty needs action now", "good")
        yield flow(calm, arrow(suggested_actions.STATUS))


def _claim(duty: DutyStatus) -> Iterator[tuple[str]]:
    if duty.state == "claimed":
        yield (duty.notes[0],)


def _act(duty: DutyStatus) -> Iterator[tuple[str | Cell, ...]]:
    if duty.next is not None and duty.next.action is not None:
        yield act_words(duty.next), arrow(duty.next.action)


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
