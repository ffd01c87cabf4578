"""Export folder for counsel: what goes out, and privileged documents about it.

``to-file`` has the final, current and approved notices with their enclosures, and nothing else. ``filed`` has the texts that
were filed, whatever changed since. ``privileged`` has the other
versions, a redline of each against its previous version, a cover sheet for each, the legal requirements
compared with the text, the duties, and a manifest with the digest of every file. ``older`` has what an earlier pull wrote
and what no longer goes out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import msgspec

from runner.app.notices import notice_versions
from runner.app.notices.notices import Pulled, write_pulled
from runner.base.states import MARKS
from runner.decoding import from_json
from runner.documents.contents.cover_sheet import PRIVILEGE, FactRow
from runner.documents.contents.coverage import check, unnamed
from runner.documents.notice import Coverage, Format
from runner.documents.tree import Kept
from runner.errors import NotFound, Refused
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import value_words
from runner.incident.law.filed import filed_texts
from runner.incident.notices.staleness import change_words, changes, recorded_as
from runner.incident.notices.verification import current_texts, items_of, open_items, standing_texts
from runner.incident.state.incident import Approval, Document, Incident
from runner.incident.steps.approvals import approvals_of
from runner.reports.core.formatting import moment
from runner.reports.law.authority import office_fields
from runner.reports.law.confidence import LEVEL_WORDS
from runner.reports.law.titles import duty_label, recipient_name

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.law.duty import DutyStatus
    from runner.reports.core.page import Page

HOUSE = "privileged"
TO_FILE = "to-file"
OLDER = "older"
FILED = "filed"
_CHANGED = ("OUT OF DATE: facts changed since the document was generated", "FILED, LATER FACTS DIFFER")


class _Pull:
    """One export folder."""

    def __init__(self, service: IncidentService, reader: Reader, incident: Incident, folder: Path) -> None:
        self.service, self.reader, self.incident, self.folder = service, reader, incident, folder
        self.duties: tuple[DutyStatus, ...] = service.duties(incident)
        self.house: list[Pulled] = []
        self.filed = filed_texts(incident)
        self.marks = _marks(incident)

    def put(self, name: str, content: bytes, note: str, notice: str = "") -> None:
        """Write an internal file."""
        self.house.append(write_pulled(self.folder / HOUSE / name, content, notice, note))

    def duty(self, document: Document) -> DutyStatus | None:
        """Return the duty of a version, None without one."""
        return next((duty for duty in self.duties if duty.id == document.duty), None)

    def tree(self, document: Document) -> Kept | None:
        """Return the tree of a generated version, None if an older version of Tocsin stored none."""
        return notice_versions.tree_of(self.reader, self.incident, document) if document.tree else None


def to_export(incident: Incident, name: str, *, everything: bool) -> list[Document]:
    """Return the versions of a notice, or of all, with ``everything`` also superseded versions; raises NotFound without any."""
    found = notice_versions.named(incident, name)
    filed = filed_texts(incident)
    current = [one for one in found if everything or one in current_texts(incident) or one.digest in filed]
    return current or [one for one in found if one in standing_texts(incident)]


def pull(
    service: IncidentService,
    reader: Reader,
    incident: Incident,
    documents: Sequence[Document],
    formats: Sequence[Format],
    folder: Path,
    draw: Callable[[Page], str],
    seen: Callable[[int], None] = lambda count: None,
    *,
    everything: bool = False,
) -> tuple[Pulled, ...]:
    """Write the stored documents into a folder, with the bytes of the approval, once each.

    A cover sheet and a redline for each, the coverage, the duties and a manifest are added: they are privileged. Files that go
    out come first in the result.
    ``draw`` turns a page into text; with ``everything``, the duties are not shortened.
    """
    found: dict[str, Pulled] = {}
    still, older = _retire(incident, folder)
    stale = changes(incident, documents)
    made = _Pull(service, reader, incident, folder)
    for document in documents:
        seen(1)
        for form in _wanted(document, formats):
            content = reader.document(incident, document.id, form)
            name = file_name(made.incident, document, form)
            path = folder / HOUSE / name
            if document.digest in made.filed:
                path = folder / FILED / _clean_name(made, document, form)
            elif _goes_out(incident, document, stale=bool(stale[document.id])):
                clean = _clean_name(made, document, form)
                path = folder / TO_FILE / clean
                path = folder / TO_FILE / name if str(path) in found else path
            about = (document.notice, document.status)
            found[str(path)] = write_pulled(path, content, *about, stale=bool(stale[document.id]))
    for document in {document.digest: document for document in documents}.values():
        _beside(made, document)
    _lists(made, documents, draw, everything=everything)
    _manifest(made, documents, still, {Path(path).name: one for path, one in found.items()})
    outgoing = {path: one for path, one in found.items() if Path(path).parent.name == TO_FILE}
    return (*(outgoing | found).values(), *made.house, *older)


def _retire(incident: Incident, folder: Path) -> tuple[dict[str, str], list[Pulled]]:
    """Move what an earlier pull wrote into ``to-file`` to ``older``, unless it still goes out; return what stayed and what moved.

    Only files that a manifest lists are from a pull: a person's own files stay.
    """
    stale = changes(incident, incident.documents.values())
    current = {
        digest
        for document in incident.documents.values()
        if _goes_out(incident, document, stale=bool(stale[document.id]))
        for digest in document.files.values()
    }
    still: dict[str, str] = {}
    moved = []
    for manifest in sorted((folder / HOUSE).glob("*manifest.json")):
        for name in from_json(manifest.read_bytes()).get("files", {}):
            path = folder / TO_FILE / Path(name).name
            if not name.startswith(f"{TO_FILE}/") or not path.is_file():
                continue
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 in current:
                still[name] = f"sha256:{sha256}"
            else:
                moved.append(write_pulled(folder / OLDER / f"{sha256[:8]}_{path.name}", content, "", "moved"))
                path.unlink()
    return still, moved


def _wanted(document: Document, formats: Sequence[Format]) -> tuple[Format, ...]:
    missing = [form for form in formats if form not in document.files]
    if missing:
        raise NotFound(
            f'Notice "{document.notice}" has no format {", ".join(missing)}.',
            hint=f"Use one of: {', '.join(document.files)}",
            code="format_missing",
        )
    names = (name for name in document.files if not formats or name.rpartition(".")[2] in formats)
    return cast("tuple[Format, ...]", tuple(names))


def _beside(made: _Pull, document: Document) -> None:
    """Write a document's cover sheet, and its redline against the previous version."""
    from runner.documents.write import write

    kept = made.tree(document)
    if kept is None:
        return
    name = file_name(made.incident, document, "pdf").replace(".pdf", "_COVER.pdf")
    made.put(name, write(_cover(made, document, kept), "pdf"), "cover sheet", document.notice)
    try:
        old = notice_versions.before(made.incident, document)
        pair = notice_versions.compare(made.reader, made.incident, old, document)
    except (NotFound, Refused):
        return
    author = kept.document.context.stationery.name or made.incident.codename
    made.house += notice_versions.save(pair, notice_versions.FORMATS, made.folder / HOUSE, author, made.marks)


