"""What a person can do on a page: forms, and the commands that they become. Each command is one of the command line's.

A form carries a mark of what it was drawn from. If the task changed meanwhile, nothing is recorded, and the person sees both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from runner.app.core.incident_service import Commands
from runner.app.core.rights import Right
from runner.app.core.step_reference import begun_step
from runner.app.incidents.facts import record_answer, record_form
from runner.errors import Refused
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.incidents.task import FieldRow, TaskReport, field_rows, type_words
from runner.reports.incidents.task import task as task_report
from runner.web.room.pages import Asked

Given = Mapping[str, str]
"""The fields of a submitted form."""
OPEN = ("ready", "active")
_UNSET, _UNKNOWN = "", "unknown"


class Field(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    kind: Literal["line", "text", "choice"] = "line"
    choices: tuple[tuple[str, str], ...] = ()
    """Value and words."""
    help: str = ""
    needed: bool = False


class Form(NamedTuple):
    """One form of a page."""

    verb: str
    label: str
    """On its button."""
    fields: tuple[Field, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    folded: bool = False
    """Behind its label: it is needed rarely."""


class Act(NamedTuple):
    """What one form does, and the right that it needs."""

    right: Right
    do: Callable[[Asked, str, Given], None]


def mark_of(asked: Asked, step: str) -> str:
    """Return a mark of a task as it is now: another state, item or answer is another mark."""
    return _mark(
        asked.incident, step, field_rows(asked.incident, asked.service.library(asked.incident), step)
    )


def _mark(incident: Incident, step: str, fields: Sequence[FieldRow]) -> str:
    seen = (incident.invocations[step], [(row.fact, row.value) for row in fields])
    return sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()[:16]


def task_forms(asked: Asked) -> tuple[str, list[Form]]:
    """Return the mark of a task, and the forms that the reader may use on it now."""
    library = asked.service.library(asked.incident)
    step = begun_step(asked.incident, asked.ref, library)
    report = task_report(asked.incident, library, step)
    offered = [
        form for form in _offered(asked, report) if asked.reader.may(ACTS[form.verb].right, asked.incident)
    ]
    return mark_of(asked, step), offered


def _offered(asked: Asked, report: TaskReport) -> Iterator[Form]:
    row, reason = report.task, Field("reason", "Reason", needed=True)
    live = asked.incident.state == "open"
    if live and row.state in OPEN:
        if row.kind == "task":
            if row.state == "ready":
                yield Form("start", "Start this task")
            for item in report.checklist:
                words = f"Item {item.row} is {'not ' if item.done else ''}done: {item.text}"
                yield Form(
                    "check", words, hidden=(("row", str(item.row)), ("done", "no" if item.done else "yes"))
                )
            yield Form("done", "This task is done", (Field("comment", "Comment on the result", "text"),))
            yield Form("fail", "This task failed", (reason,), folded=True)
        elif row.kind in ("ask", "form"):
            yield Form("answer", "Record the answer", tuple(_answers(report)))
        yield Form("assign", "Assign this task", (_people(asked), reason), folded=True)
        yield Form("skip", "Skip this task", (reason,), folded=True)
    elif live and row.over and row.kind in ("task", "ask", "form"):
        yield Form("reopen", "Reopen this task", (reason,), folded=True)
    if row.kind in ("task", "ask", "form", "approve", "file"):
        yield Form("comment", "Add a comment", (Field("text", "Comment", "text", needed=True),), folded=True)


def _people(asked: Asked) -> Field:
    people = sorted((name, one.name) for name, one in asked.service.directory.people.items())
    return Field("person", "Person", "choice", tuple(people), needed=True)


def _answers(report: TaskReport) -> Iterator[Field]:
    if report.task.kind == "ask":
        yield _answer("value", "Answer", report.choices, type_words(report.answer_type))
    for row in report.fields:
        if row.state in ("open", "unknown"):
            yield _answer(row.fact, row.ask, row.choices, row.help or type_words(row.type))
    yield Field("source", "Source", help="Where you know it from. Default: you.")
    yield Field("grounds", "Grounds", help="Needed if the answer moves a legal deadline.")


def _answer(name: str, label: str, choices: tuple[str, ...], words: str) -> Field:
    if not choices:
        return Field(name, label, help=f"{words}. Write {_UNKNOWN} if it is not known.")
    first = ((_UNSET, "no answer yet"), *((one, one) for one in choices), (_UNKNOWN, "not known"))
    return Field(name, label, "choice", first)


def perform(asked: Asked, verb: str, given: Given) -> None:
    """Do what a form says; raises Refused if its task changed since the form was drawn."""
    step = begun_step(asked.incident, asked.ref, asked.service.library(asked.incident))
    ACTS[verb].do(asked, step, given)


def _unchanged(asked: Asked, incident: Incident, step: str, given: Given) -> None:
    fields = field_rows(incident, asked.service.library(incident), step)
    if given.get("mark", "") != _mark(incident, step, fields):
        raise Refused(
            "The task changed while you had it open. Nothing was recorded.",
            hint="Read the task again. What you typed is still in its form.",
            code="changed_meanwhile",
        )


def _command(make: Callable[[str, Given], c.AnyCommand]) -> Callable[[Asked, str, Given], None]:
    def do(asked: Asked, step: str, given: Given) -> None:
        def commands(incident: Incident) -> Commands:
            _unchanged(asked, incident, step, given)
            return [make(step, given)]

        asked.service.act(asked.principal, asked.incident.id, commands)

    return do


def _answer_it(asked: Asked, step: str, given: Given) -> None:
    """Record the answers that were given; the others stay open."""
    service, name = copy(asked.service), asked.incident.id
    service.principal = asked.principal
    check = partial(_unchanged, asked, step=step, given=given)
    source, grounds = given.get("source", ""), given.get("grounds", "")
    if asked.incident.invocations[step].kind == "form":
        known = [row.fact for row in field_rows(asked.incident, service.library(asked.incident), step)]
        texts = [f"{fact}={given[fact]}" for fact in known if given.get(fact, _UNSET).strip()]
        if not texts:
            raise Refused(
                "No field has an answer. Nothing was recorded.", hint="Answer a field", code="no_answer"
            )
        record_form(service, name, step, texts, source, grounds=grounds, check=check)
        return
    value = given.get("value", "").strip()
    if not value:
        raise Refused("The answer is empty. Nothing was recorded.", hint="Write the answer", code="no_answer")
    if value == _UNKNOWN:
        _command(lambda name, said: c.AnswerUnknown(step=name))(asked, step, given)
    else:
        record_answer(service, name, step, value, source, "confirmed", grounds, check)


def _row(given: Given) -> int:
    number = given.get("row", "")
    if not number.isascii() or not number.isdigit():
        raise Refused("The form names no checklist item.", hint="Use the page again", code="bad_form")
    return int(number) - 1


def _assigned(asked: Asked, step: str, given: Given) -> None:
    asked.service.known(given.get("person", ""))
    _command(lambda name, said: c.AssignStep(step=name, to=said["person"], reason=said.get("reason", "")))(
        asked, step, given
    )


ACTS: Mapping[str, Act] = {
    "start": Act("task.act", _command(lambda step, given: c.StartTask(step=step))),
    "check": Act(
        "task.act",
        _command(lambda step, given: c.CheckRow(step=step, row=_row(given), done=given.get("done") != "no")),
    ),
    "done": Act(
        "task.act", _command(lambda step, given: c.CompleteTask(step=step, comment=given.get("comment", "")))
    ),
    "fail": Act(
        "task.act", _command(lambda step, given: c.FailStep(step=step, reason=given.get("reason", "")))
    ),
    "answer": Act("task.act", _answer_it),
    "comment": Act(
        "task.act", _command(lambda step, given: c.CommentStep(step=step, text=given.get("text", "")))
    ),
    "assign": Act("task.steer", _assigned),
    "skip": Act(
        "task.steer", _command(lambda step, given: c.SkipStep(step=step, reason=given.get("reason", "")))
    ),
    "reopen": Act(
        "task.steer", _command(lambda step, given: c.ReopenStep(step=step, reason=given.get("reason", "")))
    ),
}
"""Each act on a task, by the last but one part of its address."""
