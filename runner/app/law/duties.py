"""Use cases of duties: assessment of an incident or of a facts file, filings, decisions and waivers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.actions import Action
from runner.app.core.public_holidays import PublicHolidays
from runner.app.law.filings import together
from runner.app.notices.addressing import FEDERAL, PEOPLE, YIELDS
from runner.base.text import near_hint
from runner.decoding import from_json
from runner.errors import NotFound, Problem, Sealed, Usage
from runner.facts.expression import Expression
from runner.facts.fact_files import read_facts
from runner.facts.vocabulary.register import Fact, Stated, nested
from runner.incident.law.decision_not_to_notify import statute_grounds, waivable
from runner.incident.law.duties import LIVE
from runner.incident.notices.staleness import value_at
from runner.incident.people.second_person import guarded
from runner.incident.state.commands import RecordDuty
from runner.incident.state.incident import Incident
from runner.incident.turn.decide_close import open_work as open_in
from runner.law.assessment import assess
from runner.law.counsel_positions import ineffective_positions
from runner.law.duty import INTERNAL_TARGET, DutyRecord, DutyStatus
from runner.playbook.catalogue import Catalog
from runner.reports.core.report import filled
from runner.reports.core.second_person import two_person_rows
from runner.reports.law.duty_details import DutyShown
from runner.reports.law.register import Breach, RegisterReport, binding, breach
from runner.reports.law.titles import titled
from runner.reports.notices.notices import notice_rows
from runner.settings import CONFIG
from runner.yamlfile.source import load

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.base.states import Kind


VERIS = "veris:"
Decided = Literal["decided_not_to_notify", "waived", "no_correction"]


def assess_files(
    files: Sequence[str],
    at: datetime,
    home: Path | None,
    cache: Path | None = None,
    known: Sequence[Stated] = (),
    target: timedelta = INTERNAL_TARGET,
) -> tuple[tuple[DutyStatus, ...], tuple[str, ...], dict[str, Fact]]:
    """Return every duty of the home's law and the built-in law for facts files, later files over earlier ones.

    The result includes positions of counsel on no known law, and the facts.

    ``known`` has the facts that no file states. Compiled law and holidays are cached in ``cache`` for the next
    time.
    """
    register = {
        fact.key: Fact(key=fact.key, value=fact.value, source=fact.source, at=fact.at or at) for fact in known
    }
    for name in files:
        for fact in _stated(name):
            register[fact.key] = Fact(key=fact.key, value=fact.value, source=fact.source, at=fact.at or at)
    law = {regime.id: regime for regime in Catalog(home, cache=cache).regimes()}
    facts = nested(register)
    statuses = assess(
        tuple(law.values()), facts, at, calendar=PublicHolidays(cache), first_known=at, target=target
    )
    return statuses, ineffective_positions(facts, law, law.get), register


def organisation_of(home: Path | None) -> tuple[tuple[Stated, ...], timedelta]:
    """Return the facts of the organisation and the internal target in a home's settings, without opening its store."""
    if home is None:
        return (), INTERNAL_TARGET
    from runner.app.incidents.open_incident import organisation_facts
    from runner.files.settings_file import load_home

    settings = load_home(home / CONFIG)
    return organisation_facts(settings), settings.law.target


def _stated(name: str) -> tuple[Stated, ...]:
    if not name.startswith(VERIS):
        return read_facts(load(Path(name)))
    from runner.app.incidents.evidence import read
    from runner.facts.veris.veris_record import import_veris, parse_veris

    path = Path(name.removeprefix(VERIS))
    return import_veris(parse_veris(read(path), str(path))).facts


def shown(service: IncidentService, reader: Reader, incident: Incident, duty: str, at: datetime) -> DutyShown:
    """Return one duty as of an instant: the cautions of its law, its notices, and what can end it; raises NotFound."""
    from runner.app.notices.notices import check_content

    found = {one.id: one for one in service.near_duties(incident, at, (duty,))}
    if duty not in found:
        hint = near_hint(duty, [one.id for one in service.duties(incident, at)]) or Action(
            "duty.list", args={"all": True}
        )
        raise NotFound(f'Duty "{duty}" does not exist.', hint=hint, code="unknown_duty")
    own, law = found[duty], service.library(incident).regime(found[duty].regime)
    texts = tuple(row for row in notice_rows(incident) if row.duty == duty)
    current = [row.document for row in texts if row.current]
    checked = check_content(service, reader, incident, current[-1]).coverage if current else ()
    return DutyShown(
        as_of=at,
        duty=titled([own])[0],
        cautions=law.traps if law is not None else (),
        grounds=statute_grounds(law, own) if law is not None else {},
        served_too=together(tuple(found.values()), duty),
        waivable=law is not None and waivable(law, own),
        notices=texts,
        content=Counter(line.state for line in checked),
        awaiting=tuple(
            row
            for row in two_person_rows(incident)
            if row.state == "awaiting" and duty in (row.duty, *(move.duty for move in row.moves))
        ),
    )


