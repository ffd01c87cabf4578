"""Findings of an after-action report: causes, open legal duties and the improvement plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from runner.documents.tree import Block
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Fact
from runner.incident.exercises.improvements import ROLE, Item
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.core.report_blocks import heading, paragraph, table, time
from runner.reports.exercises.improvements import STATUSES, proof_words

CAUSES = ("incident.vector", "incident.root_cause", "incident.malicious", "incident.vendor.name")
"""Facts about the cause of an incident."""
FEW = 12
"""The highest number of undetermined duties in the text."""


def causes_of(incident: Incident) -> tuple[Fact, ...]:
    """Return the recorded facts about the cause."""
    found = (incident.facts.get(path) for path in CAUSES)
    return tuple(one for one in found if one is not None and one.value is not None)


def cause_words(one: Fact) -> str:
    """Return a cause as text."""
    return ("yes" if one.value else "no") if isinstance(one.value, bool) else str(one.value)


def causes(found: Sequence[Fact], codename: str) -> Iterator[Block]:
    """Yield the section about the causes."""
    yield heading(2, "Causes")
    kinds = {fact.key: fact_type(fact.key) for fact in found}
    rows = [
        (kind.title if kind else fact.key, cause_words(fact), fact.confidence, fact.source)
        for fact in found
        for kind in (kinds[fact.key],)
    ]
    command = f"tocsin fact set -i {codename} incident.root_cause=WORDS --source SOURCE"
    none = paragraph(f"No cause is recorded. To record it: {command}")
    yield table(("Question", "Answer", "Certainty", "Source"), rows) if rows else none


def open_duties(
    found: Sequence[DutyStatus], reasons: Mapping[str, str], undetermined: Sequence[str], zone: tzinfo
) -> Iterator[Block]:
    """Yield the section about open duties and undetermined duties; ``found`` has those with a deadline of both."""
    yield heading(2, "Open duties")
    heads = ("Duty", "Law", "Recipient", "Statutory deadline", "State", "Reason if open at closing")
    rows = [
        (
            status.id,
            status.citation,
            status.recipient,
            time(status.due, zone) or status.standard or "no fixed time",
            f"{'undetermined, ' if status.verdict == 'unknown' else ''}{status.state}",
            reasons.get(status.id, ""),
        )
        for status in found
    ]
    yield table(heads, rows) if rows else paragraph("No open legal duties.")
    if undetermined:
        more = f" and {len(undetermined) - FEW} more" if len(undetermined) > FEW else ""
        yield paragraph(f"Undetermined because of missing facts: {', '.join(undetermined[:FEW])}{more}.")


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
    """Yield the plan: the action items, then observations without an item, with empty cells.

    ``contacts`` has the names of the owners, by ``owner``.
    """
    rows = [_row(item, organisation, contacts) for item in items]
    rows += [(capability, text, *[""] * 6) for capability, text in noted]
    yield heading(2, "Appendix A: Improvement plan")
    yield paragraph("Complete the empty cells at the after-action meeting: tocsin improvement add, change.")
    yield table(HEADS, rows or [("",) * len(HEADS)])
    yield paragraph("Elements: planning, organization, equipment, training, exercise.")
    if proved := [f"{item.id}: {proof_words(item.proof)}" for item in items if item.proof is not None]:
        yield paragraph(f"Verified in an exercise: {'; '.join(proved)}")


def _row(one: Item, organisation: str, contacts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells of an action item; responsible is the role that owns it, else the organisation."""
    plan = one.plan
    due = f"due {one.plan.due}" if one.plan.due is not None else ""
    if one.done_at is not None:
        due = f"done {one.done_at:%Y-%m-%d}"
    status = STATUSES.get(one.status, one.status) if one.status in ("dropped", "retested") else ""
    return (
        plan.capability,
        f"{one.id}: {plan.text}",
        plan.action,
        plan.element,
        plan.owner.removeprefix(ROLE) if plan.owner.startswith(ROLE) else organisation if plan.owner else "",
        contacts.get(plan.owner, plan.owner.removeprefix(ROLE)),
        str(plan.start or ""),
        ", ".join(filter(None, (due, status))),
    )
