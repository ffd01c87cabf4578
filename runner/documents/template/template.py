"""Rendering of a template with facts to Markdown, in which every fact is a mark.

Three fences: the template may use only the syntax that `syntax` lists, it runs in Jinja2's immutable sandbox,
and what it prints are marks, never the facts' own characters. It stops after so many steps: each round of a loop, each
call, comparison, filter and literal text is counted, so a text whose cost has no bound ends soon, and everywhere alike.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.documents.template.sandbox import BLOCK_FLUSH, INLINE_FLUSH, LEDGER, ROUNDS, SPEND, WEIGH, sandbox
from runner.documents.template.syntax import check_syntax
from runner.documents.template.values import Budget, Ledger, TooCostly, Undecided, Wrong, wrap
from runner.errors import Invalid
from runner.yamlfile.positions import problem_at

if TYPE_CHECKING:
    from jinja2 import Template, nodes

CALLING: Final = 20
"""Steps of one filter or macro: a date in words takes as long as that many plain steps."""
COMPILING: Final = 30
"""Steps of compiling one node of a template."""
BEGINNING: Final = 500
"""Steps of beginning a template, however small."""
_ONLY_TAG: Final = re.compile(r"^\s*\{%-?.*-?%\}\s*$")


class Marked(msgspec.Struct, frozen=True):
    """Result of a template: Markdown with marks, and the ledger of the marks."""

    text: str
    ledger: Ledger


def fill_template(
    source: str,
    facts: Mapping[str, Any],
    *,
    language: str,
    zone: str,
    name: str = "notice",
    budget: Budget | None = None,
) -> Marked:
    """Run a template over nested plain facts; absent facts are unknown. ``budget`` is shared by several templates.

    Raises ``Invalid`` with the template's line when the template itself is wrong or too costly.
    """
    template, cost = compiled(source, language, zone, name)
    ledger = Ledger(budget or Budget())
    try:
        ledger.budget.spend(cost)
        roots = {key: wrap(value, key, ledger) for key, value in facts.items()}
        text = "".join(template.generate({**roots, LEDGER: ledger}))
    except TooCostly as error:
        raise _invalid(name, _line_of(error, template), "template-cost", str(error)) from error
    except _wrong() as error:
        raise _invalid(name, _line_of(error, template), "template-run", _reason(error)) from error
    open_conditions = ledger.flush()
    return Marked(f"{text}\n\n{open_conditions}" if open_conditions else text, ledger)


def _wrong() -> tuple[type[Exception], ...]:
    """Return the error for a template with an impossible operation on a value."""
    from jinja2 import TemplateError

    return (TemplateError, Wrong, RecursionError, TypeError, ValueError, AttributeError, ArithmeticError)


def decides(
    condition: str, facts: Mapping[str, Any], *, language: str, zone: str, budget: Budget
) -> bool | tuple[str, ...]:
    """Decide a condition in the template's own expressions; the missing paths where it cannot be decided."""
    source = "{% if " + condition + " %}+{% endif %}"
    marked = fill_template(source, facts, language=language, zone=zone, name="condition", budget=budget)
    paths = tuple(path for cell in marked.ledger.cells if isinstance(cell, Undecided) for path in cell.paths)
    return paths or marked.text == "+"


@functools.lru_cache(maxsize=64)
def compiled(source: str, language: str, zone: str, name: str) -> tuple[Template, int]:
    """Check and compile a template once; it holds no facts. Return it and how many steps that counts for."""
    from jinja2 import Template, nodes

    problems = check_syntax(source, name)
    if problems:
        raise Invalid(str(problems[0]), code="template", problems=problems)
    environment = sandbox(language, zone)
    tree = environment.parse(source)
    cost = BEGINNING + len(source) + COMPILING * sum(1 for _ in tree.find_all(nodes.Node))
    try:
        code = environment.compile(_counted(_with_flushes(tree, source)), name, name)
    except (SyntaxError, RecursionError, MemoryError) as error:  # Python has bounds of its own for blocks
        raise _invalid(name, 1, "template-syntax", "The template is nested too deeply.") from error
    return Template.from_code(environment, code, environment.make_globals(None)), cost


def _counted(tree: nodes.Template) -> nodes.Template:
    """Add counters to every part of a template that can be repeated, or can read a large value."""
    from jinja2 import nodes
    from markupsafe import Markup

    def through(node: Any, name: str, steps: int) -> nodes.Filter:
        line = node.lineno
        return nodes.Filter(node, name, [nodes.Const(steps, lineno=line)], [], None, None, lineno=line)

    def size(node: nodes.Node) -> int:
        return 1 + sum(1 for _ in node.find_all(nodes.Node))

    for node in [*tree.find_all((nodes.Filter, nodes.Compare, nodes.Output, nodes.For, nodes.Macro))]:
        match node:
            case nodes.Filter():
                node.node = through(node.node, WEIGH, CALLING)
            case nodes.Compare():
                node.expr = through(node.expr, WEIGH, 1)
                for operand in node.ops:
                    operand.expr = through(operand.expr, WEIGH, 1)
            case nodes.Output():
                node.nodes = [
                    nodes.Const(Markup(part.data), lineno=part.lineno)  # noqa: S704  # the template's own words
                    if isinstance(part, nodes.TemplateData)
                    else part
                    for part in node.nodes
                ]
            case nodes.For():
                node.iter = through(node.iter, ROUNDS, size(node))
            case nodes.Macro():
                steps = nodes.Const(CALLING + size(node), lineno=node.lineno)
                count = nodes.Filter(steps, SPEND, [], [], None, None, lineno=node.lineno)
                node.body.insert(0, nodes.ExprStmt(count, lineno=node.lineno))
            case _:
                pass
    return tree


def _with_flushes(tree: nodes.Template, source: str) -> nodes.Template:
    """Put a place for undecided conditions into every branch, and an ``else`` where there was none."""
    from jinja2 import nodes

    alone = {number for number, line in enumerate(source.splitlines(), 1) if _ONLY_TAG.match(line)}
    for node in list(tree.find_all(nodes.If)):
        flush = BLOCK_FLUSH if node.lineno in alone else INLINE_FLUSH

        def place(flush: str = flush, line: int = node.lineno) -> nodes.Node:
            return nodes.Output([nodes.Const(flush, lineno=line)], lineno=line)

        node.body.insert(0, place())
        # an elif is an If of its own, found by this loop; only the last branch is ours
        node.else_.insert(0, place())
    return tree


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "The template is nested too deeply."
    if isinstance(error, Wrong):
        return str(error)
    return getattr(error, "message", None) or type(error).__name__


def _line_of(error: BaseException, template: Template) -> int:
    """Return the template's line of the innermost frame that ran it (Jinja2 has put its lines into the trace)."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == template.filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _invalid(name: str, line: int, code: str, message: str) -> Invalid:
    problem = problem_at(name, line, code, message)
    return Invalid(str(problem), code=code, problems=(problem,))
