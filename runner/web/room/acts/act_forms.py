"""Forms of the acts that are described once: made from their descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.acts.act import Act as DescribedAct
from runner.acts.act import Offer, Parameter, Subject, parameters, read_fields
from runner.acts.asked import Asked, Upload
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.preview import consequences
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.web.room.acts.forms import Act, Acting, Field, Form, Given
from runner.web.room.table import BY_OPERATION, address


def acting_of(
    subject: Subject, verbs: Sequence[str] = (), offers: Callable[[Asked], Iterable[Offer]] | None = None
) -> Acting:
    """Return the forms of a subject and what they do; with ``verbs`` only some, with ``offers`` those of another page."""
    made = offers or subject.offers
    acts = {verb: act for verb, act in subject.acts.items() if act.form and (verb in verbs or not verbs)}

    def forms(asked: Asked) -> Iterator[Form]:
        asked = _about(subject, asked)
        return (_form(acts[offer.verb], offer, asked) for offer in made(asked) if offer.verb in acts)

    def seen(service: IncidentService, incident: Incident, ref: str) -> Any:
        reader, principal = service.read(service.principal), service.principal
        asked = Asked(service, reader, principal, service.now_in(incident), incident, ref)
        return subject.seen(_about(subject, asked)) if subject.seen is not None else None

    return Acting(forms, {verb: _act(subject, act) for verb, act in acts.items()}, seen)


def _about(subject: Subject, asked: Asked) -> Asked:
    return asked._replace(ref=subject.find(asked, asked.ref))


def _fields(act: DescribedAct) -> list[Parameter]:
    """Return the fields that forms and programs can have."""
    return [one for one in parameters(act.words, act.make, act.choices) if not one.field.terminal]


def _form(act: DescribedAct, offer: Offer, asked: Asked) -> Form:
    own = [parameter for parameter in _fields(act) if parameter.name not in offer.fixed]
    every = [*(act.asks(asked) if act.asks is not None else ()), *own]
    fields = [field for parameter in every if (field := _field(parameter, asked, offer)) is not None]
    hidden, label = tuple(offer.fixed.items()), offer.label or act.words.button
    return Form(offer.verb, label, tuple(fields), hidden, offer.folded, note=offer.note, off=offer.off)


def _field(parameter: Parameter, asked: Asked, offer: Offer) -> Field | None:
    """Return a field of a form; None for a choice of nothing."""
    name, words, value = parameter.name, parameter.field, offer.chosen.get(parameter.name, "")
    if parameter.choices is not None:
        choices = tuple(parameter.choices(asked))
        listed = (("", words.first), *choices)
        needed = words.needed and not value
        return Field(name, words.label, "choice", listed, words.note, needed, value) if choices else None
    kind = _KINDS.get(parameter.kind, "text" if words.text else "line")
    timed = parameter.kind.__name__ == "datetime"
    return Field(name, words.label, kind, (), words.note, words.needed, value, timed)


_KINDS: Mapping[Any, Any] = {Upload: "file"}


def _act(subject: Subject, act: DescribedAct) -> Act:
    def values(asked: Asked, given: Given, files: Mapping[str, Upload]) -> dict[str, Any]:
        read = read_fields(_fields(act), asked, {**given, **files})
        if act.asks is not None:
            names = [parameter.name for parameter in act.asks(asked)]
            read["answers"] = {name: given[name].strip() for name in names if given[name].strip()}
        return read

    def do(asked: Asked, given: Given) -> str | None:
        asked = _about(subject, asked)
        made: Any = act.make(asked, **values(asked, given, given.files))
        turn = (
            asked.service.act(asked.principal, asked.incident.id, made)
            if isinstance(made, list | tuple)
            else made
        )
        if act.leads is None:
            return None
        operation, ref = act.leads(asked, turn)
        return address(BY_OPERATION[operation], asked.incident.codename, ref)

    def preview(asked: Asked, given: Given) -> Page | None:
        asked = _about(subject, asked)
        read = values(asked, given, {})  # a preview stores no file
        if callable(act.preview):
            return act.preview(asked, **read)
        made: Any = act.make(asked, **read)
        after = asked.service.prepare(asked.incident, made, principal=asked.principal).incident
        warnings = (text for _, text in act.warns(asked, after, made)) if act.warns is not None else ()
        return consequences(asked.service, asked.incident, made, *warnings)

    shown = ((name, field) for name, field in act.words.fields.items() if not field.terminal)
    takes = tuple(Field(name, field.label, needed=field.needed) for name, field in shown)
    return Act(
        act.right,
        do,
        preview if act.preview else None,
        act.adds,
        bound=act.binds,
        takes=takes,
        program=act.program,
    )
