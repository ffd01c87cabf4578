"""Expression view of an incident: facts, steps and duties at the position of a condition."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runner.facts.expression import Unknown, Value
from runner.facts.vocabulary.register import lookup
from runner.incident.state.incident import Incident, Invocation, Scope
from runner.incident.state.library import Library
from runner.law.relevance import awaited
from runner.playbook.format import (
    AnyStep,
)


class ScopeView(msgspec.Struct, frozen=True):
    """The view of one scope: loop names are its own, steps are looked up through the containers around it."""

    incident: Incident
    scope: Scope
    library: Library

    def fact(self, path: str) -> Value:
        """Return a fact's value, a whole map or a list; ``Unknown`` names the path."""
        return lookup(self.incident.facts, path)

    def step(self, step: str) -> Mapping[str, Value] | Unknown:
        """Return the parts of a step's newest invocation; it is unknown until the step has been reached."""
        invocation = find_step(self.incident, self.scope, step)
        if invocation is None:
            return Unknown((f"step('{step}')",))
        return {
            "done": invocation.state in ("done", "done_late"),
            "state": invocation.state,
            "answer": self._answer(invocation),
            "ended_at": invocation.ended_at or Unknown((f"step('{step}').ended_at",)),
        }

    def duty(self, duty: str) -> Mapping[str, Value] | Unknown:
        """Return the parts of a duty as last assessed; everything is unknown before the first assessment."""
        known_duty = self.incident.duties.get(duty)
        if known_duty is None or not self.incident.assessed:
            return Unknown((f"duty('{duty}')",))
        applies: Value = known_duty.verdict == "applies"
        if known_duty.verdict == "unknown":
            applies = Unknown(known_duty.missing or (f"duty('{duty}')",))
        return {
            "applies": applies,
            "unknown": known_duty.verdict == "unknown",
            "verdict": known_duty.verdict,
            "due": known_duty.due or Unknown((f"duty('{duty}').due",)),
            "overdue": known_duty.overdue,
            "filed": known_duty.record is not None and known_duty.record.kind == "filed",
        }

    def duties(self, verdict: str, recipient: str = "") -> tuple[str, ...] | Unknown:
        """Return the duties of a verdict that are open or done, sorted.

        A duty whose clock starts with an event is added with that event: nobody works on a final report before the first one.
        For one recipient it is added at once, because its preparation begins before. There "applies" is unknown while
        no duty applies, but facts still to come may add one.
        """
        if not self.incident.assessed:
            return Unknown(("duties",))
        if not recipient:
            views = (d for d in self.incident.duties.values() if d.verdict == verdict and not d.waits)
            return tuple(sorted(d.id for d in views))
        known = [
            (self.incident.duties[duty], places)
            for duty, places in self.library.duties_to(recipient)
            if duty in self.incident.duties
        ]
        found = tuple(sorted(duty.id for duty, _ in known if duty.verdict == verdict))
        if found or verdict != "applies":
            return found
        undetermined = [(d.missing, places, d.in_sight) for d, places in known if d.verdict == "unknown"]
        missing = awaited(undetermined, self.incident.facts) if undetermined else ()
        return Unknown(missing) if missing else ()

    def name(self, name: str) -> Value:
        """Return ``item``, ``iteration`` or ``inputs`` of the nearest scope that has one."""
        if name == "iteration":
            return self.scope.iteration
        for scope in outwards(self.incident, self.scope):
            if name == "item" and scope.item is not None:
                return scope.item
            if name == "inputs" and scope.body == "":
                return {key: Unknown((key,)) if v is None else v for key, v in scope.inputs.items()}  # type: ignore[misc]
        return Unknown((name,))

    def _answer(self, invocation: Invocation) -> Value:
        return (
            lookup(self.incident.facts, invocation.sets)
            if invocation.sets
            else Unknown((f"step('{invocation.step}').answer",))
        )


def outwards(incident: Incident, scope: Scope) -> list[Scope]:
    """Return a scope and the scopes around it, the innermost first."""
    scopes = [scope]
    while scope.parent:
        scope = incident.scopes[incident.invocations[scope.parent].scope]
        scopes.append(scope)
    return scopes


def find_step(incident: Incident, scope: Scope, step: str) -> Invocation | None:
    """Return the newest invocation of a step in this scope or the nearest one around it."""
    name = incident.latest.get(f"{scope.id}|{step}")
    while name is None and scope.parent:
        scope = incident.scopes[incident.invocations[scope.parent].scope]
        name = incident.latest.get(f"{scope.id}|{step}")
    return None if name is None else incident.invocations[name]


def open_before(incident: Incident, invocation: Invocation, step: AnyStep | None) -> tuple[str, ...]:
    """Return the steps that a waiting invocation waits for."""
    if step is None or invocation.state != "waiting":
        return ()
    latest = {before: incident.latest.get(f"{invocation.scope}|{before}") for before in step.after.steps}
    return tuple(
        before for before, name in latest.items() if name is None or not incident.invocations[name].over
    )


def item_of(incident: Incident, scope: Scope, name: str) -> str:
    """Return a duty's or template's name: for ``item`` the lane's own, of ``A or B`` the first that applies."""
    if name != "item":
        ids = name.split(" or ")
        return next((id for id in ids if id in incident.duties and incident.duties[id].applied), ids[0])
    for around in outwards(incident, scope):
        if around.item is not None:
            return around.item
    return name


def title_of(step: AnyStep) -> str:
    """Return a label for a step: its title, otherwise the value of its kind key."""
    return step.title or step.words
