"""The help of ``tocsin``: its commands in sections, in the order in which they are needed."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from runner.cli.framework.commands import SECTIONS


class Sections(TyperGroup):
    """A group whose help shows our sections."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # type: ignore[explicit-override]
        """Write each section with one line for each command."""
        for title, modules in SECTIONS.items():
            rows = [
                (name, self.commands[name].get_short_help_str(88))
                for names in modules.values()
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
