"""Check of a signed after-action report against the journal: bytes, signature, signer and journal heads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.app.exercises.after_action import plan_behind, signers
from runner.effects.notices.render import bound_digest
from runner.errors import Invalid, TocsinError
from runner.incident.state.exercise import ReportSigned
from runner.incident.state.incident import Incident
from runner.reports.core.event_row import decode_event
from runner.reports.core.formatting import describe_actor
from runner.reports.core.header import zone_of
from runner.reports.core.report_blocks import time

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import StoredEvent


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was checked."""

    about: str
    """``bytes``, ``digest``, ``copies``, ``signer``, ``heads`` or ``journal``."""
    holds: bool
    said: str


class ReportCheck(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/report-check/v1"
):
    """What came of it."""

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
        raise Invalid(
            f'File "{file}" cannot be read: {error.strerror}.',
            hint="Name the file of the report.",
            code="file_unreadable",
        ) from None
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
        yield Finding(about="bytes", holds=True, said=said)
        yield from _signature(service, incident, row, event)
        yield _heads(event.heads, rows)
    else:
        known = ", ".join(f"entry {row.seq} by {event.by}" for row, event in signed) or "none"
        said = f"no signed report of {incident.codename} has these bytes. Signed reports: {known}"
        yield Finding(about="bytes", holds=False, said=said)
    verified = service.store.verify(incident.id)
    broken = f"entry {verified.broken.seq}: {verified.broken.why}" if verified.broken is not None else ""
    yield Finding(
        about="journal", holds=verified.ok, said=broken or f"all {verified.events} entries verified"
    )


def _signature(
    service: IncidentService, incident: Incident, row: StoredEvent, event: ReportSigned
) -> Iterator[Finding]:
    equal = bound_digest(dict(event.files)) == event.digest
    said = f"{'covers' if equal else 'is not that of'} {', '.join(sorted(event.files))}: {event.digest}"
    yield Finding(about="digest", holds=equal, said=f"the signature {said}")
    lost = [form for form, digest in sorted(event.files.items()) if not _is_kept(service, digest)]
    said = (
        f"the stored copy is missing or changed: {', '.join(lost)}" if lost else "the stored copy is present"
    )
    yield Finding(about="copies", holds=not lost, said=said)
    own = row.actor.claimed == event.by and not row.actor.on_behalf_of
    able = event.by in signers(incident, plan_behind(service, incident))
    why = "" if own and able else "; not the one who signs" if own else f"; the entry is not by {event.by}"
    yield Finding(about="signer", holds=own and able, said=f"{describe_actor(row.actor)}{why}")


def _is_kept(service: IncidentService, digest: str) -> bool:
    try:
        service.repository.document(digest)
    except TocsinError:
        return False
    return True


def _heads(heads: Mapping[str, str], rows: Sequence[StoredEvent]) -> Finding:
    """Say whether the journal has, in their places, the heads that the report names."""
    named = sorted(heads, key=lambda name: int(heads[name].partition(":")[0]))
    chain = {f"{row.seq}:sha256:{row.hash}" for row in rows}
    wrong = [f"{name} {head}" for name in named if (head := heads[name]) not in chain]
    if wrong:
        return Finding(about="heads", holds=False, said=f"the journal has no such head: {'; '.join(wrong)}")
    if not heads:
        return Finding(about="heads", holds=True, said="the signature is older and names no heads")
    return Finding(about="heads", holds=True, said=f"in the journal: {', '.join(named)}")
