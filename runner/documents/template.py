"""A template and facts become Markdown in which every fact is a mark.

Three fences: the template may use only the syntax that `syntax` lists, it runs in Jinja2's immutable sandbox,
and what it prints are marks, never the facts' own characters. It stops after so many steps.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.documents.sandbox import BLOCK_FLUSH, INLINE_FLUSH, LEDGER, sandbox
from runner.documents.syntax import check_syntax, problem_at
from runner.documents.values import Ledger, TooCostly, Undecided, Wrong, wrap
from runner.errors import Invalid

if TYPE_CHECKING:
    from jinja2 import Template, nodes

_ONLY_TAG: Final = re.compile(r"^\s*\{%-?.*-?%\}\s*$")


class Marked(msgspec.Struct, frozen=True):
    """What a template printed: Markdown with marks, and the ledger that says what each mark stands for."""

    text: str
    ledger: Ledger


def fill_template(
    source: str, facts: Mapping[str, Any], *, language: str, zone: str, name: str = "notice"
) -> Marked:
    """Run a template over nested plain facts; whatever is not there is unknown.

    Raises ``Invalid`` with the template's line when the template itself is wrong or too costly.
    """
    from jinja2 import TemplateError

    template = compiled(source, language, zone, name)
    ledger = Ledger()
    roots = {key: wrap(value, key, ledger) for key, value in facts.items()}
    try:
        text = "".join(template.generate({**roots, LEDGER: ledger}))
    except (TemplateError, Wrong, TooCostly, RecursionError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(name, _line_of(error, template), "template-run", _reason(error)) from error
    open_conditions = ledger.flush()
    return Marked(f"{text}\n\n{open_conditions}" if open_conditions else text, ledger)


def decides(condition: str, facts: Mapping[str, Any], *, language: str, zone: str) -> bool | tuple[str, ...]:
    """Decide a condition in the template's own expressions; the missing paths where it cannot be decided."""
    marked = fill_template(
        "{% if " + condition + " %}+{% endif %}", facts, language=language, zone=zone, name="condition"
    )
    paths = tuple(path for cell in marked.ledger.cells if isinstance(cell, Undecided) for path in cell.paths)
    return paths or marked.text == "+"


@functools.lru_cache(maxsize=64)
def compiled(source: str, language: str, zone: str, name: str) -> Template:
    """Check and compile a template once; it holds no facts."""
    from jinja2 import Template

    problems = check_syntax(source, name)
    if problems:
        raise Invalid(str(problems[0]), code="template", problems=problems)
    environment = sandbox(language, zone)
    tree = _with_flushes(environment.parse(source), source)
    code = environment.compile(tree, name, name)
    return Template.from_code(environment, code, environment.make_globals(None))


def _with_flushes(tree: nodes.Template, source: str) -> nodes.Template:
    """Put a place for undecided conditions into every branch, and an ``else`` where there was none."""
    from jinja2 import nodes

    lines = source.splitlines()
    for node in list(tree.find_all(nodes.If)):
        alone = 0 < node.lineno <= len(lines) and _ONLY_TAG.match(lines[node.lineno - 1])
        flush = BLOCK_FLUSH if alone else INLINE_FLUSH

        def place(flush: str = flush, line: int = node.lineno) -> nodes.Node:
            return nodes.Output([nodes.Const(flush, lineno=line)], lineno=line)

        node.body.insert(0, place())
        # an elif is an If of its own, found by this loop; only the last branch is ours
        node.else_.insert(0, place())
    return tree


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, (Wrong, TooCostly)):
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
