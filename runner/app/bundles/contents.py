"""The payload of a bundle: the record, documents, evidence and receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from runner.app.bundles import law_and_facts
from runner.app.bundles.gathered import Gathered, plain_name
from runner.errors import UNREADABLE
from runner.incident.state import events as e
from runner.incident.state.incident import Document
from runner.incident.steps.approvals import approvals_of
from runner.proof.formats import as_json, b64
from runner.reports.incidents.timeline import timeline_csv

RECEIPTS = (e.AttemptEnded, e.AttemptResolved, e.DeliveryEnded, e.EvidenceRaised, e.ReceiptTaken)


def collect(found: Gathered) -> None:
    """Add everything but what people read first; the scope statement comes last, because it counts the rest."""
    _record(found)
    _documents(found)
    _receipts(found)
    if "evidence" in found.parts:
        _evidence(found)
    law_and_facts.collect(found)
    found.put_json("scope.json", found.scope)


def _record(found: Gathered) -> None:
    """Add the entries with the bytes that their hashes cover, the hashes of all entries, and a table to read."""
    lines = []
    for event, link, level, reason in found.entries:
        if link is None or level == "hash":
            continue
        entry: dict[str, Any] = {"seq": event.seq, "header": link.header.decode()}
        if level == "full":
            entry |= {"salt": b64(link.salt or b""), "payload": (link.payload or b"").decode()}
        else:
            entry["withheld"] = reason
        lines.append(as_json(entry))
    found.put("record/events.jsonl", "".join(lines).encode())
    found.put("record/leaves.txt", "".join(f"{one.event.hash}\n" for one in found.entries).encode())
    found.put("record/chronology.csv", timeline_csv(found.chronology, everything=True).encode())


def _documents(found: Gathered) -> None:
    """Add the stored documents whole, with the bytes that were approved or filed; none of them is painted over."""
    filed = {record.digest: duty for duty, record in _filings(found) if record.digest}
    listed = []
    for document in found.incident.documents.values() if "documents" in found.parts else ():
        if not _is_given(found, document, filed):
            continue
        files = {
            form: _stored(
                found,
                f"documents/{digest}.{form.rpartition('.')[2]}",
                digest,
                partial(found.reader.document, found.incident, document.id, form),
            )
            for form, digest in sorted(document.files.items())
        }
        found.documents += 1
        about = {"notice": document.notice, "version": document.version, "digest": document.digest}
        about |= {
            "duty": document.duty,
            "filed_for": filed.get(document.digest, ""),
            "status": document.status,
        }
        listed.append({**about, "files": files})
        for form, path in files.items():
            if path:
                row = {
                    "kind": "document",
                    "title": f"{document.notice} {form}",
                    "date": f"{document.at:%Y-%m-%d}",
                }
                found.listed.append(
                    {**row, "author": "", "path": f"data/{path}", "sha256": found.digest(path)}
                )
    found.put_json("documents.json", listed)


def _is_given(found: Gathered, document: Document, filed: dict[str, str]) -> bool:
    if found.since is not None and document.at < found.since:
        return False
    match found.audience.gets("documents"):
        case "all":
            return True
        case "approved":
            answers = approvals_of(found.incident, document).values()
            return document.digest in filed or (bool(answers) and all(answers))
        case "filed":
            return document.digest in filed
        case _:
            return False


def _filings(found: Gathered) -> Iterator[tuple[str, Any]]:
    """Yield the duty and the record of each filing, also where its entry is withheld: a filed document is no secret."""
    for duty in found.incident.duties.values():
        if duty.record is not None and duty.record.kind == "filed":
            yield duty.id, duty.record


def _stored(found: Gathered, path: str, digest: str, read: Callable[[], bytes]) -> str:
    """Add a file of the store; return its path, or nothing if its bytes cannot be read any more."""
    if path in found.files:
        return path
    try:
        size = len(read())
    except UNREADABLE:
        found.unreadable += 1
        return ""
    found.put_stored(path, size, digest, read)
    return path


def _evidence(found: Gathered) -> None:
    """Add the evidence files whose entries are given."""
    for row, event in found.whole:
        if not isinstance(event, e.EvidenceAttached) or event.evidence not in found.incident.evidence:
            continue
        path = _stored(
            found,
            f"evidence/{event.evidence}/{plain_name(event.name)}",
            event.sha256.removeprefix("sha256:"),
            partial(found.reader.evidence, found.incident, event.evidence),
        )
        if path:
            found.evidence += 1
            about = {
                "kind": "evidence",
                "title": event.name,
                "date": f"{row.at:%Y-%m-%d}",
                "author": event.by,
            }
            found.listed.append({**about, "path": f"data/{path}", "sha256": found.digest(path)})


def _receipts(found: Gathered) -> None:
    """Add tables of the filings, and of what providers reported about messages, from the entries that are given."""
    filings: list[tuple[str, ...]] = [
        ("entry", "duty", "kind", "at", "by", "reference", "receipt", "document")
    ]
    messages: list[tuple[str, ...]] = [
        ("entry", "recorded", "type", "delivery or effect", "attempt", "state", "evidence")
    ]
    for row, event in found.whole:
        number = str(row.seq)
        if isinstance(event, e.DutyRecorded):
            one = event.record
            about = (one.kind, one.at.isoformat(), one.by, one.reference, one.receipt, one.digest)
            filings.append((number, event.duty, *about))
        elif isinstance(event, RECEIPTS):
            names = ("effect", "delivery"), ("n",), ("state", "kind"), ("evidence",)
            cells = (
                next((str(getattr(event, name)) for name in of if hasattr(event, name)), "") for of in names
            )
            messages.append((number, row.recorded.isoformat(), row.type, *cells))
    found.put_csv("receipts/filings.csv", filings)
    found.put_csv("receipts/messages.csv", messages)
