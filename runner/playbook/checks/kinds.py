"""Checks of each kind of step besides those of all steps: its names, and whether it can be done.

``CHECKS`` at the end is the table, one line for each kind. It has the keys of ``runner.playbook.format.KINDS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from runner.base.instants import parse_instant
from runner.base.text import choice_hint
from runner.facts import expression as nodes
from runner.facts.expression import Node
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.fact_values import FactProblem, parse_value
from runner.facts.vocabulary.lookup import find
from runner.playbook.checks.action_calls import check_action
from runner.playbook.checks.names import Names, addressed
from runner.playbook.checks.order import always
from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import (
    Act,
    Approve,
    Ask,
    File,
    Form,
    Group,
    Message,
    Notice,
    Repeat,
    Task,
    Wait,
)
from runner.playbook.lookup import Known
from runner.playbook.parts import DEPUTIES, FormField
from runner.yamlfile.source import Where


def check_kinds(steps: Map, known: Known, found: Findings) -> None:
    """Report problems of single steps."""
    names = Names(steps, known, found)
    for place in steps.places:
        for check in CHECKS[str(place.step.__struct_config__.tag)]:
            check(place, place.step, names)


def _role(place: Place, step: Task | Ask | Form | File | Act, names: Names) -> None:
    if step.role:
        names.role(step.role, (*place.where, "role"))


def _sets(place: Place, step: Ask, names: Names) -> None:
    names.sets(step.sets, (*place.where, "sets"))
    _unknown_as(step.asks[0], place.where, names)
    _promises({"ask": step.ask, "instructions": step.instructions}, {step.unknown_as}, place.where, names)


def _fields(place: Place, step: Form, names: Names) -> None:
    """Report fields that do not set one fact each, that set the fact of another field, or offer impossible choices."""
    first: dict[str, int] = {}
    for index, field in enumerate(step.fields):
        where = (*place.where, "fields", index)
        names.sets(field.fact, (*where, "fact"))
        if first.setdefault(field.fact, index) != index:
            text = f'Fact "{field.fact}" has two fields in this form.'
            hint = f"Delete this field, or field {first[field.fact] + 1}."
            names.found.error((*where, "fact"), "duplicate-field", text, hint)
        reads = field.when is None or field.when.facts or nodes.reads_duties(field.when)
        if not reads and field.when is not None and always(field.when) is None:
            text = "The condition of a field reads no fact."
            hint = "Write a condition over facts, such as data.encrypted, or put the condition on the step."
            names.found.error((*where, "when"), "field-without-fact", text, hint)
        elif field.when is not None and always(field.when) is False:
            text, hint = "This condition is never true.", "Change the condition, or delete the field."
            names.found.error((*where, "when"), "never-true", text, hint)
        if isinstance(find(field.fact), FactType):
            _choices(field, where, names)
        _unknown_as(field, where, names)
        _promises({"ask": field.ask, "help": field.help}, {field.unknown_as}, where, names)
    _promises(
        {"instructions": step.instructions}, {field.unknown_as for field in step.fields}, place.where, names
    )


def _unknown_as(field: FormField, where: Where, names: Names) -> None:
    """Report a fact for which "unknown" cannot count as an answer."""
    fact, where = find(field.fact), (*where, "unknown_as")
    if not field.unknown_as or not isinstance(fact, FactType):
        return
    if fact.kind != "bool":
        text = f'Fact "{field.fact}" is not a yes or no. "Unknown" cannot count as an answer.'
        names.found.error(where, "unknown-as-type", text, "Delete `unknown_as`.")
    elif any(f"{field.fact}.".startswith(f"{path}.") for path in names.known.law_reads()):
        text = f'A law reads fact "{field.fact}". An answer that nobody knows would decide a duty.'
        hint = 'Delete `unknown_as`, and write: "If you cannot tell, answer yes".'
        names.found.error(where, "unknown-as-law", text, hint)


def _promises(texts: Mapping[str, str], given: Collection[str], where: Where, names: Names) -> None:
    """Report a text that promises an answer for "unknown" which no ``unknown_as`` gives."""
    for key, text in texts.items():
        said = re.search(r"unknown\s+counts\s+as\s+(\w+)", text, re.IGNORECASE)
        if said is not None and said[1].casefold() not in given:
            told = f'The text says "{said[0]}", but `unknown_as` does not.'
            hint = f"Write `unknown_as: {said[1].casefold()}`, or delete the sentence."
            names.found.error((*where, key), "unknown-as", told, hint, offset=said.start())


def _choices(field: FormField, where: Where, names: Names) -> None:
    for index, choice in enumerate(field.choices):
        try:
            parse_value(field.fact, choice)
        except FactProblem as problem:
            text = f'The choice "{choice}" is not a value of fact "{field.fact}". {problem.message}'
            names.found.error((*where, "choices", index), "wrong-choice", text, problem.hint)


def _approvers(place: Place, step: Approve, names: Names) -> None:
    if (ground := step.not_to_notify) and ground not in (known := names.known.grounds()):
        text = f'No law has the ground "{ground}". The approval would decide nothing.'
        hint = choice_hint(ground, sorted(known))
        names.found.error((*place.where, "not_to_notify"), "unknown-ground", text, hint)
    for index, role in enumerate(step.by.roles):
        names.role(role, (*place.where, "by", "roles", index))
    escalate = step.on_overdue.escalate if step.on_overdue is not None else DEPUTIES
    if escalate not in ("", DEPUTIES):
        names.found.error(
            (*place.where, "on_overdue", "escalate"),
            "approval-escalation",
            f'An overdue approval cannot escalate to "{escalate}". Only deputies of its own roles can approve in their place.',
            f"Write `escalate: {DEPUTIES}`, and name deputies under `alternates:` in tocsin.yaml.",
        )


def _message(place: Place, step: Message, names: Names) -> None:
    for where, role in addressed(step.to, (*place.where, "to")):
        names.role(role, where)
    there = names.playbook.messages
    if step.message not in there:
        hint = "" if there else "define it under messages"
        names.unknown((*place.where, "message"), "unknown-message", "message", step.message, there, hint=hint)


def _duty(place: Place, step: Notice | File, names: Names) -> None:
    for duty in step.duty.split(" or ") if step.duty else ():
        names.duty(place, duty, (*place.where, "duty"))


def _product(place: Place, step: Approve | File, names: Names) -> None:
    """Report approvals and filings of steps that do not exist, have not ended, or produce no document."""
    steps, found = names.steps, names.found
    files = isinstance(step, File)
    name = step.file if isinstance(step, File) else step.approve
    kinds = (Notice,) if files else (Notice, Task, Ask, Form, Act)
    where = (*place.where, "file" if files else "approve")
    verb = "filed" if files else "approved"
    other = steps.find(name, place)
    if other is None:
        hidden = steps.elsewhere(name)
        hint = f'Move this step into "{hidden.parent.step.id}".' if hidden and hidden.parent else ""
        text = (
            f'Step "{name}" is inside another step and not available here.'
            if hidden
            else f'Step "{name}" does not exist, so it cannot be {verb}.'
        )
        found.error(where, "other-body" if hidden else "unknown-step", text, hint)
    elif isinstance(other.step, Act) and other.step.use:
        if not steps.surely_before(place, other):
            text = f'Action "{name}" may start before this approval.'
            found.error(where, "not-ordered", text, f'Add "{step.id}" to `after` of "{name}".')
    elif isinstance(other.step, Act) or not isinstance(other.step, kinds):
        kind = other.step.__struct_config__.tag
        wanted = " or ".join(kind.__name__.lower() for kind in kinds if kind is not Act)
        found.error(
            where,
            "cannot-be-filed" if files else "cannot-be-approved",
            f'A step of kind "{kind}" cannot be {verb}.',
            f"Name a step of kind {wanted}.",
        )
    elif not steps.surely_before(other, place):
        text = f'Step "{name}" may still be open when this step starts. No document would exist to be {verb}.'
        found.error(
            where, "not-ordered", text, f'Add "{name}" to `after`, or a step that starts after "{name}".'
        )


def _act(place: Place, step: Act, names: Names) -> None:
    if place.where in names.steps.guessed:
        return
    check_action(step, place.where, names.known, names.found)
    _items(place, step, names)
    template = names.action(step, place.where) if step.use else None
    if template is None:
        return
    where, found = (*place.where, "use"), names.found
    gates = (one for one in names.steps.places if isinstance(one.step, Approve))
    persons = [
        len(set(gate.step.by.roles)) if gate.step.by.every_role else gate.step.by.distinct
        for gate in gates
        if isinstance(gate.step, Approve)
        and names.steps.find(gate.step.approve, gate) is place
        and names.steps.surely_before(gate, place)
    ]
    if max(persons, default=0) < template.approvers:
        count = "one person" if template.approvers == 1 else "two persons"
        text = f'Action "{template.name}" is {template.risk}: {count} must approve it before it runs.'
        hint = f"Add a step before it: {{id: …, approve: {step.id}, by: {{roles: […], distinct: {template.approvers}}}}}"
        found.error(where, "action-not-approved", text, hint)
    if template.depends in names.playbook.assume_compromised:
        text = f'Action "{template.name}" depends on "{template.depends}", which this playbook assumes compromised.'
        found.warn(where, "action-compromised", text, "A person decides before it runs.")


def _wait(place: Place, step: Wait, names: Names) -> None:
    where = (*place.where, "wait")
    if step.wait.fact:
        names.fact(step.wait.fact, (*where, "fact"))
    if step.wait.duty:
        names.duty(place, step.wait.duty, (*where, "duty"))
    if step.wait.until:
        try:
            parse_instant(step.wait.until)
        except ValueError as error:
            names.found.error((*where, "until"), "not-an-instant", str(error))


def _items(place: Place, step: Group | Act, names: Names) -> None:
    """A lane needs names: duties, the members of a set, or a literal list."""
    if step.for_each is not None and not _is_list(step.for_each.tree):
        hint = "Write duties('applies'), or a fact that is a set, such as data.elements."
        where = (*place.where, "for_each")
        names.found.error(where, "not-a-list", "`for_each` needs a list of names.", hint)


def _is_list(node: Node) -> bool:
    """Return whether an expression can return a list; an expression known only at run time can."""
    match node:
        case nodes.Apply("duties") | nodes.ListOf() | nodes.NameRef() | nodes.Attribute() | nodes.Index():
            return True
        case nodes.Apply("default", (first, _)):
            return _is_list(first)
        case nodes.Choose(_, then, otherwise):
            return _is_list(then) and _is_list(otherwise)
        case nodes.FactRef(path):
            fact = find(path)
            return isinstance(fact, FactType) and fact.many
        case _:
            return False


def _repeat(place: Place, step: Repeat, names: Names) -> None:
    """Report a repeat whose end condition nothing can make true."""
    where, steps, found = (*place.where, "until"), names.steps, names.found
    if always(step.until) is False:
        found.error(where, "never-true", "This condition is never true, so the step never ends.")
        return
    inner = [inner for inner in steps.places if inner is not place and steps.inside(inner, place)]
    later = (other for other in steps.places if not steps.surely_before(other, place))
    sets = {field.fact for standing in later for field in standing.step.asks}
    ids = {standing.step.id for standing in inner}
    moves = sets.intersection(step.until.facts) or ids.intersection(step.until.steps)
    if not moves and not step.until.duties and not step.until.names and always(step.until) is None:
        text = "No step inside changes this condition. Every round ends like the round before."
        found.warn(
            where,
            "may-not-end",
            text,
            "Add an `ask` step for a fact of the condition, or read step('id').answer.",
        )


CHECKS: Mapping[str, tuple[Callable[[Place, Any, Names], None], ...]] = {
    "task": (_role,),
    "ask": (_role, _sets),
    "form": (_role, _fields),
    "approve": (_approvers, _product),
    "message": (_message,),
    "notice": (lambda place, step, names: names.notice(place, step.notice, step.duty), _duty),
    "file": (_role, _duty, _product),
    "duties": (lambda place, step, names: names.regimes(step.duties, (*place.where, "duties")),),
    "act": (_role, _act),
    "wait": (_wait,),
    "playbook": (lambda place, step, names: names.call(step, place.where),),
    "group": (_items,),
    "repeat": (_repeat,),
}
