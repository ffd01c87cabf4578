"""Commands of acts: each is made from the description of its act, with help, options and completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.acts.act import Act, Field, Subject, View, Words, parameters, read_fields
from runner.acts.act import Parameter as ActParameter
from runner.acts.asked import Asked, Terminal, Upload
from runner.cli.framework.completion import steps
from runner.cli.framework.options import Argument, Commands, Declared, Option, Parameter, Scope, instant_of
from runner.cli.framework.session import FORMATS, Session

if TYPE_CHECKING:
    from runner.app.core.repository import Turn
    from runner.incident.state.commands import AnyCommand
    from runner.incident.state.incident import Incident

_RAW: Mapping[Any, tuple[Any, Any]] = {
    bool: (bool, False),
    Upload: (Path | None, None),
    tuple[str, ...]: (list[str] | None, None),
    tuple[int, ...]: (list[int] | None, None),
}
"""What a line has for a field of a type, and without the field; a text by default."""
_COMPLETED = {"STEP": steps}


def add_acts(app: Commands, inside: Commands, subject: Subject) -> None:
    """Add the acts of a subject to its group of commands, and those outside of it to all commands."""
    for verb, act in subject.acts.items():
        word = act.command or verb
        place = app if word.startswith("/") else inside
        if word != "-":
            place.inside[word.removeprefix("/")] = _declared(subject, act)


def _declared(subject: Subject, act: Act) -> Declared:
    def run(session: Session, **given: Any) -> None:
        perform(session, subject, act, given)

    run.__doc__, run.__name__ = act.words.help, act.make.__name__
    return Declared(run, Scope.WRITES, FORMATS, partial(_parameters, subject, act.words, act.make))


def add_view(inside: Commands, name: str, subject: Subject, view: View, *, known: bool = False) -> None:
    """Add the command that shows a view of a subject; with ``known`` also as it was known at a time."""

    def run(session: Session, ref: str, known: str = "", **given: Any) -> None:
        about = session.reader.incident(session.name(), instant_of(session, known)) if known else None
        asked = asked_by(session, subject, ref, about or session.incident())
        if known:
            asked = asked._replace(now=instant_of(session, known))
        report = view.report(asked, **read_fields(parameters(view.words, view.report), asked, given))
        session.show(report, lambda: view.draw(asked, report))

    def own() -> list[Parameter]:
        found = _parameters(subject, view.words, view.report)
        option = Option("--as-known-at INSTANT", "State of knowledge at this time. Default: now.")
        return [*found, *([Parameter("known", str, option, "")] if known else [])]

    run.__doc__, run.__name__ = view.words.help, view.report.__name__
    inside.inside[name] = Declared(run, Scope.READS, FORMATS, own)


def _parameters(subject: Subject, words: Words, handler: Callable[..., Any]) -> list[Parameter]:
    about = Parameter("ref", str, _mark(subject.ref), ...)
    return [about, *(_parameter(field) for field in parameters(words, handler) if field.field.usage)]


def _parameter(parameter: ActParameter) -> Parameter:
    kind, absent = _RAW.get(parameter.kind, (str, ""))
    if parameter.default is ...:
        kind, absent = {list[int] | None: list[int], list[str] | None: list[str]}.get(kind, kind), ...
    elif kind is str:
        absent = parameter.default or ""
    return Parameter(parameter.name, kind, _mark(parameter.field), absent)


def _mark(field: Field) -> Option | Argument:
    make = Option if field.usage.startswith("-") else Argument
    words = field.help or f"{field.label}. {field.note}".strip()
    return make(field.usage, words, autocompletion=_COMPLETED.get(field.usage))


def perform(session: Session, subject: Subject, act: Act, given: dict[str, Any]) -> None:
    """Perform an act of a command line, due work with it, and show the result."""
    from runner.app.incidents.outcome import moved
    from runner.cli.framework.outcome import tell
    from runner.incident.state.record import FactsRecorded
    from runner.incident.state.second_person import SecondPersonAsked

    asked = asked_by(session, subject, given.pop("ref"), session.incident())
    values = read_fields(parameters(act.words, act.make), asked, given)
    made: Any = act.make(asked, **values)
    commands: Sequence[AnyCommand] = made if isinstance(made, list | tuple) else ()
    turn: Turn = asked.service.act(asked.principal, asked.incident.id, commands) if commands else made
    for code, words in act.warns(asked, turn.after, commands) if act.warns is not None else ():
        session.warn(code, words)
    events = [recorded.event for recorded in turn.events]
    facts = [fact for event in events if isinstance(event, FactsRecorded) for fact in event.facts]
    facts += [fact for event in events if isinstance(event, SecondPersonAsked) for fact in event.act.facts]
    tell(session, turn, _result(act, asked, turn, values), moved(asked.service, turn, facts) if facts else ())
    if act.warns_later is not None:
        for code, words in act.warns_later(asked, session.service.load(asked.incident.id)):
            session.warn(code, words)


def asked_by(session: Session, subject: Subject, text: str, incident: Incident) -> Asked:
    """Return the request of a command line about something that its person named."""
    at = partial(instant_of, session)
    terminal = Terminal(at, session.confirm, session.ask, session.say, session.world.asks)
    service, principal = session.service, session.principal
    asked = Asked(service, session.reader, principal, session.now(), incident, text, terminal=terminal)
    return asked._replace(ref=subject.find(asked, text))


def _result(act: Act, asked: Asked, turn: Turn, values: Mapping[str, Any]) -> str:
    """Return the result in words."""
    if callable(act.result):
        return act.result(asked, turn, values)
    words = {
        name: (", ".join(map(str, value)) or "all") if isinstance(value, tuple) else value
        for name, value in values.items()
    }
    return act.result.format(ref=asked.ref, **words)
