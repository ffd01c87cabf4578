"""The error codes, read from the places that construct an error, and the reference page that lists them.

``make golden`` writes ``docs/reference/errors.md``.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner import errors
from runner.cli.framework import typer_app
from tests.docs.consoles import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"
KINDS: dict[str, type[errors.TocsinError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TocsinError) and not name.startswith("_")
}
START, END = "<!-- codes: written by tests.docs.codes -->", "<!-- end of codes -->"


GIVEN_ON = frozenset({"_choice", "_exists", "_there_is", "_wanted", "checked", "load", "misread"})
"""Functions of ours that are told the code of the error they construct."""
TYPER = {*typer_app._CODES.values(), *typer_app._SAID.values(), "usage"}
"""The codes of what Typer finds wrong with a command line."""


@dataclass(frozen=True)
class Place:
    """One construction of an error or a warning; ``code`` is empty where none is given and None where it is computed."""

    path: str
    line: int
    kind: str
    exits: str
    code: str | None
    message: str


@functools.cache
def places() -> tuple[Place, ...]:
    """Find every construction of an error in the product."""
    paths = (path for top in ("runner", "integrations") for path in sorted((ROOT / top).rglob("*.py")))
    return tuple(place for path in paths for place in _in_file(path))


def _in_file(path: Path) -> Iterator[Place]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {
        node.name: KINDS[base.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in KINDS
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        where = str(path.relative_to(ROOT)), node.lineno
        kind = KINDS.get(name) or own.get(name)
        if kind is not None:
            default = getattr(kind, "default_code", "")
            for code in _codes(given.get("code")):
                yield Place(
                    *where,
                    kind.kind,
                    str(kind.exit_code),
                    default if code == "" else code,
                    _words(node.args[:1]),
                )
        elif name in ("warn", "warning") and len(node.args) == 2:
            for code in _codes(node.args[0]):
                yield Place(*where, "Warning", "–", code, _words(node.args[1:]))
        elif name in GIVEN_ON and "code" in given:
            for code in filter(None, _codes(given["code"])):
                yield Place(*where, "Error", "1", code, "…")


def _codes(node: ast.expr | None) -> tuple[str | None, ...]:
    """Return the codes an argument can have: two where it chooses between two."""
    match node:
        case None:
            return ("",)
        case ast.Constant(value=str(code)):
            return (code,)
        case ast.IfExp(body=first, orelse=second):
            return (*_codes(first), *_codes(second))
        case _:
            return (None,)


def _words(nodes: list[ast.expr]) -> str:
    """Return a message as it stands in the code; what is filled in stands as ``…``."""
    return "".join(map(_part, nodes))


def _part(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return _words(parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _words([left, right])
        case _:
            return "…"


def rows() -> list[str]:
    """Return the table's rows, by code."""
    found: dict[str, list[Place]] = defaultdict(list)
    for code in TYPER:
        found[code].append(Place("", 0, "Error", "2", code, "…"))
    for place in places():
        if place.code:
            found[place.code].append(place)
    return [_row(code, found[code]) for code in sorted(found)]


def _row(code: str, found: list[Place]) -> str:
    kinds = " / ".join(sorted({place.kind for place in found}))
    exits = " / ".join(sorted({place.exits for place in found}))
    messages = list(dict.fromkeys(place.message for place in found if place.message.strip("… ")))
    more = [f"and {len(messages) - 2} more"] if len(messages) > 2 else []
    shown = "<br>".join(
        message.replace("|", "\\|").replace("<", "&lt;") for message in [*messages[:2], *more]
    )
    return f"| `{code}` | {kinds} | {exits} | {shown or '…'} |"


def table() -> str:
    """Return the table with its marks."""
    head = ["| code | kind | exit | message |", "|---|---|---|---|"]
    return "\n".join([START, "", *head, *rows(), "", END])


def write() -> None:
    """Write the table into its page."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(START)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{table()}{after}", encoding="utf-8")
