"""Export folder for counsel: the stored files, and internal documents about them.

Notices in their formats, a redline of each against its previous version, a cover sheet for each, the legal requirements
compared with the text, the duties, and a manifest with the digest of every file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from runner.app.notices import notice_versions
from runner.app.notices.notices import Pulled, write_pulled
from runner.base.states import MARKS
from runner.documents.contents.coverage import check, unnamed
from runner.documents.notice import Coverage, Format
from runner.documents.tree import Kept
from runner.errors import NotFound, Refused
from runner.incident.notices.staleness import change_words, changes
from runner.incident.notices.verification import items_of
from runner.incident.state.incident import Approval, Document, Incident
from runner.reports.core.formatting import moment
from runner.reports.law.authority import office_fields
from runner.reports.law.confidence import LEVEL_WORDS

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.law.duty import DutyStatus
    from runner.reports.core.page import Page

HOUSE = "internal only"


class _Pull:
    """One export folder."""

    def __init__(self, service: IncidentService, reader: Reader, incident: Incident, folder: Path) -> None:
        self.service, self.reader, self.incident, self.folder = service, reader, incident, folder
        self.duties: tuple[DutyStatus, ...] = service.duties(incident)
        self.house: list[Pulled] = []

    def put(self, name: str, content: bytes, note: str, notice: str = "") -> None:
        """Write an internal file."""
        self.house.append(write_pulled(self.folder / name, content, notice, note))

    def tree(self, document: Document) -> Kept | None:
        """Return the tree of a generated version, None if an older version of Tocsin stored none."""
        return notice_versions.tree_of(self.reader, self.incident, document) if document.tree else None


def to_export(incident: Incident, name: str, *, everything: bool) -> list[Document]:
    """Return the versions of a notice, or of all, with ``everything`` also superseded versions; raises NotFound without any."""
    newest = {document.step: document.id for document in incident.documents.values()}
    documents = notice_versions.named(incident, name)
    return [document for document in documents if everything or newest[document.step] == document.id]


def pull(
    service: IncidentService,
    reader: Reader,
    incident: Incident,
    documents: Sequence[Document],
    formats: Sequence[Format],
    folder: Path,
    draw: Callable[[Page], str],
    seen: Callable[[int], None] = lambda count: None,
) -> tuple[Pulled, ...]:
    """Write the stored documents into a folder, with the bytes of the approval, once each.

    A cover sheet and a redline for each, the coverage, the duties and a manifest are added: they are internal only.
    ``draw`` turns a page into text.
    """
    found: dict[str, Pulled] = {}
    stale = changes(incident, documents)
    for document in documents:
        seen(1)
        for form in _wanted(document, formats):
            content = reader.document(incident, document.id, form)
            path = folder / file_name(incident, document, form)
            about = (document.notice, document.status)
            found[str(path)] = write_pulled(path, content, *about, stale=bool(stale[document.id]))
    made = _Pull(service, reader, incident, folder)
    for document in {document.digest: document for document in documents}.values():
        _beside(made, document)
    _lists(made, documents, draw)
    _manifest(made, documents)
    return (*found.values(), *made.house)


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
    made.put(name, write(_cover(made, document, kept), "pdf"), f"cover sheet: {HOUSE}", document.notice)
    try:
        old = notice_versions.before(made.incident, document)
        pair = notice_versions.compare(made.reader, made.incident, old, document)
    except (NotFound, Refused):
        return
    author = kept.document.context.stationery.name or made.incident.codename
    made.house += notice_versions.save(
        pair, notice_versions.FORMATS, made.folder, author, _marks(made.incident)
    )


def _cover(made: _Pull, document: Document, kept: Kept) -> Any:
    from runner.documents.contents.cover_sheet import cover
    from runner.documents.write import rendered

    forms = cast("list[Format]", sorted(document.files))
    word, one = document.override, document.adoption
    head = made.reader.head(made.incident)
    context = msgspec.structs.replace(kept.document.context, journal_head=f"sha256:{head.hash}")
    read = partial(made.reader.document, made.incident, document.id)
    outputs = [
        msgspec.structs.replace(
            rendered(kept.document, cast("Format", form.rpartition(".")[2]), read(form)), format=form
        )
        for form in forms
    ]
    return cover(
        msgspec.structs.replace(kept.document, context=context),
        check(kept.notice, kept.document),
        [
            msgspec.structs.replace(output, filename=file_name(made.incident, document, output.format))
            for output in outputs
        ],
        approvals=[_approval(approval) for approval in _approvals(made.incident, document)],
        override=[] if word is None else [f"{word.by}, {moment(word.at)}: {word.reason}", *word.items],
        stale=_stale(made.incident, document),
        adopted=[]
        if one is None
        else [f"{one.by}, {moment(one.at)}: Word file {one.file}, {one.tracked} tracked changes accepted"],
        ticks={item: f"{tick.by}, {moment(tick.at)}" for item, tick in document.ticks.items()},
        facts=sorted(document.facts.items()),
        unverified=[
            f"{duty.id}: {duty.citation}; {LEVEL_WORDS[duty.confidence]}"
            for duty in made.duties
            if duty.id == document.duty and duty.confidence != "verified"
        ],
        authority=[
            f"{label}: {text}"
            for duty in made.duties
            if duty.id == document.duty and duty.authority is not None
            for label, text, _ in office_fields(duty.authority, made.service.now_in(made.incident))
            if text
        ],
    )


def _stale(incident: Incident, document: Document) -> list[str]:
    word = document.as_it_was
    passed = (
        [f"{word.by}, {moment(word.at)}, as it was: {word.reason}; a supplement must follow"] if word else []
    )
    return [*map(change_words, changes(incident, [document])[document.id]), *passed]


def _approval(one: Approval) -> str:
    said = f": {one.reason}" if one.reason else ""
    return f"{one.by} as {one.role}, {one.at:%Y-%m-%d %H:%M} UTC{said}"


def _approvals(incident: Incident, document: Document) -> list[Approval]:
    return [
        approval
        for invocation in incident.invocations.values()
        for approval in invocation.approvals
        if approval.digest == document.digest and approval.approved and not approval.provisional
    ]


def _lists(made: _Pull, documents: Sequence[Document], draw: Callable[[Page], str]) -> None:
    """Write the legal requirements of each notice, and every duty, as text and as JSON."""
    from runner.reports.core.header import heading_of, marking
    from runner.reports.law.duties import duties as view
    from runner.reports.law.duties import duties_page

    marks, now = _marks(made.incident), made.service.clock.now()
    report = view(made.duties, now)
    text = "\n\n".join(
        _covered(document, kept) for document in documents if (kept := made.tree(document)) is not None
    )
    head = f"{marking(made.incident.kind)}\n\n" if marks else ""
    made.put(f"{marks}coverage.txt", f"{head}{text}\n".encode(), f"coverage: {HOUSE}")
    page = duties_page(report, heading_of(made.incident), opened=made.incident.opened_at, everything=True)
    made.put(f"{marks}duties.txt", draw(page).encode(), f"duties: {HOUSE}")
    content = msgspec.json.format(msgspec.json.encode(report), indent=2)
    made.put(f"{marks}duties.json", content, f"duties: {HOUSE}")


def _covered(document: Document, kept: Kept) -> str:
    lines = check(kept.notice, kept.document)
    rows = [_row(line) for line in (*lines, *unnamed(lines, kept.document))]
    return "\n".join([f"{document.notice} {document.version} ({document.digest})", *rows])


def _row(one: Coverage) -> str:
    why = "; ".join(part for part in (", ".join(one.facts), one.note) if part)
    return f"  {one.state.replace('_', ' '):<12} {one.ref}  {one.item}{f' ({why})' if why else ''}"


def _manifest(made: _Pull, documents: Sequence[Document]) -> None:
    """Write the manifest: every file with its digest, the approvals and the journal's head."""
    head = made.reader.head(made.incident)
    content = msgspec.json.encode(
        {
            "schema": "tocsin/manifest/v1",
            "incident": made.incident.codename,
            "kind": made.incident.kind,
            "journal": {"events": head.version, "head": f"sha256:{head.hash}"},
            "documents": [_listed(made, document) for document in documents],
            "house": {Path(file.path).name: f"sha256:{file.sha256}" for file in made.house},
        }
    )
    name = f"{_marks(made.incident)}manifest.json"
    made.put(name, msgspec.json.format(content, indent=2), "manifest")


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


def file_name(incident: Incident, document: Document, form: str) -> str:
    """Return a file name from ids, with the warning mark in front."""
    draft = "DRAFT_" if document.status == "draft" else ""
    lane = document.duty.replace("/", "_")
    parts = [document.notice, *([lane] if lane else []), document.digest.rpartition(":")[2][:8]]
    return f"{_marks(incident)}{draft}{'_'.join(parts)}.{form}"
