"""Reader of a law file key by key: every wrong value becomes a problem with its line, and reading continues.

A ``Node`` is a value and its position. ``fields`` opens a mapping and checks its keys; merging
one mapping over another (an earlier version of a law over the current one) keeps each value's own position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar, get_args

import msgspec

from runner.base.text import choice_hint, near_hint
from runner.errors import Invalid, Problem
from runner.facts.vocabulary.lookup import find
from runner.yamlfile.source import Source, Where

Member = TypeVar("Member")


class Node(msgspec.Struct, frozen=True):
    """A value of the file and the path to it."""

    value: Any
    where: Where


Fields = Mapping[str, Node]


class Reader:
    """One file being read; ``problems`` grows, nothing is raised."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    @property
    def found(self) -> tuple[Problem, ...]:
        """Every problem once, in the order of lines."""
        problems = dict.fromkeys(self.problems)
        return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))

    def report(
        self, node: Node, code: str, message: str, hint: str = "", *, key: bool = False, offset: int = 0
    ) -> None:
        """Add a finding at a node (or at its key)."""
        self.problems.append(
            self.source.problem(node.where, code, message, hint=hint, key=key, offset=offset)
        )

    def fields(self, node: Node, known: Iterable[str]) -> dict[str, Node]:
        """Open a mapping; unknown keys are errors with the nearest known key as a hint."""
        if not isinstance(node.value, dict):
            self.report(node, "regime-shape", "Required here: a mapping.", "Write `key: value` lines.")
            return {}
        names = tuple(known)
        nodes = {}
        for key, value in node.value.items():
            inner = Node(value, (*node.where, key))
            if key in names:
                nodes[key] = inner
            else:
                text = f'The key "{key}" is unknown.'
                self.report(inner, "regime-key", text, near_hint(key, names), key=True)
        return nodes

    def items(self, node: Node | None) -> list[Node]:
        """Open a list; a missing one is empty."""
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            self.report(node, "regime-shape", "Required here: a list.", "Write `- ` before each member.")
            return []
        return [Node(value, (*node.where, index)) for index, value in enumerate(node.value)]

    def need(self, fields: Fields, key: str, parent: Node) -> Node:
        """Return a key's node; if it is missing, report it and return an empty one.

        A merged mapping does not report it again: the current version reported it already.
        """
        if key in fields:
            return fields[key]
        if not is_laid(parent):
            self.report(parent, "regime-missing", f'The key "{key}" is missing.')
        return Node(None, parent.where)

    def text(self, node: Node | None, default: str = "") -> str:
        """Return one text."""
        if node is None or node.value is None:
            return default
        if not isinstance(node.value, str):
            self.report(node, "regime-text", "Required here: text.", "Quote the value.")
            return default
        return node.value.strip()

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        if node is not None and isinstance(node.value, str):
            return (self.text(node),)
        return tuple(self.text(item) for item in self.items(node))

    def whole(self, node: Node | None) -> int | None:
        """Return a whole number of at least 0."""
        if node is None or node.value is None:
            return None
        if isinstance(node.value, bool) or not isinstance(node.value, int) or node.value < 0:
            self.report(node, "regime-number", "Required here: a whole number.")
            return None
        return node.value

    def flag(self, node: Node | None, default: bool = False) -> bool:
        """Return true or false."""
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.report(node, "regime-flag", "Required here: true or false.")
        return node.value is True

    def day(self, node: Node | None) -> date | None:
        """Return a date written as 2026-01-01."""
        if node is None or node.value is None:
            return None
        try:
            return date.fromisoformat(str(node.value))
        except ValueError:
            self.report(node, "regime-date", "Required here: a date.", "Write a date such as 2026-01-01.")
            return None

    def choice(self, node: Node | None, choices: Any, default: Member) -> Member:
        """Return one member of a ``Literal``."""
        if node is None:
            return default
        allowed: tuple[Member, ...] = get_args(choices)
        if node.value not in allowed:
            hint = choice_hint(str(node.value), map(str, allowed))
            self.report(node, "regime-choice", f'The value "{node.value}" is not allowed here.', hint)
            return default
        return allowed[allowed.index(node.value)]

    def fact(self, node: Node) -> str:
        """Return a fact path of the vocabulary; ``*`` means any entry of a map."""
        path = self.text(node)
        if path and find(path) is None:
            hint = "Choose a fact of the vocabulary."
            self.report(node, "regime-fact", f'Fact "{path}" does not exist.', hint)
        return path

    def facts(self, node: Node | None) -> tuple[str, ...]:
        """Return a list of fact paths; a single path is a list of one."""
        if node is not None and isinstance(node.value, str):
            return (self.fact(node),)
        return tuple(self.fact(item) for item in self.items(node))


def invalid(what: str, file: str, problems: Sequence[Problem], *, code: str) -> Invalid:
    """Return the error of a file of the law with these problems."""
    many = "s" if len(problems) > 1 else ""
    return Invalid(f'{what} "{file}" has {len(problems)} problem{many}.', problems=tuple(problems), code=code)


def is_laid(node: Node) -> bool:
    """Whether a mapping is merged, so that its values are nodes already."""
    laid = node.value
    return isinstance(laid, dict) and bool(laid) and all(isinstance(value, Node) for value in laid.values())
