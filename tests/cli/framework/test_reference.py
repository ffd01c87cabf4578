"""The reference page of the commands."""

from __future__ import annotations

from pathlib import Path

from runner.cli.framework.commands import COMMANDS
from tests.cli.framework.reference import reference_page
from tests.golden_files import same

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"


def test_the_reference_page_is_the_commands() -> None:
    same(PAGE, reference_page())


def test_every_command_is_in_the_reference() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"### {name}\n" in page or f"### {name} " in page
