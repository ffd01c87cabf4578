"""Evidence files: encrypted content, recorded digest and origin, and their custody."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner import __version__
from runner.app.core.rights import require
from runner.base.text import text_problem
from runner.documents.tree import Document, RenderContext, Stationery
from runner.errors import Bug, Refused, Usage, no_file, unreadable, unwritable
from runner.incident.people.custody import exhibit
from runner.incident.state.commands import RecordCustody
from runner.incident.state.record import (
    CustodyAct,
    EvidenceAttached,
    ExhibitDescribed,
    ExhibitDiffered,
    ExhibitHandedOver,
    ExhibitReceived,
)
from runner.reports.core.custody import custody_form, evidence, form_title
from runner.reports.core.report_blocks import heading
from runner.yamlfile.limited_files import TooLarge, read_file

if TYPE_CHECKING:
    from datetime import datetime

    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import Turn
    from runner.incident.state.incident import Evidence, Incident

LARGEST = 512 * 1024 * 1024
"""The limit for one file; for an image of a disk, record a note with its digest instead."""


def take(service: IncidentService, incident: str, path: Path, source: str = "") -> EvidenceAttached:
    """Store a file, encrypted, and return the event that records it."""
    return take_bytes(service, incident, path.name, read(path), source)


def take_bytes(
    service: IncidentService, incident: str, name: str, content: bytes, source: str = ""
) -> EvidenceAttached:
    """Store the bytes of a file, encrypted, and return the event that records it under its name."""
    kept = service.keep_document(service.principal, incident, content)
    counted = hashlib.sha256(content).hexdigest()
    if kept != counted:
        raise Bug(f"The stored digest {kept} is not the digest of the file, {counted}.")
    return EvidenceAttached(
        by=service.principal.person,
        evidence=service.chance.name("e"),
        name=ascii(name)[1:-1] if text_problem(name) else name,
        sha256=kept,
        size=len(content),
        source=source,
    )


def read(path: Path, limit: int = LARGEST) -> bytes:
    """Return a file's bytes; raises NotFound, Invalid, or Refused if it is too large to store."""
    try:
        return read_file(path, limit)
    except TooLarge:
        raise Refused(
            f'File "{path}" has more than {limit:,} bytes, the limit for such files.',
            hint="Store the file elsewhere and note its SHA-256: tocsin note TEXT",
            code="file_too_large",
        ) from None
    except FileNotFoundError:
        raise no_file(path) from None
    except OSError as error:
        raise unreadable(path, error, "Check the file.") from None


def store(
    service: IncidentService, incident: str, event: EvidenceAttached, about: ExhibitDescribed | None = None
) -> Turn:
    """Record a stored file, and what is known about its collection."""
    acts: list[CustodyAct] = (
        [event] if about is None else [event, msgspec.structs.replace(about, evidence=event.evidence)]
    )
    return service.act(service.principal, incident, [RecordCustody(event=act) for act in acts])


def described(
    description: str = "",
    collected_by: str = "",
    collected_at: datetime | None = None,
    place: str = "",
    method: str = "",
) -> ExhibitDescribed | None:
    """Return what is said about an exhibit; None if nothing is."""
    texts = {"description": description, "collected_by": collected_by, "place": place, "method": method}
    said = {name: text.strip() for name, text in texts.items() if text.strip()}
    if not said and collected_at is None:
        return None
    return ExhibitDescribed(evidence="", collected_at=collected_at, **said)


def describe(service: IncidentService, incident: str, ref: str, about: ExhibitDescribed | None) -> Turn:
    """Record what an exhibit is, and who collected it, when, where and how; raises Usage if nothing is said."""
    if about is None:
        raise Usage(
            "Nothing is said about the evidence file.",
            hint="Add --description, --collected-by, --collected-at, --place or --method",
            code="option_missing",
        )
    return _act(service, incident, msgspec.structs.replace(about, evidence=ref))


def hand_over(
    service: IncidentService, incident: str, ref: str, to: str, purpose: str, at: datetime | None = None
) -> Turn:
    """Record that an exhibit was given to a person of the contact list; raises NotFound for another."""
    service.known(to)
    return _act(service, incident, ExhibitHandedOver(evidence=ref, receiver=to, purpose=purpose, given_at=at))


def receive(service: IncidentService, incident: str, ref: str, sha256: str = "", note: str = "") -> Turn:
    """Confirm the receipt of an exhibit, as the receiver; raises Refused if the digest differs, which is recorded."""
    turn = _act(service, incident, ExhibitReceived(evidence=ref, sha256=sha256, note=note.strip()))
    if any(isinstance(one.event, ExhibitDiffered) for one in turn.events):
        raise Refused(
            "The digest of your copy is not that of the exhibit. The difference is recorded. The receipt stays open.",
            hint="Calculate the digest again. If it still differs, ask the giver for the exhibit again",
            code="other_digest",
        )
    return turn


def _act(service: IncidentService, incident: str, event: CustodyAct) -> Turn:
    return service.act(service.principal, incident, [RecordCustody(event=event)])


def form(service: IncidentService, reader: Reader, incident: Incident, ref: str) -> bytes:
    """Return the custody form of an exhibit as PDF; raises Refused without the right, NotFound for another exhibit."""
    require(reader.may("evidence.read", incident), service.principal, f"read {ref}")
    known = exhibit(incident, ref)
    (one,) = evidence(incident, reader.events(incident), known.id).files
    from runner.documents.write import write

    document = Document(
        id="custody",
        version=__version__,
        template_sha256="",
        title=form_title(one),
        language="en",
        context=RenderContext(
            status="final",
            kind=incident.kind,
            timestamp=service.clock.now(),
            language="en",
            stationery=Stationery(name=str(service.home.organisation.get("name") or "")),
            journal_head=service.checkpoints.reference(reader.head(incident)),
        ),
        blocks=(heading(1, form_title(one)), *custody_form(incident, one, incident.codename)),
    )
    return write(document, "pdf")


def save(reader: Reader, incident: Incident, name: str, path: Path) -> Evidence:
    """Write the bytes of an evidence file to a new file; raises NotFound, or Invalid if it cannot be written."""
    known = exhibit(incident, name)
    write_new(path, reader.evidence(incident, known.id))
    return known


def write_new(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet; raises Invalid."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise unwritable(path, error, "Name a new file in a folder that you can write.") from None
