"""Readiness of a waiting step: its ``after`` is met, then its ``when`` decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from runner.facts.expression import Unknown, reads_duties
from runner.facts.expressions.evaluate import evaluate, merged, truth
from runner.incident.state import events as e
from runner.incident.state.action_items import action_run
from runner.incident.state.expression_view import ScopeView, find_step
from runner.incident.state.incident import FELL_AWAY, Incident, Scope
from runner.incident.state.library import Library
from runner.incident.steps.containers import superseded
from runner.incident.steps.kinds import begin
from runner.playbook import format as p


class Readiness(msgspec.Struct, frozen=True):
    """Whether a step can start: yes, no with the reason, or undetermined without these facts."""

    verdict: Literal["yes", "no", "unknown"]
    why: str = ""
    missing: tuple[str, ...] = ()


YES = Readiness("yes")


def check_readiness(incident: Incident, name: str, library: Library) -> Readiness:
    """Decide whether a waiting invocation whose ``after`` is met may start."""
    invocation = incident.invocations[name]
    scope = incident.scopes[invocation.scope]
    step = library.body(incident.runs, scope).steps[invocation.step]
    if step.after.steps and _nothing_led_here(incident, scope, step):
        return Readiness("no", "no branch leads to this task")
    view = ScopeView(incident, scope, library)
    if step.when is not None:
        match truth(step.when, view):
            case Unknown(missing, problems):
                return Readiness("unknown", "; ".join(problems), missing or problems)
            case False:
                return Readiness("no", f"condition is false: {step.when.source}")
            case True:
                pass
    if isinstance(step, p.Call) and (wanting := _unknown_inputs(step, view)):
        return Readiness("unknown", "inputs", wanting)
    run = action_run(incident, invocation, library) if isinstance(step, p.Act) and step.use else None
    if run is not None and isinstance(requests := run.fill(), Unknown):
        return Readiness("unknown", "inputs", requests.missing or requests.problems)
    return YES


def late_branches(incident: Incident, library: Library) -> Iterator[e.StepReopened]:
    """Yield the reopening of every step that was skipped and for which a duty was added since."""
    for name in sorted(incident.live - incident.active):
        invocation, step = incident.invocations[name], library.step(incident, name)
        skipped = invocation.state == "not_applicable" and not superseded(incident, invocation)
        if skipped and reads_duties(step.when) and check_readiness(incident, name, library) == YES:
            yield e.StepReopened(step=name, reason="a duty was added later", late=True)


def _unknown_inputs(step: p.Call, view: ScopeView) -> tuple[str, ...]:
    """Return the facts that a called playbook's inputs still need: inputs are evaluated once."""
    values = [evaluate(expression, view) for expression in step.inputs.values()]
    return merged(value for value in values if isinstance(value, Unknown)).missing


def _nothing_led_here(incident: Incident, scope: Scope, step: p.AnyStep) -> bool:
    for name in step.after.steps:
        before = find_step(incident, scope, name)
        if before is None or before.state not in FELL_AWAY:
            return False
    return True


def start_step(
    incident: Incident, name: str, answer: Readiness, now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield the events by which a waiting step starts, is skipped or waits for facts."""
    invocation = incident.invocations[name]
    if answer.verdict == "no":
        yield e.StepSettled(step=name, state="not_applicable", why=answer.why)
    elif answer.verdict == "unknown":
        if name not in incident.blocked or invocation.missing != answer.missing:
            yield e.StepBlocked(step=name, missing=answer.missing)
    else:
        yield from begin(incident, invocation, now, library)
