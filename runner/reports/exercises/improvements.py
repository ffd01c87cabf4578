"""Action items as reports and pages: status, owner, dates and verification."""

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
    """One item; ``status`` is ``open``, ``done``, ``retested`` (verified by an older version of Tocsin) or ``dropped``."""

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
    """The action items of the organisation, or those of one command."""

    as_of: datetime
    items: tuple[ItemReport, ...]


def improvements(items: Iterable[Item], now: datetime, today: date) -> ImprovementsReport:
    """Return the items as of now; ``today`` is the date in the organisation's zone."""
    rows = (filled(ItemReport, item.plan, item, overdue=overdue(item, today)) for item in items)
    return ImprovementsReport(as_of=now, items=tuple(rows))


STATUSES = {"retested": "verified"}
_TONES: dict[str, Tone] = {"open": "plain", "done": "good", "retested": "good", "dropped": "dim"}


@paged
def improvements_page(report: ImprovementsReport, *, everything: bool = False) -> Iterator[Block]:
    """Draw a list; without ``everything``, a count replaces the items that are not open."""
    items = [item for item in report.items if everything or item.status == "open"]
    if items:
        yield table((_row(item) for item in items), 4, indent=0)
    else:
        words = "No open action items" if report.items else "No action items"
        yield line(words, "good" if report.items else "dim")
    if folded := len(report.items) - len(items):
        yield Blank()
        yield line(f"{count(folded, 'done or dropped item')} (--all)", "dim")


def _row(one: ItemReport) -> Cells:
    status = STATUSES.get(one.status, one.status)
    late = "overdue since " if one.overdue else ""
    due = day(one.due) if one.due is not None else "no date"
    return (
        Cell(one.id, "command", about=f"improvement/{one.id.lower()}"),
        Cell(status, _TONES[one.status]),
        Cell(f"{late}{due}", "alarm" if one.overdue else "dim"),
        Cell(one.owner or "no owner", "plain" if one.owner else "warn"),
        one.text,
    )


@paged
def item_page(report: ImprovementsReport) -> Iterator[Block]:
    """Draw all fields of the items."""
    for number, item in enumerate(report.items):
        if number:
            yield Blank()
        yield flow(Cell(f"{item.id}  ", "command"), Cell(item.text, "title"), hang=2)
        yield fields(_facts(item))
        yield table(map(_step, item.history), 2)


def _facts(one: ItemReport) -> tuple[tuple[str, str], ...]:
    found = one.source
    return (
        ("Status", f"{STATUSES.get(one.status, one.status)}{', overdue' if one.overdue else ''}"),
        ("Action", one.action or "none"),
        ("Element", one.element),
        ("Capability", one.capability),
        ("Owner", one.owner or "none"),
        ("Start", day(one.start) if one.start is not None else ""),
        ("Due", day(one.due) if one.due is not None else "no date"),
        ("Closed by", one.closes_with),
        ("Source", " ".join(part for part in (found.codename, found.ref) if part)),
        ("Step", f"{found.playbook} {found.step}" if found.step else ""),
        ("Tested", f"{one.tested.case}: passed ({one.tested.playbook})" if one.tested is not None else ""),
        ("Verified", proof_words(one.proof) if one.proof is not None else ""),
    )


def proof_words(proof: Proof) -> str:
    """Return the verification of an item as text: exercise, ratings, evaluators and journal head."""
    rated = ", ".join(f"{name} {rating}" for name, rating in proof.ratings.items())
    raters = ", ".join(proof.rated_by)
    return f"{proof.exercise} ({proof.codename}): {rated} by {raters}; journal {proof.digest}"


def _step(step: Step) -> Cells:
    return (Cell(moment(step.at), "dim"), step.by, f"{step.what}{f': {step.note}' if step.note else ''}")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One proposal of an incident; ``item`` is the id of its action item, or empty."""

    ref: str
    text: str
    element: str
    capability: str
    objective: str
    step: str
    item: str


class ProposalsReport(Report, frozen=True, kw_only=True, tag="tocsin/improvement-proposals/v1"):
    """The proposals of an incident or exercise; a person must choose a proposal to create an action item."""

    incident: str
    codename: str
    proposals: tuple[Proposal, ...]


def proposed(incident: str, codename: str, found: Iterable[tuple[Source, Plan, str]]) -> ProposalsReport:
    """Return the proposals of an incident, each with its action item."""
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
    """Draw the proposals, with the command to create an action item."""
    if not report.proposals:
        yield line(f"No proposals from {report.codename}. Rate an exercise first.", "dim")
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
        yield line("To create an action item from a proposal:", "dim")
        yield flow(Cell("", "command", action))
