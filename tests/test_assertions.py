"""Tests assert codes and data; what a person reads is compared whole with golden files, so that words can be improved."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PROSE = {"err", "hint", "message", "out", "what"}
"""Attributes that hold what a person reads."""
TEXTS = {"done", "str"}
"""Calls that return what a person reads: ``AtDesk.done``, and an error or problem as text."""


def test_no_test_depends_on_the_wording_of_an_error_or_a_screen() -> None:
    found = [
        f"{path.relative_to(TESTS.parent)}:{line}"
        for path in sorted(TESTS.rglob("test_*.py"))
        if "peers" not in path.parts
        for line in _prose(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def _prose(tree: ast.Module) -> Iterator[int]:
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        texts = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and _is_text(node.value, set())
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.keyword) and node.arg == "match" and _has_words(node.value):
                yield node.value.lineno
            if isinstance(node, ast.Assert):
                yield from (node.lineno for one in ast.walk(node.test) if _compares(one, texts))


def _compares(node: ast.AST, texts: set[str]) -> bool:
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    return any(_has_words(side) for side in sides) and any(_is_text(side, texts) for side in sides)


def _is_text(node: ast.expr, texts: set[str]) -> bool:
    """Is this what a person reads: such an attribute or call, a name that was given one, or a change of either?"""
    match node:
        case ast.Attribute(attr=name) if name in PROSE:
            return True
        case ast.Name(id=name):
            return name in texts
        case ast.Call(func=ast.Attribute(attr="join" | "split" | "lower" | "splitlines" | "strip") as func):
            return _is_text(func.value, texts) or any(_is_text(arg, texts) for arg in node.args)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in TEXTS
        case ast.Subscript(value=value):
            return _is_text(value, texts)
        case _:
            return False


def _has_words(node: ast.expr) -> bool:
    """Does a text stand here that has words: two at least, or a part of an f-string that has?"""
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and " " in one.value.strip()
        for one in ast.walk(node)
    )
