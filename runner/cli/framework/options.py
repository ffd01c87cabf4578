"""Declaration of commands: a function that takes a session, and the common options.

``Scope`` selects them: ``--incident`` for commands about one incident, ``--as`` and the like for commands that
record, ``--no-work`` for commands that can make work due. A declaration does not import Typer, whose import takes longer
than most commands: ``plain`` reads simple lines, and ``typed`` passes the rest to Typer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, get_type_hints

from runner.base.instants import calendar_day as calendar_day
from runner.base.instants import instant as instant
from runner.base.instants import is_local, parse_duration
from runner.base.states import PROFILES, Kind, Profile
from runner.cli.framework.commands import COMMANDS
from runner.cli.framework.completion import incidents
from runner.cli.framework.session import FORMATS, Options, Session
from runner.errors import TocsinError, Usage
from runner.reports.core.action_text import hint_text
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.cli.framework.environment import World
    from runner.reports.exercises.schedules import SchedulesReport

Command = Callable[..., int | None]
Complete = Callable[[str], list[str]]


class _Input:
    """What a command reads: its usage as the help shows it, its help and its completion."""

    def __init__(self, usage: str = "", help: str = "", *, autocompletion: Complete | None = None) -> None:
        words = usage.replace(",", "").split()
        self.names = tuple(word for word in words if word.startswith("-"))
        value = " ".join(words[len(self.names) :])
        self.about = {"help": help, "metavar": value or None, "autocompletion": autocompletion}


class Option(_Input):
    """An option, as ``--reason WHY`` or ``--incident, -i INCIDENT``; ``--yes/--no`` is a switch with two names."""


class Argument(_Input):
    """An argument, as ``STEP`` or ``[ROW]...``."""


class Scope(Enum):
    """The effect of a command, which selects its common options."""

    ANYWHERE = "anywhere"
    READS = "reads"
    WRITES = "writes"
    OPENS = "opens"
    """It writes, in an incident that does not exist yet."""
    HOME_WRITES = "home writes"


RECORDS = (Scope.WRITES, Scope.OPENS, Scope.HOME_WRITES)
"""Scopes of commands that write to a journal, with the actor."""
_HOME = Annotated[
    str | None, Option("--home DIR", "Home folder. Default: TOCSIN_HOME, .tocsin, your data folder.")
]
_AS = Annotated[str, Option("--as PERSON", "Your person id. Not verified.")]
_BEHALF = Annotated[str, Option("--on-behalf-of PERSON", "Person you act for. Needs confirmation.")]
_VIA = Annotated[str, Option("--via WAY", "Contact with that person: phone.")]
_NO_WORK = Annotated[bool, Option("--no-work", "Queue the work for a worker.")]
_NO_PAGER = Annotated[bool, Option("--no-pager", "Write long output to the terminal, without a pager.")]
_INCIDENT = Annotated[
    str | None, Option("--incident, -i INCIDENT", "Id or codename of the incident.", autocompletion=incidents)
]
Where = Annotated[
    str | None,
    Argument("[INCIDENT]", "Id or codename. Default: the active incident.", autocompletion=incidents),
]
"""The incident as an argument, for commands about a whole one."""


COMMON = ("home", "format", "incident", "claimed", "on_behalf_of", "via", "no_work", "no_pager", "help")
"""Names of the common options."""


def _added(scope: Scope, formats: Sequence[str] = FORMATS) -> dict[str, tuple[Any, Any]]:
    """Return the options of a scope: name → annotation and default."""
    words = f"{', '.join(formats[:-1])} or {formats[-1]}"
    format_ = Annotated[str, Option("--format FORMAT", f"Output format: {words}.")]
    found: dict[str, tuple[Any, Any]] = {}
    if scope in (Scope.READS, Scope.WRITES):
        found["incident"] = (_INCIDENT, None)
    if scope in RECORDS:
        found |= {"claimed": (_AS, ""), "on_behalf_of": (_BEHALF, ""), "via": (_VIA, "")}
    if scope in (Scope.WRITES, Scope.OPENS):
        found["no_work"] = (_NO_WORK, False)
    return {**found, "home": (_HOME, None), "format": (format_, "text"), "no_pager": (_NO_PAGER, False)}


class Parameter(NamedTuple):
    """One parameter of a command; ``default`` is ``...`` if it is required."""

    name: str
    type: Any
    mark: Option | Argument
    default: Any


class Declared(NamedTuple):
    """One command."""

    function: Command
    scope: Scope
    formats: tuple[str, ...]
    own: Callable[[], list[Parameter]] | None = None
    """Its own parameters, if its function does not declare them."""

    def parameters(self) -> list[Parameter]:
        """Return its parameters: its own first, then the options of its scope."""
        added = [_parameter(name, *found) for name, found in _added(self.scope, self.formats).items()]
        if self.own is not None:
            return [*self.own(), *added]
        code, defaults = self.function.__code__, self.function.__defaults__ or ()
        names = code.co_varnames[1 : code.co_argcount]
        hints = get_type_hints(self.function, include_extras=True)
        padded = (*[...] * (len(names) - len(defaults)), *defaults)
        own = [_parameter(name, hints[name], default) for name, default in zip(names, padded, strict=True)]
        return [*own, *added]

    def run(self, world: World, given: dict[str, Any]) -> int | None:
        """Run the command: open a session with the options of its scope, and pass its own parameters on."""
        own = dict(given)
        options = Options(
            writes=self.scope in (Scope.WRITES, Scope.OPENS),
            records=self.scope in RECORDS,
            reads=self.scope is Scope.READS,
            **{name: own.pop(name) for name in _added(self.scope)},
        )
        with Session(world, options, self.formats) as session:
            if where := options.incident or own.get("where"):
                session.aim = partial(_aimed, session, str(where))
            try:
                return self.function(session, **own)
            except TocsinError as error:
                hint = hint_text(error)
                if (aimed := session.aim(hint)) != hint:
                    error.hint, error.action = aimed, None
                raise
            finally:
                if options.writes and session.opened:
                    from runner.cli.framework.background_worker import keep_worker

                    keep_worker(session)


_COMMAND = re.compile(r"\btocsin (?P<first>[a-z-]+)(?: (?P<second>[a-z-]+))?")


def _aimed(session: Session, given: str, text: str) -> str:
    """Return a text whose commands name the incident that this one names, if they would act on another without it."""
    if session.json or not session.opened or "tocsin " not in text:
        return text
    rows = [row for row in session.service.incidents() if given in (row.id, row.codename)]
    usual = ""
    with suppress(TocsinError):  # several are open, or none
        usual = session.service.find(None, session.choice)
    return aimed_at(rows[-1].codename, text) if rows and rows[-1].id != usual else text


def aimed_at(codename: str, text: str) -> str:
    """Return a text whose commands about an incident name this one."""
    return _COMMAND.sub(partial(_with_incident, codename), text)


def _with_incident(codename: str, told: re.Match[str]) -> str:
    """Name the incident in a command that is about one and does not name it."""
    inside, end = declared(told["first"]).inside.get(told["first"]), told.end("first")
    if isinstance(inside, Commands):
        second = told["second"] if told["second"] in inside.inside else ""
        inside, end = inside.inside.get(second), told.end("second") if second else end
    line = told.string[told.start() :].partition("\n")[0]
    takes_one = isinstance(inside, Declared) and inside.scope in (Scope.READS, Scope.WRITES)
    if not takes_one or re.search(rf" -i | --incident |\b{re.escape(codename)}\b", line):
        return told[0]
    return f"{told.string[told.start() : end]} -i {codename}{told.string[end : told.end()]}"


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, annotation.__origin__, annotation.__metadata__[0], default)


class Commands:
    """Commands by name; some are groups. The command without a name is that of the group itself."""

    def __init__(self, name: str, words: str = "") -> None:
        """Start without commands; ``words`` is the help."""
        self.name = name
        self.words = words
        self.inside: dict[str, Declared | Commands] = {}


def declared(asked: str = "") -> Commands:
    """Return the commands of the module that declares the command, or all if that is not clear."""
    root = Commands("tocsin")
    modules = [COMMANDS[asked]] if asked in COMMANDS else dict.fromkeys(COMMANDS.values())
    for module in modules:
        import_module(f"runner.cli.{module}").add(root)
    return root


def command(
    app: Commands, name: str, scope: Scope = Scope.READS, *, formats: tuple[str, ...] = FORMATS
) -> Callable[[Command], Command]:
    """Declare a command; its function has a ``Session`` first and returns an exit code, or None for 0."""

    def declare(function: Command) -> Command:
        app.inside[name] = Declared(function, scope, formats)
        return function

    return declare


def group(app: Commands, name: str, words: str) -> Commands:
    """Return a new group of commands."""
    commands = Commands(name, words)
    app.inside[name] = commands
    return commands


Reason = Annotated[str, Option("--reason WHY", "Reason. Stored in the journal.")]
NEEDS_A_PERSON = 4


_Choice = TypeVar("_Choice", bound=str)
KINDS: tuple[Kind, ...] = ("real", "exercise", "test")


def one_of(text: str, choices: Iterable[_Choice], what: str, code: str, *, option: str = "") -> _Choice:
    """Return the typed choice; raises Usage, which names ``option`` if the choice belongs to one."""
    known = tuple(choices)
    for choice in known:
        if choice == text:
            return choice
    hint = f"Use {option} {'|'.join(known)}" if option else f"Use one of: {', '.join(known)}"
    raise Usage(f'{what} "{text}" is unknown.', hint=hint, code=code)


def kind_of(text: str, what: str = "Kind of incident") -> Kind:
    """Return a kind of incident; raises Usage."""
    return one_of(text, KINDS, what, "unknown_kind", option="--kind")


ProfileOption = Annotated[
    str, Option("--profile PROFILE", "small or large. Default: the profile in tocsin.yaml.")
]


def profile_of(text: str) -> Profile | None:
    """Return a profile, None without a name; raises Usage."""
    return one_of(text, PROFILES, "Profile", "unknown_profile", option="--profile") if text else None


def duration(text: str) -> timedelta:
    """Return the duration of a text."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Usage(f'Duration "{text}" is not valid: {error}.', code="bad_duration") from None


