"""The plain reader and Typer read the same values, and plain commands are read without Typer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import TyperException

from runner.cli.framework.environment import this_world
from runner.cli.framework.fast_args import read
from runner.cli.framework.options import Argument, Commands, Declared, Option, Parameter, declared
from runner.cli.framework.typer_app import application

ROOT = declared()


class Heard(Declared):
    """A command that only keeps what it is given."""

    def run(self, world: Any, given: dict[str, Any]) -> int | None:
        world.append(given)
        return 0


def hearing(commands: Commands) -> Commands:
    """Return the same commands, all of which only listen."""
    found = Commands(commands.name, commands.words)
    for name, one in commands.inside.items():
        found.inside[name] = Heard(*one) if isinstance(one, Declared) else hearing(one)
    return found


def every(commands: Commands, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Declared]]:
    """Return every command with the words that name it."""
    found = []
    for name, one in commands.inside.items():
        here = (*path, name) if name else path
        found += [(here, one)] if isinstance(one, Declared) else every(one, here)
    return found


APP = application(hearing(ROOT), this_world())
EVERY = every(ROOT)


def typer_reads(words: list[str]) -> dict[str, Any] | None:
    """Return what Typer makes of a line, None where it refuses it."""
    heard: list[dict[str, Any]] = []
    try:
        APP(words, obj=heard, standalone_mode=False, prog_name="tocsin")
    except TyperException:
        return None
    return heard[0] if heard else None


def same(one: dict[str, Any]) -> dict[str, Any]:
    """Return what is given, in which nothing and an empty list are the same."""
    return {name: None if value == [] else value for name, value in one.items()}


def example(one: Parameter) -> str:
    return "7" if "int" in str(one.type) else "word"


def line(path: tuple[str, ...], parameters: list[Parameter]) -> list[str]:
    """Return a line that gives a command everything that it takes, in one word each."""
    words = list(path)
    for parameter in parameters:
        if isinstance(parameter.mark, Argument):
            words.append(example(parameter))
        elif "/" not in parameter.mark.names[0]:
            words += (
                [parameter.mark.names[-1]]
                if parameter.type is bool
                else [parameter.mark.names[0], example(parameter)]
            )
    return words


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_a_plain_line_with_everything_is_read_without_typer_and_as_typer_reads_it(
    path: tuple[str, ...], command: Declared
) -> None:
    words = line(path, command.parameters())
    found = read(ROOT, words)
    assert found is not None
    assert found[0] == command
    assert same(found[1]) == same(typer_reads(words) or {})


WORDS = st.sampled_from(
    ["word", "7", "-1", "007", "", "-", "--", "a=b", "ü b", "٣", "--help", "--home", "-i", "-ix", "--yes"]
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_the_plain_reader_and_typer_read_the_same_values(data: st.DataObject) -> None:
    path, command = data.draw(st.sampled_from(EVERY))
    parameters = command.parameters()
    names = [
        name
        for parameter in parameters
        if isinstance(parameter.mark, Option)
        for name in parameter.mark.names
    ]
    option = st.sampled_from(names)
    pieces = st.one_of(
        WORDS.map(lambda word: [word]),
        option.map(lambda name: [name]),
        st.tuples(option, WORDS).map(list),
        st.tuples(option, WORDS).map(lambda both: [f"{both[0]}={both[1]}"]),
    )
    rest = [word for piece in data.draw(st.lists(pieces, max_size=6)) for word in piece]
    words = [*path, *rest]
    found = read(ROOT, words)
    if found is not None:
        heard = typer_reads(words)
        assert heard is not None
        assert same(found[1]) == same(heard)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["open"],
        ["open", "--help"],
        ["opne", "x"],
        ["task"],
        ["task", "dnoe"],
        ["open", "x", "--titel", "y"],
        ["open", "x", "--title"],
        ["open", "x", "--title", "-y"],
        ["open", "x", "--yes=1"],
        ["open", "--", "x"],
        ["status", "one", "two"],
        ["correct", "seven", "text"],
    ],
    ids=" ".join,
)
def test_words_that_are_not_plain_go_to_typer(words: list[str]) -> None:
    assert read(ROOT, words) is None


def test_paths_and_numbers_have_the_types_of_the_command() -> None:
    checked = read(ROOT, ["playbook", "validate", "a.yaml", "b", "--strict"])
    assert checked is not None
    assert checked[1]["path"] == [Path("a.yaml"), Path("b")]
    assert checked[1]["strict"] is True
