"""Appendix A of an after-action report: the improvement plan, a row for each item, in the columns of HSEEP's template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runner.documents.tree import Block
from runner.incident.exercises.improvements import ROLE, Item
from runner.reports.core.report_blocks import heading, paragraph, table
from runner.reports.exercises.improvements import proof_words

HEADS = (
    "Core capability",
    "Issue",
    "Corrective action",
    "Element",
    "Responsible",
    "Contact",
    "Start",
    "Completion",
)


def improvement_plan(
    items: Sequence[Item], noted: Iterable[tuple[str, str]], organisation: str, contacts: Mapping[str, str]
) -> Iterator[Block]:
    """Yield the plan: the items, then what was noted and nobody has taken over, whose other cells are empty.

    ``contacts`` are the names of those who own items, by ``owner``.
    """
    rows = [_row(item, organisation, contacts) for item in items]
    rows += [(capability, text, *[""] * 6) for capability, text in noted]
    yield heading(2, "Appendix A: Improvement plan")
    yield paragraph("Empty cells are filled in at the after-action meeting: tocsin improvement add, change.")
    yield table(HEADS, rows or [("",) * len(HEADS)])
    yield paragraph("Elements: planning, organization, equipment, training, exercise.")
    if proved := [f"{item.id}: {proof_words(item.proof)}" for item in items if item.proof is not None]:
        yield paragraph(f"Proved by a later exercise: {'; '.join(proved)}")


def _row(one: Item, organisation: str, contacts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells of an item; responsible is the role that owns it, else the organisation of the person who does."""
    plan = one.plan
    return (
        plan.capability,
        f"{one.id}: {plan.text}",
        plan.action,
        plan.element,
        plan.owner.removeprefix(ROLE) if plan.owner.startswith(ROLE) else organisation if plan.owner else "",
        contacts.get(plan.owner, plan.owner.removeprefix(ROLE)),
        str(plan.start or ""),
        _completion(one),
    )


def _completion(one: Item) -> str:
    """Return when it was done, else by when it is to be, else what became of it."""
    due = f"due {one.plan.due}" if one.plan.due is not None else ""
    if one.done_at is not None:
        due = f"done {one.done_at:%Y-%m-%d}"
    return f"{due}, {one.status}".removeprefix(", ") if one.status in ("dropped", "retested") else due
