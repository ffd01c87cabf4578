"""Dependencies of an expression: its facts, steps, duties and names, computed once when it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from runner.facts.expression import (
    Add,
    And,
    Apply,
    Attribute,
    Choose,
    Compare,
    Const,
    DutyRef,
    Expression,
    FactRef,
    Index,
    ListOf,
    NameRef,
    Negate,
    Node,
    Not,
    Or,
    StepRef,
)


def summarised(source: str, node: Node) -> Expression:
    """Return the expression of a tree, with everything that the tree reads."""
    every = list(_walk(node))
    return Expression(
        source=source,
        tree=node,
        facts=_once(node.path for node in every if isinstance(node, FactRef)),
        steps=_once(node.id for node in every if isinstance(node, StepRef)),
        duties=_once(
            str(node.id.value) for node in every if isinstance(node, DutyRef) and isinstance(node.id, Const)
        ),
        names=_once(node.name for node in every if isinstance(node, NameRef)),
    )


def _once(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))


def _walk(node: Node) -> Iterator[Node]:
    """Yield a node and every node below it."""
    yield node
    for below in _below(node):
        yield from _walk(below)


def _below(node: Node) -> tuple[Node, ...]:
    match node:
        case Const() | FactRef() | NameRef() | StepRef():
            return ()
        case DutyRef(inner) | Attribute(inner, _) | Not(inner) | Negate(inner):
            return (inner,)
        case Index(left, right) | Add(left, right, _):
            return left, right
        case And(items) | Or(items) | ListOf(items) | Apply(_, items):
            return items
        case Compare(first, rest):
            return first, *(link.right for link in rest)
        case Choose(test, then, otherwise):
            return test, then, otherwise
        case _:
            assert_never(node)