def _cover(made: _Pull, document: Document, kept: Kept) -> Any:
    from runner.documents.contents.cover_sheet import cover

    waived, passed, took, now = (
        document.override,
        document.as_it_was,
        document.adoption,
        made.service.now_in(made.incident),
    )
    reference = made.service.checkpoints.reference(made.reader.head(made.incident))
    context = msgspec.structs.replace(kept.document.context, journal_head=reference)
    duty, pack = made.duty(document), made.service.catalogue(made.incident).contents.pack
    office = duty.authority if duty is not None else None
    about = (
        {}
        if duty is None
        else {
            "To": recipient_name(duty).removeprefix("the "),
            "Duty": duty_label(duty),
            "Due": moment(duty.due, ZoneInfo(office.zone) if office else None) if duty.due else duty.standard,
            "Law": LEVEL_WORDS[duty.confidence],
            "Law of": pack.age(now.date()) if pack is not None else "date not recorded",
        }
    )
    changed = changes(made.incident, [document])[document.id]
    stale = [change_words(one, made.incident.zone) for one in changed]
    if passed is not None:
        stale.append(f"{_by(passed)}, as it was: {passed.reason}; a supplement must follow")
    lists = {
        "OVERRIDDEN": [f"{_by(waived)}: {waived.reason}", *waived.items] if waived is not None else [],
        "FILED": [
            f"{duty}: {_by(one)}, {one.reference or one.receipt}"
            for duty, one in made.filed.get(document.digest, ())
        ],
        _CHANGED[document.digest in made.filed]: stale,
        "Authority": [f"{label}: {text}" for label, text, _ in office_fields(office, now) if text]
        if office
        else [],
        "Approvals": [*map(_approval, _approvals(made.incident, document))] or ["None"],
        "Text imported from Word": [
            f"{_by(took)}: Word file {took.file}, {took.tracked} tracked changes accepted"
        ]
        if took
        else [],
    }
    return cover(
        msgspec.structs.replace(kept.document, context=context),
        check(kept.notice, kept.document),
        about,
        lists,
        ticks={item: _by(tick) for item, tick in document.ticks.items()},
        facts=_facts(made.incident, document),
    )


