"""Common words that are not commands: help, plurals and other names work or lead to the right command."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.main import get_command

from runner.base.table_file import table_rows
from runner.cli.framework.environment import this_world
from runner.cli.framework.options import declared
from runner.cli.framework.typer_app import application
from tests.cli.at_desk import AtDesk


@pytest.fixture
def anywhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "none")


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        (("-h",), ("--help",)),
        (("help",), ("--help",)),
        (("task", "-h"), ("task", "--help")),
        (("task", "done", "-h"), ("task", "done", "--help")),
        (("help", "task", "done"), ("task", "done", "--help")),
        (("--home", "x", "help", "open"), ("open", "--help")),
    ],
)
def test_help_is_given_however_it_is_asked_for(
    anywhere: AtDesk, typed: tuple[str, ...], same: tuple[str, ...]
) -> None:
    said, wanted = anywhere(*typed), anywhere(*same)
    assert (said.code, said.out, said.err) == (0, wanted.out, "")
    assert said.out


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (("facts",), "tocsin fact show"),
        (("tasks", "--open"), "tocsin task list"),
        (("incidents",), "tocsin list"),
        (("page", "ana"), "tocsin message send TEXT"),
        (("export",), "tocsin audit export"),
        (("config",), "tocsin doctor"),
        (("duty", "list"), "tocsin duties"),
        (("fact", "list", "--format", "json"), "tocsin fact show"),
    ],
)
def test_another_word_leads_to_the_command_that_is_meant(
    anywhere: AtDesk, typed: tuple[str, ...], command: str
) -> None:
    said = anywhere(*typed)
    assert (said.code, said.error) == (2, "unknown_command")
    assert command in said.out + said.err


def test_a_slip_still_gets_the_nearest_command(anywhere: AtDesk) -> None:
    said = anywhere("statsu")
    assert (said.code, said.error, "status" in said.err) == (2, "unknown_command", True)


def test_no_such_word_is_a_command_itself() -> None:
    root = get_command(application(declared(), this_world()))
    typed_words = [row["typed"] for row in table_rows("runner.cli.framework", "meant.csv")]
    assert typed_words
    assert [typed for typed in typed_words if _found(root, typed) is not None] == []


def _found(root: typer.core.TyperCommand, path: str) -> object | None:
    found: object = root
    for word in path.split():
        found = getattr(found, "commands", {}).get(word)
        if found is None:
            return None
    return found


@pytest.mark.parametrize(
    ("words", "formats"),
    [
        (("playbook", "validate"), ("text", "json", "sarif")),
        (("timeline",), ("text", "json", "csv")),
        (("next",), ("text", "json")),
    ],
)
def test_the_help_of_a_command_names_its_formats(
    anywhere: AtDesk, words: tuple[str, ...], formats: tuple[str, ...]
) -> None:
    said = anywhere(*words, "--help").out.partition("--format FORMAT")[2].splitlines()[0]
    assert {one for one in ("text", "json", "csv", "sarif") if one in said} == set(formats)
