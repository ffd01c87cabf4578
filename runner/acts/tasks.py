"""Acts on a task: start, answer, end, assign, skip, reopen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runner.actions import Action, Slot
from runner.acts.act import (
    NOTHING,
    Act,
    Field,
    Made,
    Offer,
    Parameter,
    Subject,
    View,
    Warned,
    Warnings,
    words_of,
)
from runner.acts.fields import TIME, people
from runner.app.core.step_reference import begun_step
from runner.errors import Refused, Usage
from runner.incident.state import commands as c

if TYPE_CHECKING:
    from datetime import datetime

    from runner.acts.asked import Asked
    from runner.app.core.repository import Turn
    from runner.incident.state.incident import Incident
    from runner.reports.core.page import Page
    from runner.reports.incidents.task import TaskReport

_BY_PEOPLE = ("task", "ask", "form")
_UNKNOWN = "unknown"


# --- what can be done now ---------------------------------------------------------------------------------------


def find(asked: Asked, text: str) -> str:
    """Return the invocation that somebody named."""
    return begun_step(asked.incident, text, asked.service.library(asked.incident))


def report_of(asked: Asked) -> TaskReport:
    """Return the task that is asked about."""
    from runner.reports.incidents.task import task

    return task(asked.incident, asked.service.library(asked.incident), asked.ref)


def offers(asked: Asked) -> Iterator[Offer]:
    """Yield what the state of the task allows."""
    report = report_of(asked)
    row, live = report.task, asked.incident.state == "open"
    if live and _left(asked):
        yield Offer("done", "This action was done otherwise")
    if live and row.state in ("ready", "active"):
        if row.kind == "task":
            if row.state == "ready":
                yield Offer("start")
            for item in report.checklist:
                words = f"Item {item.row} is {'not ' if item.done else ''}done: {item.text}"
                yield Offer("check", words, {"row": str(item.row), "done": "no" if item.done else "yes"})
            left = sum(not item.done for item in report.checklist)
            words = f"{left} of {len(report.checklist)} checklist items are open. Mark each of them first."
            yield Offer("done", note=words if left else "", off=bool(left))
            yield Offer("fail", folded=True)
        elif row.kind in ("ask", "form"):
            yield Offer("answer")
        yield Offer("assign", folded=True)
        yield Offer("skip", folded=True)
    elif live and row.over and row.kind in _BY_PEOPLE:
        yield Offer("reopen", folded=True)
    if row.kind in (*_BY_PEOPLE, "approve", "file"):
        yield Offer("comment", folded=True)


def seen(asked: Asked) -> Any:
    """Return what the forms are drawn from."""
    from runner.reports.incidents.task import field_rows

    rows = field_rows(asked.incident, asked.service.library(asked.incident), asked.ref)
    return asked.incident.invocations[asked.ref], [(row.fact, row.value) for row in rows]


# --- work -------------------------------------------------------------------------------------------------------


def _start(asked: Asked) -> Made:
    return [c.StartTask(step=asked.ref)]


def _check(asked: Asked, row: tuple[int, ...] = (), everything: bool = False, done: str = "yes") -> Made:
    if bool(row) == everything:
        raise Usage(
            "The checklist items are missing, or both items and --all are given.",
            hint=Action("task.check", Slot("STEP"), {"row": ("1", "3")}),
            code="options_conflict" if everything else "argument_missing",
        )
    if done not in ("yes", "no"):
        raise Refused(f'"{done}" is not a choice of this form.', hint="Use the page again", code="bad_form")
    ticks = [c.CheckRow(step=asked.ref, row=number - 1, done=done == "yes") for number in row]
    return ticks or _all_rows(asked)


def _uncheck(asked: Asked, row: tuple[int, ...]) -> Made:
    return [c.CheckRow(step=asked.ref, row=number - 1, done=False) for number in row]


def _all_rows(asked: Asked, *, each: bool = False) -> tuple[c.CheckRow, ...]:
    """Return a check for every open item; an item for safety or evidence, or ``each``, needs its own confirmation."""
    items = [item for item in report_of(asked).checklist if not item.done]
    confirmed = [item for item in items if item.must or each]
    again = Action("task.check", asked.ref, {"row": tuple(str(item.row) for item in confirmed)})
    if asked.terminal is not None:
        for item in confirmed:
            asked.terminal.confirm(f"Item {item.row}: {item.text}. Is it done?", again)
    return tuple(
        c.CheckRow(step=asked.ref, row=item.row - 1, at_once=item not in confirmed) for item in items
    )


def _done(
    asked: Asked,
    comment: str = "",
    everything: bool = False,
    instead: tuple[str, ...] = (),
    answers: Mapping[str, str] = NOTHING,
) -> Made:
    rows = _all_rows(asked, each=not everything) if everything or asked.asks else ()
    left = _left(asked)
    how = {item: answers[f"instead.{n}"] for n, item in enumerate(left, 1) if f"instead.{n}" in answers}
    for text in instead:  # the name of an item can contain "="
        item = next((name for name in left if text.startswith(f"{name}=")), text.partition("=")[0])
        how[item] = text[len(item) + 1 :]
    if asked.terminal is not None and asked.asks:
        for item in [name for name in left if name not in how]:
            how[item] = asked.terminal.ask(f"{item} is not done: {left[item]}. How was it done instead?")
    return [*rows, c.CompleteTask(step=asked.ref, comment=comment, instead=how)]


def _left(asked: Asked) -> dict[str, str]:
    """Return the items that an action did not do and leaves to people, each with the reason."""
    from runner.incident.state.action_items import left_items

    invocation = asked.incident.invocations[asked.ref]
    return left_items(asked.incident, invocation, asked.service.library(asked.incident))


def _left_fields(asked: Asked) -> Iterator[Parameter]:
    for n, (item, why) in enumerate(_left(asked).items(), 1):
        field = Field("", f"{item}: how was it done instead?", f"Not done: {why}", needed=True)
        yield Parameter(f"instead.{n}", str, field)


def _drafts(asked: Asked, after: Incident) -> Warnings:
    """Yield a warning of each notice that the end of a task has generated as a draft: what is missing, and what fills it."""
    from runner.incident.steps.approvals import refuse_unready
    from runner.reports.core.action_text import hint_text

    for made in [text for key, text in after.documents.items() if key not in asked.incident.documents]:
        try:
            refuse_unready(after, after.invocations[made.step])
        except Refused as error:
            yield Warned("draft_made", f"{error.message} {hint_text(error)}")


def _fail(asked: Asked, reason: str = "") -> Made:
    return [c.FailStep(step=asked.ref, reason=reason)]


def _comment(asked: Asked, text: str) -> Made:
    return [c.CommentStep(step=asked.ref, text=text)]


def _assign(asked: Asked, person: str, reason: str = "") -> Made:
    asked.service.known(person)
    return [c.AssignStep(step=asked.ref, to=person, reason=reason)]


def _skip(asked: Asked, reason: str = "") -> Made:
    return [c.SkipStep(step=asked.ref, reason=reason)]


def _reopen(asked: Asked, reason: str = "") -> Made:
    return [c.ReopenStep(step=asked.ref, reason=reason)]


def _retry(asked: Asked, reason: str = "") -> Made:
    return [c.RetryStep(step=asked.ref, reason=reason)]


def _cancel(asked: Asked, reason: str = "") -> Made:
    return [c.CancelStep(step=asked.ref, reason=reason)]


# --- answers ----------------------------------------------------------------------------------------------------


def _answer(
    asked: Asked,
    value: tuple[str, ...] = (),
    unknown: bool = False,
    ask_again: timedelta | None = None,
    source: str = "",
    confidence: str = "confirmed",
    grounds: str = "",
    answers: Mapping[str, str] = NOTHING,
) -> Made:
    from runner.app.incidents.facts import record_answer, record_form

    service, name, step = asked.service, asked.incident.id, asked.ref
    again: datetime | None = asked.now + ask_again if ask_again else None
    if asked.terminal is None and not answers:
        raise Refused(
            "No field has an answer. Nothing was recorded.", hint="Answer a field", code="no_answer"
        )
    if asked.incident.invocations[step].kind == "form" and (value or answers or not unknown):
        if not (value or answers):
            from runner.acts.interview import interview

            return interview(asked, source, confidence, grounds)
        texts = [f"{fact}=unknown" for fact in value] if unknown else [*value, *_equations(answers)]
        return record_form(service, name, step, texts, source, confidence, grounds, again)[0]
    value = value or tuple(answers.values())
    if asked.terminal is None and value == (_UNKNOWN,):
        value, unknown = (), True
    if bool(value) == unknown or len(value) > 1:
        raise Usage(
            "The answer is missing, several answers are given, or both an answer and --unknown.",
            hint=Action("step.answer", Slot("STEP"), {"value": Slot("VALUE")}),
            code="options_conflict" if value else "argument_missing",
        )
    if unknown:
        return [c.AnswerUnknown(step=step, ask_again=again)]
    return record_answer(service, name, step, value[0], source, confidence, grounds)[0]


def _equations(answers: Mapping[str, str]) -> list[str]:
    return [f"{fact}={text}" for fact, text in answers.items()]


def _questions(asked: Asked) -> Iterator[Parameter]:
    """Yield a field for each open question of the task, by its fact."""
    report = report_of(asked)
    if report.task.kind == "ask":
        yield _question("value", "Answer", report.choices, report.answer_type)
    for row in report.fields:
        if row.state in ("open", "unknown"):
            yield _question(row.fact, row.ask, row.choices, row.type, row.help)


def _question(fact: str, label: str, choices: tuple[str, ...], kind: str, help_: str = "") -> Parameter:
    from datetime import datetime

    from runner.reports.incidents.task import type_words

    if choices:
        listed = (*((text, text) for text in choices), (_UNKNOWN, "not known"))
        return Parameter(fact, str, Field("", label, first="no answer yet"), "", lambda asked: listed)
    shape = f"{(help_ or type_words(kind)).rstrip('.')}.{f' {TIME}' if kind == 'instant' else ''}"
    field = Field("", label, f"{shape} Write {_UNKNOWN} if it is not known.")
    return Parameter(fact, datetime if kind == "instant" else str, field)


def _answer_ahead(asked: Asked, source: str, answers: Mapping[str, str], **_others: Any) -> Page | None:
    """Return what the answers do if they move a deadline or end a duty; otherwise they are recorded at once."""
    from runner.app.incidents.facts import moved_page, stated
    from runner.facts.fact_files import says_unknown

    service, incident = asked.service, asked.incident
    invocation = incident.invocations[asked.ref]
    named = (
        answers if invocation.kind == "form" else dict.fromkeys([invocation.sets], answers.get("value", ""))
    )
    texts = [text for text in _equations(named) if not (says_unknown(text) or text.endswith("="))]
    source = source or f"answer of {asked.principal.person}"
    return moved_page(service, incident, stated(service, incident, texts, source, "confirmed"))


def _answered(asked: Asked, turn: Turn, _values: Mapping[str, Any]) -> str:
    """Return what an answer did, and which fields of a form are open."""
    from runner.reports.incidents.task import field_rows

    step, library = asked.ref, asked.service.library(turn.after)
    if turn.after.invocations[step].over:
        return f"{step} is answered"
    if turn.after.invocations[step].kind == "form":
        rows = field_rows(turn.after, library, step)
        left = [row.fact for row in rows if row.state in ("open", "waiting")]
        return f"{step}: not answered yet: {', '.join(left)}"
    counts = getattr(library.step(turn.after, step), "unknown_as", "")
    return f"{step}: the answer is unknown{f' and counts as {counts}' if counts else ''}"


# --- the table --------------------------------------------------------------------------------------------------


def _show(asked: Asked) -> TaskReport:
    from runner.reports.incidents.task import task

    events = asked.reader.events(asked.incident)
    return task(asked.incident, asked.service.library(asked.incident), asked.ref, events)


def _page(asked: Asked, report: TaskReport) -> Page:
    from runner.reports.incidents.task import task_page

    return task_page(report, asked.now)


_W = words_of("tasks")
TASK_SHOW = View(_W["show"], _show, _page)
TASK = Subject(
    "task",
    "Manage tasks: list, show, start, mark done, assign, skip, retry.",
    Field("STEP", "Id, id#n or row number of the task"),
    find,
    offers,
    {
        "start": Act(_W["start"], "task.act", _start, "{ref} is assigned to you", program=True),
        "done": Act(
            _W["done"],
            "task.act",
            _done,
            "{ref} is done",
            asks=_left_fields,
            warns_later=_drafts,
            program=True,
        ),
        "check": Act(_W["check"], "task.act", _check, "{ref}: items marked done: {row}", program=True),
        "uncheck": Act(
            _W["uncheck"], "task.act", _uncheck, "{ref}: items marked not done: {row}", form=False
        ),
        "skip": Act(_W["skip"], "task.steer", _skip, "{ref} is skipped", program=True),
        "reopen": Act(_W["reopen"], "task.steer", _reopen, "{ref} is open again", program=True),
        "assign": Act(
            _W["assign"],
            "task.steer",
            _assign,
            "{ref} is assigned to {person}",
            choices={"person": people},
            program=True,
        ),
        "fail": Act(_W["fail"], "task.act", _fail, "{ref} failed", program=True),
        "comment": Act(_W["comment"], "task.act", _comment, "{ref} has a comment", adds=True, program=True),
        "retry": Act(_W["retry"], "task.steer", _retry, "{ref} is retried", form=False),
        "cancel": Act(_W["cancel"], "task.steer", _cancel, "{ref} is cancelled", form=False),
        "answer": Act(
            _W["answer"], "task.act", _answer, _answered, "/answer", preview=_answer_ahead, asks=_questions
        ),
    },
    seen,
)