def _by(act: Any) -> str:
    return f"{act.by}, {moment(act.at)}"


def _facts(incident: Incident, document: Document) -> Iterator[FactRow]:
    """Yield the recorded facts that a text read, as they are now."""
    keys = (key for path in document.facts for key in recorded_as(path.removesuffix("[]"), incident.facts))
    for key in sorted(dict.fromkeys(keys)):
        fact, known = incident.facts[key], fact_type(key)
        yield FactRow(
            name=(known.title.rstrip("?") if known is not None else "") or key,
            value=_value(fact.value, known),
            source=fact.source or fact.by,
            confidence=fact.confidence,
            since=moment(fact.at),
        )


def _value(value: Any, known: FactType | None) -> str:
    if value is None or known is None or known.kind != "instant":
        return value_words(value)
    return moment(value if isinstance(value, datetime) else datetime.fromisoformat(str(value)))


def _approval(one: Approval) -> str:
    said = f": {one.reason}" if one.reason else ""
    proof = f"verified by {one.proven_by}" if one.proven_by else "claimed, not proved"
    return f"{one.by} as {one.role}, {one.at:%Y-%m-%d %H:%M} UTC, {proof}{said}"


def _approvals(incident: Incident, document: Document) -> list[Approval]:
    given = (approval for invocation in incident.invocations.values() for approval in invocation.approvals)
    return [one for one in given if one.digest == document.digest and one.approved and not one.provisional]


def _lists(
    made: _Pull, documents: Sequence[Document], draw: Callable[[Page], str], *, everything: bool
) -> None:
    """Write the legal requirements of each text once, and the duties, as text and as JSON."""
    from runner.reports.core.header import heading_of, marking
    from runner.reports.law.duties import duties as view
    from runner.reports.law.duties import duties_page

    report = view(made.duties, made.service.clock.now())
    texts: dict[str, list[str]] = {}
    for document in documents:
        if (kept := made.tree(document)) is not None:
            whose = f"{document.notice} {document.version} ({document.digest}) {document.duty}".rstrip()
            texts.setdefault(_covered(kept), []).append(whose)
    text = "\n\n".join("\n".join((*whose, rows)) for rows, whose in texts.items())
    head = f"{PRIVILEGE}\n\n" + (f"{marking(made.incident.kind)}\n\n" if made.marks else "")
    heading, opened = heading_of(made.incident), made.incident.opened_at
    page = duties_page(report, heading, opened=opened, everything=everything)
    content = msgspec.json.format(msgspec.json.encode(report), indent=2)
    made.put(f"{made.marks}coverage.txt", f"{head}{text}\n".encode(), "coverage")
    made.put(f"{made.marks}duties.txt", f"{head}{draw(page)}".encode(), "duties")
    made.put(f"{made.marks}duties.json", content, "duties")


def _covered(kept: Kept) -> str:
    lines = check(kept.notice, kept.document)
    return "\n".join(_row(line) for line in (*lines, *unnamed(lines, kept.document)))


