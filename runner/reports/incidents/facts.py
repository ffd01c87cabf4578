"""Missing facts with what depends on them, the history of one fact, and what a change of facts does.

What is recorded is in ``known_facts``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runner.actions import Action, set_fact
from runner.base.states import Kind
from runner.decoding import from_json
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Confidence, FactChange, value_words
from runner.incident.notices.staleness import recorded_as
from runner.incident.notices.verification import current_texts
from runner.incident.people.second_person import guarded
from runner.incident.state.events import FactsRecorded
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import ClockMove
from runner.law.duty import DutyStatus
from runner.reports.core.event_row import EventRow, decode_event
from runner.reports.core.formatting import count, describe_actor, moment
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Cells, arrow, do, flow, line, paged, section, table
from runner.reports.core.report import Report
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.attention import blocking_facts
from runner.reports.incidents.known_facts import shown_value, title_words
from runner.reports.law.titles import question_words

_FEW = 12
"""Most possible values of a fact that are listed."""


class MissingFact(msgspec.Struct, frozen=True, kw_only=True):
    """A missing fact that something depends on."""

    key: str
    title: str
    type: str
    choices: tuple[str, ...]
    holds_up: tuple[str, ...]
    action: Action


class DraftGap(msgspec.Struct, frozen=True, kw_only=True):
    """What the drafts of notices lack: a fact, or content that the law requires."""

    missing: str
    notices: tuple[str, ...]


class MissingReport(Report, frozen=True, kw_only=True, tag="tocsin/facts-missing/v1"):
    """Missing facts: for deadlines first, then for duties, then for steps."""

    heading: Heading
    kind: Kind
    missing: tuple[MissingFact, ...]
    drafts: tuple[DraftGap, ...] = ()


class FactVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded value of a fact."""

    event: int
    at: datetime
    value: Any
    source: str
    by: str
    actor: str
    confidence: Confidence
    grounds: str = ""
    answers: tuple[str, ...] = ()
    """The questions with this answer."""
    current: bool = False


class HistoryReport(Report, frozen=True, kw_only=True, tag="tocsin/fact-history/v1"):
    """All recorded values of one fact, oldest first."""

    heading: Heading
    kind: Kind
    key: str
    history: tuple[FactVersion, ...]


def missing(incident: Incident, library: Library, duties: Sequence[DutyStatus]) -> MissingReport:
    """Return the missing facts, and what depends on each."""
    named = {row.invocation: row for row in task_rows(incident, library) if row.invocation}
    return MissingReport(
        heading=heading_of(incident),
        kind=incident.kind,
        missing=tuple(
            _missing(incident, path, words)
            for path, words in blocking_facts(incident, library, named, duties).items()
        ),
        drafts=tuple(_draft_gaps(incident)),
    )


def _draft_gaps(incident: Incident) -> Iterator[DraftGap]:
    """Yield what the current drafts lack, without the facts that are known by now."""
    lacking: dict[str, dict[str, None]] = {}
    for document in current_texts(incident):
        gaps = document.gaps if document.status == "draft" else ()
        for kind, _, name in (gap.partition(": ") for gap in gaps):
            known = [incident.facts[key].value for key in recorded_as(name, incident.facts)]
            if kind != "to_follow" and all(value is None for value in known):
                lacking.setdefault(name, {})[document.duty or document.notice] = None
    return (DraftGap(missing=name, notices=tuple(notices)) for name, notices in lacking.items())


def _missing(incident: Incident, path: str, holds_up: tuple[str, ...]) -> MissingFact:
    found = fact_type(path.replace(".PLACE", ".US-CA"))
    kind = "" if found is None else f"{'several of ' if found.many else ''}{found.kind}"
    return MissingFact(
        key=path,
        title="" if found is None else found.title,
        type=kind,
        choices=() if found is None else found.choices,
        holds_up=holds_up,
        action=set_fact(path, incident.facts.get(path)),
    )


def history(incident: Incident, key: str, rows: Iterable[EventRow]) -> HistoryReport:
    """Return all recorded values of one fact, from the journal."""
    versions = (
        FactVersion(
            event=row.seq,
            at=row.at,
            value=from_json(change.value),
            source=change.source,
            by=event.by,
            actor=describe_actor(row.actor),
            confidence=change.confidence,
            grounds=event.grounds,
            answers=tuple(dict.fromkeys(filter(None, (event.step, *event.answers)))),
            current=incident.fact_events.get(key) == row.seq,
        )
        for row in rows
        if isinstance(event := decode_event(row), FactsRecorded)
        for change in event.facts
        if change.key == key
    )
    return HistoryReport(heading=heading_of(incident), kind=incident.kind, key=key, history=tuple(versions))


