"""Integrity checks beside the hash chain: changed or missing documents, missing keys and rows, and the log of heads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.contact_store import forgotten
from runner.app.core.proof import timestamps
from runner.app.core.proof.checkpoints import EVERY, LOST_KEY
from runner.app.core.repository import Head, HeadFault, HeadFaultCode, IncidentRow, Inspection, Verification
from runner.app.core.transaction import row_of
from runner.app.home import retention
from runner.app.home.doctor_checks import Finding
from runner.errors import Sealed, TocsinError, Usage
from runner.incident.people.contact_journal import BOOK, READER, STREAM
from runner.incident.state.events import IncidentOpened
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

FaultCode = (
    Literal[
        "blob_changed", "blob_missing", "key_missing", "row_missing", "signing_key_missing", "mark_forged"
    ]
    | HeadFaultCode
)

HINTS: Mapping[str, str] = {
    "row_missing": "Rebuild the row from the journal: tocsin doctor --repair",
    "mark_forged": "Somebody writes to the database without the key. Copy it and find out who. These rows have no effect; remove them: tocsin doctor --repair",
    "two_copies": "Decide which copy is the record, and stop all work in the other.",
}
"""What to do about a fault, by its code."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One missing or changed document, key, row or head."""

    code: FaultCode
    incident: str
    """Empty for a document that incidents share, and for a fault of the log of heads."""
    event: int = 0
    """The entry, if the fault is of one."""
    what: str

    @property
    def where(self) -> str:
        """The incident, or what the fault is of instead."""
        shared = "shared documents" if self.code in ("blob_changed", "blob_missing") else "log of heads"
        return self.incident or ("access" if self.code == "mark_forged" else shared)


class Older(msgspec.Struct, frozen=True, kw_only=True):
    """A journal whose first entries were written before heads were keyed: their MACs prove nothing about them."""

    incident: str
    event: int
    """The last of these entries."""


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """Findings that the hash chain does not show."""

    documents: int
    unread: int
    """The number of documents that this home cannot decrypt."""
    faults: tuple[Fault, ...]
    unjudged: tuple[str, ...] = ()
    """Journals without a key whose erasure cannot be checked here."""
    heads: int = 0
    """The number of heads in the log; 0 for a database that only older versions have written."""
    checkpoint: int = 0
    """The number of heads in the newest signed checkpoint."""
    keyed: bool = False
    """Whether the MACs of rows and heads were checked; False without the master key."""
    uncovered_since: datetime | None = None
    """When the oldest head that is in no signed checkpoint was recorded."""
    older: tuple[Older, ...] = ()


def examine(
    service: IncidentService,
    verified: Verification,
    incident: str | None = None,
    seen: Callable[[int], None] | None = None,
    checkpoint: str = "",
) -> Integrity:
    """Examine the documents and keys of one incident or of all, and the rows that ``verified`` misses."""
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
    heads = service.checkpoints.check(incident, checkpoint)
    faults += [
        Fault(code=one.code, incident=one.incident, event=one.seq, what=_others(one)) for one in heads.faults
    ]
    if heads.keyed and service.checkpoints.is_key_lost():
        faults.append(
            Fault(code="signing_key_missing", incident="", what=f"{LOST_KEY} No checkpoint can be made.")
        )
    faults += _forged(service) if incident is None else ()
    return Integrity(
        heads=heads.leaves,
        checkpoint=heads.size,
        keyed=heads.keyed,
        uncovered_since=heads.uncovered_since,
        older=tuple(Older(incident=name, event=seq) for name, seq in heads.older if incident in (None, name)),
        documents=inspection.blobs,
        unread=inspection.unread,
        faults=tuple(faults),
        unjudged=inspection.keyless if lawful is None else (),
    )


def _forged(service: IncidentService) -> Iterator[Fault]:
    """Yield the kinds of sessions, tokens and the like with rows that somebody planted or changed."""
    with suppress(Sealed):
        for kind, names in service.sealed.forged():
            more = f" (and {len(names) - 1} more)" if names[1:] else ""
            what = f"the row {names[0][: len(kind) + 16]} was not made with the key of this home folder{more}"
            yield Fault(code="mark_forged", incident="", what=what)


def _others(one: HeadFault) -> str:
    where = f"entry {one.seq}: " if one.seq else ""
    return f"{where}{one.why}" + (f" (and {one.more} more)" if one.more else "")


