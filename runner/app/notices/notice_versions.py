"""Comparison of two versions of a notice: the choice, the changes, and the redline files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action, Slot
from runner.app.core.reader import TREE
from runner.app.core.step_reference import resolve_step
from runner.app.notices.notices import Pulled, step_id, write_pulled
from runner.documents.tree import Kept, decode
from runner.effects.notices.enclosures import carried
from runner.errors import NotFound, Refused, Usage
from runner.incident.law.duties import signed_at
from runner.incident.notices.decide import renderings
from runner.incident.state.documents import ENCLOSURE
from runner.incident.state.incident import Document, Incident
from runner.reports.notices.notices import notice, rendered_so_far
from runner.reports.notices.redline import ChangesReport, Compared, Since, approved_before, compared, version

if TYPE_CHECKING:
    from runner.app.core.reader import Reader
    from runner.documents.redline.redline import FactChange, Redline
    from runner.reports.incidents.task import TaskReport

FORMATS = ("html", "docx")
_SHORTEST = 4
"""The shortest start of a digest; fewer digits are a version number."""


class Pair(msgspec.Struct, frozen=True):
    """Two versions, the older first, with their trees."""

    old: Document
    new: Document
    before: Kept
    after: Kept
    redline: Redline
    facts: tuple[FactChange, ...]


def compare(reader: Reader, incident: Incident, old: Document, new: Document) -> Pair:
    """Return the changes between two versions; raises Refused if a version has no stored tree."""
    from runner.documents.redline.redline import changed_facts, redline

    before, after = tree_of(reader, incident, old), tree_of(reader, incident, new)
    laid = redline(before.document, after.document)
    return Pair(old, new, before, after, laid, changed_facts(before.document, after.document))


def tree_of(reader: Reader, incident: Incident, document: Document) -> Kept:
    """Return the tree of a version; raises Refused if it was not stored."""
    if not document.tree:
        raise Refused(
            f'Notice "{document.id}" has no stored text to compare. An older version of Tocsin generated it.',
            hint=Action("notice.render", Slot("STEP")),
            code="text_not_kept",
        )
    return decode(reader.document(incident, document.id, TREE))


def enclosed_texts(reader: Reader, incident: Incident, document: Document) -> str:
    """Return the text of each enclosure under its number; one that was not written as text is named."""
    return "".join(
        f"\n\nENCLOSURE {name.removeprefix(ENCLOSURE)}\n\n"
        + (
            reader.document(incident, document.id, f"{name}.txt").decode()
            if f"{name}.txt" in document.files
            else "Not stored as text. Read its file: tocsin notice pull"
        )
        for name in dict.fromkeys(file.rpartition(".")[0] for file in carried(document.files))
    )


def document_of(incident: Incident, report: TaskReport) -> Document | None:
    """Return the notice for approval; None for another subject."""
    digest = report.subject_digest
    return next((one for one in incident.documents.values() if digest and one.digest == digest), None)


def change_since(reader: Reader, incident: Incident, report: TaskReport) -> tuple[Pair, bool] | None:
    """Return the changes of a notice since its approval, else since its previous version; true means since its approval.

    None without a notice or an earlier version.
    """
    new = document_of(incident, report)
    if new is None or not new.tree:
        return None
    signed = approved_before(incident, incident.invocations[report.task.invocation])
    older = [rendering for rendering in renderings(incident, new.step) if rendering.digest != new.digest]
    old = next((document for document in incident.documents.values() if document.digest == signed), None)
    old = old or (older[-1] if older else None)
    if old is None or not old.tree:
        return None
    return compare(reader, incident, old, new), old.digest == signed


def named(incident: Incident, name: str) -> list[Document]:
    """Return the versions of a notice or a step, one version by its id, or all without a name; raises NotFound without any.

    Another name is that of a task, such as its row number.
    """
    documents = _called(incident, name)
    if not documents:
        with suppress(NotFound):
            documents = _called(incident, resolve_step(incident, name))
    if not documents:
        raise NotFound(
            f'Notice "{name}" is not generated yet.' if name else "No notice is generated yet.",
            hint=rendered_so_far(incident),
            code="unknown_notice" if name else "not_rendered",
        )
    return documents


def _called(incident: Incident, name: str) -> list[Document]:
    return [
        document
        for document in incident.documents.values()
        if not name
        or name in (document.id, document.notice, document.duty, document.step, step_id(incident, document))
    ]


def versions(incident: Incident, name: str) -> list[Document]:
    """Return the versions with a name, oldest first; raises NotFound, or Refused if the name fits several notices."""
    documents = named(incident, name)
    lanes = list(dict.fromkeys(document.duty for document in documents))
    if len(lanes) > 1:
        steps = ", ".join(dict.fromkeys(document.step for document in documents))
        raise Refused(
            f'Notice "{name}" has versions for {len(lanes)} duties.',
            hint=f"Name one of the tasks: {steps}",
            code="ambiguous_notice",
        )
    newest = documents[-1]
    return _alike(incident, newest) if name in (newest.id, newest.duty) else documents


def _alike(incident: Incident, one: Document) -> list[Document]:
    """Return every version of the same notice for the same duty."""
    same = (one.notice, one.duty)
    return [other for other in incident.documents.values() if (other.notice, other.duty) == same]


def chosen(incident: Incident, name: str, older: str, newer: str) -> tuple[Document, Document]:
    """Return the two chosen versions: by default the last two.

    A choice is a version number, the start of a digest, or a version's id.
    """
    documents = versions(incident, name)
    new = _one(documents, newer) if newer else documents[-1]
    return (_one(documents, older) if older else _last(documents[: documents.index(new)], new)), new


def before(incident: Incident, document: Document) -> Document:
    """Return the last version before a document with a different text; raises Refused without such a version."""
    documents = versions(incident, document.id)
    earlier = documents[: documents.index(document)]
    return _last([one for one in earlier if one.digest != document.digest], document)


def _last(documents: Sequence[Document], new: Document) -> Document:
    if not documents:
        raise Refused(f'Notice "{new.notice}" has no version before {new.id}.', code="no_earlier_version")
    return documents[-1]


def since_filed(incident: Incident, name: str, newer: str = "") -> tuple[Document, Document]:
    """Return the last filed document in the same matter and the version that follows it.

    A staged report follows the filing of an earlier stage, a different duty of the same law.
    """
    documents = versions(incident, name)
    new = _one(documents, newer) if newer else documents[-1]
    law, made = new.duty.partition("/")[0], {one.digest: one for one in incident.documents.values()}
    records = sorted(
        (view.record.at, view.record.digest)
        for duty, view in incident.duties.items()
        if law and view.record is not None and view.record.kind == "filed" and duty.partition("/")[0] == law
    )
    filed = [made[digest] for _, digest in records if digest in made and digest != new.digest]
    if not filed:
        raise Refused(
            f'No earlier filing under "{law or new.notice}" is recorded.',
            hint=Action("duty.record_filed", Slot("DUTY"), {"reference": Slot("REFERENCE")}),
            code="not_filed",
        )
    return filed[-1], new


def _one(made: Sequence[Document], text: str) -> Document:
    wanted = text.removeprefix("sha256:")
    if text.isdigit() and len(text) < _SHORTEST:
        found = [one for number, one in enumerate(made, 1) if number == int(text)]
    else:
        alike = len(wanted) >= _SHORTEST
        found = [one for one in made if one.id == text or (alike and one.digest[7:].startswith(wanted))]
    if len({one.digest for one in found}) == 1:
        return found[-1]
    raise NotFound(
        f'Version "{text}" does not exist.',
        hint=f"Use 1 to {len(made)}, or the start of a digest.",
        code="unknown_version",
    )


def items_named(incident: Incident, document: Document, numbers: Sequence[int]) -> tuple[str, ...]:
    """Return the items to verify with these numbers, or all open ones; raises Usage, or Refused for a draft without any."""
    row = notice(incident, document.id).notice
    every = row.to_verify
    if wrong := [number for number in numbers if not 0 < number <= len(every)]:
        raise Usage(
            f"Item {wrong[0]} does not exist.",
            hint=f"Use numbers from 1 to {len(every)}: tocsin notice show {document.id}",
            code="unknown_item",
        )
    items = tuple(every[number - 1] for number in numbers) or tuple(
        item for item in every if item not in row.ticks
    )
    if not items and document.status == "draft":
        raise Refused(
            f'Nobody can verify away what is missing or forbidden in "{document.id}": {"; ".join(document.gaps)}.',
            hint=f"Correct the facts or the text, then: tocsin notice render {document.step}. Or counsel adds --override WHY",
            code="draft",
        )
    return items


def changes(reader: Reader, incident: Incident, name: str) -> tuple[ChangesReport, list[Redline | None]]:
    """Return the changes of a version since the last signed, the last filed and the previous text, with the redlines."""
    new = named(incident, name)[-1]
    earlier = versions(incident, new.id)
    signed = [one for one in earlier[: earlier.index(new)] if signed_at(incident, one) is not None]
    chosen: list[tuple[str, Callable[[], Document]]] = [
        ("THE LAST SIGNED VERSION", lambda: _last(signed, new)),
        ("THE LAST FILED TEXT", lambda: since_filed(incident, name, new.id)[0]),
        ("THE PREVIOUS VERSION", lambda: before(incident, new)),
    ]
    found: list[Since] = []
    laid: list[Redline | None] = []
    for title, old in chosen:
        try:
            pair = compare(reader, incident, old(), new)
            found.append(Since(title=title, changes=comparison(incident, pair)))
            laid.append(pair.redline)
        except Refused:
            found.append(Since(title=title, changes=None))
            laid.append(None)
    return ChangesReport(document=new.id, since=tuple(found)), laid


def number_of(incident: Incident, document: Document) -> int:
    """Return the number of a version, counted from the oldest."""
    return _alike(incident, document).index(document) + 1


def comparison(incident: Incident, pair: Pair) -> Compared:
    """Return a comparison as a report: the two versions and the changes."""
    filed = {view.record.digest for view in incident.duties.values() if view.record is not None}
    before, after = (
        version(document, number_of(incident, document), filed=document.digest in filed)
        for document in (pair.old, pair.new)
    )
    return compared(before, after, pair.redline, pair.facts)


def save(
    pair: Pair, formats: Sequence[str], folder: Path, author: str, marks: str = ""
) -> tuple[Pulled, ...]:
    """Write a redline into a folder; its name has the two versions."""
    from runner.documents.redline.redline_docx import write_redline_docx
    from runner.documents.redline.redline_html import write_redline_html

    old, new = pair.before.document, pair.after.document
    stem = f"{marks}REDLINE_{pair.new.notice}_{_short(pair.old)}_{_short(pair.new)}"
    written = []
    for form in formats:
        content = (
            write_redline_html(pair.redline, old, new)
            if form == "html"
            else write_redline_docx(pair.redline, old, new, author=author)
        )
        file = folder / f"{stem}.{form}"
        written.append(write_pulled(file, content, pair.new.notice, "redline"))
    return tuple(written)


def _short(document: Document) -> str:
    return document.digest.rpartition(":")[2][:8]
