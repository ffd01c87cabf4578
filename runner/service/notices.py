"""Notices as people handle them: render anew, check against the law, pull the kept bytes into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import msgspec

from runner.errors import Invalid, NotFound, Refused, Usage
from runner.model.commands import EffectFailed, Rendered
from runner.model.duty import DutyStatus
from runner.model.incident import Approval, Document, Incident
from runner.model.notice import Coverage, Format, Notice
from runner.model.playbook import Notice as NoticeStep
from runner.model.vocabulary import nearest
from runner.model.work import Render

if TYPE_CHECKING:
    from runner.documents.tree import Document as Tree
    from runner.service.desk import Desk

FORMATS: tuple[Format, ...] = get_args(Format)


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was written."""

    path: str
    format: str
    sha256: str
    notice: str
    status: str


def template(desk: Desk, incident: Incident, name: str) -> tuple[Notice, str]:
    """Return a pinned template by its id; raises NotFound with the nearest."""
    notices = desk.catalogue(incident).notices
    if name not in notices:
        near = nearest(name, notices)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(sorted(notices)) or 'none'}"
        raise NotFound(f"there is no notice '{name}' in {incident.codename}", hint=hint)
    return notices[name].notice, notices[name].body


def draft(desk: Desk, incident: Incident, name: str, duty: str = "") -> tuple[Notice, Tree]:
    """Return a template as of the incident's facts; nothing is recorded."""
    from runner.effects.lawful import brief, with_law
    from runner.effects.render import make

    notice, body = template(desk, incident, name)
    wanted = duty or next(iter(notice.duties), "")
    statuses = [one for one in desk.duties(incident) if one.id == wanted]
    found = brief(incident, _one(statuses), desk.library(incident))
    notice = with_law(notice, found)
    return notice, make(notice, body, incident, found)


def _one(statuses: Sequence[DutyStatus]) -> DutyStatus | None:
    return statuses[0] if statuses else None


def coverage(desk: Desk, incident: Incident, name: str, duty: str = "") -> tuple[Coverage, ...]:
    """Return what the law requires in a notice against what would stand in it now."""
    from runner.documents.coverage import check

    notice, document = draft(desk, incident, name, duty)
    return check(notice, document)


def render_step(desk: Desk, incident: Incident, step: str, override: str = "") -> Rendered:
    """Render the notice of a step from the facts as they are now; raises Refused when it cannot be.

    ``override`` is counsel's reason for letting it go final in spite of what it lacks.
    """
    from runner.effects.render import render

    work = work_of(desk, incident, step)
    tools = desk.tools(incident)
    made = render(work, incident, desk.library(incident), tools, override=bool(override))
    if isinstance(made, EffectFailed):
        raise Refused(f"{step} could not be rendered: {made.why}", hint="see: tocsin fact missing")
    return by_hand(desk, made, override)


def by_hand(desk: Desk, made: Rendered, override: str) -> Rendered:
    """Return a rendering as a person's; raises Refused where there is nothing to override."""
    if override and not made.items:
        raise Refused(
            f"{made.notice} lacks nothing: there is nothing to override", hint="leave --override out"
        )
    return msgspec.structs.replace(made, by=desk.actor.claimed, override=override)


def work_of(desk: Desk, incident: Incident, step: str) -> Render:
    """Return the work of rendering a notice step; raises Refused for any other step."""
    from runner.engine.view import item_of

    definition = desk.library(incident).step(incident, step)
    if not isinstance(definition, NoticeStep):
        kind = incident.invocations[step].kind
        raise Refused(f"{step} is a {kind}, not a notice", hint="see: tocsin notice list")
    scope = incident.scopes[incident.invocations[step].scope]
    return Render(
        incident=incident.id,
        step=step,
        notice=definition.notice,
        duty=item_of(incident, scope, definition.duty),
        formats=definition.formats,
    )


def formats_of(texts: Sequence[str]) -> tuple[Format, ...]:
    """Return formats by their names, each of which may hold several with commas; raises Usage."""
    names = [name for text in texts for name in text.split(",") if name]
    for name in names:
        if name not in FORMATS:
            raise Usage(f"there is no format '{name}'", hint=f"--to {'|'.join(FORMATS)}")
    return cast("tuple[Format, ...]", tuple(names))


def save_draft(tree: Tree, formats: Sequence[Format], folder: Path) -> tuple[Pulled, ...]:
    """Write a document that is on no record into a folder."""
    from runner.documents.write import rendered, write

    found = []
    for form in formats:
        content = write(tree, form)
        about = rendered(tree, form, content)
        path = write_file(folder / about.filename, content)
        found.append(
            Pulled(
                path=str(path), format=form, sha256=about.sha256, notice=tree.id, status=tree.context.status
            )
        )
    return tuple(found)


