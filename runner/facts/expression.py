"""Expressions as data: the tree of a parsed condition, and its values.

A pinned playbook carries the tree, so that nothing is parsed, and jinja2 is not imported, while an incident runs.
``runner.facts.expressions.parser`` reads the text; ``runner.facts.expressions.evaluate`` evaluates the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from runner.errors import Invalid

LOOP_NAMES: frozenset[str] = frozenset({"item", "inputs", "iteration"})
"""Names that exist only inside a ``for_each``, a ``repeat`` or a sub-playbook; a caller passes the names in scope."""
STEP_PARTS: tuple[str, ...] = ("done", "state", "answer", "ended_at")
DUTY_PARTS: tuple[str, ...] = ("applies", "unknown", "verdict", "due", "overdue", "filed")
VERDICTS: tuple[str, ...] = ("applies", "unknown", "not_applicable", "advisory")


class Unknown(Struct, frozen=True):
    """The third value of an expression: it depends on missing facts.

    ``missing`` are the facts (or steps, duties, names) that would determine the value, sorted and without repetition.
    ``problems`` says why a known value cannot be used: kinds that do not compare, an overflow.
    """

    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


Value: TypeAlias = (
    "bool | int | float | str | datetime | timedelta | tuple[Value, ...] | Mapping[str, Value] | Unknown"
)
"""A value of an expression. Lists are tuples; a list or a mapping may contain ``Unknown``; there is no null."""


class Const(Struct, frozen=True, tag="const"):
    """A literal: text, a whole number up to 2^53, a finite decimal, true or false."""

    value: bool | int | float | str


class FactRef(Struct, frozen=True, tag="fact"):
    """A fact, a whole map (``people.by_jurisdiction``), one of its entries, or a list (``populations``)."""

    path: str


class NameRef(Struct, frozen=True, tag="name"):
    """A name in scope that is not a fact: ``item``, ``inputs``, ``iteration``."""

    name: str


class StepRef(Struct, frozen=True, tag="step"):
    """``step('id')``: the latest invocation of a step, read through ``STEP_PARTS``."""

    id: str


class DutyRef(Struct, frozen=True, tag="duty"):
    """``duty('regime/slug')`` or, inside a loop, ``duty(item)``; read through ``DUTY_PARTS``."""

    id: Node


class Attribute(Struct, frozen=True, tag="attribute"):
    """``target.name``."""

    target: Node
    name: str


class Index(Struct, frozen=True, tag="index"):
    """``target[key]`` with a key that is only known at run time, or on something other than a fact."""

    target: Node
    key: Node


class Not(Struct, frozen=True, tag="not"):
    """Kleene's negation."""

    item: Node


class And(Struct, frozen=True, tag="and"):
    """Two or more conjuncts, in the order written."""

    items: tuple[Node, ...]


class Or(Struct, frozen=True, tag="or"):
    """Two or more alternatives, in the order written."""

    items: tuple[Node, ...]


ComparisonOp: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


class Comparison(Struct, frozen=True):
    """One link of a chain: ``<= right``."""

    op: ComparisonOp
    right: Node


class Compare(Struct, frozen=True, tag="compare"):
    """``first op right op right``: every link must be true, as in ``1 < x <= 5``."""

    first: Node
    rest: tuple[Comparison, ...]


class ListOf(Struct, frozen=True, tag="list"):
    """A literal list."""

    items: tuple[Node, ...]


class Add(Struct, frozen=True, tag="add"):
    """Numbers, durations, or an instant and a duration; ``negative`` subtracts the right side."""

    left: Node
    right: Node
    negative: bool = False


class Negate(Struct, frozen=True, tag="negate"):
    """A number or a duration with its sign changed."""

    item: Node


FunctionName: TypeAlias = Literal[
    "duration", "instant", "known", "duties", "length", "lower", "upper", "default", "empty"
]


class Apply(Struct, frozen=True, tag="apply"):
    """A function, filter or test from the short list; filters and tests are functions of their subject."""

    function: FunctionName
    arguments: tuple[Node, ...]


class Choose(Struct, frozen=True, tag="choose"):
    """``then if test else otherwise``."""

    test: Node
    then: Node
    otherwise: Node


Node: TypeAlias = (
    Const
    | FactRef
    | NameRef
    | StepRef
    | DutyRef
    | Attribute
    | Index
    | Not
    | And
    | Or
    | Compare
    | ListOf
    | Add
    | Negate
    | Apply
    | Choose
)


def written(node: Node, otherwise: str = "") -> str:
    """Return the words of the source that a node begins with, ``otherwise`` where it has none."""
    match node:
        case FactRef(word) | NameRef(word):
            return word
        case StepRef(step):
            return f"step('{step}')"
        case DutyRef(Const(duty)):
            return f"duty('{duty}')"
        case Const(value):
            return str(value)
        case Attribute(target, name):
            return f"{written(target, otherwise)}.{name}"
        case _:
            return otherwise


class Expression(Struct, frozen=True):
    """A parsed expression and everything it can read; checks and waits use it without a walk over the tree.

    ``facts`` are paths (a map whose key is computed is named as the whole map); ``steps`` and ``duties`` are the
    literal ids; ``names`` the loop names. All sorted, once each.
    """

    source: str
    tree: Node
    facts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def summarised(source: str, tree: Node) -> Expression:
    """Return the expression of a tree, with everything that the tree reads."""
    nodes = list(walk(tree))
    duties = (node.id for node in nodes if isinstance(node, DutyRef))
    return Expression(
        source=source,
        tree=tree,
        facts=_once(node.path for node in nodes if isinstance(node, FactRef)),
        steps=_once(node.id for node in nodes if isinstance(node, StepRef)),
        duties=_once(str(key.value) for key in duties if isinstance(key, Const)),
        names=_once(node.name for node in nodes if isinstance(node, NameRef)),
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def walk(node: Struct) -> Iterator[Struct]:
    """Yield an expression's node and every node below it."""
    yield node
    for name in node.__struct_fields__:
        below = getattr(node, name)
        for value in below if isinstance(below, tuple) else (below,):
            if isinstance(value, Struct):
                yield from walk(value)


def reads_duties(expression: Expression | None) -> bool:
    """Tell whether an expression lists duties, which further facts can add to."""
    nodes = () if expression is None else walk(expression.tree)
    return any(isinstance(node, Apply) and node.function == "duties" for node in nodes)


class ExpressionError(Invalid):
    """An expression that cannot be read; ``offset`` counts characters of the source from 0."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        """Keep the offset; the caller converts it to a line and a column of the file."""
        super().__init__(message, code="expression", hint=hint)
        self.offset = offset