def decision(
    service: IncidentService,
    duty: str,
    kind: Decided,
    at: datetime,
    reason: str,
    *,
    ground: str = "",
    watch: str = "",
    look_again: date | None = None,
) -> RecordDuty:
    """Return the command that records a decision not to notify, a waiver, or that a filing needs no correction.

    ``ground`` is an exemption of the statute by its code, or ``none``; ``watch`` is a condition over facts that opens
    the decision again; raises Usage if it is invalid.
    """
    record = DutyRecord(
        kind=kind,
        by=service.principal.person,
        at=at,
        reason=reason,
        ground=ground,
        watch=_condition(watch) if watch else None,
        look_again=look_again,
    )
    return RecordDuty(duty=duty, record=record)


def _condition(text: str) -> Expression:
    from runner.facts.expressions.parser import ExpressionError, parse_condition

    try:
        return parse_condition(text)
    except ExpressionError as error:
        raise Usage(
            f"The condition of --watch is not valid: {error.message}",
            hint=error.hint or 'Use --watch "people.total > 500"',
            code="bad_condition",
        ) from None


def register(service: IncidentService, reader: Reader, kind: Kind) -> RegisterReport:
    """Return the register of one kind, of all incidents that the reader may read; an erased incident keeps its entry."""
    breaches: list[Breach] = []
    without = others = 0
    for row in reader.incidents():
        if row.kind != kind:
            continue
        newest = service.store.head(row.id)
        head = f"{newest.version}:sha256:{newest.hash}"
        try:
            incident = service.load(row.id)
        except Sealed as error:
            if error.code != "shredded":
                raise
            breaches.append(filled(Breach, row, incident=row.id, head=head, shredded=True))
            continue
        duties = service.duties(incident)
        entry = breach(incident, duties, _title(service, incident), head)
        if entry is None:
            without += 1
        elif not binding(duties):
            others += 1
        else:
            breaches.append(entry)
    breaches.sort(key=lambda one: (one.opened_at, one.incident))
    return RegisterReport(
        as_of=service.clock.now(),
        kind=kind,
        breaches=tuple(breaches),
        no_personal_data=without,
        other_laws=others,
    )


def open_work(
    service: IncidentService, name: str, left: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Return what stays open if an incident closes: duties of a law in force, undetermined duties, messages, tasks.

    With ``left``, nothing if the close is refused because a duty is not in it: the refusal lists the same.
    """
    incident = service.load(name)
    found = open_in(incident, service.now_in(incident), service.library(incident))
    unsaid = left is not None and any(one.code == "open_duty" and one.file not in left for one in found)
    return () if unsaid and guarded(incident) else found


def _title(service: IncidentService, incident: Incident) -> str:
    """Return the incident's title, or what happened if nobody gave it a title of its own."""
    library = service.library(incident)
    given = incident.title not in {
        library.plans[run.plan].bundle.playbook.title for run in incident.runs.values()
    }
    summary = incident.facts.get("incident.summary")
    said = str(summary.value or "") if summary is not None else ""
    return incident.title if given or not said else said.partition(". ")[0][:80]


def ineffective_claims(service: IncidentService, incident: Incident) -> tuple[str, ...]:
    """Return the positions of counsel in an incident, also requested ones, that no pinned law knows, in words."""
    from runner.facts.vocabulary.register import Fact, nested
    from runner.law.counsel_positions import ineffective_positions

    library = service.library(incident)
    asked = {
        change.key: Fact(key=change.key, value=from_json(change.value), at=people.at)
        for people in incident.second_person.values()
        if people.state == "awaiting"
        for change in people.act.facts
    }
    known = library.regimes if library.outline is None else library.outline.laws
    return ineffective_positions(
        nested({**incident.facts, **asked}), [law.id for law in known], library.regime
    )


_RISK, _PLANNED = "risk.to_people", "incident.individual_notice_planned_at"


def against(service: IncidentService, incident: Incident, duty: str, ground: str) -> Iterator[str]:
    """Yield each warning before a decision not to notify people."""
    texts_about = [text.duty for text in incident.documents.values()]
    found = {one.id: one for one in service.near_duties(incident, also=(duty, FEDERAL, *texts_about))}
    own, federal = found.get(duty), found.get(FEDERAL)
    if own is None or own.recipient not in PEOPLE:
        return
    if ground in YIELDS and federal is not None and federal.verdict == "applies" and federal.state in LIVE:
        yield f"The federal notice is not given yet: {FEDERAL} is {federal.state}"
    filed = {one.record.digest for one in incident.duties.values() if one.record is not None}
    for text in incident.documents.values():
        about = found.get(text.duty)
        if text.digest not in filed or about is None or about.jurisdiction != own.jurisdiction:
            continue
        read = {
            key: value_at(incident, key, text.facts[key])[1]
            for key in (_RISK, _PLANNED)
            if text.facts.get(key)
        }
        if read.get(_RISK) == "high" or read.get(_PLANNED):
            said = ", ".join(f"{key} = {value}" for key, value in read.items())
            yield f"The text {text.id}, filed for {text.duty}, is based on {said}"
