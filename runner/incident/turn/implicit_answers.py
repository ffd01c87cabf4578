"""Implicit answers: a recorded fact answers the open question that sets it."""

from __future__ import annotations

from datetime import datetime

from runner.decoding import from_json
from runner.facts.vocabulary.register import OPEN
from runner.incident.state.commands import RecordFacts
from runner.incident.state.events import FactChange, StepEnded
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.incident.steps.approvals import value_digest
from runner.playbook.format import Ask

HOW = "answered with tocsin fact set"
OVER = ("closed", "cancelled")


def implicit_answers(
    incident: Incident, command: RecordFacts, by: str, now: datetime, library: Library
) -> tuple[StepEnded, ...]:
    """Return the ends of the open questions that these facts answer, in the name of their author."""
    if incident.state in OVER:
        return ()
    answers = []
    for name in sorted(incident.active):
        invocation = incident.invocations[name]
        if invocation.kind != "ask":
            continue
        step = library.step(incident, name)
        change = _answer_to(step, command) if isinstance(step, Ask) else None
        if change is not None:
            answers.append(
                StepEnded(
                    step=name,
                    state=completion_state(invocation, now),
                    by=by,
                    reason=HOW,
                    digest=value_digest(bytes(change.value)),
                )
            )
    return tuple(answers)


def _answer_to(step: Ask, command: RecordFacts) -> FactChange | None:
    """Return the change that answers a question, if its value is a permitted answer.

    An open set (these values, and perhaps more) leaves the question open, too.
    """
    for change in command.changes:
        if change.key != step.sets:
            continue
        value = from_json(change.value)
        whole = value is not None and not (isinstance(value, list) and OPEN in value)
        if whole and (not step.choices or value in step.choices):
            return change
    return None
