"""Build the application for one command line: only the module of the command that was asked for is imported."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from runner.cli.boundary import guarded
from runner.cli.commands import COMMANDS
from runner.errors import Usage

if TYPE_CHECKING:
    import typer

    from runner.cli.world import World

WIDEST_HELP = 100
COMPLETION = "_TOCSIN_COMPLETE"
_GLOBAL_VALUES = ("--home", "--format", "--as", "--on-behalf-of", "--via")


def run(words: Sequence[str], world: World) -> int:
    """Run one command and return its exit code."""
    return guarded(world, words, lambda: _run(list(words), world))


def _run(words: list[str], world: World) -> int:
    import typer

    ordered = globals_last(words or ["--help"])
    with _output(world):
        try:
            result = build(ordered, world)(
                ordered, obj=world, standalone_mode=False, prog_name="tocsin", complete_var=COMPLETION
            )
        except typer.Abort:
            raise KeyboardInterrupt from None
        except typer.TyperException as error:
            raise _usage(error) from None
    return result if isinstance(result, int) else 0


def _output(world: World) -> contextlib.AbstractContextManager[Any]:
    """Have Typer's help go where the command's output goes."""
    return contextlib.nullcontext() if world.out is sys.stdout else contextlib.redirect_stdout(world.out)


def _usage(error: typer.TyperException) -> Usage:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tocsin"
    return Usage(error.format_message(), hint=f"see: {path} --help")


def globals_last(words: Sequence[str]) -> list[str]:
    """Return the words with the options before the command moved behind it, so that both places work."""
    leading: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("--") and rest[0].partition("=")[0] in _GLOBAL_VALUES:
        take = 1 if "=" in rest[0] else 2
        leading += rest[:take]
        rest = rest[take:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *leading, *rest[end:]]


def build(words: Sequence[str], world: World) -> typer.Typer:
    """Return an application that knows the command asked for, or every command where that is not clear."""
    import typer

    from runner.cli.sections import Sections

    asked = next((word for word in words if not word.startswith("-")), "")
    completing = COMPLETION in world.environ
    installing = any(word in ("--install-completion", "--show-completion") for word in words)
    app = typer.Typer(
        name="tocsin",
        cls=Sections,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"terminal_width": min(world.width, WIDEST_HELP)},
        add_completion=installing or completing or not asked,
    )
    app.callback()(tocsin)
    every = dict.fromkeys(COMMANDS.values())
    modules = [COMMANDS[asked]] if asked in COMMANDS and not completing else every
    for module in modules:
        import_module(f"runner.cli.{module}").add(app)
    return app


def tocsin() -> None:
    """Run breach playbooks, keep the legal clocks, and prove what was done.

    Begin with `tocsin init`, then `tocsin open PLAYBOOK`, then `tocsin next`.
    """
