"""All incidents of a home: which are open, which need the worker, which are exercises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

import msgspec

from runner.model.states import MARKS
from runner.views.page import Blank, Block, Cell, Page, Table, line
from runner.views.words import ago, count, left


class Row(Protocol):
    """What the store keeps of an incident for lists."""

    @property
    def id(self) -> str:
        """Its identifier."""

    @property
    def codename(self) -> str:
        """Its two words."""

    @property
    def title(self) -> str:
        """What it is about; empty once shredded."""

    @property
    def kind(self) -> str:
        """``real``, ``exercise`` or ``test``."""

    @property
    def state(self) -> str:
        """``open``, ``paused``, ``cancelled`` or ``closed``."""

    @property
    def opened_at(self) -> datetime:
        """When it was opened."""

    @property
    def version(self) -> int:
        """The number of its last event."""

    @property
    def next_due(self) -> datetime | None:
        """When time next changes something in it."""

    @property
    def has_work(self) -> bool:
        """Whether something is due now."""


class IncidentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One incident in the list."""

    incident: str
    codename: str
    title: str
    kind: str
    state: str
    opened_at: datetime
    version: int
    next_due: datetime | None
    has_work: bool
    chosen: bool = False


class IncidentsReport(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/incidents/v1"
):
    """The incidents of a home, open ones first, the newest first among them."""

    as_of: datetime
    incidents: tuple[IncidentEntry, ...]


def incidents(rows: Iterable[Row], now: datetime, chosen: str = "") -> IncidentsReport:
    """Return the list; ``chosen`` is the id that ``tocsin use`` keeps. Rows that are no incidents must be left out."""
    found = [
        IncidentEntry(
            incident=row.id,
            codename=row.codename,
            title=row.title,
            kind=row.kind,
            state=row.state,
            opened_at=row.opened_at,
            version=row.version,
            next_due=row.next_due,
            has_work=row.has_work,
            chosen=row.id == chosen,
        )
        for row in rows
    ]
    found.sort(key=lambda one: one.opened_at, reverse=True)
    found.sort(key=lambda one: one.state not in ("open", "paused"))
    return IncidentsReport(as_of=now, incidents=tuple(found))


def incidents_page(report: IncidentsReport, *, everything: bool = False) -> Page:
    """Draw the list; what is over is folded unless ``everything`` is asked for."""
    shown = [one for one in report.incidents if everything or one.state in ("open", "paused")]
    blocks: list[Block] = []
    if shown:
        blocks.append(Table(rows=tuple(_cells(one, report.as_of) for one in shown), elastic=2, indent=0))
    else:
        blocks.append(line("no incident is open", "good"))
    blocks.extend(_folded(len(report.incidents) - len(shown)))
    return Page(tuple(blocks))


def _folded(number: int) -> Iterator[Block]:
    if number:
        yield Blank()
        yield line(f"{count(number, 'incident is over', 'incidents are over')} (tocsin list --all)", "dim")


def _cells(one: IncidentEntry, now: datetime) -> tuple[Cell, ...]:
    mark = MARKS[one.kind]
    clock = ""
    if one.has_work:
        clock = "work is due"
    elif one.next_due is not None and one.state == "open":
        clock = f"next: {left(one.next_due, now)}"
    return (
        Cell("*" if one.chosen else " "),
        Cell(one.codename, "title"),
        Cell(one.title or "(shredded)"),
        Cell(mark, "marking"),
        Cell(one.state, "good" if one.state == "open" else "warn"),
        Cell(ago(one.opened_at, now), "dim"),
        Cell(clock, "dim"),
        Cell(one.incident, "dim"),
    )
