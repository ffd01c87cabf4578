"""Use cases of duties: assessment of an incident or of a facts file, filings, decisions and waivers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action, Slot
from runner.app.core.public_holidays import PublicHolidays
from runner.base.text import near_hint
from runner.decoding import from_json
from runner.errors import NotFound, Problem, Refused, Sealed, Usage
from runner.facts.expression import Expression
from runner.facts.fact_files import read_facts
from runner.facts.vocabulary.register import Fact, Stated, nested
from runner.incident.law.duties import LIVE, signed_at
from runner.incident.notices.staleness import blocking
from runner.incident.people.second_person import guarded
from runner.incident.state.commands import AttachFile, RecordDuty
from runner.incident.state.future_timestamps import refuse_record_ahead
from runner.incident.state.incident import Document, Incident
from runner.incident.turn.decide_close import open_work as open_in
from runner.law.assessment import assess
from runner.law.counsel_positions import ineffective_positions
from runner.law.duty import INTERNAL_TARGET, DutyRecord, DutyStatus
from runner.law.relevance import CONTRACT
from runner.playbook.catalogue import Catalog
from runner.playbook.format import Approve, File
from runner.reports.core.formatting import count, moment
from runner.reports.core.report import filled
from runner.reports.law.duty_details import DutyShown
from runner.reports.law.register import Breach, RegisterReport, binding, breach
from runner.reports.law.titles import titled
from runner.settings import CONFIG
from runner.yamlfile.source import load

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.states import Kind


VERIS = "veris:"
Decided = Literal["decided_not_to_notify", "waived"]


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


def filing(
    service: IncidentService,
    incident: Incident,
    duty: str,
    *,
    at: datetime,
    reference: str,
    receipt: Path | None,
    late_reason: str,
    step: str = "",
    digest: str = "",
    reason: str = "",
    as_it_was: str = "",
    serves: Sequence[str] = (),
) -> tuple[AttachFile | RecordDuty, ...]:
    """Return the commands that record a filing: first the receipt as evidence, then the record of each duty.

    It ends the ``file`` step that waits for this duty; raises Refused if there are several and none is named, and
    if it is unclear which text was filed.
    """
    from runner.app.incidents.evidence import take

    refuse_record_ahead(duty, at, service.now_in(incident))
    waiting = step or _file_step(service, incident, duty)
    record = DutyRecord(
        kind="filed",
        by=service.principal.person,
        at=at,
        reference=reference,
        reason=reason,
        late_reason=late_reason,
    )
    filed = _text(service, incident, waiting, duty, record, digest, passes=bool(as_it_was))
    file = take(service, incident.id, receipt, f"receipt for {duty}") if receipt is not None else None
    record = msgspec.structs.replace(
        record,
        receipt=file.sha256 if file is not None else "",
        digest=filed,
        unsigned=tuple(_unsigned(service, incident, waiting, duty, filed)),
    )
    made = RecordDuty(duty=duty, record=record, step=waiting, as_it_was=as_it_was)
    records = (made, *_served_too(service, incident, made, serves))
    return records if file is None else (file, *records)


def _served_too(
    service: IncidentService, incident: Incident, made: RecordDuty, others: Sequence[str]
) -> Iterator[RecordDuty]:
    """Yield the records of other duties that the same filing serves; raises Refused for a duty that it cannot serve."""
    together = served_together(service, incident, made.duty) if others else ()
    for other in dict.fromkeys(others):
        if other not in together:
            raise Refused(
                f'The authority directory does not say that one filing serves "{made.duty}" and "{other}".',
                hint=Action("duty.record_filed", other, {"reference": Slot("REFERENCE")}),
                code="filed_apart",
            )
        yield msgspec.structs.replace(made, duty=other, step=_file_step(service, incident, other))


def shown(service: IncidentService, incident: Incident, duty: str, at: datetime) -> DutyShown:
    """Return one duty as of an instant, with the cautions of its law; raises NotFound."""
    found = {one.id: one for one in service.duties(incident, at)}
    if duty not in found:
        hint = near_hint(duty, found) or Action("duty.list", args={"all": True})
        raise NotFound(f'Duty "{duty}" does not exist.', hint=hint, code="unknown_duty")
    law = service.library(incident).regime(found[duty].regime)
    return DutyShown(as_of=at, duty=titled([found[duty]])[0], cautions=law.traps if law is not None else ())


def served_together(service: IncidentService, incident: Incident, duty: str) -> tuple[str, ...]:
    """Return the other duties that one filing serves together with this one.

    The authority directory names them (``one_filing``); those of one contract to one party need no directory.
    """
    found = service.duties(incident)
    own = next((one for one in found if one.id == duty), None)
    if own is None:
        return ()
    named = {*own.authority.one_filing} if own.authority is not None else set()
    party = (CONTRACT, own.regime, own.recipient)
    return tuple(
        one.id
        for one in found
        if one.id != duty
        and ({one.id, one.recipient} & named or (one.jurisdiction, one.regime, one.recipient) == party)
    )


def others_to_file(service: IncidentService, incident: Incident, made: RecordDuty) -> str:
    """Return the arguments that record the open duties that a recorded filing can serve too; empty if there are none."""
    open_ = {duty.id for duty in service.duties(incident) if duty.verdict == "applies" and duty.state in LIVE}
    others = [duty for duty in served_together(service, incident, made.duty) if duty in open_]
    record = made.record
    values = {"reference": record.reference, "digest": record.digest, "at": record.at.isoformat()}
    options = [f"--{name} {quote(value)}" for name, value in values.items() if value]
    options += [f"--serves {duty}" for duty in others[1:]]
    return " ".join((others[0], *options)) if others else ""


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
    """Return the command that records a decision not to notify, or a waiver.

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


