"""What a change of facts does before it is recorded: each value before and after, and the deadlines that it moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from runner.decoding import from_json
from runner.facts.vocabulary.register import Confidence, FactChange
from runner.incident.people.second_person import guarded
from runner.incident.state.incident import Incident
from runner.incident.state.second_person import ClockMove
from runner.reports.core.formatting import count, moment
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Block, Cell, Cells, line, paged, section, table
from runner.reports.incidents.known_facts import shown_value, title_words


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
        yield table(map(_change, report.changes), 0)
    if report.same:
        yield line(
            f"{count(report.same, 'fact')} with this value already: not recorded again", "dim", indent=2
        )
    yield from section("DEADLINES THAT MOVE", map(_deadline, report.deadlines), 0)
    if report.second_person:
        yield line("A second person must confirm the change. It does not count before", "warn", indent=2)
    if report.notes or report.unmapped:
        yield line(f"IN THE FILE, NOT RECORDED ({len(report.unmapped)})", "title")
    yield from (line(words, "warn", indent=2, hang=2) for words in report.notes)
    yield from (line(words, "dim", indent=2, hang=2) for words in report.unmapped)


def _change(one: FactMove) -> Cells:
    sure = "" if one.confidence == "confirmed" else one.confidence
    before, after = (
        "not known" if value is None else shown_value(one.key, value) for value in (one.before, one.after)
    )
    tail = f"{one.source} · {one.key}"
    return one.title, before, "→", Cell(after, "title"), Cell(sure, "warn"), Cell(tail, "dim")


def _deadline(move: ClockMove) -> Cells:
    old, new = (moment(at) if at is not None else "no deadline" for at in (move.old, move.new))
    return (
        Cell(move.citation or move.duty, about=f"duty/{move.duty}"),
        old,
        "→",
        Cell(new, "title"),
        Cell("later" if move.later else "earlier", "alarm" if move.later else "warn"),
    )
