"""Type check of expressions: kinds that cannot be compared, words that a fact cannot be.

At run time such a mistake is *unknown* (see ``runner.facts.expressions.evaluate``), so a step would wait
for ever; here it is an error with a hint. Values that are known only at run time (``item``, an answer) are accepted.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

from runner.base.text import nearest
from runner.facts import expression as nodes
from runner.facts.expression import Expression, ExpressionError, Node, written
from runner.facts.vocabulary.fact_types import Branch, FactType, Keyed, key_problem
from runner.facts.vocabulary.lookup import find

Kind: TypeAlias = Literal["truth", "number", "text", "instant", "duration", "list", "map", "any"]

WORDS: dict[Kind, str] = {
    "truth": "true or false",
    "number": "a number",
    "text": "text",
    "instant": "a date and time",
    "duration": "a duration",
    "list": "a list",
    "map": "a map",
    "any": "anything",
}
PLAIN: frozenset[Kind] = frozenset({"truth", "number", "text", "any"})
"""Kinds of values that a called playbook can take as an input."""
_PARTS: dict[str, Kind] = {
    "done": "truth",
    "state": "text",
    "answer": "any",
    "ended_at": "instant",
    "applies": "truth",
    "unknown": "truth",
    "verdict": "text",
    "due": "instant",
    "overdue": "truth",
    "filed": "truth",
}
_FACTS: dict[str, Kind] = {"bool": "truth", "int": "number", "number": "number", "instant": "instant"}
_RESULTS: dict[str, Kind] = {
    "duration": "duration",
    "instant": "instant",
    "known": "truth",
    "empty": "truth",
    "duties": "list",
    "length": "number",
    "lower": "text",
    "upper": "text",
}
_TAKES: dict[str, tuple[Kind, ...]] = {
    "duration": ("text",),
    "instant": ("text",),
    "empty": ("list", "text"),
    "length": ("list", "text"),
    "lower": ("text",),
    "upper": ("text",),
}
_SUMS: dict[tuple[Kind, Kind, bool], Kind] = {
    ("number", "number", False): "number",
    ("number", "number", True): "number",
    ("duration", "duration", False): "duration",
    ("duration", "duration", True): "duration",
    ("instant", "duration", False): "instant",
    ("instant", "duration", True): "instant",
    ("duration", "instant", False): "instant",
    ("instant", "instant", True): "duration",
}
_ORDERED: tuple[Kind, ...] = ("number", "instant", "duration", "any")


def check_kinds(expression: Expression, *, condition: bool) -> None:
    """Raise ``ExpressionError`` for the first type error; a ``condition`` must be true or false."""
    checker = _Checker(expression.source)
    if condition:
        checker.truth(expression.tree)
    else:
        checker.kind(expression.tree)


def kind_of(expression: Expression) -> Kind:
    """Return the kind of a checked expression's value; "any" if it is not known."""
    return _Checker(expression.source).kind(expression.tree)