def check_times(cron: str, every: str) -> None:
    """Raise Usage unless exactly one of the two is set."""
    if bool(cron) == bool(every):
        raise Usage(
            "Exactly one of --cron and --every is needed.",
            hint="Add --every 90d",
            code="options_conflict" if cron else "option_missing",
        )


def span(option: str, text: str) -> timedelta | None:
    """Return the interval of an option; raises Usage."""
    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise Usage(f"{option}: {error}", code="bad_duration") from error
    if not timedelta() < found <= timedelta(days=3660):
        raise Usage(
            f'{option} "{text}" is not a duration between two exercises.',
            hint=f"Use {option} 90d",
            code="bad_duration",
        )
    return found


def show(session: Session, *, routine: bool = False) -> SchedulesReport:
    """Show the scheduled exercises or jobs, and return them."""
    from runner.app.exercises.schedules import overview
    from runner.reports.exercises.schedules import schedules_page

    report = overview(session.service, routine=routine)
    begin = (
        "tocsin routine add comcheck --every 30d" if routine else "tocsin drill schedule EXERCISE --every 90d"
    )
    session.show(report, lambda: schedules_page(report, begin))
    return report


def instant_of(session: Session, text: str, *, apart: bool = False) -> datetime:
    """Return a time as a person wrote it; a local time is in the organisation's zone, and is shown with it.

    ``apart`` is a command about no incident: the zone is that of the settings.
    """
    if not is_local(text) or not (session.folder / CONFIG).exists():
        return instant(text, session.now())
    from runner.reports.core.formatting import moment
    from runner.reports.core.header import local_now

    name = "" if apart else session.name_or_none()
    about = session.reader.incident(name) if name else None
    clock = local_now(session.now(), session.service.home.organisation.get("zone"), about)
    at = instant(text, clock)
    session.say(f"{text} is {moment(at, clock.tzinfo)} ({clock.tzinfo})")
    return at
