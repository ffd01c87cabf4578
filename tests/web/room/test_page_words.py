"""Refusals on pages: no command and no option where a page has the act, and titles in place of the ids of tasks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from runner.web.room.drawing import Labels, page_words
from tests.cli.at_desk import AtDesk
from tests.web.room.room import a_breach, served, submitted

ROOT = Path(runner.__file__).parent
FLOORS = ("app", "incident", "effects", "law", "facts", "routing")
AT_THE_SERVER = (
    "account break-glass", "channel keys", "init", "law", "login", "message override", "message plan", "person add", "playbook list", "playbook validate",
    "step-link list", "token list", "token reseal", "token revoke", "webhook list", "webhook remove", "webhook test",
)  # fmt: skip
"""The commands of hints that no page has."""


def fields() -> Labels:
    """Return the fields of all forms."""
    files = (ROOT / "web" / "room" / "acts").glob("*.py")
    found = (
        pair
        for path in files
        for pair in re.findall(r'Field\(\s*"([a-z_]+)", *f?"([^"]+)"', path.read_text())
    )
    return {name: ("fill in", label) for name, label in found}


def hints() -> Iterator[str]:
    """Yield each hint of an error below the command line; what is filled in stands as X."""
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            if path.parent.name == "home":  # the care of a home folder has no page
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.keyword(arg="hint", value=value) | ast.Assign([ast.Name("hint")], value):
                        yield from texts(value)
                    case _:
                        pass


def texts(value: ast.expr) -> Iterator[str]:
    """Yield a text, or the choices of one."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from (*texts(one), *texts(other))
        case _:
            pass


def test_no_hint_names_a_command_that_a_page_has() -> None:
    every = list(hints())
    assert len(every) > 300
    left = [
        found
        for one in every
        for found in re.findall(r"tocsin ([a-z-]+(?: [a-z-]+)?)", page_words(one, fields()))
    ]
    assert sorted({one for one in left if not one.startswith(AT_THE_SERVER)}) == [
        "bulk plan",
        "key list",
        "notice letters",
    ]


@pytest.mark.parametrize(
    ("hint", "option"), [("Add --reason WHY", "--reason"), ("Correct it, or add --skip-bad", "--skip-bad")]
)
def test_an_option_becomes_the_field_of_the_form(hint: str, option: str) -> None:
    labels = {"skip_bad": ("choose", "Skip invalid rows")}
    words = page_words(hint, labels)
    assert (option in words, words.count('"')) == (False, 2)


def test_a_refusal_names_a_task_by_its_title(tmp_path: Path) -> None:
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    with served(desk, a_breach(desk, tmp_path)) as room:
        maria = room.reader("maria")
        task = next(
            one for one in desk("task", "list", "--format", "json").json["tasks"] if one["kind"] == "approve"
        )
        refused = submitted(room, maria, "task", "done", task["invocation"])
        assert refused.status_code == 409
        note = refused.text.partition("data-error>")[2].partition("</div>")[0]
        assert (task["invocation"] in note, "tocsin " in note, "--" in note) == (False, False, False)
    desk.close()
