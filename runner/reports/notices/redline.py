"""Comparison of two versions of a notice: changed words and changed facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import msgspec

from runner.decoding import from_json
from runner.documents.redline.redline import FactChange, Line, Op, Redline
from runner.facts.vocabulary.register import value_words
from runner.incident.state.incident import Document, Incident, Invocation
from runner.reports.core.formatting import count, moment, short_digest
from runner.reports.core.header import heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Page, Tone, flow, line, paged, table
from runner.reports.core.report import Report, filled

_SIGNS: Mapping[Op, tuple[str, str, Tone]] = {
    "same": ("", "", "plain"),
    "added": ("{+", "+}", "good"),
    "removed": ("[-", "-]", "alarm"),
}
"""Marks without colour: ``[-removed-]``, ``{+added+}``."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two versions; ``number`` counts the versions of the notice."""

    document: str
    notice: str
    number: int
    digest: str
    status: str
    at: datetime
    filed: bool = False


class Compared(Report, frozen=True, kw_only=True, tag="tocsin/notice-diff/v1"):
    """Changes between two versions; ``lines`` are the changed lines, in reading order."""

    before: Version
    after: Version
    identical: bool
    added: int
    """Number of added words."""
    removed: int
    lines: tuple[Line, ...]
    facts: tuple[FactChange, ...]


def version(document: Document, number: int, *, filed: bool = False) -> Version:
    """Return the name of a version in a comparison."""
    return filled(Version, document, document=document.id, number=number, filed=filed)


def compared(before: Version, after: Version, found: Redline, facts: tuple[FactChange, ...]) -> Compared:
    """Return the report of a comparison."""
    return Compared(
        before=before,
        after=after,
        identical=found.identical,
        added=found.words("added"),
        removed=found.words("removed"),
        lines=tuple(changed_line for changed_line in found.lines if changed_line.changed),
        facts=facts,
    )


def compared_page(report: Compared, found: Redline) -> Page:
    """Draw a comparison: the changes under their headings, then the changed facts."""
    return Page((*_head(report), *redline_blocks(found), *fact_blocks(report.facts)))


def approved_before(incident: Incident, approval: Invocation) -> str:
    """Return the digest of the last approval, if it is not the digest to approve now; else empty."""
    own = [a.digest for a in approval.approvals if a.void and a.approved]
    ended = [
        one.digest
        for one in incident.invocations.values()
        if (one.scope, one.step) == (approval.scope, approval.step)
        if one.n <= approval.n and one.id != approval.id and one.state in ("done", "done_late")
    ]
    return (own or ended or [""])[-1]


def change_page(found: Redline, facts: tuple[FactChange, ...], since: str) -> Page:
    """Draw the changes since the approved version, or since the previous version."""
    return Page(
        (line(f"CHANGED SINCE {since}", "title"), *redline_blocks(found), *fact_blocks(facts), Blank())
    )


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of a version since another one; null if there is no such version."""

    title: str
    changes: Compared | None


class ChangesReport(Report, frozen=True, kw_only=True, tag="tocsin/notice-changes/v1"):
    """The changes of a version since the last signed, the last filed and the previous text."""

    document: str
    since: tuple[Since, ...]


@paged
def since_page(incident: Incident, report: ChangesReport, found: Sequence[Redline | None]) -> Iterator[Block]:
    """Draw the changes of a version since other versions; ``found`` has each redline in the order of the report."""
    yield from render_header(heading_of(incident), f"Changes of {report.document}")
    for one, laid in zip(report.since, found, strict=True):
        yield Blank()
        yield line(f"SINCE {one.title}", "title")
        if one.changes is None or laid is None:
            yield line("There is no such version before this one", "dim")
            continue
        old = one.changes.before
        words = f", version {old.number}, {old.status}, {short_digest(old.digest)}"
        yield flow(Cell(old.document, about=f"notice/{old.document}"), words)
        if laid.identical:
            yield line("No visible change", "good")
        yield from redline_blocks(laid)
        yield from fact_blocks(one.changes.facts)


def _head(report: Compared) -> Iterator[Block]:
    rows = tuple(
        (
            Cell(name, "dim"),
            f"{one.notice}, version {one.number}{', filed' if one.filed else ''}",
            Cell(one.status, "dim"),
            Cell(short_digest(one.digest), "dim"),
            Cell(moment(one.at), "dim"),
        )
        for name, one in (("from", report.before), ("to", report.after))
    )
    yield table(rows, 1, indent=0)
    words = f"{count(report.added, 'word')} added, {count(report.removed, 'word')} removed"
    yield line("No visible change" if report.identical else words, "title")


def redline_blocks(found: Redline) -> Iterator[Block]:
    """Yield the changed lines, each under its heading."""
    heading: Line | None = None
    for changed in found.lines:
        if changed.kind == "heading" and not changed.changed:
            heading = changed
        if not changed.changed:
            continue
        yield Blank()
        if heading is not None:
            yield flow(*tuple(_cells(heading, "dim")), indent=2)
            heading = None
        yield flow(*tuple(_cells(changed)), indent=2, hang=2)


def _cells(one: Line, tone: Tone | None = None) -> Iterator[Cell]:
    if one.sign:
        yield Cell(f"{one.sign} ", "dim")
    for index, cell in enumerate(one.cells):
        if index:
            yield Cell(" | ", "dim")
        for op, pieces in groupby(cell, key=lambda piece: piece.op):
            before, after, own = _SIGNS[op]
            yield Cell(f"{before}{''.join(piece.text for piece in pieces)}{after}", tone or own)


def fact_blocks(facts: tuple[FactChange, ...]) -> Iterator[Block]:
    """Yield the changed facts, with both values."""
    if not facts:
        return
    yield Blank()
    yield line("CHANGED FACTS", "title")
    rows = tuple(
        (fact.path, Cell(_value(fact.before), "dim"), Cell("→", "dim"), _value(fact.after)) for fact in facts
    )
    yield table(rows, 3)


def _value(raw: msgspec.Raw) -> str:
    return value_words(from_json(raw))
