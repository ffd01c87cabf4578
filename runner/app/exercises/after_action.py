"""After-action report of an exercise or a real incident: written into a folder; a signed report is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action
from runner.app.exercises.exercises import plan_of
from runner.app.exercises.improvements import contacts, of_incident, read
from runner.app.incidents.links import rows_of
from runner.app.notices.notices import Pulled, save
from runner.documents.notice import Format
from runner.documents.tree import Document, Stationery
from runner.effects.notices.render import bound_digest
from runner.errors import Refused, TocsinError, unreadable
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state import commands as c
from runner.incident.state.events import IncidentClosed
from runner.incident.state.exercise import ReportSigned
from runner.incident.state.incident import Incident
from runner.reports.after_action.clock import marks_of
from runner.reports.after_action.report import after_action, journal_annex
from runner.reports.after_action.source import Numbers, Source, numbers_of, unready
from runner.reports.core.event_row import decode_event
from runner.reports.core.formatting import describe_actor, read_in
from runner.reports.core.header import exercise_zone, named_zone, zone_of
from runner.reports.core.report_blocks import time
from runner.reports.exercises.controller_handbook import controllers_book
from runner.reports.exercises.handbook import Book, feedback_form, players_book
from runner.reports.incidents.timeline import timeline, words_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import StoredEvent
    from runner.files.exercise_file import Loaded


def source_of(service: IncidentService, incident: Incident) -> Source:
    """Return the source data of a report."""
    reader = service.read(service.principal)
    head = reader.head(incident)
    library = service.library(incident)
    rows = list(reader.events(incident))
    items = of_incident(read(service), incident.id)
    plan = plan_behind(service, incident)
    zone = zone_of(incident, plan.clock.start if plan is not None else "")
    with read_in(zone):
        entries = timeline(incident, library, rows).entries
    ends = [event for row in rows if isinstance(event := decode_event(row), IncidentClosed)]
    return Source(
        incident=incident,
        plan=plan,
        entries=entries,
        duties=tuple(service.duties(incident)),
        marks=tuple(marks_of(rows)),
        titles=words_of(incident, library).titles,
        head=f"{head.version}:sha256:{head.hash}",
        reference=service.checkpoints.reference(head),
        now=service.now_in(incident),
        made_at=service.clock.now(),
        zone=zone,
        items=items,
        contacts=contacts(service, items),
        closing=ends[-1] if ends and incident.state == "closed" else None,
        links=rows_of(service, reader, incident.id),
    )


def plan_behind(service: IncidentService, incident: Incident) -> Exercise | None:
    """Return the plan of an exercise; None for a real incident, or an exercise without a plan."""
    return plan_of(service, incident) if incident.drill is not None and incident.drill.plan else None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers and the files of a written report."""

    numbers: Numbers
    files: tuple[Pulled, ...]


def write_report(
    service: IncidentService,
    incident: Incident,
    formats: Sequence[Format],
    folder: Path,
    *,
    name: str = "",
    sign: bool = False,
) -> Report:
    """Write the report and its annex into a folder; without ``name`` the file names show the subject and "draft".

    ``sign`` stores the files and records the person's sign-off of the files and of their journal heads;
    raises Refused for an incomplete report, and for a person who may not sign.
    """
    source = source_of(service, incident)
    numbers = numbers_of(source, signing=sign)
    if sign:
        _may_sign(service, source)
    pulleds = save(after_action(source, numbers), formats, folder, service.letterhead, name=name)
    annexed = name and f"{name}-journal"
    annex = save(journal_annex(source, numbers), formats, folder, service.letterhead, name=annexed)
    if sign:
        named = {
            **{pulled.format: pulled for pulled in pulleds},
            **{f"journal.{pulled.format}": pulled for pulled in annex},
        }
        files = {
            form: service.keep_document(service.principal, incident.id, Path(one.path).read_bytes())
            for form, one in named.items()
        }
        heads = {**{head.name: head.head for head in numbers.heads}, "report": numbers.head}
        signed = c.SignReport(digest=bound_digest(files), files=files, heads=heads)
        service.act(service.principal, incident.id, [signed])
    return Report(numbers=numbers, files=(*pulleds, *annex))


def report_bytes(service: IncidentService, incident: Incident, form: Format) -> tuple[str, bytes]:
    """Return the file name and the bytes of the report as it is now, in one format."""
    with TemporaryDirectory() as folder:
        file = Path(write_report(service, incident, (form,), Path(folder)).files[0].path)
        return file.name, file.read_bytes()


def sign_report(service: IncidentService, incident: Incident) -> None:
    """Sign the report as it is now, with its annex; the files stay in the store as the signature binds them."""
    with TemporaryDirectory() as folder:
        write_report(service, incident, ("docx", "pdf"), Path(folder), sign=True)


def signed_reports(reader: Reader, incident: Incident) -> list[ReportSigned]:
    """Return the signatures of an incident's report, with the digests of the signed files, the newest first."""
    rows = reader.events(incident) if incident.reports else ()
    return [event for row in rows if isinstance(event := decode_event(row), ReportSigned)][::-1]


def signers(incident: Incident, plan: Exercise | None) -> frozenset[str]:
    """Return the signers: evaluators and directors of an exercise, or people with a role in a real incident."""
    if plan is None:
        return frozenset(person for persons in incident.roles.values() for person in persons)
    return plan.evaluators


