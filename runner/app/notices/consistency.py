"""Collection of what all current notices state: recorded texts, and drafts of press texts and scripts from the present facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from runner.app.notices.notice_versions import tree_of
from runner.app.notices.notices import draft
from runner.decoding import from_json
from runner.documents.contents.awareness import aware_dates, dates_in
from runner.documents.tree import Document as Tree
from runner.documents.tree import plain, runs
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.notices.list_counts import as_listed, differences
from runner.incident.notices.staleness import recorded_as
from runner.incident.notices.verification import aware_day, prose_facts, standing_texts
from runner.incident.state.incident import Document, Incident
from runner.reports.notices.consistency import ConsistencyReport, Statement, consistency

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.law.duty import DutyStatus

_FIGURE = re.compile(r"\d[\d.,:/\u00a0\u202f-]*\d|\d")
_ELSEWHERE = ("public", "internal")


def compare_all(service: IncidentService, reader: Reader, incident: Incident) -> ConsistencyReport:
    """Return numbers, dates and the word "aware" of all current texts, with the contradictions."""
    stated: dict[str, list[Statement]] = {}
    aware: list[Statement] = []
    typed: list[Statement] = []
    day = aware_day(incident)
    duties = service.near_duties(incident)
    of = {duty.id: duty.jurisdiction for duty in duties}
    places = {document.step: of.get(document.duty, "") for document in standing_texts(incident)}
    for name, step, tree, figures in _texts(service, reader, incident):
        kept = service.catalogue(incident).notices.get(name)
        to_people = kept is None or kept.notice.audience == "individuals"
        for path, says, current in _said(tree, incident, to_people=to_people):
            row = Statement(notice=name, step=step, says=says, current=current, place=places.get(step, ""))
            stated.setdefault(path, []).append(row)
        for rows, words in ((aware, aware_dates(tree)), (typed, figures)):
            if words:
                same = rows is typed or not day or set(words) == {day}
                rows.append(
                    Statement(notice=name, step=step, says=words, current=same, place=places.get(step, ""))
                )
    prose = list(_in_prose(incident))
    return consistency(incident, stated, aware, typed, prose, _new_duties(service, incident, duties))


def _texts(
    service: IncidentService, reader: Reader, incident: Incident
) -> Iterator[tuple[str, str, Tree, tuple[str, ...]]]:
    """Yield each text with its notice, its step, and the figures that a person typed into it."""
    recorded = [document for document in standing_texts(incident) if document.tree]
    for document in recorded:
        tree = tree_of(reader, incident, document).document
        yield document.notice, document.step, tree, _typed(reader, incident, document, tree)
    made = {document.notice for document in recorded}
    for name, kept in sorted(service.catalogue(incident).notices.items()):
        notice = kept.notice
        elsewhere = notice.audience in _ELSEWHERE and not (notice.duties or notice.fits or notice.translates)
        if elsewhere and name not in made:
            yield name, "", draft(service, incident, name)[1], ()


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


def _in_prose(incident: Incident) -> Iterator[Statement]:
    """Yield the figures and dates of each fact in prose: those of a recorded fact, then those that match none."""
    values = [fact.value for fact in incident.facts.values()]
    days = {day for value in values if isinstance(value, str) for day in dates_in(value[:10], "en")}
    counts = {value for value in values if type(value) is int}
    for key, text in prose_facts(incident):
        dates = {day for language in ("en", "de", "fr", "es") for day in dates_in(text, language)}
        parts = {part for day in dates for part in (day.year, day.day)}
        figures = {
            found: int(re.sub(r"\D", "", found)) for found in _FIGURE.findall(text) if "-" not in found
        }
        said = [(str(day), day in days) for day in sorted(dates)]
        said += [(found, n in counts) for found, n in figures.items() if n not in parts or n in counts]
        for same in (True, False):
            if words := tuple(found for found, known in said if known is same):
                yield Statement(notice=key, step=key, says=words, current=same)


def _typed(reader: Reader, incident: Incident, document: Document, tree: Tree) -> tuple[str, ...]:
    """Return the figures of an imported text that the generated text did not have."""
    made = [one for one in incident.documents.values() if one.step == document.step and one.adoption is None]
    if document.adoption is None or not made or not made[-1].tree:
        return ()
    before = set(_figures(tree_of(reader, incident, made[-1]).document))
    return tuple(dict.fromkeys(figure for figure in _figures(tree) if figure not in before))


def _figures(tree: Tree) -> Iterator[str]:
    return (figure for inlines in runs(tree.blocks) for figure in _FIGURE.findall(plain(inlines)))


def _new_duties(service: IncidentService, incident: Incident, duties: Iterable[DutyStatus]) -> list[str]:
    """Return the duties that apply only with the counts of the lists: a list can cross a threshold."""
    rows = [row for one in incident.campaigns.values() for row in differences(incident, dict(one.counts))]
    if not rows:
        return []
    now = {duty.id for duty in duties if duty.verdict == "applies"}
    then = service.near_duties(as_listed(incident, rows))
    return [duty.id for duty in then if duty.verdict == "applies" and duty.id not in now]
