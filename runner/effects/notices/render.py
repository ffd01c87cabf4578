"""Generate a notice: one document tree in every requested format, named by the digest that an approval binds.

The same facts give the same bytes: the date in a document is the time of its newest fact, never of a clock. A document
with all required parts is final; a document with missing information is a watermarked draft.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from runner.documents.contents.awareness import aware_dates
from runner.documents.contents.awareness import texts as texts_of
from runner.documents.contents.coverage import check, passages, short, to_verify
from runner.documents.notice import Coverage, Fits, Notice
from runner.documents.render import narrowed
from runner.documents.render import render as render_document
from runner.documents.tree import Document, Logo, RenderContext, Stationery, encode
from runner.documents.write import write
from runner.effects.context import EffectContext
from runner.effects.notices.enclosures import Enclosure, carried, edited, letters_of, stored
from runner.effects.notices.forbidden_words import requirements
from runner.effects.notices.legal_basis import Brief, duty_variables, languages_of, legal_context
from runner.effects.notices.translations import bare, in_language
from runner.errors import TocsinError
from runner.facts.vocabulary.register import nested
from runner.facts.vocabulary.translations import source_of
from runner.incident.notices.staleness import recorded_as
from runner.incident.state.commands import EffectFailed, Rendered
from runner.incident.state.documents import DocumentRendered
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import Render
from runner.law.duty import DutyStatus
from runner.law.relevance import CONTRACT

ENCLOSED = "enclosure: "
"""Begins the name of an item that is verified in an enclosure."""


def render(
    work: Render, incident: Incident, library: Library, tools: EffectContext, *, override: bool = False
) -> Rendered | EffectFailed:
    """Generate and store a notice, and return it, or the reason of the failure.

    ``override`` makes it final despite missing information; the resulting command records the person.
    """
    try:
        duties = tools.duties(incident, tools.now(), library, (work.duty,)) if work.duty else ()
        status = next((duty for duty in duties if duty.id == work.duty), None)
        brief = legal_context(incident, status, library)
        notice, source = tools.notices[template_for(work, tools, brief)]
        notice = requirements(notice, source, incident, brief)
        enclosed = enclosures(notice, brief, duties, library, tools)
        drafted = paper(notice, source, incident, brief, privileged=tools.privileged, logo=tools.logo())
        drafted = dated(drafted.within(enclosures=_titles(enclosed)), incident)
        document = drafted.document()
        own = blockers(notice, document)
        items = tuple(dict.fromkeys((*own, *(item for one in enclosed for item in one.items))))
        if override or not items:
            document = drafted.within(status="final", waived=bool(own)).document()
            enclosed = tuple(msgspec.structs.replace(one, draft=one.final()) for one in enclosed)
        rendered = keep(work, incident, notice, document, tools, enclosed)
    except TocsinError as error:
        return EffectFailed(step=work.step, why=error.message)
    return msgspec.structs.replace(rendered, items=items)


def enclosures(
    notice: Notice, found: Brief | None, duties: Sequence[DutyStatus], library: Library, tools: EffectContext
) -> tuple[Enclosure, ...]:
    """Return the enclosures of a notice from the facts of its incident."""
    return tuple(_enclosure(letter, tools) for letter in letters_of(notice, found, duties, library))


def _enclosure(letter: Brief, tools: EffectContext) -> Enclosure:
    """Return the letter of a duty as an enclosure: in counsel's words if they were imported, else as generated."""
    if (found := edited(letter, tools.blobs)) is not None:
        (kept, stale), text = found, found[0].document
        items = (*blockers(kept.notice, text), *stale)
        return Enclosure(text, lambda: text, items, to_verify(kept.notice, text))
    work = Render(incident=letter.incident.id, step="", notice="auto", duty=letter.status.id, formats=())
    notice, source = tools.notices[template_for(work, tools, letter)]
    notice = requirements(notice, source, letter.incident, letter)
    drafted = dated(paper(notice, source, letter.incident, letter, logo=tools.logo()), letter.incident)
    document = drafted.document()
    items = blockers(notice, document)
    last = drafted.within(status="final", waived=bool(items))
    return Enclosure(document, last.document, items, to_verify(notice, document))


def _titles(enclosed: Iterable[Enclosure]) -> tuple[str, ...]:
    return tuple(one.draft.title for one in enclosed)