@paged
def missing_page(report: MissingReport) -> Iterator[Block]:
    """Draw the missing facts, what depends on each, and the command to record it."""
    yield from render_header(report.heading, "Missing facts")
    if not report.missing and not report.drafts:
        yield line("No missing fact blocks a task or a duty", "good")
    for fact in report.missing:
        yield flow(
            Cell(question_words(fact.key), "title"), Cell(f"  {fact.key} ({fact.type})", "dim"), hang=2
        )
        yield from (line(words, "plain", indent=2, hang=2) for words in fact.holds_up)
        if len(fact.choices) > _FEW:
            names = Action("fact.show", fact.key, {"all": True})
            yield flow(Cell(f"{len(fact.choices)} possible values", "dim"), arrow(names), indent=2)
        elif fact.choices:
            which = "none, or any of" if fact.type.startswith("several") else "one of"
            yield line(f"{which}: {', '.join(fact.choices)}", "dim", indent=2, hang=2)
        yield do(fact.action, indent=2)
    if report.drafts:
        yield Blank()
        yield line(f"DRAFTS OF NOTICES LACK ({len(report.drafts)})", "title")
    for gap in report.drafts:
        yield line(gap.missing, "alarm", indent=2, hang=2)
        yield line(", ".join(gap.notices), "dim", indent=4, hang=2)


@paged
def history_page(report: HistoryReport) -> Iterator[Block]:
    """Draw the recorded values of one fact, the current value marked."""
    yield from render_header(report.heading, f"History of {report.key}")
    yield from history_blocks(report)


def history_blocks(report: HistoryReport) -> Iterator[Block]:
    """Yield the recorded values of one fact."""
    if not report.history:
        yield line("This fact was never recorded", "dim")
    for one in report.history:
        mark = "= " if one.current else "  "
        estimate = f" ({one.confidence})" if one.confidence != "confirmed" else ""
        yield flow(
            mark,
            Cell(f"{value_words(one.value)}{estimate}", "plain" if one.current else "dim"),
            Cell(f"  {moment(one.at)}, entry {one.event}, {one.actor}", "dim"),
            Cell(f"; source: {one.source}" if one.source else "", "dim"),
            Cell(f"; answers {', '.join(one.answers)}" if one.answers else "", "dim"),
            Cell(f"; grounds: {one.grounds}" if one.grounds else "", "dim"),
            hang=4,
        )


class FactMove(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that changes; null is not known."""

    key: str
    title: str
    before: Any
    after: Any
    source: str
    confidence: Confidence


class FactChanges(msgspec.Struct, frozen=True, kw_only=True):
    """A change of facts that is not recorded yet."""

    heading: Heading
    changes: tuple[FactMove, ...]
    same: int = 0
    """Facts that have this value already: they are not recorded again."""
    deadlines: tuple[ClockMove, ...] = ()
    second_person: bool = False
    """Whether it counts only after a second person confirms it."""
    unmapped: tuple[str, ...] = ()
    """What a file has and no fact takes."""
    notes: tuple[str, ...] = ()


def fact_changes(
    incident: Incident,
    changes: Sequence[FactChange],
    deadlines: Sequence[ClockMove],
    same: int = 0,
    unmapped: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> FactChanges:
    """Return what recorded changes would do to an incident."""
    later = any(move.later for move in deadlines) or any(one.key.startswith("claims.") for one in changes)
    return FactChanges(
        heading=heading_of(incident),
        changes=tuple(
            FactMove(
                key=one.key,
                title=title_words(one.key),
                before=incident.facts[one.key].value if one.key in incident.facts else None,
                after=from_json(one.value),
                source=one.source,
                confidence=one.confidence,
            )
            for one in changes
        ),
        same=same,
        deadlines=tuple(deadlines),
        second_person=later and guarded(incident),
        unmapped=tuple(unmapped),
        notes=tuple(notes),
    )


@paged
def fact_changes_page(report: FactChanges) -> Iterator[Block]:
    """Draw a change: facts and deadlines before and after, and what a file has besides."""
    yield from render_header(report.heading, "Change of facts, not recorded yet")
    yield line(f"FACTS THAT CHANGE ({len(report.changes)})", "title")
    if report.changes:
        yield table(map(change_cells, report.changes), 0)
    if report.same:
        yield line(
            f"{count(report.same, 'fact')} with this value already: not recorded again", "dim", indent=2
        )
    yield from section("DEADLINES THAT MOVE, DUTIES THAT END", map(_deadline, report.deadlines), 0)
    if report.second_person:
        words = "What moves a deadline later or ends a duty counts after a second person confirms it, the rest at once"
        yield line(words, "warn", indent=2, hang=2)
    if report.notes or report.unmapped:
        yield line(f"IN THE FILE, NOT RECORDED ({len(report.unmapped)})", "title")
    yield from (line(words, "warn", indent=2, hang=2) for words in report.notes)
    yield from (line(words, "dim", indent=2, hang=2) for words in report.unmapped)


def change_cells(one: FactMove) -> Cells:
    """Return a fact before and after its change, with its source."""
    sure = "" if one.confidence == "confirmed" else one.confidence
    before, after = (
        "not known" if value is None else shown_value(one.key, value) for value in (one.before, one.after)
    )
    tail = f"{one.source} · {one.key}"
    return one.title, before, "→", Cell(after, "title"), Cell(sure, "warn"), Cell(tail, "dim")


def _deadline(move: ClockMove) -> Cells:
    duty = Cell(move.citation or move.duty, about=f"duty/{move.duty}")
    old, new = (moment(at) if at is not None else "no deadline" for at in (move.old, move.new))
    if move.ends:
        return duty, old if move.old is not None else "", "", Cell("the duty ends", "alarm"), ""
    return (
        duty,
        old,
        "→",
        Cell(new, "title"),
        Cell("later" if move.later else "earlier", "alarm" if move.later else "warn"),
    )
