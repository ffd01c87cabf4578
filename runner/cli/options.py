"""How a command is declared: a function that takes a session, to which the options of every command are added.

``Scope`` says which of them make sense: ``--incident`` for what is about one incident, ``--as`` and its like for what
is recorded, ``--no-work`` for what may make work due.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any

import typer

from runner.cli.completing import incidents
from runner.cli.session import FORMATS, Options, Session

Command = Callable[..., int | None]


class Scope(Enum):
    """What a command does, as far as its options go."""

    ANYWHERE = "anywhere"
    READS = "reads"
    WRITES = "writes"
    HOME_WRITES = "home writes"


_HOME = Annotated[
    str | None, typer.Option("--home", metavar="DIR", help="The home; else TOCSIN_HOME, .tocsin.")
]
_FORMAT = Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, or json for programs.")]
_AS = Annotated[str, typer.Option("--as", metavar="PERSON", help="Who you say you are.")]
_BEHALF = Annotated[
    str, typer.Option("--on-behalf-of", metavar="PERSON", help="For whom you do it; provisional.")
]
_VIA = Annotated[str, typer.Option("--via", metavar="WAY", help="How that person told you: phone.")]
_NO_WORK = Annotated[bool, typer.Option("--no-work", help="Leave what becomes due to a worker.")]
_INCIDENT = Annotated[
    str | None,
    typer.Option("--incident", "-i", metavar="INCIDENT", help="Id or codename.", autocompletion=incidents),
]
Where = Annotated[
    str | None,
    typer.Argument(metavar="[INCIDENT]", help="Id or codename; may be left out.", autocompletion=incidents),
]
"""The incident as an argument, for commands about a whole one."""


def _added(scope: Scope) -> dict[str, tuple[Any, Any]]:
    """Return the options of a scope: name → annotation and default."""
    found: dict[str, tuple[Any, Any]] = {}
    if scope in (Scope.READS, Scope.WRITES):
        found["incident"] = (_INCIDENT, None)
    if scope in (Scope.WRITES, Scope.HOME_WRITES):
        found |= {"claimed": (_AS, ""), "on_behalf_of": (_BEHALF, ""), "via": (_VIA, "")}
    if scope is Scope.WRITES:
        found["no_work"] = (_NO_WORK, False)
    return {**found, "home": (_HOME, None), "format": (_FORMAT, "text")}


def command(
    app: typer.Typer, name: str, scope: Scope = Scope.READS, *, formats: tuple[str, ...] = FORMATS
) -> Callable[[Command], Command]:
    """Declare a command; its function takes a ``Session`` first and returns an exit code, or None for done."""

    def declare(function: Command) -> Command:
        app.command(name)(with_session(function, scope, formats))
        return function

    return declare


def with_session(
    function: Command, scope: Scope, formats: tuple[str, ...] = FORMATS, context: bool = False
) -> Command:
    """Return the function that Typer calls: it opens the session and passes the command's own arguments on.

    With ``context`` the function is called only where no subcommand was given.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    added = _added(scope)

    def call(ctx: typer.Context, **given: Any) -> int | None:
        options = Options(writes=scope is Scope.WRITES, **{option: given.pop(option) for option in added})
        if context and ctx.invoked_subcommand is not None:
            return None
        with Session(ctx.obj, options, formats) as session:
            return function(session, **given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(one.replace(kind=keyword) for one in own),
        *(
            inspect.Parameter(option, keyword, default=default, annotation=annotation)
            for option, (annotation, default) in added.items()
        ),
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    call.__doc__ = function.__doc__
    call.__name__ = function.__name__
    return call


def group(app: typer.Typer, name: str, words: str) -> typer.Typer:
    """Return a new group of commands."""
    made = typer.Typer(name=name, help=words, rich_markup_mode=None)
    app.add_typer(made)
    return made
