"""Every command in a message, a hint or a help text exists, with its required words.

The texts are read from the source, so that no hint is missed because no test comes to it. What a text fills in while it
runs stands as ``1`` here; what a person fills in (STEP, WHY) stays as it is printed.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.main import get_command

from runner.actions import PERSON, REASON, Action, Slot, Verb
from runner.cli.framework.app import globals_last
from runner.cli.framework.environment import this_world
from runner.cli.framework.options import declared
from runner.cli.framework.typer_app import application
from runner.reports.core import suggested_actions
from runner.reports.core.action_text import command_text
from runner.reports.core.suggested_actions import BulkVerb

SOURCE = Path(__file__).parents[3] / "runner"
FILLED = "1"
"""What stands in a gap of an f-string or of a template."""
CHOSEN = {"ROW": "1", "SEQ": "1", "ENTRY": "1", "SEVERITY": "P"}
"""What a person fills in where the command wants a number."""
ENDS = re.compile(r"(?<! )[,;:.](?= |$)|[)`'\n]|(?<= )(?=[|&#>]|then )|$")
"""A command told within a sentence ends with its clause."""
SLOTS = {
    "PERSON": PERSON,
    "REASON": REASON,
    "WHY": suggested_actions.WHY,
    "HAPPENED": suggested_actions.HAPPENED,
    "REACHED": suggested_actions.REACHED,
}
CAMPAIGNS: tuple[tuple[BulkVerb, dict[str, str]], ...] = (
    *((verb, {}) for verb in get_args(BulkVerb) if verb != "bulk.substitute"),
    ("bulk.substitute", {"place": "US-CA"}),
)
STILL_TEXT = frozenset(
    {
        *("facts/vocabulary/lookup.py", "files/settings_file.py", "app/law/regimes.py"),  # problems of files
        *(
            "playbook/bundle.py",
            "playbook/catalogue.py",
            "playbook/checks/names.py",
            "playbook/checks/people.py",
        ),
        "app/notices/letters.py",
        *(
            "app/home/retention_queue.py",
            "app/home/doctor_checks.py",
            "incident/notices/staleness.py",
            "incident/notices/verification.py",
            "incident/people/second_person.py",
        ),
        *(
            "incident/steps/approvals.py",
            "incident/turn/decide_close.py",
            "app/incidents/corrections.py",
        ),  # sentences
        *("reports/exercises/controller_handbook.py", "reports/after_action/findings.py"),  # documents
    }
)
"""What holds commands as text: problems of files, what the record keeps, sentences, and documents. It only shrinks."""
NAMED = ("answered with tocsin fact set", "tocsin notice letters: ")
"""What stands in the record: it names a command that was typed, and tells nobody to type it."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of every text of a module but its docstrings, of which only the examples count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (value.value if isinstance(value, ast.Constant) else FILLED for value in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in joined:
            if id(node) not in docs:
                yield node.lineno, node.value
            elif "Example" in node.value:
                yield node.lineno, "\n".join(re.findall(r"^ +tocsin .*$", node.value, re.MULTILINE))


def told(text: str) -> Iterator[str]:
    """Yield each command that stands in a text, without ``tocsin``."""
    for found in re.finditer(r"\btocsin (?=[a-z])", text):
        rest = re.sub(r"{{.*?}}", FILLED, text[found.end() :])
        bare = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: "q" * len(quoted[0]), rest)
        end = ENDS.search(bare)
        assert end is not None
        yield rest[: end.start()].strip()


@pytest.fixture(scope="module")
def root() -> Any:
    """The commands, as Typer knows them."""
    return get_command(application(declared(), this_world()))