def _may_sign(service: IncidentService, source: Source) -> None:
    if why := unready(source):
        hint = Action("drill.show") if source.plan is not None else Action("incident.close")
        raise Refused(f"The report is a draft: {why}.", hint=hint, code="report_draft")
    who, able = service.principal, signers(source.incident, source.plan)
    if who.on_behalf_of or who.person not in able:
        names = ", ".join(sorted(able)) or "no person. Add an evaluator to the participants."
        raise Refused(
            f"{who.person} does not sign for {source.incident.codename}",
            hint=f"Ask one of: {names}",
            code="role",
        )


Audience = Literal["players", "controllers", "feedback"]


MADE: Mapping[Audience, Callable[[Book], Document]] = {
    "players": players_book,
    "controllers": controllers_book,
    "feedback": feedback_form,
}


def write_handbook(
    loaded: Loaded,
    reader: Audience,
    service: IncidentService | None,
    now: datetime,
    formats: Sequence[Format],
    folder: Path,
) -> tuple[Pulled, ...]:
    """Write a handbook of an exercise; without a service on plain paper, with the people's names from the plan."""
    tree = MADE[reader](book_of(loaded, service, now))
    return save(tree, formats, folder, service.letterhead if service is not None else bytes)


def book_of(loaded: Loaded, service: IncidentService | None, now: datetime) -> Book:
    """Return the source data of a handbook."""
    plan = loaded.exercise
    organisation = service.home.organisation if service is not None else {}
    people = service.directory.people if service is not None else {}
    zone = named_zone(organisation.get("zone") or plan.organisation.get("zone"))
    return Book(
        plan=plan,
        playbook=loaded.bundle.playbook,
        made_at=now,
        zone=exercise_zone(plan.clock.start, zone),
        stationery=Stationery(
            name=str(organisation.get("name", "")), logo=service.logo() if service is not None else None
        ),
        names={name: one.name for name, one in people.items() if one.name},
    )


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    about: str
    """``bytes``, ``digest``, ``copies``, ``signer``, ``heads`` or ``journal``."""
    holds: bool
    said: str


class ReportCheck(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/report-check/v1"
):
    """The results of all checks."""

    ok: bool
    codename: str
    file: str
    sha256: str
    findings: tuple[Finding, ...]


def check_report(service: IncidentService, incident: Incident, file: Path) -> ReportCheck:
    """Check a file of a report; raises Invalid where it cannot be read."""
    try:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise unreadable(file, error, "Name the file of the report.") from None
    rows = list(service.read(service.principal).events(incident))
    findings = tuple(_findings(service, incident, rows, sha256))
    return ReportCheck(
        ok=all(finding.holds for finding in findings),
        codename=incident.codename,
        file=str(file),
        sha256=sha256,
        findings=findings,
    )


def _findings(
    service: IncidentService, incident: Incident, rows: Sequence[StoredEvent], sha256: str
) -> Iterator[Finding]:
    signed = [(row, event) for row in rows if isinstance(event := decode_event(row), ReportSigned)]
    found = [(row, event) for row, event in signed if sha256 in event.files.values()]
    if found:
        row, event = found[-1]
        said = f"these bytes were signed by {event.by}, {time(row.at, zone_of(incident))}, entry {row.seq}"
        yield Finding("bytes", True, said)
        yield from _signature(service, incident, row, event)
        yield _heads(event.heads, rows)
    else:
        known = ", ".join(f"entry {row.seq} by {event.by}" for row, event in signed) or "none"
        said = f"no signed report of {incident.codename} has these bytes. Signed reports: {known}"
        yield Finding("bytes", False, said)
    verified = service.store.verify(incident.id)
    broken = f"entry {verified.broken.seq}: {verified.broken.why}" if verified.broken is not None else ""
    yield Finding("journal", verified.ok, broken or f"all {verified.events} entries verified")


def _signature(
    service: IncidentService, incident: Incident, row: StoredEvent, event: ReportSigned
) -> Iterator[Finding]:
    equal = bound_digest(dict(event.files)) == event.digest
    said = f"{'covers' if equal else 'is not that of'} {', '.join(sorted(event.files))}: {event.digest}"
    yield Finding("digest", equal, f"the signature {said}")
    lost = [form for form, digest in sorted(event.files.items()) if not _is_kept(service, digest)]
    said = (
        f"the stored copy is missing or changed: {', '.join(lost)}" if lost else "the stored copy is present"
    )
    yield Finding("copies", not lost, said)
    own = row.actor.claimed == event.by and not row.actor.on_behalf_of
    able = event.by in signers(incident, plan_behind(service, incident))
    why = "" if own and able else "; not the one who signs" if own else f"; the entry is not by {event.by}"
    yield Finding("signer", own and able, f"{describe_actor(row.actor)}{why}")


def _is_kept(service: IncidentService, digest: str) -> bool:
    try:
        service.repository.document(digest)
    except TocsinError:
        return False
    return True


def _heads(heads: Mapping[str, str], rows: Sequence[StoredEvent]) -> Finding:
    """Check the journal for the heads that the report names."""
    named = sorted(heads, key=lambda name: int(heads[name].partition(":")[0]))
    chain = {f"{row.seq}:sha256:{row.hash}" for row in rows}
    wrong = [f"{name} {head}" for name in named if (head := heads[name]) not in chain]
    if wrong:
        return Finding("heads", False, f"the journal has no such head: {'; '.join(wrong)}")
    if not heads:
        return Finding("heads", True, "the signature is older and names no heads")
    return Finding("heads", True, f"in the journal: {', '.join(named)}")
