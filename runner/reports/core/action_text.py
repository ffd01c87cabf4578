"""Actions as commands to type: values to fill in are in capitals, choices in brackets.

Values have quotes if a shell needs them. A person pastes the command: without capitals and brackets it works
stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

import msgspec

from runner.actions import Action, Argument, Slot, Verb
from runner.decoding import convert, from_json

if TYPE_CHECKING:
    from runner.errors import TocsinError
    from runner.reports.core.page import Block, Cell, Page

TEMPLATES: Mapping[Verb, str] = {
    "fact.set": "fact set {ref}={value}",
    "step.answer": "answer {ref} {value}",
    "task.check": "task check {ref} {row}",
    "duty.list": "duties {ref}",
    "room.use": "room use {address}",
    "drill.observe": "drill observe {text}",
    "improvement.add": "improvement add {text}",
    "role.assign": "role assign {ref} {person}",
    "worker.run": "worker",
}
"""Commands that are not their verb and the reference; other arguments follow as options."""
_UNNAMED = re.compile(r"(?:incident|entry|step|delivery|home)\.")
"""Commands of one word do not name these."""


def command_text(action: Action) -> str:
    """Return the command of an action."""
    regular = _UNNAMED.sub("", action.verb).replace(".", " ").replace("_", "-")
    values = {"ref": action.ref, **action.args} if action.ref else action.args
    words, used = ["tocsin"], {"ref"}
    for word in TEMPLATES.get(action.verb, f"{regular} {{ref}}").split():
        fields = re.findall(r"{(\w+)}", word)
        if values.keys() >= set(fields):
            words.append(word.format(**{name: _word(values[name]) for name in fields}))
            used.update(fields)
    options = (
        _option(name, value) for name, value in action.args.items() if not (name in used or _is_asked(value))
    )
    return " ".join((*words, *options))


def _word(value: Argument) -> str:
    if isinstance(value, Slot):
        return f"'{value.name}'" if value.kind == "text" else value.name
    return " ".join(map(quote, value)) if isinstance(value, tuple) else quote(str(value))


def _is_asked(value: Argument) -> bool:
    """Tell whether the terminal asks for the value: which of two outcomes happened."""
    return isinstance(value, Slot) and value.kind == "flag"


def _option(name: str, value: Argument) -> str:
    option = "-i" if name == "incident" else f"--{name.replace('_', '-')}"
    return option if value is True else f"{option} {_word(value)}"


def hint_text(error: TocsinError) -> str:
    """Return the next step after an error."""
    return error.hint if error.action is None else command_text(error.action)


def sentence(error: TocsinError) -> str:
    """Return an error in one line, with the next step."""
    hint = hint_text(error)
    return f"{error.message} ({hint})" if hint else error.message


_HIDDEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that JSON does not escape, and that a terminal may act on."""


def as_json(report: Any) -> str:
    """Return one JSON document in one line, with the characters escaped that control a terminal."""
    text = encoded(report).decode()
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def encoded(report: Any) -> bytes:
    """Return the JSON of a report: beside each action its command, as ``hint`` if the report has one."""
    plain = msgspec.json.encode(report)
    return msgspec.json.encode(_filled(from_json(plain))) if b'"verb":' in plain else plain


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(one) if type(one) in _NESTED else one for one in value]
    found: dict[str, Any] = {}
    for key, one in value.items():
        if key == "action" and type(one) is dict and "verb" in one:
            found["hint" if "hint" in value else "command"] = command_text(convert(one, Action))
        found[key] = _filled(one) if type(one) in _NESTED else one
    return found


_NESTED = frozenset({dict, list})
"""What can hold an action; most values of a report are single ones."""


def typed(page: Page, aim: Callable[[str], str] = str) -> Page:
    """Return a page with commands for its actions; ``aim`` names the incident in them."""
    from runner.reports.core.page import Ends, Paragraph, Table

    def cells(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return tuple(
            cell
            if cell.action is None
            else msgspec.structs.replace(cell, text=cell.text + aim(command_text(cell.action)), action=None)
            for cell in row
        )

    def block(block: Block) -> Block:
        match block:
            case Paragraph():
                return msgspec.structs.replace(block, cells=cells(block.cells))
            case Table():
                return msgspec.structs.replace(block, rows=tuple(map(cells, block.rows)))
            case Ends(left, right):
                return msgspec.structs.replace(block, left=cells(left), right=cells(right))
            case _:
                return block

    return msgspec.structs.replace(page, blocks=tuple(map(block, page.blocks)))