def _lawful(service: IncidentService, found: Inspection) -> frozenset[str] | None:
    """Return the journals with a recorded erasure, None where the record cannot be decrypted here."""
    if not found.keyless:
        return frozenset()
    try:
        shredded, people = retention.kept(service).shredded, forgotten(service.store)
    except Sealed:
        return None
    named = {*shredded, *(journal for person in people for journal in person.journals or ())}
    # Older erasures of a person name no journal: as many journals without a key are accepted.
    older = sum(person.journals is None for person in people)
    books = [name for name in found.keyless if name.startswith(f"{BOOK}-") and name not in named]
    return frozenset({*named, *books[:older]})


def missing_anywhere(service: IncidentService, only: str | None = None) -> Iterator[Fault]:
    """Yield the missing documents of one incident or of all, without unreadable incidents."""
    for row in service.store.rows():
        if row.kind != STREAM and only in (None, row.id):
            with suppress(TocsinError):
                yield from missing(service, service.load(row.id))


def missing(service: IncidentService, incident: Incident) -> Iterator[Fault]:
    """Yield every missing document of an incident."""
    for what, digest in _named(service, incident):
        if not service.store.has_blob(digest):
            what = f"the bytes of {what} are missing ({digest[:12]}…)"
            yield Fault(code="blob_missing", incident=incident.id, what=what)


def row_from_journal(service: IncidentService, name: str) -> IncidentRow:
    """Return the row of an incident from its journal; raises a TocsinError for an unreadable journal."""
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
    """Yield the description and the digest of every document of an incident."""
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
    """Return the number of entries to verify."""
    return sum(row.version for row in service.store.rows() if incident in (None, row.id))


def verify(
    service: IncidentService, incident: str | None, anchor: str = "", seen: Seen | None = None
) -> Verification:
    """Verify one journal or all; ``anchor`` is ``N:sha256:HASH`` from the footer of an issued document."""
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
    service: IncidentService,
    verified: Verification,
    incident: str | None,
    seen: Seen | None = None,
    checkpoint: str = "",
) -> Integrity:
    """Return the faults that the chain does not show; missing documents only if the chain is valid."""
    found = examine(service, verified, incident, seen, checkpoint)
    gone = tuple(missing_anywhere(service, incident)) if verified.ok else ()
    return msgspec.structs.replace(found, faults=(*found.faults, *gone))


def checkpoint_findings(
    service: IncidentService, uncovered_since: datetime | None, *, copies: bool = False
) -> Iterator[Finding]:
    """Yield why an older copy of the database would not be found: no new checkpoint, or no memory of one; ``copies`` also found here."""
    area = "checkpoints"
    if copies and service.checkpoints.copies():
        what = "another copy of this home folder continues"
        yield Finding(area, "error", what, HINTS["two_copies"], code="two_copies")
    if uncovered_since is not None and uncovered_since <= service.clock.now() - EVERY:
        what = f"No signed checkpoint since {uncovered_since:%Y-%m-%d %H:%M} UTC. The next change or a worker makes one"
        yield Finding(area, "warning", what, code="uncovered")
    if service.checkpoints.is_memory_lost():
        what = f"This user cannot remember checkpoints: {service.checkpoints.memory} cannot be written"
        hint = (
            "Make the folder writable. Without it, this machine does not find a database that was put back."
        )
        yield Finding(area, "warning", what, hint, code="checkpoint_not_remembered")
    if not service.home.timestamps.url:
        return
    now = service.clock.now()
    last = timestamps.asked(service.store, now)
    at = f"{last.answered:%Y-%m-%d %H:%M} UTC" if last.answered else ""
    if last.answered is None or now - last.answered > timestamps.OVERDUE:
        what = f"Last answer of the timestamp authority: {at or 'none'}. {last.trouble}".strip()
        hint = "Run a worker: it asks the authority each hour."
        yield Finding(area, "warning", what, hint, code="timestamp_missing")
    elif timestamps.unchecked(service.store) or not last.verified:
        what = "Timestamps were kept whose signature could not be checked here"
        hint = "Export a bundle, and verify with openssl as its VERIFY.txt says."
        yield Finding(area, "warning", what, hint, code="timestamp_unverified")
    else:
        yield Finding(area, "good", f"the timestamp authority answered at {at}")
