"""Translation of Jinja2's tree to the expression tree; every node that is not on the list is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from runner.base.instants import parse_duration, parse_instant
from runner.base.text import choice_hint, nearest, sentence, text_problem
from runner.facts import expression as nodes
from runner.facts.expression import (
    DUTY_PARTS,
    LOOP_NAMES,
    STEP_PARTS,
    VERDICTS,
    ComparisonOp,
    Expression,
    ExpressionError,
    FunctionName,
    Node,
    summarised,
)
from runner.facts.vocabulary.fact_types import FactType, Keyed, key_problem
from runner.facts.vocabulary.fact_values import TRUTH_WORDS
from runner.facts.vocabulary.lookup import path_hint, roots, step_into

_MAX_NODES = 500
_MAX_DEPTH = 40
_MAX_WHOLE = 2**53
_OPS: Final[dict[str, ComparisonOp]] = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_FUNCTIONS = ("step", "duty", "duties", "duration", "instant", "known")
_FILTERS: Final[dict[str, FunctionName]] = {
    "length": "length",
    "count": "length",
    "lower": "lower",
    "upper": "upper",
    "default": "default",
    "d": "default",
}
_TESTS: Final[dict[str, tuple[FunctionName, bool]]] = {
    "known": ("known", True),
    "defined": ("known", True),
    "unknown": ("known", False),
    "undefined": ("known", False),
    "none": ("known", False),
    "empty": ("empty", True),
}
Syntax: TypeAlias = Any
"""A node of jinja2's tree; the parser imports jinja2."""
_REFUSED: Final[dict[str, str]] = {
    "Concat": "A condition cannot join text with ~.",
    "Mul": "A condition has no multiplication.",
    "Div": "A condition has no division.",
    "FloorDiv": "A condition has no division.",
    "Mod": "A condition has no remainder.",
    "Pow": "A condition has no powers.",
    "Dict": "A condition has no dictionaries.",
    "Slice": "A condition cannot slice a list.",
}


def read_tree(source: str, tree: Syntax, names: frozenset[str]) -> Expression:
    """Return the expression; raises ``ExpressionError`` at the first node that is not allowed."""
    return summarised(source, _Reader(source, names).read(tree))


