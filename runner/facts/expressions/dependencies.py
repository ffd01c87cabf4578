"""Walk of an expression's tree, and what the tree reads, computed once when it is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from runner.facts.expression import Const, DutyRef, Expression, FactRef, NameRef, Node, StepRef


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


def walk(node: msgspec.Struct) -> Iterator[msgspec.Struct]:
    """Yield an expression's node and every node below it."""
    yield node
    for name in node.__struct_fields__:
        below = getattr(node, name)
        for value in below if isinstance(below, tuple) else (below,):
            if isinstance(value, msgspec.Struct):
                yield from walk(value)