def keep(
    work: Render,
    incident: Incident,
    notice: Notice,
    document: Document,
    tools: EffectContext,
    enclosed: tuple[Enclosure, ...] = (),
    files_before: Mapping[str, str] = MappingProxyType({}),
) -> Rendered:
    """Write a document and its enclosures in their formats, and store the files and their tree.

    ``files_before`` are those of the version whose enclosures it keeps.
    """
    paper = tools.letterhead() if "docx" in work.formats and notice.logo else b""
    if paper:
        stationery = msgspec.structs.replace(
            document.context.stationery, letterhead=hashlib.sha256(paper).hexdigest()
        )
        context = msgspec.structs.replace(document.context, stationery=stationery)
        document = msgspec.structs.replace(document, context=context)
    files = {
        str(form): tools.blobs.put_blob(incident.id, write(document, form, paper))  # type: ignore[arg-type]
        for form in work.formats
    }
    texts = (document, *(one.draft for one in enclosed))
    files |= stored(incident, texts[1:], work.formats, tools.blobs) | carried(files_before)
    gaps = dict.fromkeys(f"{gap.treatment}: {gap.path}" for text in texts for gap in text.gaps)
    beside = "\n".join(words for one in enclosed for words in texts_of(one.draft))
    said = passages(notice, document)
    said |= {f"{ENCLOSED}{item}": beside for one in enclosed for item in one.to_verify}
    return Rendered(
        event=DocumentRendered(
            passages={item: hashlib.sha256(words.encode()).hexdigest() for item, words in said.items()},
            document=f"{work.step}/{notice.id}",
            step=work.step,
            notice=notice.id,
            version=notice.version,
            digest=bound_digest(files),
            files=files,
            gaps=(
                *gaps,
                *(f"uncovered: {coverage.ref} {coverage.item}" for coverage in uncovered(notice, document)),
            ),
            facts={path: entry_of(path, incident) for text in texts for path in _behind(text)},
            duty=work.duty,
            status="final" if document.context.status == "final" else "draft",
            tree=tools.blobs.put_blob(incident.id, encode(notice, document)),
            to_verify=(
                *to_verify(notice, document),
                *dict.fromkeys(f"{ENCLOSED}{item}" for one in enclosed for item in one.to_verify),
            ),
            aware=aware_dates(document),
        )
    )


class Paper(msgspec.Struct, frozen=True):
    """The complete source of a document; it can be sent to another process."""

    notice: Notice
    source: str
    facts: dict[str, Any]
    extra: dict[str, Any]
    context: RenderContext

    def document(self, **names: Any) -> Document:
        """Return the document; ``names`` are additional variables."""
        return render_document(
            self.notice, self.source, self.facts, context=self.context, extra={**self.extra, **names}
        )

    def within(self, **context: Any) -> Paper:
        """Return the source with changes of its context, such as ``status``."""
        return msgspec.structs.replace(self, context=msgspec.structs.replace(self.context, **context))


def make(
    notice: Notice,
    source: str,
    incident: Incident,
    found: Brief | None,
    *,
    draft: bool | None = None,
    privileged: bool = False,
    logo: Logo | None = None,
    enclosed: Sequence[Enclosure] = (),
) -> Document:
    """Return a notice's document from an incident's facts; with ``draft`` None, missing information decides its status.

    A missing legal requirement or forbidden content also makes it a draft.
    """
    drafted = paper(notice, source, incident, found, privileged=privileged, logo=logo)
    drafted = drafted.within(enclosures=_titles(enclosed))
    document = drafted.document()
    if draft or (draft is None and blockers(notice, document)):
        return document
    return drafted.within(status="final").document()


def paper(
    notice: Notice,
    source: str,
    incident: Incident,
    found: Brief | None,
    population: str = "",
    *,
    privileged: bool = False,
    logo: Logo | None = None,
) -> Paper:
    """Return the source of a draft, optionally for one population only."""
    in_doubt = {one.key for people in incident.second_person.values() for one in people.doubted}
    sure = {key: fact for key, fact in incident.facts.items() if key not in in_doubt}
    facts = nested(in_language(sure, notice.language))
    if population:
        facts = narrowed(facts, population)
    facts["incident"] = {"codename": incident.codename, **facts.get("incident", {})}
    language = _american(notice, found, facts)
    context = RenderContext(
        status="draft",
        kind=incident.kind,
        incident=incident.codename,
        reference=str(facts["incident"].get("file_number", "")),
        privileged=privileged,
        timestamp=max((fact.at for fact in incident.facts.values()), default=incident.opened_at),
        zone=facts.get("organisation", {}).get("zone", "UTC"),
        language=language,
        stationery=_stationery(facts, language or notice.language, notice, logo),
    )
    return Paper(notice, source, facts, {} if found is None else {"duty": duty_variables(found)}, context)


def _american(notice: Notice, found: Brief | None, facts: Mapping[str, Any]) -> str:
    """Return ``en-US`` for an English notice to an American reader or, under a contract or no duty, of an American organisation."""
    place = found.status.jurisdiction if found is not None else CONTRACT
    place = facts.get("organisation", {}).get("country") if place == CONTRACT else place
    return "en-US" if notice.language.startswith("en") and str(place).partition("-")[0] == "US" else ""


def dated(drafted: Paper, incident: Incident) -> Paper:
    """Return the source with the time of its newest used fact, so that other facts do not change its bytes."""
    read = _read(drafted.document())
    times = [incident.facts[key].at for path in read for key in recorded_as(path, incident.facts)]
    return drafted.within(timestamp=max(times)) if times else drafted


