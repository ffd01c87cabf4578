"""Parser of expressions: Jinja2's expression syntax, restricted to a short list.

jinja2 parses it and never evaluates anything. The tree is walked once: every node that is not on the list is refused
with its position, and every name must be a fact, a step, a duty or a name in scope.

Bounds, so that a hostile file cannot exhaust anything: 2,000 characters, 500 nodes, 40 levels, brackets 20 deep,
whole numbers up to 2^53. jinja2 keeps only line numbers; the parser is therefore fed the same tokens with each
one's *offset* where the line number would be.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from runner.base.text import sentence, text_problem
from runner.facts.expression import Expression, ExpressionError
from runner.facts.expressions.tree import read_tree
from runner.facts.expressions.type_check import check_kinds

__all__ = ["MAX_CHARACTERS", "ExpressionError", "parse", "parse_condition"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment, nodes

MAX_CHARACTERS = 2_000
_MAX_BRACKETS = 20
_MAX_WORDS = 60
_MAX_SIGNS = 2
_SPELLINGS = {
    "&": "Write `and`.",
    "|": "Write `or`. A single | applies a filter, as in data.elements|length.",
    "!": "Write `not`, or != to compare.",
    "=": "Write == to compare.",
    "?": "Write: A if condition else B.",
    "`": "Quote text with ' or \".",
}


def parse(source: str, names: frozenset[str] = frozenset()) -> Expression:
    """Return the expression of ``source``; ``names`` are the loop names in scope.

    Raises ``ExpressionError`` with the offset of the first problem and, if there is one, the
    nearest right word.
    """
    return _parsed(source, names, condition=False)


def parse_condition(source: str, names: frozenset[str] = frozenset()) -> Expression:
    """Return an expression that is true, false or unknown; an expression of another kind is an error."""
    return _parsed(source, names, condition=True)


def _parsed(source: str, names: frozenset[str], *, condition: bool) -> Expression:
    _refuse_unreadable(source)
    expression = read_tree(source, syntax(source), names)
    check_kinds(expression, condition=False)
    if condition:
        check_kinds(expression, condition=True)
    return expression


def syntax(source: str) -> nodes.Expr:
    """Return jinja2's tree of the source, its line numbers being offsets."""
    from jinja2 import TemplateSyntaxError
    from jinja2.lexer import TokenStream
    from jinja2.parser import Parser

    environment = _environment()
    tokens = list(_tokens(source, environment))
    _refuse_towers(tokens)
    parser = Parser(environment, "", state="variable")
    try:
        parser.stream = TokenStream(environment.lexer.wrap(iter(tokens)), None, None)
        tree = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise _worded(source, error.message or "not an expression", error.lineno) from None
    if not parser.stream.eos:
        offset = parser.stream.current.lineno
        raise _worded(source, f'unexpected "{source[offset : offset + 20]}" after the expression', offset)
    return tree


@cache
def _environment() -> Environment:
    """Return jinja2's environment, whose lexer is a constant."""
    from jinja2 import Environment

    return Environment(autoescape=True)


def _refuse_unreadable(source: str) -> None:
    if not source.strip():
        raise ExpressionError("The expression is empty.", 0)
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(
            f"The expression has {len(source)} characters, more than {MAX_CHARACTERS}.",
            MAX_CHARACTERS,
            "Move a part into an `ask` step that sets a fact, and read that fact.",
        )
    problem = text_problem(source.replace("\t", " "), many_lines=True)
    if problem:
        raise ExpressionError(sentence(problem), 0)


def _tokens(source: str, environment: Environment) -> Iterator[tuple[int, str, str]]:
    """Yield ``(offset, type, text)``: jinja2's own tokens, which cover the whole source."""
    from jinja2 import TemplateSyntaxError

    offset = 0
    try:
        for _, kind, text in environment.lexer.tokeniter(source, None, None, "variable"):
            yield offset, kind, text
            offset += len(text)
    except TemplateSyntaxError as error:
        raise _worded(source, error.message or "not an expression", offset) from None


def _refuse_towers(tokens: list[tuple[int, str, str]]) -> None:
    """Refuse deep recursion of the parser: nested brackets, chains of ``not``, ``if`` and signs."""
    depth = words = signs = 0
    for offset, kind, text in tokens:
        if kind == "whitespace":
            continue
        depth += (text in "([{") - (text in ")]}") if kind == "operator" else 0
        words += kind == "name" and text in ("not", "if")
        signs = signs + 1 if kind == "operator" and text in "+-" else 0
        if depth > _MAX_BRACKETS or words > _MAX_WORDS or signs > _MAX_SIGNS:
            raise ExpressionError(
                "The expression is nested too deeply.", offset, "Split the expression with `ask` steps."
            )


def _worded(source: str, message: str, offset: int) -> ExpressionError:
    """Word jinja2's error for the author of a condition, not of a template."""
    offset = max(0, min(offset, len(source)))
    rest = source[offset:].lstrip()
    hint = _SPELLINGS.get(rest[:1], "")
    if not rest or "end of template" in message:
        return ExpressionError("The expression ends too early.", len(source))
    if rest[0] in "'\"":
        return ExpressionError("The quoted text does not end.", offset)
    if "unexpected char" in message:
        return ExpressionError(f'The character "{rest[0]}" is not allowed here.', offset, hint)
    return ExpressionError(sentence(message.replace("end of print statement", "the end")), offset, hint)
