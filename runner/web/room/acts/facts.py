"""What a person can do with facts: state or correct one, answer open questions, import a file, confirm a change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runner.acts.asked import Asked
from runner.acts.fields import TIME
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.entries import own_task
from runner.app.incidents.fact_import import FactsFile, import_facts, preview_import
from runner.app.incidents.facts import LEVELS, known_questions, level, moved_page, record_facts, stated
from runner.app.incidents.preview import confirmation
from runner.errors import Refused
from runner.facts.vocabulary.fact_types import NONE, Branch, FactType, Keyed
from runner.facts.vocabulary.lookup import find
from runner.facts.vocabulary.register import OPEN
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.reports.core.task_rows import TaskRow, task_rows
from runner.reports.incidents.facts import fact_changes_page
from runner.reports.incidents.known_facts import awaited_changes, title_words
from runner.reports.incidents.task import type_words
from runner.web.room.acts.forms import (
    SOURCE,
    Act,
    Acting,
    Field,
    Form,
    Given,
    number_of,
    people_field,
    span_of,
)

_YES_NO = ("yes", "no")
_MOST = 12
"""Most words of a set that are listed beside other questions."""
_CERTAINTY = Field("confidence", "Certainty", "choice", tuple((one, one) for one in LEVELS))
_GROUNDS = Field("grounds", "Grounds", help="Needed if a legal deadline moves or a duty ends.")


def _value(name: str, label: str, branch: Branch | None, words: str = "") -> Field:
    """Return the field for a fact of a type, with "not known" as an answer."""
    match branch:
        case FactType(kind="choice" | "bool", many=False, choices=choices):
            shown = ((one, one) for one in choices or _YES_NO)
            return Field(
                name, label, "choice", (("", "no answer yet"), *shown, (OPEN, "not known")), help=words
            )
        case FactType(many=True, choices=choices, kind=kind):
            which = f"Any of: {', '.join(choices)}" if choices else type_words(f"several {kind}")
            if words and len(choices) > _MOST:
                which = f"{len(choices)} words, on the page of this fact"
            return Field(
                name,
                label,
                help=f"{words}{which}. Separate them by commas. Write {NONE}, or {OPEN} if not known.",
            )
        case FactType(kind="instant"):
            return Field(name, label, help=f"{words}{TIME} Write {OPEN} if it is not known.", timed=True)
        case FactType(kind="prose"):
            return Field(name, label, "text", help=words)
        case FactType(kind=kind):
            return Field(name, label, help=f"{words}{type_words(kind)}. Write {OPEN} if it is not known.")
        case _:
            return Field(
                name,
                label,
                "text",
                help=f"{words}One row each, as DE=120. Write DE={OPEN} if a value is not known. Others stay.",
                timed=True,
            )


def _texts(path: str, written: str) -> Iterator[str]:
    """Yield a field as assignments: a map has one for each of its rows."""
    if isinstance(find(path), Keyed):
        yield from (f"{path}.{row.strip()}" for row in re.split(r"[\n,]", written) if row.strip())
    elif written.strip():
        yield f"{path}={written.strip()}"


def _record(asked: Asked, given: Given, texts: Sequence[str]) -> None:
    if not texts:
        raise Refused(
            "No field has an answer. Nothing was recorded.", hint="Answer a field", code="no_answer"
        )
    source = given["source"] or f"answer of {asked.principal.person}"
    sure = given["confidence"] or LEVELS[0]
    record_facts(asked.service, asked.incident.id, texts, source, sure, given["grounds"])


def _preview(asked: Asked, given: Given, texts: Sequence[str]) -> Page | None:
    """Return what a change does if it moves a deadline or needs a second person; otherwise it is recorded at once."""
    if not texts:
        return None
    source = given["source"] or f"answer of {asked.principal.person}"
    sure = level(given["confidence"] or LEVELS[0])
    changes = stated(asked.service, asked.incident, texts, source, sure)
    return moved_page(asked.service, asked.incident, changes)


def _stating(texts: Callable[[Asked, Given], Sequence[str]]) -> Act:
    """Return an act that records assignments, made from the page and its fields."""
    return Act(
        "fact.state",
        lambda asked, given: _record(asked, given, texts(asked, given)),
        lambda asked, given: _preview(asked, given, texts(asked, given)),
    )


# --- a change that awaits a second person ---------------------------------------------------------------------


def _confirmations(asked: Asked) -> Iterator[Form]:
    """Yield a form for each change of facts by another person that the reader may confirm."""
    for people in awaited_changes(asked.incident, asked.ref):
        if people.act.by.casefold() != asked.principal.person.casefold():
            yield Form("confirm", f"Confirm entry {people.entry}", hidden=(("entry", str(people.entry)),))


def _confirm(asked: Asked, given: Given) -> None:
    asked.service.act(asked.principal, asked.incident.id, [c.ConfirmEntry(seq=number_of(given, "entry"))])


def preview_confirm(asked: Asked, given: Given) -> Page:
    """Return the preview of a confirmation; raises what the act would raise."""
    return confirmation(asked.service, asked.incident, number_of(given, "entry"))


CONFIRM = Act("entry.confirm", _confirm, preview_confirm, bound=True)
"""Whoever confirms needs a role that the entry names."""


# --- the page of all facts ------------------------------------------------------------------------------------


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    """Return the newest entry of each fact at or under a path, and what awaits a second person."""
    events = [(key, entry) for key, entry in incident.fact_events.items() if not ref or key.startswith(ref)]
    return sorted(events), [people.entry for people in awaited_changes(incident, ref)]


def _all_forms(asked: Asked) -> Sequence[Form]:
    if asked.query.get("at"):
        return ()
    kinds = (("facts", "Facts file (YAML)"), ("veris", "VERIS record (JSON)"))
    one = Field(
        "fact", "Fact", needed=True, help="Its name, as incident.aware_at. Each name on this page is a link."
    )
    value = Field("value", "Value", "text", needed=True, help=f"Write {OPEN} if it is not known.", timed=True)
    file = Field(
        "file", "File", "file", needed=True, help="After you see what changes, choose the file again."
    )
    return (
        *_confirmations(asked),
        Form("state", "State a fact", (one, value, SOURCE, _CERTAINTY, _GROUNDS), folded=True),
        Form(
            "import",
            "Import facts",
            (file, Field("kind", "Kind of file", "choice", kinds), _GROUNDS),
            folded=True,
        ),
    )


def _file(given: Given) -> FactsFile:
    upload = given.files.get("file")
    if upload is None:
        raise Refused("The form has no file. Nothing was recorded.", hint="Choose a file", code="no_file")
    return FactsFile(upload.name, upload.body, veris=given["kind"] == "veris")


def _import(asked: Asked, given: Given) -> None:
    import_facts(asked.service, asked.incident.id, _file(given), given["grounds"])


FACTS = Acting(
    _all_forms,
    {
        "confirm": CONFIRM,
        "state": _stating(lambda asked, given: list(_texts(given["fact"].strip(), given["value"]))),
        "import": Act(
            "fact.state",
            _import,
            lambda asked, given: fact_changes_page(
                preview_import(asked.service, asked.incident, _file(given))
            ),
        ),
    },
    _seen,
)


# --- the page of one fact -------------------------------------------------------------------------------------


def _of_fact(asked: Asked) -> Iterator[Form]:
    branch = find(asked.ref)
    yield from _confirmations(asked)
    single = isinstance(branch, FactType)
    if not (single or (isinstance(branch, Keyed) and not branch.is_list)):
        return
    known = asked.ref in asked.incident.facts
    field = _value("value", title_words(asked.ref), branch)._replace(needed=True)
    verb = "Correct this fact" if known else "State this fact"
    yield Form("state", verb, (field, SOURCE, _CERTAINTY, _GROUNDS))
    if single:
        yield Form("unknown", "Record as not known")
    if _asking(asked) is not None:
        again = Field("after", "Ask again after", needed=True, value="2h")
        yield Form("later", "Ask the question again later", (again,), folded=True)
    else:
        within = Field("due", "Within", help="Such as 2h.")
        yield Form("ask", "Ask a person for this fact", (people_field(asked), within), folded=True)


def _asking(asked: Asked) -> TaskRow | None:
    """Return the open question or form that asks for the fact of the page."""
    rows = task_rows(asked.incident, asked.service.library(asked.incident))
    asks = (row for row in rows if row.state in ("ready", "active"))
    return next((row for row in asks if row.sets == asked.ref or asked.ref in row.open_fields), None)


def _later(asked: Asked, given: Given) -> None:
    row, span = _asking(asked), span_of(given, "after")
    if row is None or span is None:
        raise Refused(
            "No open question asks for this fact, or the form has no time. Nothing was recorded.",
            hint="Write a time such as 2h",
            code="bad_form",
        )
    again = asked.service.now_in(asked.incident) + span
    command = c.AnswerUnknown(step=row.invocation, ask_again=again)
    asked.service.act(asked.principal, asked.incident.id, [command])


def _ask(asked: Asked, given: Given) -> None:
    """Give a person the task to find out the fact."""
    command = own_task(
        asked.service,
        f"Find out: {title_words(asked.ref)}",
        to=given["person"],
        due=span_of(given, "due"),
        instructions=f"Record the answer: tocsin fact set {asked.ref}=VALUE --source SOURCE",
    )
    asked.service.act(asked.principal, asked.incident.id, [command])


FACT = Acting(
    _of_fact,
    {
        "confirm": CONFIRM,
        "state": _stating(lambda asked, given: list(_texts(asked.ref, given["value"]))),
        "unknown": _stating(lambda asked, given: [f"{asked.ref}={OPEN}"]),
        "later": Act("fact.state", _later),
        "ask": Act("fact.state", _ask, adds=True),
    },
    _seen,
)


# --- the page of open questions -------------------------------------------------------------------------------


def _questions(asked: Asked) -> Sequence[Form]:
    rows = known_questions(asked.service, asked.incident)
    fields = tuple(
        _value(path, words, find(path), f"{'. '.join(why)}. " if why else "") for path, words, why in rows
    )
    if not fields:
        return ()
    return (Form("answer", "Record the answers", (*fields, SOURCE, _CERTAINTY, _GROUNDS)),)


def _answers(asked: Asked, given: Given) -> list[str]:
    asks = (path for path, _, _ in known_questions(asked.service, asked.incident))
    return [text for path in asks for text in _texts(path, given[path])]


MISSING = Acting(
    _questions,
    {"answer": _stating(_answers)},
    lambda service, incident, ref: [
        (path, incident.fact_events.get(path)) for path, _, _ in known_questions(service, incident)
    ],
)