def _row(one: Coverage) -> str:
    why = "; ".join(part for part in (", ".join(one.facts), one.note) if part)
    return f"  {one.state.replace('_', ' '):<12} {one.ref}  {one.item}{f' ({why})' if why else ''}"


def _manifest(
    made: _Pull, documents: Sequence[Document], still: Mapping[str, str], stored: Mapping[str, Pulled]
) -> None:
    """Write the manifest: every file with its digest, the approvals and the journal's head."""
    head = made.reader.head(made.incident)
    content = msgspec.json.encode(
        {
            "schema": "tocsin/manifest/v1",
            "privilege": PRIVILEGE,
            "incident": made.incident.codename,
            "kind": made.incident.kind,
            "journal": {"events": head.version, "head": f"sha256:{head.hash}"},
            "documents": [_listed(made, document) for document in documents],
            "files": {
                **still,
                **{
                    f"{Path(one.path).parent.name}/{name}": f"sha256:{one.sha256}"
                    for name, one in stored.items()
                },
            },
            "house": {Path(file.path).name: f"sha256:{file.sha256}" for file in made.house},
        }
    )
    made.put(f"{made.marks}manifest.json", msgspec.json.format(content, indent=2), "manifest")


def _listed(made: _Pull, document: Document) -> dict[str, Any]:
    kept = made.tree(document)
    return {
        "notice": document.notice,
        "version": document.version,
        "duty": document.duty,
        "status": document.status,
        "digest": document.digest,
        "tree": document.tree,
        "files": {form: f"sha256:{digest}" for form, digest in sorted(document.files.items())},
        "gaps": document.gaps,
        "coverage": check(kept.notice, kept.document) if kept is not None else (),
        "facts": document.facts,
        "rendered_at": document.at,
        "changed": changes(made.incident, [document])[document.id],
        "filed": dict(made.filed.get(document.digest, ())),
        "as_it_was": document.as_it_was,
        "override": document.override,
        "adoption": document.adoption,
        "to_verify": items_of(made.incident, document),
        "ticks": document.ticks,
        "approvals": [
            {"by": approval.by, "role": approval.role, "at": approval.at, "proven_by": approval.proven_by}
            for approval in _approvals(made.incident, document)
        ],
    }


def _marks(incident: Incident) -> str:
    return f"{MARKS[incident.kind]}_" if incident.kind != "real" else ""


def _goes_out(incident: Incident, document: Document, *, stale: bool) -> bool:
    """Return whether a version is the newest of its step, final, current, verified, and approved by every task that asks for it.

    A text that no task approves stays with counsel.
    """
    newest = document in current_texts(incident)
    if document.status != "final" or stale or not newest or document.digest in filed_texts(incident):
        return False
    if open_items(incident, document):
        return False
    approved = approvals_of(incident, document).values()
    return any(approved) and all(approved)


def _clean_name(made: _Pull, document: Document, form: str) -> str:
    """Return a file name for the recipient: date, recipient, paper."""
    kept, duty = made.tree(document), made.duty(document)
    office = duty.authority if duty is not None else None
    named = office.short or office.name if office is not None else ""
    whom = named or (recipient_name(duty).removeprefix("the ") if duty is not None else "")
    paper = kept.document.title if kept is not None else document.notice
    words = map(_plain, (whom, paper))
    filing = next((record for _, record in made.filed.get(document.digest, ())), None)
    day, number = (filing.at, filing.reference) if filing is not None else (document.at, "")
    parts = [f"{day:%Y-%m-%d}", *filter(None, words), *filter(None, [_plain(number)])]
    enclosed, _, ending = form.rpartition(".")
    return f"{made.marks}{'_'.join([*parts, *filter(None, [enclosed])])}.{ending}"


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:60]


def file_name(incident: Incident, document: Document, form: str) -> str:
    """Return a file name from ids, with the warning mark in front."""
    draft = "DRAFT_" if document.status == "draft" else ""
    lane = document.duty.replace("/", "_")
    parts = [document.notice, *([lane] if lane else []), document.digest.rpartition(":")[2][:8]]
    return f"{_marks(incident)}{draft}{'_'.join(parts)}.{form}"
