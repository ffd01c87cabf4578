"""Use cases of filings: the texts that may have been filed, the record with its receipt, and duties that one filing serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action, Slot
from runner.errors import Problem, Refused
from runner.incident.law.duties import LIVE, signed_at
from runner.incident.notices.staleness import blocking
from runner.incident.notices.verification import current_texts
from runner.incident.state.commands import RecordCustody, RecordDuty
from runner.incident.state.future_timestamps import refuse_record_ahead
from runner.incident.state.incident import Document, Incident
from runner.law.duty import DutyRecord, DutyStatus
from runner.law.relevance import CONTRACT
from runner.playbook.format import Approve, File
from runner.reports.core.formatting import count, moment

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.documents.tree import FormField


def filing(
    service: IncidentService,
    incident: Incident,
    duty: str,
    *,
    at: datetime,
    reference: str,
    receipt: tuple[str, bytes] | None,
    late_reason: str,
    step: str = "",
    digest: str = "",
    reason: str = "",
    as_it_was: str = "",
    serves: Sequence[str] = (),
    chosen: bool = False,
) -> tuple[RecordCustody | RecordDuty, ...]:
    """Return the commands that record a filing: first the receipt as evidence, then the record of each duty.

    ``receipt`` has a name and the bytes. ``chosen``: a person must name the text, also if only one is possible.

    It ends the ``file`` step that waits for this duty; raises Refused if there are several and none is named, and
    if it is unclear which text was filed.
    """
    from runner.app.incidents.evidence import take_bytes

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
    if chosen and not digest and texts_to_file(service, incident, duty, at, waiting):
        raise _which(incident, duty, 1, _made(service, incident, waiting, duty), at)
    filed = _text(service, incident, waiting, duty, record, digest, passes=bool(as_it_was))
    file = take_bytes(service, incident.id, *receipt, f"receipt for {duty}") if receipt is not None else None
    record = msgspec.structs.replace(
        record,
        receipt=file.sha256 if file is not None else "",
        digest=filed,
        unsigned=tuple(_unsigned(service, incident, waiting, duty, filed)),
    )
    made = RecordDuty(duty=duty, record=record, step=waiting, as_it_was=as_it_was)
    records = (made, *_served_too(service, incident, made, serves))
    return records if file is None else (RecordCustody(event=file), *records)


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


def served_together(service: IncidentService, incident: Incident, duty: str) -> tuple[str, ...]:
    """Return the other duties that one filing serves together with this one.

    The authority directory names them (``one_filing``); those of one contract to one party need no directory.
    """
    return together(service.near_duties(incident, also=(duty,)), duty)


def together(found: Sequence[DutyStatus], duty: str) -> tuple[str, ...]:
    """Return the other duties among these that one filing serves together with this one."""
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
    found = service.near_duties(incident, also=(made.duty,))
    open_ = {duty.id for duty in found if duty.verdict == "applies" and duty.state in LIVE}
    others = [duty for duty in together(found, made.duty) if duty in open_]
    record = made.record
    values = {"reference": record.reference, "digest": record.digest, "at": record.at.isoformat()}
    options = [f"--{name} {quote(value)}" for name, value in values.items() if value]
    options += [f"--serves {duty}" for duty in others[1:]]
    return " ".join((others[0], *options)) if others else ""


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
    subject = _subject(service, incident, step)
    alike = served_together(service, incident, duty) if given else ()
    made = _made(service, incident, step, duty, *alike)
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
        raise _which(incident, duty, len(digests), made, record.at)
    unsigned = bool(texts) and all(signed_at(incident, d) is None for d in documents)
    if unsigned and not record.reason.strip():
        raise Refused(
            f"The text {documents[-1].digest} was never approved.",
            hint="Name the signed text. If you filed this text, add --reason WHY",
            code="not_approved",
        )
    return documents[-1].digest if documents else ""


def texts_to_file(
    service: IncidentService, incident: Incident, duty: str, at: datetime, step: str = ""
) -> tuple[Problem, ...]:
    """Return the texts that a filing of a duty can name, oldest first, as refusals list them.

    ``file`` is the digest, ``code`` is ``signed``, ``unsigned``, ``stale`` or ``made_later``.
    """
    made = {one.digest: one for one in _made(service, incident, step, duty)}
    return tuple(_choice(incident, document, at) for document in made.values())


def form_fields(
    reader: Reader, incident: Incident, duty: str
) -> tuple[Document | None, tuple[FormField, ...]]:
    """Return the text to file for a duty, the signed one first, and the fields of the authority's form in its order.

    Nothing without a text; no fields if the text fills no form.
    """
    from runner.app.notices.notice_versions import tree_of

    texts = [one for one in current_texts(incident) if one.duty == duty and one.tree]
    signed = [one for one in texts if signed_at(incident, one) is not None]
    document = next(reversed(signed or texts), None)
    return document, tree_of(reader, incident, document).document.form if document is not None else ()


def _subject(service: IncidentService, incident: Incident, step: str) -> str:
    """Return the notice step whose text a filing task waits for."""
    waiting = service.library(incident).step(incident, step) if step else None
    return waiting.file if isinstance(waiting, File) else ""


def _made(service: IncidentService, incident: Incident, step: str, *duties: str) -> list[Document]:
    """Return the texts that were generated for duties, or for the filing task."""
    subject = _subject(service, incident, step)
    return [
        d
        for d in incident.documents.values()
        if d.duty in duties or (not d.duty and subject == incident.invocations[d.step].step)
    ]


def _which(incident: Incident, duty: str, found: int, made: Sequence[Document], at: datetime) -> Refused:
    """Return the refusal that lists the texts: a person must name the filed one."""
    words = f'{found or "No"} text{"s" if found > 1 else ""} for "{duty}" {"are" if found > 1 else "is"} both signed and current.'
    return Refused(
        words if found != 1 else f'The filed text for "{duty}" is not named.',
        hint="Name the filed text: --digest SHA256. For a text without approval, also add --reason WHY",
        code="which_text",
        problems=[_choice(incident, d, at) for d in {d.digest: d for d in made}.values()],
    )


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
