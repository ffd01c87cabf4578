"""Action items of exercises and incidents: finding, assignee, due date and verification.

Action items have a journal of the organisation, so that they outlive the incident that they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from runner.actions import REASON, Action
from runner.decoding import json_reader
from runner.errors import Refused

JOURNAL = "improvements"
"""The journal's name; it is not an incident."""
Element = Literal["planning", "organization", "equipment", "training", "exercise"]
"""The capability element that is to change (HSEEP)."""
ELEMENTS: tuple[str, ...] = get_args(Element)
ROLE = "role:"
"""Prefix of an owner that is a role."""


Status = Literal["open", "done", "retested", "dropped"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The source of an item; everything is empty for an item outside of exercises and incidents."""

    incident: str = ""
    codename: str = ""
    kind: str = ""
    """``real`` or ``exercise``."""
    exercise: str = ""
    """The exercise's name, the same each time it is played."""
    ref: str = ""
    """The subject, as ``rating:T1`` or ``inject:4``: so it is proposed once."""
    objective: str = ""
    target: str = ""
    playbook: str = ""
    step: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the improvement plan (HSEEP's Appendix A), in its present state."""

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
    """``test:PLAYBOOK:CASE``, which must pass before the item is done, or ``exercise:NAME:TARGET``, which must verify it."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook's test that passed."""

    case: str
    playbook: str
    digest: str
    """Of the playbook that was tested."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A later exercise in which an evaluator rated the result P or S."""

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
    """The fields that all these events share."""

    item: str
    by: str


class ImprovementAdded(ImprovementEvent, frozen=True, kw_only=True):
    """An action item was added."""

    plan: Plan
    source: Source = Source()


class ImprovementChanged(ImprovementEvent, frozen=True, kw_only=True):
    """The row of an action item changed."""

    plan: Plan


class ImprovementDone(ImprovementEvent, frozen=True, kw_only=True):
    """The corrective action was taken; ``evidence`` is the evidence for it."""

    evidence: str
    tested: Tested | None = None


class ImprovementRetested(ImprovementEvent, frozen=True, kw_only=True):
    """A later exercise verified it."""

    proof: Proof


class ImprovementReopened(ImprovementEvent, frozen=True, kw_only=True):
    """The item is open again: the improvement did not work."""

    reason: str


class ImprovementDropped(ImprovementEvent, frozen=True, kw_only=True):
    """The item was rejected: nothing is done about it."""

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
    """One change of an item."""

    at: datetime
    by: str
    what: str
    note: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item in its present state."""

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
    """All items, by id, in order of creation."""

    items: Mapping[str, Item] = {}
    version: int = 0


def fold_items(events: Iterable[tuple[int, datetime, AnyImprovementEvent]]) -> Items:
    """Return the action items of the journal."""
    items: dict[str, Item] = {}
    version = 0
    for version, at, event in events:  # noqa: B007  # the last one counts
        if isinstance(event, ImprovementAdded):
            first = Step(at, event.by, "added")
            items[event.item] = Item(id=event.item, plan=event.plan, source=event.source, history=(first,))
        elif event.item in items:
            items[event.item] = _after(items[event.item], event, at)
    return Items(items=items, version=version)


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


ClosingKind = Literal["", "test", "exercise"]


class Closing(msgspec.Struct, frozen=True):
    """The parts of ``closes_with``: the tests of a playbook and the case, or an exercise and the target."""

    kind: ClosingKind = ""
    name: str = ""
    what: str = ""


def closing(text: str) -> Closing:
    """Return the proof that an item needs; raises Refused if the value names neither kind."""
    if not text:
        return Closing()
    kind, _, rest = text.partition(":")
    name, _, what = rest.partition(":")
    for known in get_args(ClosingKind):
        if known and known == kind and name and what:
            return Closing(known, name, what)
    raise Refused(
        f'The value "{text}" names no test and no exercise target.',
        hint="Write test:PLAYBOOK:TEST or exercise:EXERCISE:TARGET, such as exercise:lost-laptop:T1.",
        code="bad_closing",
    )


POSSIBLE: dict[str, tuple[Status, ...]] = {
    "done": ("open",),
    "reopened": ("done", "retested", "dropped"),
    "dropped": ("open", "done"),
    "changed": ("open", "done"),
}
"""The statuses in which each change is possible."""


def may(item: Item, change: str, words: str, what: str) -> str:
    """Return the text that a change of an item needs, trimmed; raises Refused if the change is not possible now.

    ``what`` names the text in the refusal of an empty one.
    """
    if item.status not in POSSIBLE[change]:
        raise Refused(
            f'Action item "{item.id}" is {item.status}. The item cannot be {change}.',
            hint=Action("improvement.show", item.id),
            code="improvement_status",
        )
    if not words.strip():
        raise Refused(
            f'Action item "{item.id}" was not {change}. The change needs {what}.', code="words_missing"
        )
    return words.strip()


def checked(plan: Plan) -> Plan:
    """Return a valid row; raises Refused if it is empty, or ends before it starts."""
    if not plan.text.strip():
        raise Refused(
            "The action item has no text.", hint="Write the text of the action item.", code="words_missing"
        )
    if plan.start is not None and plan.due is not None and plan.due < plan.start:
        raise Refused(
            f"The due date {plan.due} is before the start date {plan.start}.", code="due_before_start"
        )
    closing(plan.closes_with)
    return msgspec.structs.replace(plan, text=plan.text.strip())


def changed(item: Item, plan: Plan) -> Plan:
    """Return a row that may replace an item's own; raises Refused if the proof of a done item would change.

    The proof was fixed when the item was done: a proof that is chosen afterwards could be chosen to fit.
    """
    if item.status == "done" and plan.closes_with != item.plan.closes_with:
        raise Refused(
            f'Action item "{item.id}" is done. The test or exercise that verifies it cannot change.',
            hint=Action("improvement.reopen", item.id, {"reason": REASON}),
            code="improvement_status",
        )
    return plan


def overdue(item: Item, today: date) -> bool:
    """Tell whether the item is overdue."""
    return item.status == "open" and item.plan.due is not None and item.plan.due < today
