"""Facts as people state them: assignments, answers, and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action, set_fact
from runner.app.core.fact_rights import require_legal
from runner.app.core.repository import Turn
from runner.base.text import near_hint
from runner.decoding import from_json
from runner.errors import Invalid, Problem, Refused, Usage
from runner.facts.fact_files import parse_assignment, says_unknown
from runner.facts.vocabulary.populations import INHERITED, population_ids
from runner.facts.vocabulary.register import Fact, Stated
from runner.incident.law.moved_deadlines import moves
from runner.incident.state.commands import Answer, AnswerForm, AnswerUnknown, RecordFacts
from runner.incident.state.events import FactChange
from runner.incident.state.incident import Incident
from runner.incident.steps.approvals import refuse_waiting
from runner.playbook.format import Ask, Form
from runner.reports.core.header import local_now
from runner.reports.incidents.facts import FactChanges, fact_changes, fact_changes_page, missing
from runner.reports.incidents.known_facts import FactsReport, facts
from runner.reports.law.titles import question_words

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.reports.core.page import Page

Confidence = Literal["confirmed", "estimated"]
LEVELS: tuple[Confidence, ...] = ("confirmed", "estimated")


def known(
    service: IncidentService, reader: Reader, incident: Incident, under: str, now: datetime
) -> FactsReport:
    """Return what is known of an incident at or under a path, and what is not, as of an instant."""
    rows = (row for row in reader.events(incident) if row.seq <= incident.version)
    duties = service.near_duties(incident, now)
    return facts(incident, service.library(incident), duties, rows, under, now)


def known_questions(
    service: IncidentService, incident: Incident
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return the missing facts near to this incident: path, question, and what depends on it. All places are one question."""
    report = missing(incident, service.library(incident), service.near_duties(incident))
    return tuple(
        (one.key.removesuffix(".PLACE"), question_words(one.key), one.holds_up) for one in report.missing
    )


