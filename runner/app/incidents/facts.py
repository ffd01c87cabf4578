"""Facts as people state them: assignments, answers, and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action
from runner.app.core.repository import Turn
from runner.errors import Refused, Usage
from runner.facts.fact_files import parse_assignment
from runner.facts.vocabulary.register import Fact, Stated
from runner.incident.state.commands import Answer, RecordFacts
from runner.incident.state.events import FactChange
from runner.incident.state.incident import Incident
from runner.incident.steps.approvals import refuse_waiting
from runner.playbook.format import Ask

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Confidence = Literal["confirmed", "estimated"]
LEVELS: tuple[Confidence, ...] = ("confirmed", "estimated")


def record_facts(
    service: IncidentService, name: str, texts: Sequence[str], source: str, confidence: str, grounds: str = ""
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Record assignments together, later ones seeing earlier ones; return the turn and the recorded facts.

    Raises Invalid for unreadable input and Stale if others keep changing the incident.
    """
    if not source.strip():
        raise Usage("The fact has no source.", hint='Add --source "HOW YOU KNOW"', code="source_missing")
    sure = level(confidence)
    changes: tuple[FactChange, ...] = ()

    def make(incident: Incident) -> tuple[RecordFacts]:
        nonlocal changes
        changes = stated(service, incident, texts, source, sure)
        return (RecordFacts(changes=changes, grounds=grounds),)

    return service.act(service.principal, name, make), changes


def record_answer(
    service: IncidentService,
    name: str,
    step: str,
    value: str,
    source: str,
    confidence: str,
    grounds: str = "",
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Answer a question; further entries of a map are recorded beside the answer. Raises as ``record_facts``."""
    sure = level(confidence)
    made: tuple[RecordFacts | Answer, ...] = ()

    def make(incident: Incident) -> tuple[RecordFacts | Answer, ...]:
        nonlocal made
        made = _answer(service, incident, step, value, source, sure, grounds)
        return made

    turn = service.act(service.principal, name, make)
    return turn, tuple(one.change for one in made if isinstance(one, Answer))


def _answer(
    service: IncidentService,
    incident: Incident,
    step: str,
    value: str,
    source: str,
    confidence: Confidence,
    grounds: str,
) -> tuple[RecordFacts | Answer, ...]:
    invocation = incident.invocations[step]
    definition = service.library(incident).step(incident, step)
    if not isinstance(definition, Ask):
        raise Refused(
            f'Task "{step}" is not a question. Its kind is {invocation.kind}.',
            hint=Action("task.show", step),
            code="not_a_question",
        )
    refuse_waiting(incident, invocation, definition)
    if definition.choices and value not in definition.choices:
        raise Refused(
            f'"{value}" is not a possible answer to "{definition.id}".',
            hint=f"Use one of: {', '.join(definition.choices)}",
            code="bad_answer",
        )
    said = source or f"answer of {service.principal.person}"
    text = f"{invocation.sets or definition.sets}={value}"
    first, *rest = stated(service, incident, (text,), said, confidence)
    beside = (RecordFacts(changes=tuple(rest), grounds=grounds),) if rest else ()
    return (*beside, Answer(step=step, change=first, grounds=grounds))


def level(text: str) -> Confidence:
    """Return a level of confidence by its word; raises Usage."""
    if text not in LEVELS:
        raise Usage(
            f'Confidence "{text}" is unknown.',
            hint=f"Use --confidence {'|'.join(LEVELS)}",
            code="unknown_confidence",
        )
    return text


def stated(
    service: IncidentService, incident: Incident, texts: Sequence[str], source: str, confidence: Confidence
) -> tuple[FactChange, ...]:
    """Return assignments in the form of the journal, later ones seeing earlier ones; raises Invalid."""
    register, now = dict(incident.facts), service.now_in(incident)
    found: dict[str, Stated] = {}
    for text in texts:
        for fact in parse_assignment(text, register, now):
            register[fact.key] = Fact(key=fact.key, value=fact.value, at=now)
            found[fact.key] = fact
    given = (msgspec.structs.replace(fact, source=source, confidence=confidence) for fact in found.values())
    return tuple(change_of(fact) for fact in given)


def change_of(fact: Stated) -> FactChange:
    """Return a stated fact in the form of the journal."""
    return FactChange(
        key=fact.key,
        value=msgspec.Raw(msgspec.json.encode(fact.value)),
        source=fact.source,
        confidence=fact.confidence,
    )
