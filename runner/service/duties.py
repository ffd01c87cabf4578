"""Duties as people ask for them: of an incident, of a facts file without one, and what they did about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.engine.duties import assess
from runner.engine.positions import misread
from runner.errors import Refused, Usage
from runner.loading.catalog import Catalog
from runner.loading.facts import read_facts
from runner.loading.source import load
from runner.model.commands import AttachFile, RecordDuty
from runner.model.duty import DutyRecord, DutyStatus
from runner.model.expressions import Expression
from runner.model.facts import Fact, Stated, nested
from runner.model.incident import Document, Incident
from runner.model.playbook import Approve, File
from runner.service.holidays import PublicHolidays
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.service.desk import Desk

VERIS = "veris:"
Decided = Literal["decided_not_to_notify", "waived"]


def assess_files(
    files: Sequence[str],
    at: datetime,
    home: Path | None,
    cache: Path | None = None,
    known: Sequence[Stated] = (),
) -> tuple[tuple[DutyStatus, ...], tuple[str, ...]]:
    """Return every duty of the home's law and the built-in law on facts files, later files over earlier ones.

    With them, positions of counsel that no law knows.

    ``known`` is what holds where no file says otherwise. In ``cache`` compiled law and holidays are kept for the next
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
    found = assess(tuple(law.values()), facts, at, calendar=PublicHolidays(cache), first_known=at)
    return found, misread(facts, law, law.get)


def organisation_of(home: Path) -> tuple[Stated, ...]:
    """Return the facts of the organisation in a home's settings; its store stays closed."""
    from runner.loading.home import load_home
    from runner.service.organisation import organisation_facts

    return organisation_facts(load_home(home / CONFIG))


def _stated(name: str) -> tuple[Stated, ...]:
    if not name.startswith(VERIS):
        return read_facts(load(Path(name)))
    from runner.loading.veris import import_veris, parse_veris
    from runner.service.evidence import read

    path = Path(name.removeprefix(VERIS))
    return import_veris(parse_veris(read(path), str(path))).facts


def filing(
    desk: Desk,
    incident: Incident,
    duty: str,
    *,
    at: datetime,
    reference: str,
    receipt: Path | None,
    late_reason: str,
    step: str = "",
    digest: str = "",
) -> tuple[AttachFile | RecordDuty, ...]:
    """Return the commands that record a filing: the receipt in custody first, then the record.

    It ends the ``file`` step that waits for this duty; raises Refused when there are several and none is named.
    """
    from runner.service.evidence import take

    waiting = step or _file_step(desk, incident, duty)
    filed = _filed_digest(desk, incident, waiting, duty, digest)
    kept = take(desk, incident.id, receipt, f"receipt for {duty}") if receipt is not None else None
    record = DutyRecord(
        kind="filed",
        by=desk.actor.claimed,
        at=at,
        reference=reference,
        receipt=kept.sha256 if kept is not None else "",
        digest=filed,
        late_reason=late_reason,
        unsigned=tuple(_unsigned(desk, incident, waiting, duty, filed)),
    )
    made = RecordDuty(by=desk.actor.claimed, duty=duty, record=record, step=waiting)
    return (made,) if kept is None else (kept, made)


def decision(
    desk: Desk,
    duty: str,
    kind: Decided,
    at: datetime,
    reason: str,
    *,
    ground: str = "",
    watch: str = "",
) -> RecordDuty:
    """Return the command that records a decision not to notify, or a waiver.

    ``ground`` is an exemption of the statute by its code, or ``none``; ``watch`` is a condition over facts that opens
    the decision again; raises Usage where it is none.
    """
    by = desk.actor.claimed
    record = DutyRecord(
        kind=kind,
        by=by,
        at=at,
        reason=reason,
        ground=ground,
        watch=_condition(watch) if watch else None,
    )
    return RecordDuty(by=by, duty=duty, record=record)


def _condition(text: str) -> Expression:
    from runner.loading.expressions import ExpressionError, parse_condition

    try:
        return parse_condition(text)
    except ExpressionError as error:
        raise Usage(
            f"--watch: {error.message}", hint=error.hint or "people.total > 500", code="bad_condition"
        ) from None


def _file_step(desk: Desk, incident: Incident, duty: str) -> str:
    """Return the open ``file`` step of a duty, the empty string where none waits."""
    from runner.views.rows import task_rows

    rows = [
        row
        for row in task_rows(incident, desk.library(incident))
        if row.kind == "file"
        and row.invocation
        and not row.over
        and _duty_of(incident, row.invocation, row.duty) == duty
    ]
    if len(rows) > 1:
        names = ", ".join(row.invocation for row in rows)
        raise Refused(
            f"several steps wait for the filing of {duty}: {names}",
            hint="name one with --step",
            code="ambiguous_step",
        )
    return rows[0].invocation if rows else ""


def _duty_of(incident: Incident, invocation: str, named: str) -> str:
    if named:
        return named
    subject = incident.invocations[invocation].subject
    made = [d.duty for d in incident.documents.values() if incident.invocations[d.step].step == subject]
    return made[-1] if made else ""


def _filed_digest(desk: Desk, incident: Incident, step: str, duty: str, given: str) -> str:
    """Return the digest of what is filed: the one that is named, else the newest that was approved, else the newest final.

    What was approved may go although a newer text waits for its approval: that one follows as a supplement.
    """
    waiting = desk.library(incident).step(incident, step) if step else None
    subject = waiting.file if isinstance(waiting, File) else ""
    final = [
        d
        for d in incident.documents.values()
        if d.duty == duty and d.status == "final" and subject in ("", incident.invocations[d.step].step)
    ]
    approved = [d for d in final if was_approved(incident, d)]
    if given:
        wanted = given.removeprefix("sha256:")
        found = [d.digest for d in final if d.digest.removeprefix("sha256:").startswith(wanted)]
        if not found:
            raise Refused(
                f"no final notice for {duty} has the digest {given}",
                hint="see: tocsin notice list",
                code="unknown_digest",
            )
        if found[-1] not in {d.digest for d in approved}:
            raise Refused(
                f"{found[-1]} was never approved", hint="see: tocsin notice list", code="not_approved"
            )
        return found[-1]
    newest = (approved or final)[-1:] if subject else []
    return newest[0].digest if newest else ""


def _unsigned(desk: Desk, incident: Incident, waiting: str, duty: str, filed: str) -> Iterator[str]:
    """Yield the open approvals of a duty's notice, unless exactly what is filed was approved."""
    library = desk.library(incident)
    made = [one for one in incident.documents.values() if one.duty == duty]
    if any(one.digest == filed and was_approved(incident, one) for one in made):
        return
    notices = {(incident.invocations[one.step].scope, incident.invocations[one.step].step) for one in made}
    step = library.step(incident, waiting) if waiting else None
    if isinstance(step, File):
        notices.add((incident.invocations[waiting].scope, step.file))
    for one in incident.invocations.values():
        asked = library.step(incident, one.id) if one.kind == "approve" and not one.over else None
        if isinstance(asked, Approve) and (one.scope, asked.approve) in notices:
            yield one.id


def was_approved(incident: Incident, document: Document) -> bool:
    """Tell whether an approval of exactly these bytes was reached, whatever has been rendered since."""
    step = incident.invocations[document.step]
    return any(
        one.kind == "approve"
        and one.state in ("done", "done_late")
        and (one.subject, one.scope, one.digest) == (step.step, step.scope, document.digest)
        for one in incident.invocations.values()
    )
