"""The error codes, read from the places that construct an error, and the reference page that lists them.

``python -m tests.docs.codes`` writes ``docs/reference/errors.md``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner import errors
from tests.docs.consoles import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"
KINDS: dict[str, type[errors.TocsinError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TocsinError) and not name.startswith("_")
}
START, END = "<!-- codes: written by tests.docs.codes -->", "<!-- end of codes -->"


@dataclass(frozen=True)
class Place:
    """One construction of an error; ``code`` is empty where none is given and None where it is computed."""

    path: str
    line: int
    kind: type[errors.TocsinError]
    code: str | None
    message: str


def places() -> Iterator[Place]:
    """Find every construction of an error in the product."""
    for top in ("runner", "integrations"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield from _in_file(path)


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
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        kind = KINDS.get(node.func.id) or own.get(node.func.id)
        if kind is not None:
            yield from _constructed(path, node, kind)


def _constructed(path: Path, node: ast.Call, kind: type[errors.TocsinError]) -> Iterator[Place]:
    given = {one.arg: one.value for one in node.keywords}
    message = _words(node.args[0]) if node.args else ""
    for code in _codes(given.get("code")):
        default = getattr(kind, "default_code", "")
        yield Place(str(path.relative_to(ROOT)), node.lineno, kind, default if code == "" else code, message)


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


def _words(node: ast.expr) -> str:
    """Return a message as it stands in the code; what is filled in stands as ``…``."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_words(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _words(left) + _words(right)
        case _:
            return "…"


def rows() -> list[str]:
    """Return the table's rows, by code."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places():
        if place.code:
            found[place.code].append(place)
    return [_row(code, found[code]) for code in sorted(found)]


def _row(code: str, found: list[Place]) -> str:
    kinds = " / ".join(dict.fromkeys(place.kind.kind for place in found))
    exits = " / ".join(dict.fromkeys(str(place.kind.exit_code) for place in found))
    messages = list(
        dict.fromkeys(place.message.replace("|", "\\|") for place in found if place.message != "…")
    )
    shown = "<br>".join(messages[:2]) + (f"<br>and {len(messages) - 2} more" if len(messages) > 2 else "")
    return f"| `{code}` | {kinds} | {exits} | {shown or '…'} |"


def table() -> str:
    """Return the table with its marks."""
    head = ["| code | kind | exit | message |", "|---|---|---|---|"]
    return "\n".join([START, "", *head, *rows(), "", END])


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(START)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{table()}{after}", encoding="utf-8")
