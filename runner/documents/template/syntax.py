"""Syntax check of templates on Jinja2's tree before rendering, and the facts that a template reads.

The list of allowed nodes is the first fence: no calculation, no concatenation, no calls but to the file's
own macros, each of which may call only those above it, so that a template always ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from runner.documents.template.filters import filters
from runner.documents.template.sandbox import sandbox
from runner.documents.template.values import CHARACTERS, Budget, TooCostly
from runner.errors import Invalid, Problem
from runner.yamlfile.positions import problem_at

if TYPE_CHECKING:
    from jinja2 import nodes

MAX_SOURCE: Final = 200_000
MAX_MACROS: Final = 40
MAX_NODES: Final = 10_000
MAX_DEPTH: Final = 100
MAX_ELIFS: Final = 100
_ALLOWED: Final = frozenset(
    {
        *("Template", "Output", "TemplateData", "If", "For", "Macro", "Call", "Assign"),
        *("Name", "Getattr", "Getitem", "Const", "List", "Tuple", "Filter", "Test", "CondExpr"),
        *("Compare", "Operand", "And", "Or", "Not"),
    }
)
_TESTS: Final = ("known", "unknown", "nobody")


def check_syntax(source: str, name: str = "notice") -> tuple[Problem, ...]:
    """Return what a template does that no template may do, each with its line."""
    from jinja2 import TemplateSyntaxError, nodes

    if len(source) > MAX_SOURCE:
        return (
            problem_at(name, 1, "template-size", f"The template is longer than {MAX_SOURCE} characters."),
        )
    try:
        tree = sandbox("en", "UTC").parse(source)
    except TemplateSyntaxError as error:
        return (problem_at(name, error.lineno, "template-syntax", str(error.message)),)
    except (RecursionError, ValueError):  # the latter for a number with thousands of digits
        return (
            problem_at(
                name, 1, "template-syntax", "The template is nested too deeply, or a number is too long."
            ),
        )
    if too_large := _too_large(tree):
        return (problem_at(name, 1, "template-size", too_large),)
    problems = [
        problem_at(name, node.lineno, "template-forbidden", message)
        for node in tree.find_all(nodes.Node)
        if (message := _forbidden(node))
    ]
    return tuple(problems) + tuple(_macro_problems(tree, name))


def _too_large(tree: nodes.Template) -> str:
    """Return why a tree is too large; without recursion, since the next steps are recursive."""
    level: list[nodes.Node] = [tree]
    seen = 0
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
        seen += len(level)
        if seen > MAX_NODES:
            return f"The template has more than {MAX_NODES:,} parts."
        # Python nests one elif in another when it compiles; how many it bears differs between its versions.
        if any(len(getattr(node, "elif_", ())) > MAX_ELIFS for node in level):
            return f"The template has more than {MAX_ELIFS} elif in a row."
        if not level:
            return ""
    return f"The template is nested deeper than {MAX_DEPTH} levels."


def facts_read(source: str) -> tuple[tuple[str, int], ...]:
    """Return every fact path that a template reads with its first line; loops read as ``populations[].id``.

    Macro parameters are followed to what each call passes. Raises ``Invalid`` when there is no end to that.
    """
    try:
        return _facts_read(source)
    except TooCostly as error:
        problem = problem_at("notice", 1, "template-cost", str(error))
        raise Invalid(str(problem), code=problem.code, problems=(problem,)) from error


def _facts_read(source: str) -> tuple[tuple[str, int], ...]:
    from jinja2 import nodes

    budget = Budget()
    tree = sandbox("en", "UTC").parse(source)
    macros = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
    aliases: dict[str, tuple[str, ...]] = {"loop": (), **dict.fromkeys(macros, ())}
    for assign in tree.find_all(nodes.Assign):
        aliases.update({name.name: () for name in assign.find_all(nodes.Name) if name.ctx == "store"})
    for macro in macros.values():
        aliases.update({argument.name: () for argument in macro.args})
    for _depth in range(len(macros) + 1):
        _follow(tree, macros, aliases, budget)
    lines: dict[str, int] = {}
    for node in _outermost(tree):
        for path in _paths(node, aliases, budget):
            lines.setdefault(path, node.lineno)
    return tuple(lines.items())


def _follow(
    tree: nodes.Template,
    macros: Mapping[str, nodes.Macro],
    aliases: dict[str, tuple[str, ...]],
    budget: Budget,
) -> None:
    """Collect the values of loop variables and macro parameters; a call inside a macro needs a second round."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name):
            aliases[loop.target.name] = tuple(f"{path}[]" for path in _paths(loop.iter, aliases, budget))
    for call in tree.find_all(nodes.Call):
        macro = macros.get(call.node.name) if isinstance(call.node, nodes.Name) else None
        if macro is None:
            continue
        for parameter, argument in zip(macro.args, call.args, strict=False):
            known = aliases[parameter.name]
            aliases[parameter.name] = tuple(dict.fromkeys((*known, *_paths(argument, aliases, budget))))