def pull(
    desk: Desk,
    incident: Incident,
    documents: Sequence[Document],
    formats: Sequence[Format],
    folder: Path,
    seen: Callable[[int], None] = lambda count: None,
) -> tuple[Pulled, ...]:
    """Write kept documents into a folder, exactly the bytes that were approved or would be, once each.

    Beside them come a cover sheet for each, to stay in the house, and a manifest with every digest.
    """
    found: dict[str, Pulled] = {}
    for document in documents:
        seen(1)
        missing = [form for form in formats if form not in document.files]
        if missing:
            raise NotFound(
                f"{document.notice} was not rendered as {', '.join(missing)}",
                hint=f"there is: {', '.join(document.files)}",
            )
        for form in formats or cast("tuple[Format, ...]", tuple(document.files)):
            digest = document.files[form]
            path = write_file(folder / _name(incident, document, form), desk.store.get_blob(digest))
            found[str(path)] = Pulled(
                path=str(path), format=form, sha256=digest, notice=document.notice, status=document.status
            )
    papers = [*_covers(desk, incident, documents, folder), _manifest(desk, incident, documents, folder)]
    return (*found.values(), *papers)


def _covers(desk: Desk, incident: Incident, documents: Sequence[Document], folder: Path) -> Iterator[Pulled]:
    """Write a cover sheet for every distinct document whose facts are still those that it was made from."""
    from runner.documents.cover import cover
    from runner.documents.coverage import check
    from runner.documents.write import rendered, write

    for document in {one.digest: one for one in documents}.values():
        notice, tree = draft(desk, incident, document.notice, document.duty)
        if any(hashlib.sha256(write(tree, form)).hexdigest() != digest for form, digest in _texts(document)):
            continue
        outputs = [rendered(tree, form, desk.store.get_blob(digest)) for form, digest in _files(document)]
        lines = [
            f"{one.by} as {one.role}, {one.at:%Y-%m-%d %H:%M} UTC" for one in _approvals(incident, document)
        ]
        sheet = cover(tree, check(notice, tree), outputs, approvals=lines)
        name = _name(incident, document, "pdf").replace(".pdf", "_COVER.pdf")
        content = write(sheet, "pdf")
        path = write_file(folder / name, content)
        digest = hashlib.sha256(content).hexdigest()
        note = "cover sheet: for the house only"
        yield Pulled(path=str(path), format="pdf", sha256=digest, notice=document.notice, status=note)


def _texts(document: Document) -> list[tuple[Format, str]]:
    """Return one cheap format by which a rendering is known again."""
    cheap: tuple[Format, ...] = ("txt", "html")
    return [(form, digest) for form, digest in _files(document) if form in cheap][:1]


def _files(document: Document) -> list[tuple[Format, str]]:
    return cast("list[tuple[Format, str]]", sorted(document.files.items()))


def _approvals(incident: Incident, document: Document) -> list[Approval]:
    return [
        approval
        for invocation in incident.invocations.values()
        for approval in invocation.approvals
        if approval.digest == document.digest and approval.approved and not approval.provisional
    ]


def _manifest(desk: Desk, incident: Incident, documents: Sequence[Document], folder: Path) -> Pulled:
    """Write what was pulled, with the digest of every file, the approvals and the journal's head."""
    head = desk.store.head(incident.id)
    listed = [
        {
            "notice": document.notice,
            "version": document.version,
            "duty": document.duty,
            "status": document.status,
            "digest": document.digest,
            "files": {form: f"sha256:{digest}" for form, digest in _files(document)},
            "gaps": document.gaps,
            "facts": document.facts,
            "rendered_at": document.at,
            "override": document.override,
            "adoption": document.adoption,
            "approvals": [
                {"by": one.by, "role": one.role, "at": one.at, "proven_by": one.proven_by}
                for one in _approvals(incident, document)
            ],
        }
        for document in documents
    ]
    content = msgspec.json.format(
        msgspec.json.encode(
            {
                "schema": "tocsin/manifest/v1",
                "incident": incident.codename,
                "kind": incident.kind,
                "journal": {"events": head.version, "head": f"sha256:{head.hash}"},
                "documents": listed,
            }
        ),
        indent=2,
    )
    marks = f"{incident.kind.upper()}_" if incident.kind != "real" else ""
    path = write_file(folder / f"{marks}manifest.json", content)
    digest = hashlib.sha256(content).hexdigest()
    return Pulled(path=str(path), format="json", sha256=digest, notice="", status="manifest")


def _name(incident: Incident, document: Document, form: str) -> str:
    """Return a file's name made of ids, with what must never be overlooked in front."""
    marks = [incident.kind.upper()] if incident.kind != "real" else []
    if document.status == "draft":
        marks.append("DRAFT")
    lane = document.duty.replace("/", "_")
    parts = [*marks, document.notice, *([lane] if lane else []), document.digest.rpartition(":")[2][:8]]
    return f"{'_'.join(parts)}.{form}"


def write_file(path: Path, content: bytes) -> Path:
    """Write a file and its folders; raises Invalid with the reason when it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}", hint="choose another folder: --out DIR"
        ) from None
    return path