def fault(root: Any, command: str) -> str:
    """Return why the command line would not take a command, empty where it would; nothing is run."""
    try:
        split = shlex.split(command)
    except ValueError as error:
        return str(error)
    words = [CHOSEN.get(one, one) for one in globals_last(split)]
    found, path = root, "tocsin"
    while hasattr(found, "commands"):
        if found.invoke_without_command and (not words or words[0].startswith("-")):
            break
        if not words or words[0] not in found.commands:
            return f"'{path}' has no '{' '.join(words[:1])}'"
        path = f"{path} {words[0]}"
        found, words = found.commands[words[0]], words[1:]
    if "Needs --reason" in (found.help or "") and "--reason" not in words:
        return "it needs --reason"
    needed = [
        param.opts[0] for param in found.params if (getattr(param, "help", "") or "").endswith("Required.")
    ]
    if lacking := [one for one in needed if one not in words]:
        return f"it needs {lacking[0]}"
    try:
        found.make_context(path, words, parent=typer.Context(root, info_name="tocsin"))
    except typer.TyperException as error:
        return error.format_message()
    return ""


def test_every_command_in_a_text_is_complete(root: Any) -> None:
    found = [
        (f"{path.relative_to(SOURCE)}:{number}", command)
        for path in sorted(SOURCE.rglob("*.py"))
        for number, text in texts(path)
        if not text.startswith(NAMED)
        for command in told(text)
    ]
    faults = [
        f"{where}: tocsin {command}: {why}" for where, command in found if (why := fault(root, command))
    ]
    assert not faults, "\n".join(["", *faults])
    assert len(found) > 150


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("see: tocsin task list", ["task list"]),
        ("tocsin task check draft ROW, or --all", ["task check draft ROW"]),
        ("say 'tocsin use INCIDENT'; or tocsin close.", ["use INCIDENT", "close"]),
        ("more (tocsin list --all)", ["list --all"]),
        ("tocsin correct 4 --reason 'a, b', then go on", ["correct 4 --reason 'a, b'"]),
        ("that tocsin ran", ["ran"]),
    ],
)
def test_a_command_ends_with_its_clause(text: str, commands: list[str]) -> None:
    assert list(told(text)) == commands


def test_modules_below_the_command_line_suggest_actions_not_commands() -> None:
    holds = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "cli" not in path.relative_to(SOURCE).parts
        for _, text in texts(path)
        if re.match(r"tocsin [a-z]", text)
    }
    assert holds == STILL_TEXT


def made(node: ast.expr) -> Any:
    """Return what stands for an expression: itself where it is written out, else what fills a gap."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Dict():
            return {made(key): made(value) for key, value in zip(node.keys, node.values, strict=True) if key}
        case ast.Call(func=ast.Name("Slot")):
            return Slot(*map(ast.literal_eval, node.args))
        case ast.Name(name) if name in SLOTS:
            return SLOTS[name]
        case _:
            return FILLED


def actions_of(path: Path) -> Iterator[tuple[int, Action]]:
    """Yield the line of every action that a module makes, and the action with gaps filled."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Action", "actions.Action"):
            words = [made(word) for word in (*node.args, *(keyword.value for keyword in node.keywords))]
            args = words.pop() if isinstance(words[-1], dict) else {}
            verb, ref = (*words, "")[:2]
            if verb != FILLED:
                yield node.lineno, Action(verb, ref, args)


def test_every_action_that_is_made_is_a_command_that_can_be_typed(root: Any) -> None:
    found = [
        (f"{path.relative_to(SOURCE)}:{number}", action)
        for path in sorted(SOURCE.rglob("*.py"))
        for number, action in actions_of(path)
    ]
    found += [
        ("bulk", suggested_actions.bulk(verb, "letter", "people of May.csv", **more))
        for verb, more in CAMPAIGNS
    ]
    texts = [(where, command_text(action)) for where, action in found]
    faults = [f"{where}: {text}: {why}" for where, text in texts if (why := fault(root, text[7:]))]
    assert not faults, "\n".join(["", *faults])
    assert {action.verb for _, action in found} == set(get_args(Verb))


@pytest.mark.parametrize(
    "command", ["task done", "bulk status", "fact set", "pause", "frobnicate", "task list --frob", "person"]
)
def test_an_incomplete_command_is_found(root: Any, command: str) -> None:
    assert fault(root, command)
