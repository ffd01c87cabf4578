"""An act: something that a person or a program can do, described once for the command line, the room and the API.

A handler takes ``Asked`` and typed fields, and returns commands of an incident; it records nothing. Its signature is the
fields; their words are in a file beside the module. Each surface reads its texts into the fields (``read_fields``), calls the
handler, and gives the commands to the service: rights, checks, previews and warnings cannot differ between surfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace, UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args, get_type_hints

from runner.acts.asked import Upload
from runner.base.instants import calendar_day, parse_duration
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from runner.acts.asked import Asked
    from runner.app.core.repository import Turn
    from runner.app.core.rights import Right
    from runner.incident.state.commands import AnyCommand
    from runner.incident.state.incident import Incident
    from runner.reports.core.page import Page

_DIGITS = 9
Choices: TypeAlias = Iterable[tuple[str, str]]
"""Values with their words."""
Made: TypeAlias = "Sequence[AnyCommand] | Turn"
"""Commands that the surface performs, or the turn of a use case that performed its own."""
NOTHING: Mapping[str, Any] = {}


class Warned(NamedTuple):
    """What speaks against an act, or should be known beside its result."""

    code: str
    text: str


Warnings: TypeAlias = Iterable[Warned]


class Field(NamedTuple):
    """How a field of an act is shown: its row in the file of words."""

    usage: str
    """As the help of the command shows it: ``--reason WHY``, or ``PERSON`` for an argument; empty: only forms have it."""
    label: str
    note: str = ""
    """A sentence or two beside the label of a form."""
    help: str = ""
    """Help of the command, if it is not label and note."""
    text: bool = False
    """Several lines."""
    needed: bool = False
    terminal: bool = False
    """No form and no program has it."""
    in_person: bool = False
    """Nobody gives it on behalf of another person."""
    first: str = "choose"
    """The choice of nothing, in words."""


class Words(NamedTuple):
    """What an act is called, its help, and its fields by their names."""

    button: str
    help: str
    fields: Mapping[str, Field]


_FLAGS = ("text", "needed", "terminal", "in_person")
_EXAMPLES = {False: "Example:", True: "Examples:"}


def words_of(name: str) -> Mapping[str, Words]:
    """Return the words of the acts of a subject by their verbs, of ``NAME.toml``."""
    common = _tables("common")["fields"]
    return {verb: _words(row, common) for verb, row in _tables(name).items()}


@cache
def _tables(name: str) -> Mapping[str, Any]:
    import tomllib

    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))


def _words(row: Mapping[str, Any], common: Mapping[str, Sequence[str]]) -> Words:
    """Return the words of one act; a field that several acts have is ``name = "name"``, its row is in ``common.toml``."""
    first: Mapping[str, str] = row.get("first", NOTHING)
    fields: dict[str, Field] = {}
    for name, texts in row.get("fields", NOTHING).items():
        flags: dict[str, Any] = {flag: name in row.get(flag, ()) for flag in _FLAGS}
        field = Field(*(common[texts] if isinstance(texts, str) else texts))
        fields[name] = field._replace(**flags, first=first.get(name, field.first))
    examples = [f"  tocsin {line}" for line in row.get("examples", "").splitlines()]
    lines = ("", "\b", _EXAMPLES[len(examples) > 1], *examples) if examples else ()
    text = row["help"].strip()
    return Words(row.get("button") or text.partition(".")[0], "\n".join((text, *lines)), fields)


class Parameter(NamedTuple):
    """One field of an act with its type and its default; the default is ``...`` if there is none."""

    name: str
    kind: Any
    field: Field
    default: Any = ""
    choices: Callable[[Asked], Choices] | None = None
    """What a form offers; a field of which a form offers nothing is not on it."""


class Act(NamedTuple):
    """What can be done to a subject, and the right that it needs."""

    words: Words
    right: Right
    make: Callable[..., Made]
    result: str | Callable[[Asked, Turn, Mapping[str, Any]], str] = "{ref} is changed"
    """The result in words: with the reference and fields in braces, or a function of the turn and the fields."""
    command: str = ""
    """The word of the command, if it is not the verb; ``/WORD`` is outside of the group, ``-`` is no command."""
    warns: Callable[[Asked, Incident, Sequence[AnyCommand]], Warnings] | None = None
    """What speaks against the commands, with the incident after them: in a preview, and beside the result of a command."""
    warns_later: Callable[[Asked, Incident], Warnings] | None = None
    """The same after the work that became due, which only a command waits for."""
    preview: Callable[..., Page | None] | Literal["commands", ""] = ""
    """What will happen: of the commands, or a function with the parameters of the handler; None is done at once."""
    asks: Callable[[Asked], Iterable[Parameter]] | None = None
    """Fields of the present state, such as the questions of a form; they reach the handler as ``answers``, by their names."""
    choices: Mapping[str, Callable[[Asked], Choices]] = NOTHING
    """What forms offer, by the field."""
    leads: Callable[[Asked, Turn], tuple[str, str]] | None = None
    """The page after it, if that is not the page of the form: its operation and reference."""
    adds: bool = False
    """It only adds: what changed meanwhile does not matter."""
    binds: bool = False
    """A person with an account gives the factors again after five minutes."""
    form: bool = True
    """The room has it."""
    program: bool = False
    """A program with a token may do it, if its right is one of programs."""


class Offer(NamedTuple):
    """An act that the present state allows."""

    verb: str
    label: str = ""
    fixed: Mapping[str, str] = NOTHING
    """Fields that the page fills in and does not show."""
    chosen: Mapping[str, str] = NOTHING
    """What stands in fields before anybody types."""
    folded: bool = False
    note: str = ""
    """Something to know before the form is sent."""
    off: bool = False
    """It cannot be sent now; ``note`` says why."""


class View(NamedTuple):
    """What can be seen: a command that reads, a page of the room, and an address of the API."""

    words: Words
    report: Callable[..., Any]
    """A handler as that of an act; what it returns is the answer for programs."""
    draw: Callable[[Asked, Any], Page]


class Subject(NamedTuple):
    """What acts are about, such as a task: how it is named, and what can be done to it."""

    name: str
    words: str
    """Help of its group of commands."""
    ref: Field
    find: Callable[[Asked, str], str]
    """Return the full reference of what somebody named; raises NotFound."""
    offers: Callable[[Asked], Iterable[Offer]]
    acts: Mapping[str, Act]
    seen: Callable[[Asked], Any] | None = None
    """What forms are drawn from: if that changed meanwhile, a form is refused."""


def parameters(
    words: Words, handler: Callable[..., Any], choices: Mapping[str, Callable[[Asked], Choices]] = NOTHING
) -> list[Parameter]:
    """Return the fields of an act or a view: types and defaults of the signature of its handler, and their words."""
    code, defaults = (
        handler.__code__,
        handler.__defaults__ or (),
    )  # `inspect` takes longer to import than this saves
    names = code.co_varnames[1 : code.co_argcount]
    padded = (*[...] * (len(names) - len(defaults)), *defaults)
    own = SimpleNamespace(__annotations__={name: handler.__annotations__[name] for name in names})
    hints = get_type_hints(own, handler.__globals__)
    return [
        Parameter(name, _type(hints[name]), words.fields[name], default, choices.get(name))
        for name, default in zip(names, padded, strict=True)
        if name != "answers"
    ]


def _type(hint: Any) -> Any:
    """Return the type that is not None."""
    types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next(kind for kind in types if kind is not type(None))


def read_fields(fields: Iterable[Parameter], asked: Asked, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of fields; raises Usage or Refused for one that cannot be read."""
    return {field.name: read_field(field, asked, given.get(field.name)) for field in fields}


