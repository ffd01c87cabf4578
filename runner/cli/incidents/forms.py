"""Answers to a form: several in one command, or one after the other at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from runner.actions import Action, Slot
from runner.app.core.repository import Turn
from runner.cli.framework.outcome import tell
from runner.cli.framework.session import Session
from runner.errors import Invalid, Refused, Usage
from runner.incident.state.events import FactChange
from runner.incident.state.incident import Incident
from runner.reports.core.action_text import sentence
from runner.reports.incidents.task import FieldRow, field_rows, type_words

_ABOUT_THE_VALUE = ("bad_answer", "ahead", "grounds_missing")


class Said(NamedTuple):
    """How an answer is known: its source, its certainty, and the reason if it moves a deadline."""

    source: str
    confidence: str
    grounds: str


def fill(
    session: Session,
    incident: Incident,
    form: str,
    texts: Sequence[str],
    said: Said,
    ask_again: datetime | None,
) -> None:
    """Record answers to fields; without any, ask for each open field at a terminal."""
    from runner.app.incidents.facts import record_form
    from runner.app.incidents.outcome import moved

    if texts:
        turn, changes = record_form(session.service, incident.id, form, texts, *said, ask_again)
    else:
        turn, changes = _interview(session, incident, form, said)
    left = [row.fact for row in _rows(session, turn.after, form) if row.state in ("open", "waiting")]
    closed = turn.after.invocations[form].over
    words = f"{form} is answered" if closed else f"{form}: not answered yet: {', '.join(left)}"
    tell(session, turn, words, moved(session.service, turn, changes))


def _rows(session: Session, incident: Incident, form: str) -> tuple[FieldRow, ...]:
    return field_rows(incident, session.service.library(incident), form)


def _interview(
    session: Session, incident: Incident, form: str, said: Said
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Ask for each open field and record each answer at once; an invalid answer is asked again, with the reason."""
    hint = Action("step.answer", form, {"value": Slot("FACT=VALUE")})
    if not session.world.asks:
        raise Usage("The answers are missing.", hint=Action("task.show", form), code="argument_missing")
    session.say("Press Enter to leave a field open. Write unknown if the answer is not known.")
    found: tuple[Turn, tuple[FactChange, ...]] | None = None
    passed: set[str] = set()
    while row := next(
        (r for r in _rows(session, incident, form) if r.state == "open" and r.fact not in passed), None
    ):
        session.say("\n".join(filter(None, (row.help, ", ".join(row.choices)))) or row.fact)
        text = session.ask(f"{row.ask} [{type_words(row.type)}]:")
        passed.add(row.fact)
        if not text:
            continue
        made = _recorded(session, incident, form, f"{row.fact}={text}", said)
        if made is None:
            passed.discard(row.fact)
            continue
        if row.fact.endswith(".grounds"):
            said = said._replace(grounds=said.grounds or text)
        incident, found = made[0].after, (made[0], (*(found[1] if found else ()), *made[1]))
    if found is None:
        raise Usage("No field was answered.", hint=hint, code="argument_missing")
    return found


def _recorded(
    session: Session, incident: Incident, form: str, answer: str, said: Said
) -> tuple[Turn, tuple[FactChange, ...]] | None:
    """Record an answer; None if it is not valid. Missing grounds are asked for alone: no answer is typed twice."""
    from runner.app.incidents.facts import record_form

    try:
        return record_form(session.service, incident.id, form, [answer], *said)
    except (Invalid, Refused) as error:
        if isinstance(error, Refused) and error.code not in _ABOUT_THE_VALUE:
            raise
        session.say(sentence(error))
        if error.code == "grounds_missing" and (why := session.ask("On what grounds?")):
            return _recorded(session, incident, form, answer, said._replace(grounds=why))
        return None