def _outermost(node: nodes.Node) -> Iterator[nodes.Node]:
    from jinja2 import nodes

    for child in node.iter_child_nodes():
        if isinstance(child, (nodes.Getattr, nodes.Getitem)) or (
            isinstance(child, nodes.Name) and child.ctx == "load"
        ):
            yield child
        else:
            yield from _outermost(child)


def _paths(node: nodes.Node, aliases: Mapping[str, tuple[str, ...]], budget: Budget) -> tuple[str, ...]:
    from jinja2 import nodes

    match node:
        case nodes.Name():
            alias = aliases.get(node.name, (node.name,))
        case nodes.Getattr():
            alias = tuple(f"{below}.{node.attr}" for below in _paths(node.node, aliases, budget))
        case nodes.Getitem():
            key = node.arg.value if isinstance(node.arg, nodes.Const) else "*"
            alias = tuple(f"{below}.{key}" for below in _paths(node.node, aliases, budget))
        case _:
            alias = ()
    budget.spend(sum(1 + len(path) // CHARACTERS for path in alias))
    return alias


def _forbidden(node: nodes.Node) -> str:
    from jinja2 import nodes

    if type(node).__name__ not in _ALLOWED:
        return f"A notice cannot use {type(node).__name__.lower()}."
    match node:
        case nodes.Name() if node.name.startswith("_"):
            return f'The name "{node.name}" is reserved.'
        case nodes.Getattr() if node.attr.startswith("_"):
            return f'The name "{node.attr}" is reserved.'
        case nodes.Getitem() if not isinstance(node.arg, (nodes.Const, nodes.Name)):
            return "Only a plain key is allowed in brackets."
        case nodes.Getitem(arg=nodes.Const(value=key)) if not isinstance(key, str) or key.startswith("_"):
            return f'The key "{key}" is reserved.'
        case nodes.Const() if node.value == math.inf:
            return "The number is too large."
        case nodes.Filter() if node.name not in filters("en", "UTC"):
            return f'Filter "{node.name}" does not exist. Filters: {", ".join(sorted(filters("en", "UTC")))}.'
        case nodes.Test() if node.name not in _TESTS:
            return f'Test "{node.name}" does not exist. Tests: {", ".join(_TESTS)}.'
        case nodes.For() if isinstance(node.iter, (nodes.List, nodes.Tuple, nodes.Const)) or node.recursive:
            return "A loop needs a list of facts."
    return ""


def _macro_problems(tree: nodes.Template, name: str) -> Iterator[Problem]:
    """Only macros may be called, and each only those above it: no recursion, no runaway growth."""
    from jinja2 import nodes

    macros = list(tree.find_all(nodes.Macro))
    if len(macros) > MAX_MACROS:
        yield problem_at(
            name, macros[-1].lineno, "template-forbidden", f"The template has more than {MAX_MACROS} macros."
        )
    for call in tree.find_all(nodes.Call):
        called = call.node.name if isinstance(call.node, nodes.Name) else ""
        if called not in {macro.name for macro in macros}:
            yield problem_at(
                name, call.lineno, "template-forbidden", "Only macros of this file can be called."
            )
    for index, macro in enumerate(macros):
        later = {other.name for other in macros[index:]}
        for call in macro.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in later:
                message = f'Macro "{call.node.name}" must be above the macro that calls it.'
                yield problem_at(name, call.lineno, "template-forbidden", message)


def is_template(text: str) -> bool:
    """Tell whether a text has anything to fill in; what has not needs no Jinja2."""
    return "{{" in text or "{%" in text