def _file_step(service: IncidentService, incident: Incident, duty: str) -> str:
    """Return the open ``file`` step of a duty, the empty string if none waits."""
    from runner.reports.core.task_rows import task_rows

    rows = [
        row
        for row in task_rows(incident, service.library(incident))
        if row.kind == "file"
        and row.invocation
        and not row.over
        and _duty_of(incident, row.invocation, row.duty) == duty
    ]
    if len(rows) > 1:
        names = ", ".join(row.invocation for row in rows)
        raise Refused(
            f'Several tasks wait for the filing of "{duty}": {names}.',
            hint="Add --step STEP",
            code="ambiguous_step",
        )
    return rows[0].invocation if rows else ""


def _duty_of(incident: Incident, invocation: str, named: str) -> str:
    if named:
        return named
    subject = incident.invocations[invocation].subject
    made = [d.duty for d in incident.documents.values() if incident.invocations[d.step].step == subject]
    return made[-1] if made else ""


def _text(
    service: IncidentService,
    incident: Incident,
    step: str,
    duty: str,
    record: DutyRecord,
    given: str,
    *,
    passes: bool,
) -> str:
    """Return the digest of the filed text; empty if no text was generated for the duty.

    It is the named one, otherwise the only signed and current one; raises Refused with the choices otherwise.
    A text that was made after the filing was never filed. An unsigned text needs a reason: it is chosen only if no other
    text was signed. ``passes``: counsel accepts a text of which facts changed.
    """
    waiting = service.library(incident).step(incident, step) if step else None
    subject = waiting.file if isinstance(waiting, File) else ""
    alike = served_together(service, incident, duty) if given else ()
    made = [
        d
        for d in incident.documents.values()
        if d.duty in (duty, *alike) or (not d.duty and subject == incident.invocations[d.step].step)
    ]
    texts = [d for d in made if d.at <= record.at]
    wanted = given.removeprefix("sha256:")
    documents = [d for d in texts if d.digest.removeprefix("sha256:").startswith(wanted)]
    if given and not documents:
        raise Refused(
            f'No notice for "{duty}" that existed at {moment(record.at)} has the digest {given}.',
            hint=Action("notice.list"),
            code="unknown_digest",
        )
    if not given:
        newest = {d.step: d for d in texts}.values()
        fresh = [d for d in newest if subject in ("", incident.invocations[d.step].step)]
        fresh = [d for d in fresh if passes or not blocking(incident, d, record.at)]
        documents = [d for d in fresh if signed_at(incident, d) is not None]
        if not documents and record.reason.strip():
            documents = [*fresh, *(d for d in texts if signed_at(incident, d) is not None)]
    digests = {d.digest for d in documents}
    if made and len(digests) != 1 and (texts or not record.reason.strip()):
        raise Refused(
            f'{"No text" if not digests else f"{len(digests)} texts"} for "{duty}" {"is" if not digests else "are"} both signed and current.',
            hint="Name the filed text: --digest SHA256. For a text without approval, also add --reason WHY",
            code="which_text",
            problems=[_choice(incident, d, record.at) for d in {d.digest: d for d in made}.values()],
        )
    unsigned = bool(texts) and all(signed_at(incident, d) is None for d in documents)
    if unsigned and not record.reason.strip():
        raise Refused(
            f"The text {documents[-1].digest} was never approved.",
            hint="Name the signed text. If you filed this text, add --reason WHY",
            code="not_approved",
        )
    return documents[-1].digest if documents else ""


def _choice(incident: Incident, document: Document, at: datetime) -> Problem:
    """Return one text that may have been filed: its digest, its notice, the time of signing, and whether it is stale."""
    signed = signed_at(incident, document)
    stale = len(blocking(incident, document, at))
    words = f"signed {moment(signed)}" if signed is not None else "not signed"
    words += f", out of date: {count(stale, 'fact')}" if stale else ""
    late = document.at > at
    words += f", made after the filing: {moment(document.at)}" if late else ""
    return Problem(
        file=document.digest,
        line=0,
        column=0,
        severity="warning",
        code="made_later" if late else "stale" if stale else "signed" if signed is not None else "unsigned",
        message=f"{document.id} ({document.status}), {words}",
    )


def _unsigned(
    service: IncidentService, incident: Incident, waiting: str, duty: str, filed: str
) -> Iterator[str]:
    """Yield the open approvals of a duty's notice, unless exactly the filed text was approved."""
    library = service.library(incident)
    every = incident.documents.values()
    if any(document.digest == filed and signed_at(incident, document) is not None for document in every):
        return
    documents = [document for document in every if document.duty == duty]
    notices = {
        (incident.invocations[document.step].scope, incident.invocations[document.step].step)
        for document in documents
    }
    step = library.step(incident, waiting) if waiting else None
    if isinstance(step, File):
        notices.add((incident.invocations[waiting].scope, step.file))
    for invocation in incident.invocations.values():
        asked = (
            library.step(incident, invocation.id)
            if invocation.kind == "approve" and not invocation.over
            else None
        )
        if isinstance(asked, Approve) and (invocation.scope, asked.approve) in notices:
            yield invocation.id


def register(service: IncidentService, kind: Kind) -> RegisterReport:
    """Return the register of one kind; an erased incident keeps its entry."""
    breaches: list[Breach] = []
    without = others = 0
    for row in service.incidents():
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
