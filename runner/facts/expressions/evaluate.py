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

The operations on values (compare, look up, add) are here as well, and as total and three-valued.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeGuard, assert_never

from runner.base.instants import parse_duration, parse_instant
from runner.facts import expression as nodes
from runner.facts.expression import ComparisonOp, Expression, FunctionName, Node, Unknown, Value, written

_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def settle(deciding: bool, answers: Iterable[bool | Unknown]) -> bool | Unknown:
    """Combine answers: a ``deciding`` answer (false for *and*, true for *or*) is the result, without missing facts."""
    unknown: list[Unknown] = []
    for answer in answers:
        if isinstance(answer, Unknown):
            unknown.append(answer)
        elif answer is deciding:
            return deciding
    return merged(unknown) if unknown else not deciding


def merged(unknowns: Iterable[Unknown]) -> Unknown:
    """Return one ``Unknown`` with the missing facts of all given ones."""
    every = tuple(unknowns)
    if len(every) == 1 and len(every[0].missing) < 2 and len(every[0].problems) < 2:
        return every[0]
    missing = {name for unknown in every for name in unknown.missing}
    problems = {problem for unknown in every for problem in unknown.problems}
    return Unknown(tuple(sorted(missing)), tuple(sorted(problems)))


def compared(left: Value, op: ComparisonOp, right: Value, name: str) -> bool | Unknown:
    """Return one comparison; ``name`` names the right side if a map has no entry."""
    match op:
        case "in":
            return _member(left, right, name)
        case "not in":
            return inverted(_member(left, right, name))
        case "==":
            return _equal(left, right)
        case "!=":
            return inverted(_equal(left, right))
        case "<" | "<=" | ">" | ">=":
            return _ordered(left, op, right)
        case _:
            assert_never(op)


def inverted(answer: bool | Unknown) -> bool | Unknown:
    """Negate true and false; unknown remains unknown."""
    return answer if isinstance(answer, Unknown) else not answer


def _equal(left: Value, right: Value) -> bool | Unknown:
    """Compare two values of one kind; two lists are equal if they have the same members, as sets."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return _unknown_of(left, right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        each_way = [_member(item, right) for item in left] + [_member(item, left) for item in right]
        return settle(False, each_way)
    if kind(left) != kind(right) or isinstance(left, Mapping):
        return problem(f"{kind(left)} and {kind(right)} cannot be compared")
    return left == right


def _member(item: Value, container: Value, name: str = "") -> bool | Unknown:
    """Whether a list has the item, or a map the key. An absent key is unknown: maps are never complete."""
    match container:
        case Unknown():
            return _unknown_of(item, container)
        case tuple():
            return settle(True, (_equal(item, member) for member in container))
        case Mapping() if isinstance(item, str):
            return True if item in container else Unknown((f"{name}.{item}",))
        case _ if isinstance(item, Unknown):
            return item
        case _:
            return problem(f"{kind(container)} cannot contain {kind(item)}")


def _ordered(left: Value, op: str, right: Value) -> bool | Unknown:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return _unknown_of(left, right)
    if kind(left) == kind(right) and (_is_number(left) or _is_instant(left) or isinstance(left, timedelta)):
        return _ORDER[op](left, right)
    return problem(f"{kind(left)} and {kind(right)} have no order")


def added(left: Value, right: Value, negative: bool) -> Value:
    """Return a sum, or a difference when ``negative``: numbers, durations, an instant and a duration, two instants."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return _unknown_of(left, right)
    combine: Callable[[Any, Any], Any] = operator.sub if negative else operator.add
    if not _summable(left, right, negative):
        return problem(f"{kind(left)} and {kind(right)} cannot be added")
    try:
        sum_: Value = combine(left, right)
    except OverflowError:
        return problem("the sum is out of range")
    return sum_


def _summable(left: Value, right: Value, negative: bool) -> bool:
    if _is_number(left):
        return _is_number(right)
    if _is_instant(left):
        return isinstance(right, timedelta) or (negative and _is_instant(right))
    if isinstance(left, timedelta):
        return isinstance(right, timedelta) or (not negative and _is_instant(right))
    return False


def negated(value: Value) -> Value:
    """Return a number or a duration with its sign changed."""
    match value:
        case Unknown():
            return value
        case int() | float() if not isinstance(value, bool):
            return -value
        case timedelta():
            return added(timedelta(), value, negative=True)
        case _:
            return problem(f"{kind(value)} has no sign")


def part(base: Value, key: Value, name: str) -> Value:
    """Return a member of a map by name or of a list by position; without the member, ``name`` is missing."""
    match base:
        case Mapping() if isinstance(key, str):
            member = base.get(key)
            return Unknown((name,)) if member is None else member
        case tuple() if isinstance(key, int) and not isinstance(key, bool):
            return base[key] if 0 <= key < len(base) else Unknown((name,))
        case _:
            return problem(f"{name}: {kind(base)} has no such part")


def apply(function: FunctionName, values: list[Value]) -> Value:
    """Return a function of known values; ``known``, ``default`` and ``duties`` need the view and are not here."""
    match function, values:
        case "duration" | "instant", [str(text)]:
            try:
                return parse_duration(text) if function == "duration" else parse_instant(text)
            except ValueError as error:
                return problem(str(error))
        case "length", [tuple() as items]:
            return merged(_unknowns(items)) if partly_unknown(items) else len(items)
        case "empty", [tuple() | str() as some]:
            return not some
        case "length", [str(text)]:
            return len(text)
        case "lower", [str(text)]:
            return text.lower()
        case "upper", [str(text)]:
            return text.upper()
        case _:
            return problem(
                f"the function {function} does not accept {' and '.join(map(kind, values)) or 'no value'}"
            )


def _unknowns(values: Iterable[Value]) -> list[Unknown]:
    return [value for value in values if isinstance(value, Unknown)]


def _unknown_of(*values: Value) -> Unknown:
    return merged(_unknowns(values))


def partly_unknown(value: Value) -> bool:
    """Return whether a value, or a member of a list, is unknown."""
    return isinstance(value, Unknown) or (isinstance(value, tuple) and bool(_unknowns(value)))


def problem(text: str) -> Unknown:
    """Return the unknown result for a value that cannot be used."""
    return Unknown(problems=(text,))


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_instant(value: Value) -> TypeGuard[datetime]:
    return isinstance(value, datetime) and value.tzinfo is not None


def kind(value: Value) -> str:
    """Name a value's kind for people. Two values compare only when their kinds are the same."""
    match value:
        case Unknown():
            return "an unknown"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case datetime():
            return "a date and time" if value.tzinfo else "a local time"
        case timedelta():
            return "a duration"
        case tuple():
            return "a list"
        case _:
            return "a map"


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
