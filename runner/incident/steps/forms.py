"""Questions and forms: the state of each field, and the answers that close a question or a form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from runner.facts.expression import Unknown
from runner.facts.expressions.evaluate import truth
from runner.facts.vocabulary.register import FactChange, lookup
from runner.incident.law.moved_deadlines import with_facts
from runner.incident.state.expression_view import ScopeView
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.steps.approvals import value_digest, values_digest
from runner.playbook.format import Ask, Form
from runner.playbook.parts import FormField

FieldWord = Literal["open", "waiting", "answered", "unknown", "known", "not_needed"]


class FieldState(NamedTuple):
    """One field of a form: to answer, waiting for the facts of its condition, or closed."""

    field: FormField
    state: FieldWord
    missing: tuple[str, ...] = ()
    """The unknown facts of its condition."""

    @property
    def closed(self) -> bool:
        """Whether the form can end without an answer to it."""
        return self.state not in ("open", "waiting")


def field_states(
    incident: Incident, invocation: Invocation, step: Form, library: Library
) -> tuple[FieldState, ...]:
    """Return the state of each field of a form."""
    return tuple(_states(incident, invocation, step, library))


def _states(incident: Incident, invocation: Invocation, step: Form, library: Library) -> Iterator[FieldState]:
    view = ScopeView(incident, incident.scopes[invocation.scope], library)
    skips = step.skip_if_known and not asked_before(incident, invocation)
    for field in step.fields:
        value = view.fact(field.fact)
        differs = isinstance(value, Unknown) and bool(value.problems) and not value.missing  # by group
        known = differs or not isinstance(value, Unknown)
        if field.fact in invocation.answered:
            yield FieldState(field, "answered" if known else "unknown")
        elif known and skips:
            yield FieldState(field, "known")
        elif field.when is None:
            yield FieldState(field, "open")
        else:
            yield _conditional(incident, view, field, truth(field.when, view))


def _conditional(incident: Incident, view: ScopeView, field: FormField, asked: bool | Unknown) -> FieldState:
    """A condition that only facts recorded as unknown could decide is not waited for."""
    if not isinstance(asked, Unknown):
        return FieldState(field, "open" if asked else "not_needed")
    if not asked.missing:
        return FieldState(field, "open")
    given_up = all(path in incident.facts and incident.facts[path].value is None for path in asked.missing)
    return FieldState(field, "not_needed" if given_up else "waiting", asked.missing)


def asked_before(incident: Incident, invocation: Invocation) -> bool:
    """Tell whether a question or a form was reopened: then a known fact does not answer it."""
    before = incident.invocations.get(f"{invocation.id.rpartition('#')[0]}#{invocation.n - 1}")
    return before is not None and before.scope == invocation.scope


def is_known(incident: Incident, invocation: Invocation, step: Ask) -> bool:
    """Tell whether a question is answered by a fact."""
    return not asked_before(incident, invocation) and not isinstance(
        lookup(incident.facts, step.sets), Unknown
    )


def form_digest(incident: Incident, invocation: Invocation, step: Form, library: Library) -> str | None:
    """Return the digest of a form's values, None while a field is not closed."""
    if not all(one.closed for one in field_states(incident, invocation, step, library)):
        return None
    return values_digest(incident, tuple(field.fact for field in step.fields))


def closing_digest(
    incident: Incident,
    invocation: Invocation,
    step: Ask | Form,
    changes: Sequence[FactChange],
    now: datetime,
    library: Library,
) -> str | None:
    """Return the digest of the answers if these changes close a question or a form, else None."""
    if isinstance(step, Ask):
        return value_digest(bytes(changes[-1].value))
    answered = (*invocation.answered, *(change.key for change in changes))
    after = msgspec.structs.replace(invocation, answered=answered)
    return form_digest(with_facts(incident, changes, now), after, step, library)
