"""What readers of an after-action report ask first: the causes, and the legal duties that are still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from runner.documents.tree import Block
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Fact
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.core.report_blocks import heading, paragraph, table, time

CAUSES = ("incident.vector", "incident.root_cause", "incident.malicious", "incident.vendor.name")
"""Facts that say why it happened."""
FEW = 12
"""So many undetermined duties are named."""


def causes_of(incident: Incident) -> tuple[Fact, ...]:
    """Return what is recorded of the cause."""
    found = (incident.facts.get(path) for path in CAUSES)
    return tuple(one for one in found if one is not None and one.value is not None)


def cause_words(one: Fact) -> str:
    """Return what is said of a cause."""
    return ("yes" if one.value else "no") if isinstance(one.value, bool) else str(one.value)


def causes(found: Sequence[Fact], codename: str) -> Iterator[Block]:
    """Yield the section about them."""
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
    """Yield the section about duties that apply and are not done, and about those that may apply."""
    yield heading(2, "Open duties")
    heads = ("Duty", "Law", "Recipient", "Statutory deadline", "State", "Reason to leave it open")
    rows = [
        (
            *(status.id, status.citation, status.recipient),
            *(
                time(status.due, zone) or status.standard or "no fixed time",
                status.state,
                reasons.get(status.id, ""),
            ),
        )
        for status in found
    ]
    yield table(heads, rows) if rows else paragraph("No legal duty that applies is open.")
    if undetermined:
        more = f" and {len(undetermined) - FEW} more" if len(undetermined) > FEW else ""
        yield paragraph(f"Undetermined, because facts are missing: {', '.join(undetermined[:FEW])}{more}.")
