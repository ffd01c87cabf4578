"""Evaluation of expressions over the known facts, in three values. Never fails.

Theory. Early in a breach most facts are unknown, and unknown is not false. Logic is Kleene's strong three-valued
logic: ``false and unknown`` is false, ``true or unknown`` is true, and anything else that touches an unknown is
unknown. A further fact can therefore never change an answer that is not unknown: a step that started
because its condition was true was right to start. Three words are deliberate exceptions, visible in their
names: ``known(x)``, ``x is defined`` and ``x|default(y)`` ask whether a fact is known.

The evaluator is total. It ends, because the parser bounds the tree and nothing loops. It raises
nothing: two values whose kinds do not compare, or a sum outside of the calendar, give ``Unknown`` with a sentence
in ``problems`` (the parser refuses most of these beforehand), so a mistake makes a step wait visibly
instead of passing or skipping the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, assert_never

from runner.facts import expression as nodes
from runner.facts.expression import Expression, Node, Unknown, Value, written
from runner.facts.expressions.values import (
    added,
    apply,
    compared,
    inverted,
    kind,
    negated,
    part,
    partly_unknown,
    problem,
    settle,
)


class View(Protocol):
    """Facts, steps and duties that an expression reads. Every method is total: an absent value is ``Unknown`` with its name."""

    def fact(self, path: str) -> Value:
        """Return the typed value of a fact path, a whole map or a list."""

    def step(self, step: str) -> Mapping[str, Value] | Unknown:
        """Return ``STEP_PARTS`` of the latest invocation."""

    def duty(self, duty: str) -> Mapping[str, Value] | Unknown:
        """Return ``DUTY_PARTS``."""

    def duties(self, verdict: str, recipient: str = "") -> tuple[str, ...] | Unknown:
        """Return the ids of the duties with a verdict, sorted; with a recipient only the duties to notify it."""

    def name(self, name: str) -> Value:
        """Return a loop name's value."""


class NothingKnown:
    """A view without facts, steps, duties and names, as laws and checks use it."""

    def fact(self, path: str) -> Value:
        """Return unknown: the view has no facts."""
        return Unknown((path,))

    def step(self, step: str) -> Unknown:
        """Return unknown: the view has no steps."""
        return Unknown((f"step('{step}')",))

    def duty(self, duty: str) -> Unknown:
        """Return unknown: the view has no duties."""
        return Unknown((f"duty('{duty}')",))

    def duties(self, verdict: str, recipient: str = "") -> Unknown:
        """Return no ids: the view has no duties."""
        return Unknown((f"duties('{verdict}')",))

    def name(self, name: str) -> Unknown:
        """Return unknown: the view has no names."""
        return Unknown((name,))


def evaluate(expression: Expression, view: View) -> Value:
    """Return the expression's value; ``Unknown`` if facts are missing. Never raises."""
    return _value(expression.tree, view)


def truth(expression: Expression, view: View) -> bool | Unknown:
    """Return whether the expression is true; a value that is not true or false is a problem, hence ``Unknown``."""
    return _truth(expression.tree, view)


def _value(node: Node, view: View) -> Value:  # noqa: C901 - one case for each kind of node
    match node:
        case nodes.Const(value):
            return value
        case nodes.FactRef(path):
            return view.fact(path)
        case nodes.NameRef(name):
            return view.name(name)
        case nodes.StepRef(step):
            return view.step(step)
        case nodes.DutyRef(inner):
            key = _value(inner, view)
            if isinstance(key, str):
                return view.duty(key)
            return key if isinstance(key, Unknown) else problem(f"{kind(key)} is not the name of a duty")
        case nodes.Attribute(target, name):
            base = _value(target, view)
            return base if isinstance(base, Unknown) else part(base, name, _told(node))
        case nodes.Index(target, key):
            return _entry(target, _value(key, view), view)
        case nodes.Not() | nodes.And() | nodes.Or() | nodes.Compare():
            return _truth(node, view)
        case nodes.ListOf(items):
            return tuple(_value(item, view) for item in items)
        case nodes.Add(left, right, negative):
            return added(_value(left, view), _value(right, view), negative)
        case nodes.Negate(item):
            return negated(_value(item, view))
        case nodes.Apply():
            return _applied(node, view)
        case nodes.Choose(test, then, otherwise):
            decided = _truth(test, view)
            if isinstance(decided, Unknown):
                return decided
            return _value(then if decided else otherwise, view)
        case _:
            assert_never(node)


def _truth(node: Node, view: View) -> bool | Unknown:
    match node:
        case nodes.And(items):
            return settle(False, (_truth(item, view) for item in items))
        case nodes.Or(items):
            return settle(True, (_truth(item, view) for item in items))
        case nodes.Not(item):
            return inverted(_truth(item, view))
        case nodes.Compare():
            return _chain(node, view)
        case nodes.Apply("duties"):
            found = _value(node, view)
            return found if isinstance(found, Unknown) else bool(found)
        case _:
            value = _value(node, view)
            if isinstance(value, bool | Unknown):
                return value
            return problem(f"{_told(node)} is {kind(value)}, not true or false")


def _chain(node: nodes.Compare, view: View) -> bool | Unknown:
    values = [_value(node.first, view), *(_value(link.right, view) for link in node.rest)]
    links = zip(values, node.rest, values[1:], strict=False)
    return settle(False, (compared(left, link.op, right, _told(link.right)) for left, link, right in links))


def _entry(target: Node, key: Value, view: View) -> Value:
    if isinstance(key, Unknown):
        return key
    if isinstance(target, nodes.FactRef) and isinstance(key, str):
        return view.fact(f"{target.path}.{key}")
    base = _value(target, view)
    return base if isinstance(base, Unknown) else part(base, key, f"{_told(target)}[{key!r}]")


def _applied(node: nodes.Apply, view: View) -> Value:
    values = [_value(argument, view) for argument in node.arguments]
    match node.function, values:
        case "known", [value]:
            return not partly_unknown(value)
        case "default", [value, other]:
            return other if isinstance(value, Unknown) else value
        case _, [Unknown() as unknown, *_]:
            return unknown
        case "duties", [str(verdict), *recipient]:
            return view.duties(verdict, *map(str, recipient))
        case _:
            return apply(node.function, values)


def _told(node: Node) -> str:
    """Return the name that a node reads, as its author wrote it, for ``missing``."""
    return "the expression" if isinstance(node, nodes.Const) else written(node, "the expression")
