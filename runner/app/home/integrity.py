"""Integrity checks beside the hash chain: changed or missing documents, missing keys, missing rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.contact_store import forgotten
from runner.app.core.repository import Head, IncidentRow, Inspection, Verification
from runner.app.core.transaction import row_of
from runner.app.home import retention
from runner.errors import Sealed, TocsinError, Usage
from runner.incident.people.contact_journal import BOOK, READER, STREAM
from runner.incident.state.events import IncidentOpened
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

FaultCode = Literal["blob_changed", "blob_missing", "key_missing", "row_missing"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written."""

    code: FaultCode
    incident: str
    """Empty where a document is shared by incidents."""
    what: str


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """What was found beside the chain."""

    documents: int
    unread: int
    """Documents that cannot be opened here."""
    faults: tuple[Fault, ...]
    unjudged: tuple[str, ...] = ()
    """Journals without a key, of which cannot be told here whether they were shredded."""


def examine(
    service: IncidentService,
    verified: Verification,
    incident: str | None = None,
    seen: Callable[[int], None] | None = None,
) -> Integrity:
    """Look at the documents and keys of one incident or of all, and at rows that ``verified`` misses."""
    inspection = service.store.inspect(incident, seen)
    faults = [
        Fault(code="blob_changed", incident=name, what=f"document {digest[:12]}… differs from its digest")
        for name, digest in inspection.changed
    ]
    lawful = _lawful(service, inspection)
    for name in inspection.keyless:
        if lawful is not None and name not in lawful:
            what = "the key is missing or changed, and no erasure is recorded"
            faults.append(Fault(code="key_missing", incident=name, what=what))
    faults += [
        Fault(code="row_missing", incident=name, what="the row is missing: no list shows the incident")
        for name in verified.unwitnessed
    ]
    return Integrity(
        documents=inspection.blobs,
        unread=inspection.unread,
        faults=tuple(faults),
        unjudged=inspection.keyless if lawful is None else (),
    )


def _lawful(service: IncidentService, found: Inspection) -> frozenset[str] | None:
    """Return the journals whose shredding is recorded, None where the record does not open here."""
    if not found.keyless:
        return frozenset()
    try:
        shredded, people = retention.kept(service).shredded, forgotten(service.store)
    except Sealed:
        return None
    named = {*shredded, *(journal for person in people for journal in person.journals or ())}
    # Until journals were named, one that was forgotten could be any of those without a key: as many as were.
    older = sum(person.journals is None for person in people)
    books = [name for name in found.keyless if name.startswith(f"{BOOK}-") and name not in named]
    return frozenset({*named, *books[:older]})


def missing_anywhere(service: IncidentService, only: str | None = None) -> Iterator[Fault]:
    """Yield every document that one incident or any refers to and that is not here; what does not open is left out."""
    for row in service.store.rows():
        if row.kind != STREAM and only in (None, row.id):
            with suppress(TocsinError):
                yield from missing(service, service.load(row.id))


def missing(service: IncidentService, incident: Incident) -> Iterator[Fault]:
    """Yield every document that an incident refers to and that is not here."""
    for what, digest in _named(service, incident):
        if not service.store.has_blob(digest):
            what = f"the bytes of {what} are missing ({digest[:12]}…)"
            yield Fault(code="blob_missing", incident=incident.id, what=what)


def row_from_journal(service: IncidentService, name: str) -> IncidentRow:
    """Return the row that follows from a journal; raises a TocsinError where that does not open."""
    first = next(service.store.read(name))
    if first.type == IncidentOpened.__name__:
        incident = service.repository.fold(name)
        return row_of(incident, service.clock.now(), service.library(incident))
    is_book = name.startswith(f"{BOOK}-") and first.payload is not None
    return IncidentRow(
        id=name,
        codename=name,
        title=READER(first.payload or b"").person if is_book else "",
        kind=STREAM,
        state=BOOK if name.startswith(f"{BOOK}-") else STREAM,
        opened_at=first.recorded,
        version=service.store.head(name).version,
    )


def _named(service: IncidentService, incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield every document that an incident refers to: what it is, and its digest."""
    if incident.catalogue:
        yield "the pinned law", incident.catalogue
        if service.store.has_blob(incident.catalogue):
            contents = service.catalogue(incident).contents
            parts = (
                ("the text of the pinned law", contents.laws_at),
                ("the pinned notices", contents.notices_at),
            )
            yield from (part for part in parts if part[1])
    for run in incident.runs.values():
        yield f"the playbook {run.playbook}", run.bundle
    for message in incident.messages.values():
        yield f"message {message.id}", message.body
    for document in incident.documents.values():
        for form, digest in document.files.items():
            yield f"{document.notice} as {form}", digest
        if document.tree:
            yield f"the text of {document.id}", document.tree
        if document.adoption is not None:
            yield f"the Word file of {document.id}", document.adoption.file
    for evidence in incident.evidence.values():
        yield f"evidence {evidence.id}", evidence.sha256


_ANCHOR = re.compile(r"(?P<version>\d+):(?:sha256:)?(?P<hash>[0-9a-f]{64})")
Seen = Callable[[int], None]


def events(service: IncidentService, incident: str | None) -> int:
    """Return how many events there are to verify."""
    return sum(row.version for row in service.store.rows() if incident in (None, row.id))


def verify(
    service: IncidentService, incident: str | None, anchor: str = "", seen: Seen | None = None
) -> Verification:
    """Verify one journal or all; ``anchor`` is ``N:sha256:HASH`` as it stands on a document that left the house."""
    if not anchor:
        return service.store.verify(incident, seen=seen)
    match = _ANCHOR.fullmatch(anchor.strip())
    if match is None:
        raise Usage(
            f'"{anchor}" is not an anchor.',
            hint="Write N:sha256:HASH, as in the footer of a document.",
            code="bad_anchor",
        )
    if incident is None:
        raise Usage("--anchor needs one incident.", hint="Add --incident INCIDENT", code="option_missing")
    return service.store.verify(incident, {incident: Head(int(match["version"]), match["hash"])}, seen)


def integrity(
    service: IncidentService, verified: Verification, incident: str | None, seen: Seen | None = None
) -> Integrity:
    """Return what the chain does not show; documents are missed only where the chain holds, which names them."""
    found = examine(service, verified, incident, seen)
    gone = tuple(missing_anywhere(service, incident)) if verified.ok else ()
    return msgspec.structs.replace(found, faults=(*found.faults, *gone))
