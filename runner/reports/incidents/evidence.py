"""The evidence files of an incident: what each is, its digest, and who collected it when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.base.states import Kind
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import moment, person_name
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Block, Cell, Cells, line, paged, table
from runner.reports.core.report import Report, filled


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One evidence file; ``size`` in bytes."""

    id: str
    name: str
    sha256: str
    size: int
    by: str
    at: datetime
    source: str


class EvidenceReport(Report, frozen=True, kw_only=True, tag="tocsin/evidence/v1"):
    """All evidence files, in the order in which they were stored."""

    heading: Heading
    kind: Kind
    files: tuple[EvidenceRow, ...]


def evidence(incident: Incident, only: str = "") -> EvidenceReport:
    """Return the evidence files of an incident, or one of them."""
    return EvidenceReport(
        heading=heading_of(incident),
        kind=incident.kind,
        files=tuple(filled(EvidenceRow, one) for one in incident.evidence.values() if only in ("", one.id)),
    )


@paged
def evidence_page(report: EvidenceReport) -> Iterator[Block]:
    """Draw the evidence files with their full digests."""
    yield from render_header(report.heading, "Evidence files")
    if not report.files:
        yield line("No evidence files", "dim")
        return
    yield table(map(_row, report.files), 0)


def _row(one: EvidenceRow) -> Cells:
    origin = one.source or "no source recorded"
    stored = f"stored by {person_name(one.by)}, {moment(one.at)}"
    return (
        one.name,
        f"{one.size:,} bytes",
        Cell(origin, "plain" if one.source else "warn"),
        stored,
        Cell(f"SHA-256 {one.sha256.removeprefix('sha256:')}"),
        Cell(one.id, "dim"),
    )
