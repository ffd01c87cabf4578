"""What a person can do on the page of a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from runner.app.core.incident_service import IncidentService
from runner.app.core.rights import Right
from runner.app.core.step_reference import begun_step
from runner.app.incidents.facts import moved_page, record_answer, record_form, stated
from runner.errors import Refused
from runner.facts.fact_files import says_unknown
from runner.incident.state import commands as c
from runner.incident.state.action_items import left_items
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.reports.incidents.task import TaskReport, field_rows, type_words
from runner.reports.incidents.task import task as task_report
from runner.web.room.acts.forms import (
    REASON,
    SOURCE,
    TIME,
    Act,
    Acting,
    Field,
    Form,
    Given,
    command,
    number_of,
    one_of,
    people_field,
)
from runner.web.room.pages import Asked

OPEN = ("ready", "active")
_UNSET, _UNKNOWN = "", "unknown"
_COMMENT = Field("comment", "Comment on the result", "text")
_TEXT = Field("text", "Comment", "text", needed=True)
_ROW = Field("row", "Number of the checklist item", needed=True)
_IS_DONE = Field("done", "yes, which is the default, or no")
_PERSON = Field("person", "Id of the person", needed=True)
_INSTEAD = Field("instead.N", "How item N was done that the action did not do")


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    library = service.library(incident)
    step = begun_step(incident, ref, library)
    return incident.invocations[step], [(row.fact, row.value) for row in field_rows(incident, library, step)]


def _step(asked: Asked) -> str:
    return begun_step(asked.incident, asked.ref, asked.service.library(asked.incident))


def _offered(asked: Asked) -> Iterator[Form]:
    report = task_report(asked.incident, asked.service.library(asked.incident), _step(asked))
    row, live = report.task, asked.incident.state == "open"
    if live and (undone := _left(asked)):
        items = enumerate(undone.items(), 1)
        fields = [
            Field(f"instead.{n}", f"{item}: how was it done instead?", help=f"Not done: {why}", needed=True)
            for n, (item, why) in items
        ]
        yield Form("done", "This action was done otherwise", (*fields, _COMMENT))
    if live and row.state in OPEN:
        if row.kind == "task":
            if row.state == "ready":
                yield Form("start", "Start this task")
            for item in report.checklist:
                words = f"Item {item.row} is {'not ' if item.done else ''}done: {item.text}"
                yield Form(
                    "check", words, hidden=(("row", str(item.row)), ("done", "no" if item.done else "yes"))
                )
            left = sum(not item.done for item in report.checklist)
            words = f"{left} of {len(report.checklist)} checklist items are open. Mark each of them first."
            yield Form("done", "This task is done", (_COMMENT,), note=words if left else "", off=bool(left))
            yield Form("fail", "This task failed", (REASON,), folded=True)
        elif row.kind in ("ask", "form"):
            yield Form("answer", "Record the answer", tuple(_answers(report)))
        yield Form("assign", "Assign this task", (people_field(asked), REASON), folded=True)
        yield Form("skip", "Skip this task", (REASON,), folded=True)
    elif live and row.over and row.kind in ("task", "ask", "form"):
        yield Form("reopen", "Reopen this task", (REASON,), folded=True)
    if row.kind in ("task", "ask", "form", "approve", "file"):
        yield Form("comment", "Add a comment", (_TEXT,), folded=True)


def _left(asked: Asked) -> dict[str, str]:
    return left_items(
        asked.incident, asked.incident.invocations[_step(asked)], asked.service.library(asked.incident)
    )


def _done(asked: Asked, given: Given) -> None:
    instead = {item: given[f"instead.{n}"] for n, item in enumerate(_left(asked), 1)}
    _on_step(lambda step, said: c.CompleteTask(step=step, comment=said["comment"], instead=instead))(
        asked, given
    )


def _answers(report: TaskReport) -> Iterator[Field]:
    if report.task.kind == "ask":
        yield _answer("value", "Answer", report.choices, report.answer_type)
    for row in report.fields:
        if row.state in ("open", "unknown"):
            yield _answer(row.fact, row.ask, row.choices, row.type, row.help)
    yield SOURCE
    yield Field("grounds", "Grounds", help="Needed if the answer moves a legal deadline or ends a duty.")


def _answer(name: str, label: str, choices: tuple[str, ...], kind: str, words: str = "") -> Field:
    if not choices:
        shape = f"{(words or type_words(kind)).rstrip('.')}.{f' {TIME}' if kind == 'instant' else ''}"
        known = f"{shape} Write {_UNKNOWN} if it is not known."
        return Field(name, label, help=known, timed=kind == "instant")
    first = ((_UNSET, "no answer yet"), *((one, one) for one in choices), (_UNKNOWN, "not known"))
    return Field(name, label, "choice", first)


def _on_step(make: Callable[[str, Given], c.AnyCommand]) -> Callable[[Asked, Given], None]:
    """Return an act that performs one command on the task of the page."""

    def do(asked: Asked, given: Given) -> None:
        command(make)(asked._replace(ref=_step(asked)), given)

    return do


def _answer_it(asked: Asked, given: Given) -> None:
    """Record the answers that were given; the others stay open."""
    service, name, step = asked.service, asked.incident.id, _step(asked)
    source, grounds = given["source"], given["grounds"]
    if asked.incident.invocations[step].kind == "form":
        known = [row.fact for row in field_rows(asked.incident, service.library(asked.incident), step)]
        texts = [f"{fact}={given[fact]}" for fact in known if given[fact].strip()]
        if not texts:
            raise Refused(
                "No field has an answer. Nothing was recorded.", hint="Answer a field", code="no_answer"
            )
        record_form(service, name, step, texts, source, grounds=grounds)
        return
    value = given["value"].strip()
    if not value:
        raise Refused("The answer is empty. Nothing was recorded.", hint="Write the answer", code="no_answer")
    if value == _UNKNOWN:
        _on_step(lambda name, said: c.AnswerUnknown(step=name))(asked, given)
    else:
        record_answer(service, name, step, value, source, "confirmed", grounds)


def _answer_ahead(asked: Asked, given: Given) -> Page | None:
    """Return what the answers do if they move a deadline or end a duty; otherwise they are recorded at once."""
    service, step = asked.service, _step(asked)
    said = given["source"] or f"answer of {asked.principal.person}"
    invocation = asked.incident.invocations[step]
    if invocation.kind == "form":
        known = [row.fact for row in field_rows(asked.incident, service.library(asked.incident), step)]
        texts = [f"{fact}={given[fact]}" for fact in known if given[fact].strip()]
    else:
        texts = [f"{invocation.sets}={given['value'].strip()}"] if given["value"].strip() else []
    texts = [text for text in texts if not says_unknown(text)]
    return moved_page(service, asked.incident, stated(service, asked.incident, texts, said, "confirmed"))


def _assigned(asked: Asked, given: Given) -> None:
    asked.service.known(given["person"])
    _on_step(lambda step, said: c.AssignStep(step=step, to=said["person"], reason=said["reason"]))(
        asked, given
    )


def _with_reason(right: Right, make: type[c.FailStep] | type[c.SkipStep] | type[c.ReopenStep]) -> Act:
    return Act(right, _on_step(lambda step, given: make(step=step, reason=given["reason"])), takes=(REASON,))


TASK = Acting(
    _offered,
    {
        "start": Act("task.act", _on_step(lambda step, given: c.StartTask(step=step))),
        "check": Act(
            "task.act",
            _on_step(
                lambda step, given: c.CheckRow(
                    step=step,
                    row=number_of(given, "row") - 1,
                    done=not given["done"] or one_of(given, "done", ("yes", "no")) == "yes",
                )
            ),
            takes=(_ROW, _IS_DONE),
        ),
        "done": Act("task.act", _done, takes=(_COMMENT, _INSTEAD)),
        "fail": _with_reason("task.act", c.FailStep),
        "answer": Act("task.act", _answer_it, _answer_ahead),
        "comment": Act(
            "task.act",
            _on_step(lambda step, given: c.CommentStep(step=step, text=given["text"])),
            adds=True,
            takes=(_TEXT,),
        ),
        "assign": Act("task.steer", _assigned, takes=(_PERSON, REASON)),
        "skip": _with_reason("task.steer", c.SkipStep),
        "reopen": _with_reason("task.steer", c.ReopenStep),
    },
    _seen,
)