def _behind(document: Document) -> Iterator[str]:
    """Yield the facts behind a text; behind a translation, the text that it translates as well."""
    for path in (*document.asked, *_read(document)):
        yield from filter(None, (path, source_of(path)))


def _read(document: Document) -> list[str]:
    return [used.path for used in document.facts_used]


def entry_of(path: str, incident: Incident) -> int:
    """Return the newest journal entry behind a template's value; 0 if it is not from the journal."""
    behind = recorded_as(path.removesuffix("[]"), incident.facts)
    return max((incident.fact_events.get(key, 0) for key in behind), default=0)


def blockers(notice: Notice, document: Document) -> tuple[str, ...]:
    """Return the reasons why a document is a draft: missing facts, and unmet legal requirements."""
    return (
        *(f"{gap.path} is missing" for gap in document.gaps if gap.treatment == "missing"),
        *(f"{coverage.ref}: {coverage.item} ({coverage.state})" for coverage in uncovered(notice, document)),
    )


def uncovered(notice: Notice, document: Document) -> tuple[Coverage, ...]:
    """Return missing and forbidden content, except for missing facts that the text already marks."""
    shown = {short(gap.path) for gap in document.gaps if gap.treatment != "to_follow"}
    return tuple(
        coverage
        for coverage in check(notice, document)
        if coverage.state == "forbidden"
        or (coverage.state == "gap" and not shown & set(map(short, coverage.facts)))
    )


def bound_digest(files: dict[str, str]) -> str:
    """Return the digest over all files of a document, which an approval binds."""
    listed = "\n".join(f"{form} {digest}" for form, digest in sorted(files.items()))
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def template_for(work: Render, tools: EffectContext, found: Brief | None, language: str = "") -> str:
    """Return the template's id; ``auto`` is the law's template, else the duty's template, else a fitting template.

    The translation into the given language is preferred, else into the organisation's, else into the authority's only one.
    """
    if work.notice != "auto":
        return work.notice
    made_for = (
        name
        for name, (notice, _) in sorted(tools.notices.items())
        if work.duty in notice.duties and not notice.translates
    )
    chosen = found.rule.notice if found is not None and found.rule.notice in tools.notices else None
    chosen = chosen or next(made_for, None) or _fitting(work, tools, found)
    return _in_language(chosen, tools, found, language)


def _in_language(chosen: str, tools: EffectContext, found: Brief | None, language: str) -> str:
    """Return the translation into a language, in its own region first; else the original."""
    fact = found.incident.facts.get("organisation.language") if found is not None else None
    spoken = (
        languages_of(found) if found is not None and tools.notices[chosen][0].audience == "authority" else ()
    )
    own = str(fact.value or "" if fact is not None else "")
    wanted = (language or own or (spoken[0] if len(spoken) == 1 else "")).lower()
    same = {
        notice.language.lower(): name
        for name, (notice, _) in sorted(tools.notices.items(), reverse=True)
        if chosen in (name, notice.translates)
    }
    original = tools.notices[chosen][0].language.lower()
    near = (tag for tag in sorted(same, key=lambda tag: tag != original) if bare(tag) == bare(wanted))
    return same.get(wanted) or same.get(next(near, ""), chosen)


def _fitting(work: Render, tools: EffectContext, found: Brief | None) -> str:
    fitting = {
        name: degree
        for name, (notice, _) in sorted(tools.notices.items())
        if found is not None and (degree := _fits(notice.fits, found.status))
    }
    if not fitting:
        raise TocsinError(
            f'No template exists for duty "{work.duty}". Write a template, or write the notice by hand.',
            code="no_template",
        )
    return max(fitting, key=lambda name: fitting[name])


def _fits(fits: Fits | None, status: DutyStatus) -> int:
    """Return how well a general template fits a duty: more criteria give a higher score; 0 means no fit."""
    if fits is None:
        return 0
    places = any(f"{status.jurisdiction}-".startswith(f"{place}-") for place in fits.jurisdictions)
    answers = [
        answer
        for wanted, answer in (
            (fits.recipients, status.recipient in fits.recipients),
            (fits.jurisdictions, places),
            (fits.stages, status.stage in fits.stages),
        )
        if wanted
    ]
    return 1 + len(answers) if all(answers) else 0


def _stationery(facts: dict[str, object], language: str, notice: Notice, logo: Logo | None) -> Stationery:
    organisation = facts.get("organisation")
    found = organisation if isinstance(organisation, dict) else {}
    lines = tuple(line for line in str(found.get("address", "")).splitlines() if line)
    return Stationery(
        name=str(found.get("name", "")) if notice.logo else "",
        lines=lines if notice.logo else (),
        points=max(11.0, notice.min_points),
        paper="us-letter" if language.endswith("-US") else "a4",
        logo=logo if notice.logo else None,
    )
