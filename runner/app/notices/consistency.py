"""Collection of what all current notices state: recorded texts, and drafts of press texts and scripts from the present facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from runner.app.notices.notice_versions import tree_of
from runner.app.notices.notices import draft
from runner.base.number_words import NUMBER, number_of
from runner.decoding import from_json
from runner.documents.contents.awareness import aware_dates, dates_in, texts
from runner.documents.tree import Document as Tree
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.law.filed import all_differences
from runner.incident.notices.decide import renderings
from runner.incident.notices.list_counts import as_listed, differences
from runner.incident.notices.staleness import recorded_as
from runner.incident.notices.verification import (
    contradictions,
    current_texts,
    day_of,
    prose_facts,
    questions,
)
from runner.incident.state.incident import Document, Incident
from runner.reports.core.header import heading_of
from runner.reports.notices.consistency import ConsistencyReport, StatedFact, Statement

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.law.duty import DutyStatus

_FIGURE = re.compile(NUMBER, re.IGNORECASE)
_ELSEWHERE = ("public", "internal")


def compare_all(service: IncidentService, reader: Reader, incident: Incident) -> ConsistencyReport:
    """Return numbers, dates and the word "aware" of all current texts, with the contradictions."""
    stated: dict[str, list[Statement]] = {}
    aware: list[Statement] = []
    prose = [row for key, text in prose_facts(incident) for row in _in_prose(incident, key, key, text, "en")]
    day, facts, notices = (
        day_of(incident, "incident.aware_at"),
        incident.facts,
        service.catalogue(incident).notices,
    )
    duties = service.near_duties(incident)
    of = {duty.id: duty.jurisdiction for duty in duties}
    for name, document, tree in _texts(service, reader, incident):
        step, place = (document.step, of.get(document.duty, "")) if document is not None else ("", "")
        to_people = name not in notices or notices[name].notice.audience == "individuals"
        for path, says, current in _said(tree, incident, to_people=to_people):
            row = Statement(notice=name, step=step, says=says, current=current, place=place)
            stated.setdefault(path, []).append(row)
        if words := aware_dates(tree):
            same = not day or set(words) == {day}
            aware.append(Statement(notice=name, step=step, says=words, current=same, place=place))
        if document is not None and document.adoption is not None:
            # the lines of an imported text that the generated text did not have
            made = [one for one in renderings(incident, document.step) if one.adoption is None and one.tree]
            before = set(texts(tree_of(reader, incident, made[-1]).document)) if made else set()
            typed = "\n".join(text for text in texts(tree) if text not in before)
            prose += _in_prose(incident, name, step, typed, tree.language)
    return ConsistencyReport(
        heading=heading_of(incident),
        kind=incident.kind,
        facts=tuple(
            StatedFact(
                fact=path,
                title=kind.title if (kind := fact_type(path)) is not None else path,
                value=facts[path].value if path in facts else None,
                statements=tuple(statements),
            )
            for path, statements in sorted(stated.items())
        ),
        aware=tuple(aware),
        prose=tuple(prose),
        contradictions=contradictions(incident),
        filed=dict(all_differences(incident)),
        questions=tuple(questions(incident)),
        new_duties=tuple(_new_duties(service, incident, duties)),
    )


def _texts(
    service: IncidentService, reader: Reader, incident: Incident
) -> Iterator[tuple[str, Document | None, Tree]]:
    """Yield each recorded text, and a draft of each press text and script that is not recorded."""
    recorded = [document for document in current_texts(incident) if document.tree]
    for document in recorded:
        yield document.notice, document, tree_of(reader, incident, document).document
    made = {document.notice for document in recorded}
    for name, kept in sorted(service.catalogue(incident).notices.items()):
        notice = kept.notice
        elsewhere = notice.audience in _ELSEWHERE and not (notice.duties or notice.fits or notice.translates)
        if elsewhere and name not in made:
            yield name, None, draft(service, incident, name)[1]


def _said(tree: Tree, incident: Incident, *, to_people: bool) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield each number and time of the facts that a text states, in its words, and whether it is the present value."""
    for used in tree.facts_used:
        if used.path == "notice.date" and not to_people:
            continue  # the day of the draft, not the planned day of the letters
        keys = recorded_as(used.path, incident.facts)
        kind = fact_type(keys[0]) if len(keys) == 1 else None
        if used.printed and used.texts and kind is not None and kind.kind in ("int", "number", "instant"):
            value = msgspec.to_builtins(incident.facts[keys[0]].value)
            yield keys[0], used.texts, used.value == "null" or from_json(used.value.encode()) == value


def _in_prose(incident: Incident, name: str, step: str, text: str, language: str) -> Iterator[Statement]:
    """Yield the numbers and dates of a text: those of a recorded fact, then those that match none."""
    kinds = ((key, fact_type(key)) for key in incident.facts)
    days = {day_of(incident, key) for key, kind in kinds if kind is not None and kind.kind == "instant"}
    counts = {fact.value for fact in incident.facts.values() if type(fact.value) is int}
    by = max((fact.at for fact in incident.facts.values()), default=incident.opened_at).date()
    said = {}
    for spoken in dict.fromkeys((language, "de", "fr", "es")):
        for shown, day in dates_in(text, spoken, by):
            said[day] = day in days
            text = text.replace(shown, " ")
    said |= {
        found: number_of(found) in counts
        for found in _FIGURE.findall(text)
        if "-" not in found or found[0].isalpha()
    }
    for same in (True, False):
        if words := tuple(found for found, known in said.items() if known is same):
            yield Statement(notice=name, step=step, says=words, current=same)


def _new_duties(service: IncidentService, incident: Incident, duties: Iterable[DutyStatus]) -> list[str]:
    """Return the duties that apply only with the counts of the lists: a list can cross a threshold."""
    rows = [row for one in incident.campaigns.values() for row in differences(incident, dict(one.counts))]
    if not rows:
        return []
    now = {duty.id for duty in duties if duty.verdict == "applies"}
    then = service.near_duties(as_listed(incident, rows))
    return [duty.id for duty in then if duty.verdict == "applies" and duty.id not in now]
