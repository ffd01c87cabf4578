"""Implicit answers: a recorded fact answers the open question, or the field of an open form, that sets it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from runner.incident.state.commands import RecordFacts
from runner.incident.state.events import StepEnded
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state, is_answer
from runner.incident.steps.forms import closing_digest
from runner.playbook.format import QUESTIONS, Ask, Form

HOW = "answered with tocsin fact set"
OVER = ("closed", "cancelled")


class ImplicitAnswers(NamedTuple):
    """The open questions and forms that facts answer, and the ends of those that have no open field then."""

    steps: tuple[str, ...] = ()
    ended: tuple[StepEnded, ...] = ()


def implicit_answers(
    incident: Incident, command: RecordFacts, by: str, now: datetime, library: Library
) -> ImplicitAnswers:
    """Return what these facts answer, in the name of their author."""
    if incident.state in OVER:
        return ImplicitAnswers()
    steps, ended = [], []
    for name in sorted(incident.active - {*command.reopens}):
        invocation = incident.invocations[name]
        step = library.step(incident, name) if invocation.kind in QUESTIONS else None
        if not isinstance(step, Ask | Form):
            continue
        changes = [
            one
            for one in command.changes
            if any(is_answer(ask, one) or (name == command.form and one.key == ask.fact) for ask in step.asks)
        ]
        if not changes:
            continue
        steps.append(name)
        digest = closing_digest(incident, invocation, step, changes, now, library)
        if digest is not None:
            state = completion_state(invocation, now)
            how = "" if name == command.form else HOW
            ended.append(StepEnded(step=name, state=state, by=by, reason=how, digest=digest))
    return ImplicitAnswers(tuple(steps), tuple(ended))
