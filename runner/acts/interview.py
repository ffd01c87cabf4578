"""Answers to a form, one after the other at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runner.actions import Action, Slot
from runner.app.incidents.facts import record_form
from runner.errors import Invalid, Refused, Usage
from runner.reports.core.action_text import sentence
from runner.reports.incidents.task import field_rows, type_words

if TYPE_CHECKING:
    from runner.acts.asked import Asked, Terminal
    from runner.app.core.repository import Turn

_ABOUT_THE_VALUE = ("bad_answer", "ahead", "grounds_missing")


def interview(asked: Asked, source: str, confidence: str, grounds: str) -> Turn:
    """Ask for each open field and record each answer at once; an invalid answer is asked again, with the reason."""
    terminal, service, form, incident = asked.terminal, asked.service, asked.ref, asked.incident
    if terminal is None or not terminal.asks:
        raise Usage("The answers are missing.", hint=Action("task.show", form), code="argument_missing")
    terminal.say("Press Enter to leave a field open. Write unknown if the answer is not known.")
    turn: Turn | None = None
    passed: set[str] = set()
    while row := next(
        (
            row
            for row in field_rows(incident, service.library(incident), form)
            if row.state == "open" and row.fact not in passed
        ),
        None,
    ):
        terminal.say("\n".join(filter(None, (row.help, ", ".join(row.choices)))) or row.fact)
        text = terminal.ask(f"{row.ask} [{type_words(row.type)}]:")
        passed.add(row.fact)
        if not text:
            continue
        answered = _recorded(asked, terminal, f"{row.fact}={text}", source, confidence, grounds)
        if answered is None:
            passed.discard(row.fact)
            continue
        if row.fact.endswith(".grounds"):
            grounds = grounds or text
        earlier = turn or answered
        events = () if turn is None else turn.events
        turn = structs.replace(answered, before=earlier.before, events=(*events, *answered.events))
        incident = turn.after
    if turn is None:
        hint = Action("step.answer", form, {"value": Slot("FACT=VALUE")})
        raise Usage("No field was answered.", hint=hint, code="argument_missing")
    return turn


def _recorded(
    asked: Asked, terminal: Terminal, answer: str, source: str, confidence: str, grounds: str
) -> Turn | None:
    """Record an answer; None if it is not valid. Missing grounds are asked for alone: no answer is typed twice."""
    about = (asked.service, asked.incident.id, asked.ref)
    try:
        return record_form(*about, [answer], source, confidence, grounds)[0]
    except (Invalid, Refused) as error:
        if isinstance(error, Refused) and error.code not in _ABOUT_THE_VALUE:
            raise
        terminal.say(sentence(error))
        if error.code == "grounds_missing" and (why := terminal.ask("On what grounds?")):
            return _recorded(asked, terminal, answer, source, confidence, why)
        return None
