"""The error codes, read from the places that construct an error, and the reference page that lists them.

``make golden`` writes ``docs/reference/errors.md``.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
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


FOUND = {"Finding": "Finding", "Problem": "Problem"}
"""What is found is listed as such; every other call with a code tells the code of the error that it constructs."""
TYPER = {*typer_app._CODES.values(), *typer_app._SAID.values(), "usage"}
"""The codes of what Typer finds wrong with a command line."""


PROBLEMS = frozenset(
    {
        "problem",
        "_problem",
        "problem_at",
        "error",
        "warn",
        "report",
        "unknown",
        "_unknown",
        "no_such",
        "_refused",
    }
)
"""Functions of ours that take the code and the message of a problem in a file, one after the other."""
FILES = ("yamlfile", "facts", "law", "documents", "playbook", "files")
"""The packages that read files."""
WORDED = ("runner/yamlfile/", "runner/playbook/explain.py")
"""Where a code, its message and its hint are returned together."""


@dataclasses.dataclass(frozen=True)
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
        else:
            yield from _told(name, node, where, tree)


def _told(name: str, node: ast.Call, where: tuple[str, int], tree: ast.Module) -> Iterator[Place]:
    """Yield a warning, a finding, or what a function of ours is told of the error that it constructs."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    kind, exits, told, message = FOUND.get(name, "Error"), "–", given.get("code"), node.args[1:2]
    if name in ("warn", "warning", "Warned") and len(node.args) == 2:
        kind, told = "Warning", node.args[0]
    elif name == "Refusal" and len(node.args) == 3:
        kind, exits, told, message = "Not allowed", "1", node.args[0], node.args[2:]
    elif name == "Guard" and len(node.args) >= 3:
        kind, exits, told = "Not allowed", "1", node.args[2]
        message = [ast.Constant('The campaign "…" to "…" is …')]
    elif name == "one_of" and len(node.args) == 4:
        exits, told, message = "2", node.args[3], [node.args[2], ast.Constant(' "…" is unknown.')]
    elif told is not None:
        exits = "1" if kind == "Error" else "–"
        found = node.args[2] if name == "Finding" and len(node.args) > 2 else ast.Name("")
        message = [_assigned(given.get("what") or given.get("message") or found, tree)]
    for code in _codes(told) if told is not None else ():
        if kind == "Warning" or (code and re.fullmatch("[a-z]+([_-][a-z]+)*", code)):
            yield Place(*where, kind, exits, code, _words(message))


@functools.cache
def problems() -> tuple[Place, ...]:
    """Find every problem that is found in a file which a person wrote."""
    paths = (path for top in FILES for path in sorted((ROOT / "runner" / top).rglob("*.py")))
    return tuple(place for path in paths for place in _problems_in(path))


def _problems_in(path: Path) -> Iterator[Place]:
    name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_Told"), args=args):
                called, told = "", args[:2]
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[_, *args]):
                told = args if called in PROBLEMS else []
            case ast.Tuple(elts=[_, _, _, *_] as args) if name.startswith(WORDED):
                called, told = "", args[:2]
            case _:
                continue
        for code, message in itertools.pairwise([*told, ast.Name("")]):
            found = [one for one in _codes(code) if one and re.fullmatch("[a-z]+(-[a-z]+)*", one)]
            words = _words([_assigned(message, tree)])
            if not found or (not called and " " not in words and "…" not in words):
                continue
            kind = "Warning" if called == "warn" or _is_warning(node) else "Problem"
            said = f"there is no {words} …" if called == "unknown" else words
            yield from (Place(name, code.lineno, kind, "", one, said) for one in found)
            break


def _is_warning(call: ast.AST) -> bool:
    given = {word.arg: word.value for word in call.keywords} if isinstance(call, ast.Call) else {}
    return isinstance(severity := given.get("severity"), ast.Constant) and severity.value == "warning"


def _assigned(message: ast.expr, tree: ast.Module) -> ast.expr:
    """Return what was last assigned to a name before it is used as a message."""
    if not isinstance(message, ast.Name):
        return message
    before = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.lineno < getattr(message, "lineno", 0)
    ]
    for node in sorted(before, key=lambda node: -node.lineno):
        match node:
            case ast.Assign(targets=[ast.Name(id=message.id)]):
                return node.value
            case ast.Assign(
                targets=[ast.Tuple(elts=[ast.Name(id=message.id), *_])], value=ast.Tuple(elts=[one, *_])
            ):
                return one
            case _:
                pass
    return message


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
        if place.code and place.kind != "Problem":
            found[place.code].append(place)
    return [_row(code, found[code]) for code in sorted(found)]


def problem_rows() -> list[str]:
    """Return the rows of the table of problems, by code."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in (*problems(), *(place for place in places() if place.code and place.kind == "Problem")):
        found[str(place.code)].append(dataclasses.replace(place, exits=""))
    return [_row(code, found[code]).replace(" |  | ", " | ") for code in sorted(found)]


def _row(code: str, found: list[Place]) -> str:
    kinds = " / ".join(sorted({place.kind for place in found}))
    exits = " / ".join(sorted({place.exits for place in found}))
    messages = sorted({place.message for place in found if place.message.strip("… ")})
    shown = "".join(message.replace("|", "\\|").replace("<", "&lt;") for message in messages[:1])
    return f"| `{code}` | {kinds} | {exits} | {shown or '…'} |"


def table() -> str:
    """Return both tables with their marks."""
    head = ["| code | kind | exit | message |", "|---|---|---|---|"]
    problem_head = ["## Problems in files", "", "| code | kind | message |", "|---|---|---|"]
    return "\n".join([START, "", *head, *rows(), "", *problem_head, *problem_rows(), "", END])


def write() -> None:
    """Write the table into its page."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(START)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{table()}{after}", encoding="utf-8")
