"""Fast parser for simple command lines: known options, the right number of arguments, nothing special.

Most lines are simple, and Typer's import takes longer than most commands. Other lines (help, completion, a
mistake, a value with a leading dash) are for Typer, which also writes all usage errors; this module reads
lines as Typer reads them, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from runner.cli.framework.options import Argument, Commands, Declared, Parameter


def read(root: Commands, words: Sequence[str]) -> tuple[Declared, dict[str, Any]] | None:
    """Return the command and its values, or None for a line for Typer."""
    commands: Commands | Declared = root
    rest = list(words)
    while isinstance(commands, Commands):
        alone = commands.inside.get("") if not rest or rest[0].startswith("-") else None
        inside = alone or (commands.inside.get(rest.pop(0)) if rest else None)
        if inside is None:
            return None
        commands = inside
    parameters = commands.parameters()
    options = {name: one for one in parameters for name in one.mark.names if "/" not in name}
    taken = _taken(rest, options)
    given = _given(parameters, *taken) if taken is not None else None
    return (commands, given) if given is not None else None


def _taken(
    words: Sequence[str], options: Mapping[str, Parameter]
) -> tuple[dict[str, list[str]], list[str]] | None:
    """Return the values of each option, and the arguments; None if a word is not clearly one of them."""
    values: dict[str, list[str]] = {}
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-"):
            if not word:
                return None
            arguments.append(word)
            continue
        one = options.get(name)
        if one is None or (equals and one.type is bool):
            return None
        if one.type is not bool and not equals:
            value = next(rest, "")
        if one.type is not bool and (not value or value.startswith("-")):
            return None
        values.setdefault(one.name, []).append(value)
    return values, arguments


def _given(
    parameters: Sequence[Parameter], values: Mapping[str, list[str]], arguments: list[str]
) -> dict[str, Any] | None:
    """Return every parameter's value; None if a value is missing, surplus or invalid."""
    given: dict[str, Any] = {}
    for parameter in parameters:
        many, kind = _kind(parameter.type)
        if isinstance(parameter.mark, Argument):
            texts, arguments = (arguments, []) if many else (arguments[:1], arguments[1:])
        else:
            texts = values.get(parameter.name, [])
        if kind is bool:
            given[parameter.name] = True if texts else parameter.default
            continue
        try:
            read = [kind(text) for text in texts]
        except ValueError:
            return None
        if not read and parameter.default is ...:
            return None
        given[parameter.name] = (read if many else read[-1]) if read else parameter.default
    return None if arguments else given


def _kind(annotation: Any) -> tuple[bool, Any]:
    """Return whether several values are allowed, and the function that reads one."""
    if isinstance(annotation, UnionType):
        (annotation,) = (arg for arg in get_args(annotation) if arg is not type(None))
    many = get_origin(annotation) is list
    kind = get_args(annotation)[0] if many else annotation
    return many, kind if kind in (str, bool, Path) else _whole


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)