class _Checker:
    """One walk; the tree has no offsets, so an error has the position of its word in the source."""

    def __init__(self, source: str) -> None:
        self.source = source

    def error(self, word: str, message: str, hint: str = "") -> ExpressionError:
        """Return an error at the first occurrence of ``word``."""
        return ExpressionError(message, max(0, self.source.find(word)), hint)

    def truth(self, node: Node) -> Kind:
        """Check a node that must be true or false."""
        kind = self.kind(node)
        if kind in ("truth", "any") or (isinstance(node, nodes.Apply) and node.function == "duties"):
            return "truth"
        hint = (
            "Write: ... is not empty." if kind in ("list", "map") else "Compare the value with another value."
        )
        raise self.error(
            written(node),
            f'The value of "{written(node) or "this"}" is {WORDS[kind]}, not true or false.',
            hint,
        )

    def kind(self, node: Node) -> Kind:  # noqa: C901 - one case for each kind of node
        """Check a node and everything below it; return the kind of its value."""
        match node:
            case nodes.Const(value):
                return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
            case nodes.FactRef(path):
                return _branch_kind(find(path))
            case nodes.NameRef():
                return "any"
            case nodes.StepRef() | nodes.DutyRef():
                word = written(node)
                raise self.error(
                    word,
                    f'"{word}" needs a part.',
                    f"Write {word}.{'done' if isinstance(node, nodes.StepRef) else 'applies'}.",
                )
            case nodes.Attribute(nodes.StepRef() | nodes.DutyRef(), name):
                return _PARTS[name]
            case nodes.Index(nodes.FactRef(path), key):
                self.kind(key)
                branch = find(path)
                return _branch_kind(branch.member) if isinstance(branch, Keyed) else "any"
            case nodes.Attribute() | nodes.Index():
                return "any"
            case nodes.ListOf(items):
                for item in items:
                    self.kind(item)
                return "list"
            case nodes.Not(item):
                return self.truth(item)
            case nodes.And(items) | nodes.Or(items):
                for item in items:
                    self.truth(item)
                return "truth"
            case nodes.Compare(left, rest):
                for link in rest:
                    self.linked(left, link)
                    left = link.right
                return "truth"
            case nodes.Add(left, right, negative):
                return self.sum(left, right, negative)
            case nodes.Negate(item):
                kind = self.kind(item)
                if kind not in ("number", "duration", "any"):
                    raise self.error(written(item), f"{WORDS[kind].capitalize()} has no sign.")
                return kind
            case nodes.Apply():
                return self.applied(node)
            case nodes.Choose(test, then, otherwise):
                self.truth(test)
                kinds = {self.kind(then), self.kind(otherwise)}
                return kinds.pop() if len(kinds) == 1 else "any"
            case _:
                assert_never(node)

    def linked(self, left: Node, link: nodes.Comparison) -> None:
        """Check one comparison: first the kinds, then whether the fact can have the words as values."""
        one, other = self.kind(left), self.kind(link.right)
        if link.op in ("in", "not in"):
            if other not in ("list", "map", "any"):
                hint = "Compare with ==." if other == "text" else ""
                raise self.error(
                    written(link.right),
                    f'The operator `in` needs a list or a map. "{written(link.right)}" is {WORDS[other]}.',
                    hint,
                )
            self.held(link.right, left)
            return
        if "any" not in (one, other) and one != other:
            hint = f"Write: ... in {written(left)}." if one == "list" and other == "text" else ""
            raise self.error(
                written(left),
                f"{WORDS[one].capitalize()} cannot be compared with {WORDS[other]}.",
                hint or _pair_hint(one, other),
            )
        if link.op not in ("==", "!=") and not (one in _ORDERED and other in _ORDERED):
            raise self.error(written(left), f"{WORDS[one].capitalize()} has no order.")
        self.held(left, link.right)
        self.held(link.right, left)

    def held(self, fact: Node, other: Node) -> None:
        """Check that a fact, or a list of facts, can have the literal words of the comparison as values."""
        if isinstance(fact, nodes.ListOf):
            for item in fact.items:
                self.held(other, item)
            return
        branch = find(fact.path) if isinstance(fact, nodes.FactRef) else None
        for literal in other.items if isinstance(other, nodes.ListOf) else (other,):
            if isinstance(literal, nodes.Const) and isinstance(literal.value, str) and branch is not None:
                self.holdable(branch, literal.value, written(fact))

    def holdable(self, found: object, word: str, told: str) -> None:
        """Refuse a word that is not a choice, key or jurisdiction."""
        match found:
            case FactType(_, "choice", choices) if word not in choices:
                close = nearest(word, choices)
                hint = (
                    f'Write "{close}", the nearest word.'
                    if close
                    else f"Choose one of: {', '.join(choices[:12])}."
                )
                raise self.error(word, f'"{told}" cannot be "{word}".', hint)
            case FactType(_, "jurisdiction") if problem := key_problem("jurisdiction", word):
                raise self.error(word, f"Not valid: {problem}.")
            case Keyed(_, key) if problem := key_problem(key, word):
                raise self.error(word, f"Not valid: {problem}.")
            case _:
                return

    def sum(self, left: Node, right: Node, negative: bool) -> Kind:
        """Return the kind of a sum or difference."""
        one, other = self.kind(left), self.kind(right)
        if "any" in (one, other):
            return "any"
        total = _SUMS.get((one, other, negative))
        if total is None:
            verb = "subtracted from" if negative else "added to"
            hint = "Write duration('2h')." if "text" in (one, other) else ""
            raise self.error(
                written(left), f"{WORDS[other].capitalize()} cannot be {verb} {WORDS[one]}.", hint
            )
        return total

    def applied(self, node: nodes.Apply) -> Kind:
        """Return the kind of a function's result."""
        kinds = [self.kind(argument) for argument in node.arguments]
        takes = _TAKES.get(node.function)
        if takes and kinds[0] not in (*takes, "any"):
            what = " or ".join(WORDS[take] for take in takes)
            raise self.error(
                node.function, f'The function "{node.function}" needs {what}, not {WORDS[kinds[0]]}.'
            )
        if node.function == "default":
            return kinds[0] if kinds[0] == kinds[1] else "any"
        return _RESULTS[node.function]


def _branch_kind(found: Branch | None) -> Kind:
    match found:
        case FactType(_, kind, _, many):
            return "list" if many else _FACTS.get(kind, "text")
        case Keyed() as keyed:
            return "list" if keyed.is_list else "map"
        case _:
            return "map"


def _pair_hint(one: Kind, other: Kind) -> str:
    hints = {
        "truth": "Write true or false, without quotes.",
        "instant": "Write instant('2026-11-24T09:30:00+01:00').",
        "duration": "Write duration('72h').",
    }
    first, second = (one, other) if other == "text" else (other, one)
    return hints.get(first, "") if second == "text" else ""
