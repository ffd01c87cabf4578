"""The Typer application: help, completion and usage errors."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import Default

from runner.cli.framework.commands import COMPLETION, SECTIONS
from runner.cli.framework.options import COMMON, Argument, Command, Commands, Declared, Parameter
from runner.cli.framework.streams import broken_pipe
from runner.errors import Usage

if TYPE_CHECKING:
    from runner.cli.framework.environment import World


class Sections(TyperGroup):
    """The whole program, whose help shows the commands in sections."""

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


class OneCommand(TyperCommand):
    """A command whose help shows its own options before the common ones."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # type: ignore[explicit-override]
        """Write the arguments, the options and the common options."""
        _write_options(self, ctx, formatter)


class CommandGroup(TyperGroup):
    """A group of commands whose help shows its own options before the common ones."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # type: ignore[explicit-override]
        """Write the arguments, the options and the common options, then the commands."""
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def _write_options(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Common options": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        if param.param_type_name == "argument":
            sections["Arguments"].append(record)
        else:
            sections["Common options" if param.name in COMMON else "Options"].append(record)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


WIDEST_HELP = 100
HELP = ["-h", "--help"]
_CODES = {
    "BadArgumentUsage": "bad_value",
    "BadOptionUsage": "bad_option",
    "BadParameter": "bad_value",
    "FileError": "file_unreadable",
    "MissingParameter": "argument_missing",
    "NoArgsIsHelpError": "command_missing",
    "NoSuchOption": "unknown_option",
}
_SAID = {
    "No such command": "unknown_command",
    "Missing command": "command_missing",
    "Got unexpected extra argument": "extra_argument",
}


def answer(root: Commands, words: Sequence[str], world: World, *, completes: bool) -> int:
    """Let Typer read a line and run it; raises Usage with the error."""
    with contextlib.nullcontext() if world.out is sys.stdout else contextlib.redirect_stdout(world.out):
        try:
            result = application(root, world, completes=completes)(
                words, obj=world, standalone_mode=False, prog_name=root.name, complete_var=COMPLETION
            )
        except typer.Abort:
            raise KeyboardInterrupt from None
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            path = context.command_path if context is not None else "tocsin"
            raise Usage(error.format_message(), hint=f"{path} --help", code=_code(error)) from None
        except SystemExit as ended:
            if not isinstance(ended.__context__, BrokenPipeError):
                raise
            broken_pipe(world.out, ended.__context__)  # Typer's own way with a pipe that nobody reads
            return 0
        except OSError as error:
            # When the line only shows help, the failure is one of the output stream.
            if not any(word in HELP for word in takewhile(lambda word: word != "--", words)):
                raise
            broken_pipe(world.out, error)
            return 0
    return result if isinstance(result, int) else 0


def _code(error: typer.TyperException) -> str:
    """Return the code of an error of Typer by its class or its text: Typer exports neither."""
    kind = type(error).__name__
    if kind == "UsageError":
        said = error.format_message()
        return next((code for start, code in _SAID.items() if said.startswith(start)), "usage")
    of = getattr(getattr(error, "param", None), "param_type_name", "")
    if kind == "MissingParameter" and of == "option":
        return "option_missing"
    return _CODES.get(kind, "usage")


def application(root: Commands, world: World, *, completes: bool = False) -> typer.Typer:
    """Return the commands as an application; with ``completes``, it can install shell completion."""
    app = typer.Typer(
        name=root.name,
        cls=Sections,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"terminal_width": min(world.width, WIDEST_HELP), "help_option_names": HELP},
        add_completion=completes,
    )
    app.callback()(tocsin)
    _fill(app, root)
    return app


def tocsin() -> None:
    """Run breach response playbooks, track legal deadlines, and record evidence.

    Start with `tocsin init`, then `tocsin open PLAYBOOK`, then `tocsin next`.
    """


def _fill(app: typer.Typer, commands: Commands) -> None:
    for name, one in commands.inside.items():
        if isinstance(one, Declared) and not name:
            app.callback(invoke_without_command=True)(_function(one))
        elif isinstance(one, Declared):
            app.command(name, cls=OneCommand)(_function(one))
        else:
            made = typer.Typer(
                name=name, cls=CommandGroup, help=one.words or Default(None), rich_markup_mode=None
            )
            app.add_typer(made)
            _fill(made, one)


def _function(declared: Declared) -> Command:
    """Return the function that Typer calls, with the signature that Typer reads."""

    def call(ctx: typer.Context, **given: Any) -> int | None:
        if ctx.invoked_subcommand is None:
            return declared.run(ctx.obj, given)
        if any(given[parameter.name] != parameter.default for parameter in declared.parameters()):
            hint = f"tocsin {ctx.info_name} {ctx.invoked_subcommand} [OPTIONS]"
            raise Usage(
                "An option is before the last word of the command.", hint=hint, code="option_too_early"
            )
        return None

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *map(_signed, declared.parameters()),
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = declared.function.__doc__
    call.__name__ = declared.function.__name__
    return call


def _signed(one: Parameter) -> inspect.Parameter:
    about: dict[str, Any] = one.mark.about
    mark = (
        typer.Argument(**about) if isinstance(one.mark, Argument) else typer.Option(*one.mark.names, **about)
    )
    default = inspect.Parameter.empty if one.default is ... else one.default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(one.name, kind, default=default, annotation=Annotated[one.type, mark])