def read_field(parameter: Parameter, asked: Asked, raw: Any) -> Any:
    """Return the value of a field from a text, several texts, a switch, a path or an upload."""
    kind, default = parameter.kind, parameter.default
    if raw in (None, "", [], ()) or (isinstance(raw, str) and kind is not str and not raw.strip()):
        return "" if default is ... and kind is str else default
    if parameter.field.in_person and asked.principal.on_behalf_of:
        hint = "Ask counsel to run the command with --as PERSON"
        raise Refused("You cannot accept a text for another person.", hint=hint, code="on_behalf")
    return _READERS[kind](raw, asked)


def _texts(raw: Any, _asked: Asked) -> tuple[str, ...]:
    return tuple(raw) if isinstance(raw, list) else tuple(raw.replace(",", " ").split())


def _number(raw: Any, _asked: Asked) -> int:
    text = str(raw).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Refused(
            "The form names nothing on the page. Nothing was recorded.",
            hint="Use the page again",
            code="bad_form",
        )
    return int(text)


def _duration(raw: str, _asked: Asked) -> timedelta:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise Usage(f'Duration "{raw}" is not valid: {error}.', code="bad_duration") from None


def _upload(raw: Any, _asked: Asked) -> Upload:
    from runner.app.incidents.evidence import read

    return Upload(raw.name, read(raw)) if isinstance(raw, Path) else raw


_READERS: Mapping[Any, Callable[[Any, Asked], Any]] = {
    str: lambda raw, asked: raw,
    int: _number,
    bool: lambda raw, asked: raw in (True, "yes", "1"),
    date: lambda raw, asked: calendar_day(raw),
    datetime: lambda raw, asked: asked.instant(raw),
    timedelta: _duration,
    Upload: _upload,
    tuple[str, ...]: _texts,
    tuple[int, ...]: lambda raw, asked: tuple(_number(text, asked) for text in _texts(raw, asked)),
}
"""How the text of a field becomes a value, by the type in the signature."""
