"""Numbers, dates and the word "aware" of all current notices side by side, with the contradictions between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from runner.base.states import Kind
from runner.incident.notices.staleness import change_words
from runner.incident.notices.verification import Contradiction
from runner.law.duty import ChangedFact
from runner.reports.core.formatting import count, here
from runner.reports.core.header import Heading, render_header
from runner.reports.core.page import Blank, Block, Cell, line, paged, table
from runner.reports.core.report import Report

_OTHER = "not the present value"
_UNKNOWN = "to verify: no recorded fact has this value"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What one text says of a fact, in its words; without a step it is not recorded."""

    notice: str
    step: str
    says: tuple[str, ...]
    current: bool
    """The text says the present value."""
    place: str = ""
    """The place of the notice's duty."""


class StatedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, its present value, and each text that states it."""

    fact: str
    title: str
    value: Any
    statements: tuple[Statement, ...]


class ConsistencyReport(Report, frozen=True, kw_only=True, tag="tocsin/notice-consistency/v1"):
    """The comparison of all current texts."""

    heading: Heading
    kind: Kind
    facts: tuple[StatedFact, ...]
    aware: tuple[Statement, ...]
    """Dates in sentences with the word "aware"."""
    prose: tuple[Statement, ...]
    """Numbers and dates in facts in prose, and in what a person typed into a text; not ``current`` if no fact has them."""
    contradictions: tuple[Contradiction, ...]
    filed: Mapping[str, tuple[ChangedFact, ...]]
    """By duty, how a filed text differs from the present facts until it is corrected, or counsel decides that none is owed."""
    questions: tuple[str, ...]
    """Differences that are possible, and that a person must explain."""
    new_duties: tuple[str, ...]
    """Duties that would apply if the facts had the counts of the lists."""


@paged
def consistency_page(report: ConsistencyReport) -> Iterator[Block]:
    """Draw the contradictions first, then each fact with the texts that state it."""
    yield from render_header(report.heading, "Consistency of notices")
    found = report.contradictions
    differs = [(duty, change_words(fact, here())) for duty, each in report.filed.items() for fact in each]
    total = len(found) + len(differs)
    yield line(f"CONTRADICTIONS ({total})", "alarm" if total else "title")
    yield from (line(f"Filed for {duty}: {words}", "alarm", indent=2, hang=2) for duty, words in differs)
    yield from (line(one.what, "alarm", indent=2, hang=2) for one in found)
    if found:
        yield line(
            "They block approvals. Correct the facts, or: tocsin notice tick NOTICE --reason WHY", indent=2
        )
    for duty in report.new_duties:
        yield line(f"With the count of the list, duty {duty} applies too", "alarm", indent=2, hang=2)
    for question in report.questions:
        yield line(f"Is it right? {question}", "warn", indent=2, hang=2)
    for title, rows, other in (("AWARE", report.aware, _OTHER), ("IN PROSE", report.prose, _UNKNOWN)):
        if rows:
            yield Blank()
            yield line(title, "title")
            yield _statements(rows, "plain" if rows is report.prose else "warn", other)
    yield Blank()
    yield line(f"NUMBERS AND DATES ({count(len(report.facts), 'fact')})", "title")
    for fact in report.facts:
        yield line(f"{fact.title} ({fact.fact})", indent=2, hang=2)
        yield _statements(fact.statements, "plain")


def _statements(rows: tuple[Statement, ...], tone: Any, other: str = _OTHER) -> Block:
    return table(
        (
            (
                f"{row.notice}{f', {row.place}' if row.place else ''}{'' if row.step else ' (not recorded)'}",
                Cell("; ".join(row.says), tone if row.current else "alarm"),
                Cell("" if row.current else other, "alarm"),
            )
            for row in rows
        ),
        1,
        indent=4,
    )