def planned(
    service: IncidentService,
    incident: Incident,
    changes: Sequence[FactChange],
    same: int = 0,
    unmapped: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> FactChanges:
    """Return what a change of facts would do, with the deadlines that it moves; raises Refused for whoever may not make it."""
    now, library, who = service.now_in(incident), service.library(incident), service.principal
    require_legal(service.read(who), who, incident, changes, now, library)
    moved = moves(incident, changes, now, library)
    return fact_changes(incident, changes, moved, same, unmapped, notes)


def moved_page(service: IncidentService, incident: Incident, changes: Sequence[FactChange]) -> Page | None:
    """Return what a change does if it moves a deadline, ends a duty or needs a second person; None if it does not."""
    report = planned(service, incident, changes)
    return fact_changes_page(report) if report.deadlines or report.second_person else None


def record_facts(
    service: IncidentService, name: str, texts: Sequence[str], source: str, confidence: str, grounds: str = ""
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Record assignments together, later ones seeing earlier ones; return the turn and the recorded facts.

    Raises Invalid for unreadable input and Stale if others keep changing the incident.
    """
    if not source.strip():
        raise Usage("The fact has no source.", hint='Add --source "HOW YOU KNOW"', code="source_missing")
    sure = level(confidence)
    changes: tuple[FactChange, ...] = ()

    def make(incident: Incident) -> tuple[RecordFacts]:
        nonlocal changes
        changes = stated(service, incident, texts, source, sure)
        return (RecordFacts(changes=changes, grounds=grounds),)

    return service.act(service.principal, name, make), changes


def record_answer(
    service: IncidentService,
    name: str,
    step: str,
    value: str,
    source: str,
    confidence: str,
    grounds: str = "",
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Answer a question; further entries of a map are recorded beside the answer. Raises as ``record_facts``."""
    sure = level(confidence)
    made: tuple[RecordFacts | Answer, ...] = ()

    def make(incident: Incident) -> tuple[RecordFacts | Answer, ...]:
        nonlocal made
        made = _answer(service, incident, step, value, source, sure, grounds)
        return made

    turn = service.act(service.principal, name, make)
    return turn, tuple(one.change for one in made if isinstance(one, Answer))


def _answer(
    service: IncidentService,
    incident: Incident,
    step: str,
    value: str,
    source: str,
    confidence: Confidence,
    grounds: str,
) -> tuple[RecordFacts | Answer, ...]:
    invocation = incident.invocations[step]
    definition = service.library(incident).step(incident, step)
    if not isinstance(definition, Ask):
        raise _not_asked(incident, step)
    refuse_waiting(incident, invocation, definition)
    if definition.choices and value not in definition.choices:
        raise _not_a_choice(value, definition.id, definition.choices)
    said = source or f"answer of {service.principal.person}"
    text = f"{invocation.sets or definition.sets}={value}"
    first, *rest = stated(service, incident, (text,), said, confidence)
    beside = (RecordFacts(changes=tuple(rest), grounds=grounds),) if rest else ()
    return (*beside, Answer(step=step, change=first, grounds=grounds))


def record_form(
    service: IncidentService,
    name: str,
    step: str,
    texts: Sequence[str],
    source: str = "",
    confidence: str = "confirmed",
    grounds: str = "",
    ask_again: datetime | None = None,
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Answer fields of a form together: ``FACT=VALUE`` or ``FACT=unknown``; nothing is recorded if one is wrong.

    With ``ask_again`` the unknown fields stay open, and the form is asked again then. Raises as ``record_answer``.
    """
    sure = level(confidence)
    changes: tuple[FactChange, ...] = ()

    def make(incident: Incident) -> tuple[AnswerForm | AnswerUnknown, ...]:
        nonlocal changes
        _check_fields(service, incident, step, texts)
        said = source or f"answer of {service.principal.person}"
        unknown = [text.partition("=")[0].strip() for text in texts if says_unknown(text)]
        known = [text for text in texts if not says_unknown(text)]
        changes = stated(service, incident, known, said, sure)
        step_fields = service.library(incident).step(incident, step).asks
        counted = {field.fact for field in step_fields if field.unknown_as}
        changes += tuple(
            FactChange(key=path, source=said) for path in unknown if ask_again is None or path in counted
        )
        own = (text.partition("=")[2] for text in known if text.partition("=")[0].endswith(".grounds"))
        why = grounds or next(own, "")
        answers = (AnswerForm(step=step, changes=changes, grounds=why),) if changes else ()
        return (*answers, AnswerUnknown(step=step, ask_again=ask_again)) if ask_again else answers

    return service.act(service.principal, name, make), changes


def _check_fields(service: IncidentService, incident: Incident, step: str, texts: Sequence[str]) -> None:
    """Raise Refused for an answer that is no field, that is given twice, or that is not one of the field's choices."""
    definition = service.library(incident).step(incident, step)
    if not isinstance(definition, Form):
        raise _not_asked(incident, step)
    refuse_waiting(incident, incident.invocations[step], definition)
    fields = {field.fact: field for field in definition.fields}
    answered: set[str] = set()
    for text in texts:
        path, _, value = (part.strip() for part in text.partition("="))
        field = fields.get(path.rstrip("+-"))
        if field is None:
            raise Refused(
                f'Fact "{path}" is not a field of form "{definition.id}".',
                hint=near_hint(path, fields, f"Fields: {', '.join(fields)}"),
                code="unknown_field",
            )
        if path in answered:
            raise Refused(f'Field "{path}" has two answers.', hint="Give one answer.", code="bad_answer")
        answered.add(path)
        if field.choices and value not in field.choices and not says_unknown(text):
            raise _not_a_choice(value, path, field.choices)


def _not_asked(incident: Incident, step: str) -> Refused:
    return Refused(
        f'Task "{step}" is not a question. Its kind is {incident.invocations[step].kind}.',
        hint=Action("task.show", step),
        code="not_a_question",
    )


def _not_a_choice(value: str, asked: str, choices: Sequence[str]) -> Refused:
    text = f'"{value}" is not a possible answer to "{asked}".'
    return Refused(text, hint=f"Use one of: {', '.join(choices)}", code="bad_answer")


def level(text: str) -> Confidence:
    """Return a level of confidence by its word; raises Usage."""
    if text not in LEVELS:
        raise Usage(
            f'Confidence "{text}" is unknown.',
            hint=f"Use --confidence {'|'.join(LEVELS)}",
            code="unknown_confidence",
        )
    return text


def stated(
    service: IncidentService, incident: Incident, texts: Sequence[str], source: str, confidence: Confidence
) -> tuple[FactChange, ...]:
    """Return a person's assignments in the form of the journal; raises Invalid, or Refused for data without a group.

    With groups, no law reads what is said of the data of all of them together.
    """
    changes = assignments(service, incident, texts, source, confidence)
    groups = population_ids({**incident.facts, **{change.key: change for change in changes}})
    for change in changes if groups else ():
        key, unknown = change.key, from_json(change.value) is None
        if key.startswith("data.") and key not in INHERITED and not unknown:
            raise Refused(
                f"People are recorded in groups ({', '.join(groups)}). Record {key} for each group.",
                hint=set_fact(f"populations.{groups[0]}.{key}"),
                code="group_missing",
            )
    return changes


def assignments(
    service: IncidentService, incident: Incident, texts: Sequence[str], source: str, confidence: Confidence
) -> tuple[FactChange, ...]:
    """Return assignments in the form of the journal, later ones seeing earlier ones; raises Invalid."""
    register, now = dict(incident.facts), service.now_in(incident)
    clock = local_now(now, service.home.organisation.get("zone"), incident)
    found: dict[str, Stated] = {}
    refused: list[Problem] = []
    for text in texts:
        try:
            parsed = parse_assignment(text, register, clock)
        except Invalid as wrong:
            if len(texts) == 1:
                raise
            key = text.partition("=")[0].rstrip("+-").strip()
            refused.append(Problem(file=key, code="fact", message=wrong.message, hint=wrong.hint))
            continue
        for fact in parsed:
            register[fact.key] = Fact(key=fact.key, value=fact.value, at=now)
            found[fact.key] = fact
    if refused:
        which = ", ".join(problem.file for problem in refused)
        raise Invalid(f"Not valid: {which}. Nothing was recorded.", problems=refused, code="fact")
    given = (msgspec.structs.replace(fact, source=source, confidence=confidence) for fact in found.values())
    return tuple(change_of(fact) for fact in given)


def change_of(fact: Stated) -> FactChange:
    """Return a stated fact in the form of the journal."""
    return FactChange(
        key=fact.key,
        value=msgspec.Raw(msgspec.json.encode(fact.value)),
        source=fact.source,
        confidence=fact.confidence,
    )
