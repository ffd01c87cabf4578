"""Plain English in what people read: phrases that may not come back, and the length of sentences in errors and in help.

``tests/language/banned.txt`` has the phrases, ``tests/language/counts.txt`` the highest count of each in each area; a phrase without a line
there may not occur. ``TOCSIN_UPDATE_GOLDEN=1`` lowers the counts to what is found, and never raises one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from runner.yamlfile.source import load
from tests.golden_files import UPDATES

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "language"
COUNTS = FOLDER / "counts.txt"
LONGEST = 20
"""Words in one sentence of an error, of a hint or of the help."""

LONG_ERRORS, LONG_HELP = ("errors", "a sentence over 20 words"), ("help", "a sentence over 20 words")
VALUE = "…"
"""Stands for a value that is known only when the program runs."""


def patterns() -> dict[str, re.Pattern[str]]:
    """Return each banned phrase, compiled."""
    compiled, flags = {}, re.MULTILINE
    for line in (FOLDER / "banned.txt").read_text(encoding="utf-8").splitlines():
        if line == "# ignore case":
            flags = re.MULTILINE | re.IGNORECASE
        elif line == "# exact case":
            flags = re.MULTILINE
        elif line and not line.startswith("# "):
            compiled[line] = re.compile(line, flags)
    return compiled


def literals(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of Python source without its docstrings; a value inside of one is an ellipsis."""
    if isinstance(tree, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in tree.values)
    elif isinstance(tree, ast.Constant):
        if isinstance(tree.value, str):
            yield tree.value
    elif not (isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant)):
        for child in ast.iter_child_nodes(tree):
            yield from literals(child)


def docstrings(tree: ast.AST) -> Iterator[str]:
    """Yield the docstrings of Python source, those below a constant or a field, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@cache
def code() -> tuple[tuple[Path, ast.Module], ...]:
    """Return the parsed modules of the program and of the integrations."""
    return tuple(
        (path, ast.parse(path.read_text(encoding="utf-8")))
        for folder in ("runner", "integrations")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def told(document: object) -> Iterator[str]:
    """Yield the titles and the instructions of a playbook."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("title", "instructions") and isinstance(value, str):
                yield value
            else:
                yield from told(value)
    elif isinstance(document, list):
        for item in document:
            yield from told(item)


def pages() -> Iterator[str]:
    """Yield what the documentation says: of a decision the title, of the glossary all but the old words."""
    yield (ROOT / "README.md").read_text(encoding="utf-8")
    yield (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name == "decisions" and path.name != "index.md":
            yield text.splitlines()[0]
        else:
            yield re.sub(r"^\W*was:.*$", "", text, flags=re.MULTILINE)


def areas() -> dict[str, list[str]]:
    """Return the text of each area; the wording of laws, notices and field lists belongs to none."""
    golden = (ROOT / "tests" / "golden" / folder for folder in ("cli", "views"))
    return {
        "code": [text for _, tree in code() for text in literals(tree)],
        "docstrings": [text for _, tree in code() for text in docstrings(tree)],
        "playbooks": [
            text for path in sorted((ROOT / "playbooks").glob("*.yaml")) for text in told(load(path).data)
        ],
        "docs": list(pages()),
        "golden": [
            path.read_text(encoding="utf-8") for folder in golden for path in sorted(folder.glob("*.txt"))
        ],
    }


def errors(tree: ast.AST) -> Iterator[str]:
    """Yield the messages and hints of errors, refusals and warnings: of calls that have a code or a hint, or are raised."""
    raised = {id(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        named = {word.arg: word.value for word in node.keywords}
        if id(node) in raised or "hint" in named or "code" in named:
            for part in (*node.args, *(named[name] for name in ("hint", "message") if name in named)):
                yield from literals(part)
        elif isinstance(node.func, ast.Name) and node.func.id == "warning":
            for part in node.args:
                yield from literals(part)


def helps(tree: ast.AST) -> Iterator[str]:
    """Yield the help of commands, groups, options and arguments."""
    declared = {
        node.args[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Call)
        and isinstance(node.func.func, ast.Name)
        and node.func.func.id == "command"
        and isinstance(node.args[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for word in node.keywords:
                if word.arg == "help":
                    yield from literals(word.value)
            if isinstance(node.func, ast.Name) and node.func.id == "group":
                yield from (text for part in node.args[2:] for text in literals(part))
        elif isinstance(node, ast.FunctionDef) and node.name in declared:
            yield (ast.get_docstring(node) or "").partition("\b")[0]


def long_sentences(text: str) -> list[str]:
    """Return the sentences that have more words than a reader takes in at once."""
    sentences = re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*|]", text)
    return [sentence for sentence in sentences if len(sentence.split()) > LONGEST]


def places() -> dict[tuple[str, str], list[str]]:
    """Return where each rule is broken, by the area and the rule."""
    broken: dict[tuple[str, str], list[str]] = {}
    for area, texts in areas().items():
        for phrase, pattern in patterns().items():
            for text in texts:
                for match in pattern.finditer(text):
                    line = text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0]
                    broken.setdefault((area, phrase), []).append(line.strip())
    for path, tree in code():
        broken.setdefault(LONG_ERRORS, []).extend(
            long for text in errors(tree) for long in long_sentences(text)
        )
        if path.is_relative_to(ROOT / "runner" / "cli"):
            broken.setdefault(LONG_HELP, []).extend(
                long for text in helps(tree) for long in long_sentences(text)
            )
    return broken


def allowed() -> dict[tuple[str, str], int]:
    """Return the highest count of each rule in each area."""
    counts = {}
    for line in COUNTS.read_text(encoding="utf-8").splitlines():
        area, count, rule = line.split(" ", 2)
        counts[area, rule] = int(count)
    return counts


def lower(counts: dict[tuple[str, str], int], found: dict[tuple[str, str], list[str]]) -> None:
    """Write the lower of the count that is allowed and the count that is found."""
    lowest = {rule: min(count, len(found.get(rule, ()))) for rule, count in counts.items()}
    lines = (f"{area} {count} {rule}\n" for (area, rule), count in sorted(lowest.items()) if count)
    COUNTS.write_text("".join(lines), encoding="utf-8")


def test_no_phrase_and_no_long_sentence_comes_back():
    found, counts = places(), allowed()
    if UPDATES:
        lower(counts, found)
    more = {rule: sorted(set(found[rule])) for rule in found if len(found[rule]) > counts.get(rule, 0)}
    assert more == {}


def test_every_count_is_of_a_known_rule():
    rules = {*patterns(), LONG_ERRORS[1]}
    assert {rule for _, rule in allowed()} <= rules
