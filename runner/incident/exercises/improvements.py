"""Improvement items: what an exercise or a real incident showed, who does what about it by when, and what proved it.

They stand in a journal of the organisation's own, so that they outlive what they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from runner.decoding import json_reader

JOURNAL = "improvements"
"""The journal's name; it is no incident."""
Element = Literal["planning", "organization", "equipment", "training", "exercise"]
"""The capability element that is to change (HSEEP)."""
ELEMENTS: tuple[str, ...] = get_args(Element)
ROLE = "role:"
"""Before an owner that is a role, whoever holds it."""
Status = Literal["open", "done", "retested", "dropped"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item comes from; everything is empty for what somebody thought of on a quiet day."""

    incident: str = ""
    codename: str = ""
    kind: str = ""
    """``real`` or ``exercise``."""
    exercise: str = ""
    """The exercise's name, the same each time it is played."""
    ref: str = ""
    """What of it, as ``rating:T1`` or ``inject:4``: so it is proposed once."""
    objective: str = ""
    target: str = ""
    playbook: str = ""
    step: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the improvement plan (HSEEP's Appendix A), as it stands."""

    text: str
    """The issue, or area for improvement."""
    action: str = ""
    """The corrective action."""
    element: Element | Literal[""] = ""
    capability: str = ""
    owner: str = ""
    """A person, or ``role:NAME``."""
    start: date | None = None
    due: date | None = None
    closes_with: str = ""
    """``test:PLAYBOOK:CASE``, which has to pass before it is done, or ``exercise:NAME:TARGET``, which is to prove it."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook's test that passed."""

    case: str
    playbook: str
    digest: str
    """Of the playbook that was tested."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A later exercise in which it went well: an evaluator said so."""

    incident: str
    codename: str
    exercise: str
    ratings: Mapping[str, str]
    """Target or objective → the rating, P or S."""
    rated_by: tuple[str, ...]
    digest: str
    """The head of the exercise's journal, ``N:sha256:…``: it holds the ratings."""


class ImprovementEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """What all of them share."""

    item: str
    by: str


class ImprovementAdded(ImprovementEvent, frozen=True, kw_only=True):
    """Somebody wants it better."""

    plan: Plan
    source: Source = Source()


class ImprovementChanged(ImprovementEvent, frozen=True, kw_only=True):
    """Its row says something else from now on."""

    plan: Plan


class ImprovementDone(ImprovementEvent, frozen=True, kw_only=True):
    """The corrective action was taken; ``evidence`` says how one can see that."""

    evidence: str
    tested: Tested | None = None


class ImprovementRetested(ImprovementEvent, frozen=True, kw_only=True):
    """A later exercise proved it."""

    proof: Proof


class ImprovementReopened(ImprovementEvent, frozen=True, kw_only=True):
    """It is not better after all."""

    reason: str


class ImprovementDropped(ImprovementEvent, frozen=True, kw_only=True):
    """Nothing is done about it."""

    reason: str


AnyImprovementEvent = (
    ImprovementAdded
    | ImprovementChanged
    | ImprovementDone
    | ImprovementRetested
    | ImprovementReopened
    | ImprovementDropped
)
READER: Callable[[bytes], AnyImprovementEvent] = json_reader(AnyImprovementEvent)


class Step(msgspec.Struct, frozen=True):
    """One thing that became of an item."""

    at: datetime
    by: str
    what: str
    note: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item as it stands."""

    id: str
    plan: Plan
    source: Source
    history: tuple[Step, ...]
    status: Status = "open"
    done_at: datetime | None = None
    evidence: str = ""
    tested: Tested | None = None
    proof: Proof | None = None


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """All items, by id, the oldest first."""

    items: Mapping[str, Item] = {}
    version: int = 0


def fold_items(events: Iterable[tuple[int, datetime, AnyImprovementEvent]]) -> Items:
    """Return what follows from the journal."""
    found: dict[str, Item] = {}
    version = 0
    for version, at, event in events:  # noqa: B007  # the last one counts
        if isinstance(event, ImprovementAdded):
            first = Step(at, event.by, "added")
            found[event.item] = Item(id=event.item, plan=event.plan, source=event.source, history=(first,))
        elif event.item in found:
            found[event.item] = _after(found[event.item], event, at)
    return Items(items=found, version=version)


def _after(item: Item, event: AnyImprovementEvent, at: datetime) -> Item:
    def then(what: str, note: str = "", **fields: object) -> Item:
        step = Step(at, event.by, what, note)
        return msgspec.structs.replace(item, history=(*item.history, step), **fields)

    match event:
        case ImprovementAdded():
            return item
        case ImprovementChanged(plan=plan):
            return then("changed", plan=plan)
        case ImprovementDone(evidence=evidence, tested=tested):
            return then("done", evidence, status="done", done_at=at, evidence=evidence, tested=tested)
        case ImprovementRetested(proof=proof):
            return then("retested", f"proved by {proof.codename}", status="retested", proof=proof)
        case ImprovementReopened(reason=reason):
            return then("reopened", reason, status="open", done_at=None, evidence="", tested=None, proof=None)
        case ImprovementDropped(reason=reason):
            return then("dropped", reason, status="dropped")
