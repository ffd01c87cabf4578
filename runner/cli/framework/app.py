"""Entry point of the command line. Imports only the module of the requested command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.cli.framework.boundary import guarded
from runner.cli.framework.commands import COMMANDS, COMPLETION, meant
from runner.cli.framework.streams import let_go
from runner.errors import Usage

if TYPE_CHECKING:
    from runner.cli.framework.environment import World

_GLOBAL_VALUES = ("--home", "--format", "--as", "--on-behalf-of", "--via")


def run(words: Sequence[str], world: World) -> int:
    """Run one command and return its exit code."""
    try:
        return guarded(world, words, lambda: _run(list(words), world))
    finally:
        let_go(sys.stderr)  # a channel that shows its messages there may have failed


def _run(words: list[str], world: World) -> int:
    from runner.cli.framework.fast_args import read
    from runner.cli.framework.options import declared

    ordered = globals_last(words or ["--help"])
    if ordered[0] == "help":
        ordered = [*ordered[1:], "--help"]
    asked = next((word for word in ordered if not word.startswith("-")), "")
    completing = COMPLETION in world.environ
    root = declared("" if completing else asked)
    found = None if completing else read(root, ordered)
    if found is not None:
        command, given = found
        return command.run(world, given) or 0
    for typed in (" ".join(ordered[:2]), ordered[0]):
        if (hint := meant(typed)) and typed not in COMMANDS:
            raise Usage(f'Command "{typed}" is unknown.', hint=hint, code="unknown_command")
    from runner.cli.framework.typer_app import answer

    installing = any(word in ("--install-completion", "--show-completion") for word in words)
    return answer(root, ordered, world, completes=installing or completing or not asked)


def globals_last(words: Sequence[str]) -> list[str]:
    """Return the words with options before the command moved behind it: both places work."""
    leading: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("--") and rest[0].partition("=")[0] in _GLOBAL_VALUES:
        take = 1 if "=" in rest[0] else 2
        leading += rest[:take]
        rest = rest[take:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *leading, *rest[end:]]