class _Reader:
    """One walk over one tree, counting nodes and levels."""

    def __init__(self, source: str, names: frozenset[str]) -> None:
        self.source = source
        self.names = names
        self.count = 0
        self.depth = 0
        self.readers: dict[str, Callable[..., Node]] = {
            "Const": self.const,
            "Name": self.path,
            "Getattr": self.path,
            "Getitem": self.path,
            "And": lambda one: nodes.And(tuple(map(self.read, _flat(one)))),
            "Or": lambda one: nodes.Or(tuple(map(self.read, _flat(one)))),
            "Not": lambda one: nodes.Not(self.read(one.node)),
            "Neg": lambda one: nodes.Negate(self.read(one.node)),
            "Pos": lambda one: self.read(one.node),
            "Add": lambda one: nodes.Add(self.read(one.left), self.read(one.right)),
            "Sub": lambda one: nodes.Add(self.read(one.left), self.read(one.right), negative=True),
            "List": lambda one: nodes.ListOf(tuple(map(self.read, one.items))),
            "Tuple": lambda one: nodes.ListOf(tuple(map(self.read, one.items))),
            "Compare": self.compare,
            "CondExpr": self.choose,
            "Call": self.call,
            "Filter": self.filter,
            "Test": self.test,
        }

    def read(self, node: Syntax) -> Node:
        """Return the expression node of a jinja2 node, within the bounds."""
        self.count += 1
        self.depth += 1
        if self.count > _MAX_NODES or self.depth > _MAX_DEPTH:
            raise self.error(
                node, "The expression is too large.", "Split the expression with `ask` steps that set facts."
            )
        ours = self.allowed(node)
        self.depth -= 1
        return ours

    def error(self, node: Syntax, message: str, hint: str = "") -> ExpressionError:
        """Return an error at the offset that the node has as line number."""
        offset = node.lineno + (kind_of(node) == "Getattr")
        if kind_of(node) == "Call":
            offset = _root(node.node).lineno
        return ExpressionError(message, min(offset, len(self.source)), hint)

    def allowed(self, node: Syntax) -> Node:
        """Dispatch on jinja2's node classes; a class without a reader is refused."""
        reader = self.readers.get(kind_of(node))
        if reader is None:
            what = _REFUSED.get(kind_of(node), f"A condition has no {kind_of(node).lower()}.")
            raise self.error(node, what)
        return reader(node)

    def const(self, node: Syntax) -> nodes.Const:
        """Return a literal with an exact JSON form."""
        value = node.value
        if isinstance(value, bool):
            return nodes.Const(value)
        if isinstance(value, str):
            problem = text_problem(value)
            if problem:
                raise self.error(node, sentence(problem))
            return nodes.Const(value)
        if isinstance(value, int) and value > _MAX_WHOLE:
            raise self.error(node, "The number is too large.", "Write a whole number of at most 2^53.")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(node, "The number is too large.")
        if isinstance(value, int | float):
            return nodes.Const(value)
        raise self.error(
            node,
            "A condition has no null. A fact without a value is unknown.",
            "Write known(x) or `x is known`.",
        )

    def compare(self, node: Syntax) -> nodes.Compare:
        """Return a chain of comparisons."""
        links = tuple(nodes.Comparison(_OPS[operand.op], self.read(operand.expr)) for operand in node.ops)
        return nodes.Compare(self.read(node.expr), links)

    def choose(self, node: Syntax) -> nodes.Choose:
        """Return ``A if test else B``; without an ``else`` there would be no value."""
        if node.expr2 is None:
            raise self.error(
                node,
                "The `if` has no `else`. Without `else` it has no value when the condition is false.",
                "Write: A if condition else B.",
            )
        return nodes.Choose(self.read(node.test), self.read(node.expr1), self.read(node.expr2))

    def filter(self, node: Syntax) -> nodes.Apply:
        """Return one of the allowed filters as a function of its subject."""
        function = _FILTERS.get(node.name)
        if function is None or node.node is None:
            raise self.error(node, f'Filter "{node.name}" does not exist.', choice_hint(node.name, _FILTERS))
        arguments = self.arguments(node, 1 if function == "default" else 0)
        return nodes.Apply(function, (self.read(node.node), *arguments))

    def test(self, node: Syntax) -> Node:
        """Return ``x is known`` and the like."""
        entry = _TESTS.get(node.name)
        if entry is None:
            raise self.error(node, f'Test "is {node.name}" does not exist.', choice_hint(node.name, _TESTS))
        self.arguments(node, 0)
        function, positive = entry
        applied = nodes.Apply(function, (self.read(node.node),))
        return applied if positive else nodes.Not(applied)

    def arguments(self, node: Syntax, wanted: int) -> tuple[Node, ...]:
        """Return exactly the required number of plain arguments."""
        if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) != wanted:
            amount = {0: "no arguments", 1: "one argument"}[wanted]
            raise self.error(node, f"The function needs {amount}.")
        return tuple(map(self.read, node.args))

    def call(self, node: Syntax) -> Node:
        """Return one of the allowed functions; literal arguments are checked here."""
        name = node.node.name if kind_of(node.node) == "Name" else ""
        if name not in _FUNCTIONS:
            raise self.error(
                node,
                f'Function "{name}" does not exist.' if name else "Only a function can be called.",
                choice_hint(name, _FUNCTIONS),
            )
        recipient = self.recipient(node) if name == "duties" else ()
        (argument,) = self.arguments(node, 1)
        match name:
            case "step":
                return self.step(node, argument)
            case "duty":
                if isinstance(argument, nodes.Const) and not isinstance(argument.value, str):
                    raise self.error(
                        node,
                        "duty() needs an id in quotes.",
                        "Write duty('eu-gdpr-33-controller-sa/initial'), for example.",
                    )
                return nodes.DutyRef(argument)
            case "duties":
                self.verdict(node, argument)
                return nodes.Apply("duties", (argument, *recipient))
            case "known":
                return nodes.Apply("known", (argument,))
            case _:
                self.moment(node, name, argument)
                return nodes.Apply("duration" if name == "duration" else "instant", (argument,))

    def step(self, node: Syntax, argument: Node) -> nodes.StepRef:
        """Return a reference to a step, whose id must be literal so that order can be checked."""
        if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
            return nodes.StepRef(argument.value)
        raise self.error(node, "step() needs the id of a step in quotes.", "Write step('wipe'), for example.")

    def verdict(self, node: Syntax, argument: Node) -> None:
        """Check the one argument of ``duties``."""
        if not isinstance(argument, nodes.Const) or argument.value not in VERDICTS:
            raise self.error(
                node, "duties() needs a verdict in quotes.", f"Choose one of: {', '.join(VERDICTS)}."
            )

    def recipient(self, node: Syntax) -> tuple[nodes.Const, ...]:
        """Take the recipient out of the arguments of ``duties``."""
        given, node.kwargs = node.kwargs, []
        values = [self.read(keyword.value) for keyword in given if keyword.key == "recipient"]
        texts = tuple(
            value for value in values if isinstance(value, nodes.Const) and isinstance(value.value, str)
        )
        if len(texts) != len(given) or len(texts) > 1:
            raise self.error(
                node,
                "duties() takes one recipient in quotes.",
                "Write duties('applies', recipient='individuals').",
            )
        return texts

    def moment(self, node: Syntax, function: str, argument: Node) -> None:
        """Check a literal duration or instant."""
        if not isinstance(argument, nodes.Const):
            return
        try:
            (parse_duration if function == "duration" else parse_instant)(str(argument.value))
        except ValueError as error:
            raise self.error(node, sentence(str(error))) from None

    def path(self, node: Syntax) -> Node:
        """Return a fact, a part of a step or duty, or a part of a name in scope."""
        links: list[Syntax] = []
        root: Syntax = node
        while _is_part(root):
            links.append(root)
            root = root.node
        links.reverse()
        if kind_of(root) == "Name" and root.name in self.names:
            return self.parts(nodes.NameRef(root.name), links)
        if kind_of(root) == "Name":
            return self.fact(root, links)
        if kind_of(root) == "Call":
            return self.part_of_call(self.read(root), links)
        raise self.error(root, "Only facts, steps, duties and names in scope have parts.")

    def parts(self, base: Node, links: list[Syntax]) -> Node:
        """Return attribute and index nodes over something that is only known at run time."""
        for link in links:
            if kind_of(link) == "Getattr":
                base = nodes.Attribute(base, link.attr)
            else:
                base = nodes.Index(base, self.read(link.arg))
        return base

    def part_of_call(self, called: Node, links: list[Syntax]) -> Node:
        """Return ``step('x').done``: the parts are known, so a wrong one is an error here."""
        first = links[0]
        known = (
            STEP_PARTS
            if isinstance(called, nodes.StepRef)
            else DUTY_PARTS
            if isinstance(called, nodes.DutyRef)
            else ()
        )
        word = first.attr if kind_of(first) == "Getattr" else ""
        if word not in known:
            what = (
                "A step"
                if isinstance(called, nodes.StepRef)
                else "A duty"
                if isinstance(called, nodes.DutyRef)
                else "The value"
            )
            hint = choice_hint(word, known) if known else ""
            raise self.error(first, f'{what} has no part "{word}".', hint)
        if links[1:] and word != "answer":
            raise self.error(links[1], f'"{word}" is a single value and has no parts.')
        return self.parts(nodes.Attribute(called, word), links[1:])

    def fact(self, root: Syntax, links: list[Syntax]) -> Node:
        """Follow the vocabulary as far as the keys are literal."""
        branch = roots().get(root.name)
        if branch is None:
            raise self.error(root, f'The name "{root.name}" is unknown.', self.name_hint(root.name, links))
        path = root.name
        for position, link in enumerate(links):
            segment = _literal(link)
            if isinstance(branch, Keyed) and kind_of(link) == "Getitem" and segment is None:
                return self.parts(
                    nodes.Index(nodes.FactRef(path), self.read(link.arg)), links[position + 1 :]
                )
            below = step_into(branch, segment or "")
            if below is None:
                raise self.error(link, *self.no_part(path, branch, segment))
            branch, path = below, f"{path}.{segment}"
        if not isinstance(branch, FactType | Keyed):
            raise self.error(
                root, f'The name "{path}" is a group of facts.', f"Read one of: {', '.join(branch)}."
            )
        return nodes.FactRef(path)

    def no_part(self, path: str, branch: object, segment: str | None) -> tuple[str, str]:
        """Return message and hint for a wrong segment."""
        wrong = f"{path}.{segment}"
        if isinstance(branch, FactType):
            return (
                f'Fact "{path}" is a single fact and has no parts.',
                "" if not branch.many else f"Write: 'x' in {path}.",
            )
        if isinstance(branch, Keyed) and segment is not None:
            return f"Not valid: {key_problem(branch.key, segment)}.", ""
        return (
            (f'Fact "{wrong}" does not exist.', path_hint(wrong))
            if segment
            else (f'Fact "{path}" needs a key in brackets.', "")
        )

    def name_hint(self, name: str, links: list[Syntax]) -> str:
        """Return advice for an unknown root: quote it, scope it, or use the nearest fact."""
        if name in LOOP_NAMES:
            return f'Use "{name}" only inside for_each, repeat or a called playbook.'
        if name in _FUNCTIONS:
            return f"Write {name}('...')."
        if name.lower() in TRUTH_WORDS:
            return f"Write {str(TRUTH_WORDS[name.lower()]).lower()}."
        if name.isupper() and len(name) <= 3:
            return "Put a key with a hyphen in brackets, such as people.by_jurisdiction['US-CA']."
        path = ".".join([name, *(segment for segment in map(_literal, links) if segment)])
        close = nearest(name, [*self.names, *roots(), *_FUNCTIONS])
        return path_hint(path) if not close or close in roots() else f'Write "{close}", the nearest name.'


def kind_of(node: Syntax) -> str:
    """Return jinja2's name for a node."""
    return type(node).__name__


def _is_part(node: Syntax) -> bool:
    return kind_of(node) in ("Getattr", "Getitem")


def _flat(node: Syntax) -> list[Syntax]:
    """Return the operands of ``a and b and c``, which jinja2 nests to the left."""
    operands: list[Syntax] = []
    left = node
    while kind_of(left) == kind_of(node):
        operands.append(left.right)
        left = left.left
    return [left, *reversed(operands)]


def _root(node: Syntax) -> Syntax:
    while _is_part(node):
        node = node.node
    return node


def _literal(link: Syntax) -> str | None:
    if kind_of(link) == "Getattr":
        return str(link.attr)
    return link.arg.value if kind_of(link.arg) == "Const" and isinstance(link.arg.value, str) else None
