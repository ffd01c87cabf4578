"""Improvement items as people and programs see them: what is to be better, with whom, by when, and what proves that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import msgspec

from runner.actions import PERSON, Action, Slot
from runner.incident.exercises.improvements import Item, Plan, Proof, Source, Step, Tested, overdue
from runner.reports.core.formatting import count, day, moment
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, fields, flow, line, paged, table
from runner.reports.core.report import Report, filled


class ItemReport(msgspec.Struct, frozen=True, kw_only=True):
    """One item; ``status`` is ``open``, ``done`` (nothing has proved it yet), ``retested`` or ``dropped``."""

    id: str
    status: str
    overdue: bool
    text: str
    action: str
    element: str
    capability: str
    owner: str
    start: date | None
    due: date | None
    closes_with: str
    source: Source
    evidence: str
    tested: Tested | None
    proof: Proof | None
    history: tuple[Step, ...]


class ImprovementsReport(Report, frozen=True, kw_only=True, tag="tocsin/improvements/v1"):
    """The improvement items of the organisation, or those that a command was about."""

    as_of: datetime
    items: tuple[ItemReport, ...]


def improvements(items: Iterable[Item], now: datetime, today: date) -> ImprovementsReport:
    """Return items as of now; ``today`` is the day in the organisation's zone."""
    rows = (filled(ItemReport, item.plan, item, overdue=overdue(item, today)) for item in items)
    return ImprovementsReport(as_of=now, items=tuple(rows))


_TONES: dict[str, Tone] = {"open": "plain", "done": "warn", "retested": "good", "dropped": "dim"}
LEFT = ("open", "done")
"""Where something is still to be done: to take the action, or to prove it."""


@paged
def improvements_page(report: ImprovementsReport, *, everything: bool = False) -> Iterator[Block]:
    """Draw a list; what is proved or dropped is folded unless ``everything`` is asked for."""
    items = [item for item in report.items if everything or item.status in LEFT]
    if items:
        yield table((_row(item) for item in items), 4, indent=0)
    else:
        words = "No open action items" if report.items else "No action items"
        yield line(words, "good" if report.items else "dim")
    if folded := len(report.items) - len(items):
        yield Blank()
        yield line(f"{count(folded, 'item is', 'items are')} over (--all)", "dim")


def _row(one: ItemReport) -> Cells:
    status = "not proved yet" if one.status == "done" else one.status
    late = "late, " if one.overdue else ""
    due = day(one.due) if one.due is not None else "no date"
    return (
        Cell(one.id, "command"),
        Cell(status, _TONES[one.status]),
        Cell(f"{late}{due}", "alarm" if one.overdue else "dim"),
        Cell(one.owner or "nobody", "plain" if one.owner else "warn"),
        one.text,
    )


@paged
def item_page(report: ImprovementsReport) -> Iterator[Block]:
    """Draw items in full."""
    for number, item in enumerate(report.items):
        if number:
            yield Blank()
        yield flow(Cell(f"{item.id}  ", "command"), Cell(item.text, "title"), hang=2)
        yield fields(_facts(item))
        yield table(map(_step, item.history), 2)


def _facts(one: ItemReport) -> tuple[tuple[str, str], ...]:
    found = one.source
    return (
        ("status", f"{one.status}, late" if one.overdue else one.status),
        ("action", one.action or "none yet"),
        ("element", one.element),
        ("capability", one.capability),
        ("owner", one.owner or "nobody"),
        ("start", day(one.start) if one.start is not None else ""),
        ("due", day(one.due) if one.due is not None else "no date"),
        ("closes with", one.closes_with),
        ("from", " ".join(part for part in (found.codename, found.ref) if part)),
        ("step", f"{found.playbook} {found.step}" if found.step else ""),
        ("tested", f"{one.tested.case}: passed ({one.tested.playbook})" if one.tested is not None else ""),
        ("proof", proof_words(one.proof) if one.proof is not None else ""),
    )


def proof_words(proof: Proof) -> str:
    """Return what proved an item, in a line: exercise, ratings, who gave them, and the head of its journal."""
    rated = ", ".join(f"{name} {rating}" for name, rating in proof.ratings.items())
    raters = ", ".join(proof.rated_by)
    return f"{proof.exercise} ({proof.codename}): {rated} by {raters}; journal {proof.digest}"


def _step(step: Step) -> Cells:
    return (Cell(moment(step.at), "dim"), step.by, f"{step.what}{f': {step.note}' if step.note else ''}")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an incident proposes; ``item`` is the id of what took it over, or empty."""

    ref: str
    text: str
    element: str
    capability: str
    objective: str
    step: str
    item: str


class ProposalsReport(Report, frozen=True, kw_only=True, tag="tocsin/improvement-proposals/v1"):
    """What an exercise or a real incident proposes to improve; nothing of it is on record before a person takes it."""

    incident: str
    codename: str
    proposals: tuple[Proposal, ...]


def proposed(incident: str, codename: str, found: Iterable[tuple[Source, Plan, str]]) -> ProposalsReport:
    """Return the proposals of an incident, each with the item that took it over."""
    return ProposalsReport(
        incident=incident,
        codename=codename,
        proposals=tuple(
            filled(
                Proposal,
                row,
                ref=source.ref,
                objective=source.target or source.objective,
                step=source.step,
                item=item,
            )
            for source, row, item in found
        ),
    )


@paged
def proposals_page(report: ProposalsReport) -> Iterator[Block]:
    """Draw them, with the command that takes one over."""
    if not report.proposals:
        yield line(f"{report.codename} proposes nothing; rate it first, if it was an exercise", "dim")
        return
    rows = ((Cell(one.ref, "command"), one.text, Cell(one.item, "good")) for one in report.proposals)
    yield table(rows, 1, indent=0)
    fresh = next((proposal.ref for proposal in report.proposals if not proposal.item), "")
    if fresh:
        action = Action(
            "improvement.add",
            args={"from": report.codename, "take": fresh, "owner": PERSON, "due": Slot("DATE")},
        )
        yield Blank()
        yield line("No action items yet. Choose proposals:", "dim")
        yield flow(Cell("", "command", action))
