"""Import of counsel's Word edits: their version, the differences, and the command that records them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.core.step_reference import resolve_step
from runner.app.notices.notice_versions import Pair, tree_of
from runner.app.notices.notices import by_hand, template, work_of
from runner.documents.notice import Coverage
from runner.documents.redline.redline import changed_facts, redline
from runner.documents.word.docx_reader import Returned, read_docx
from runner.effects.notices.forbidden_words import sought
from runner.effects.notices.word_import import adopt, taken
from runner.errors import Refused, Usage
from runner.incident.notices.decide import renderings
from runner.incident.notices.staleness import blocking
from runner.incident.state.commands import Rendered
from runner.incident.state.incident import Document, Incident
from runner.reports.core.formatting import count
from runner.reports.core.page import Blank, Block, line, paged
from runner.reports.notices.redline import redline_blocks

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.documents.tree import Document as Tree

LARGEST = 32 * 1024 * 1024


class Adoption(msgspec.Struct, frozen=True):
    """A Word file compared with the newest version of its step; nothing is recorded yet."""

    step: str
    content: bytes
    written_from: Document
    """The version behind the file, by its name or bytes; else the newest version."""
    pair: Pair
    returned: Returned
    document: Tree
    coverage: tuple[Coverage, ...]

    same: bool
    """Whether the file changes nothing: an identical text, judged by the same facts."""


def look(
    service: IncidentService, reader: Reader, incident: Incident, file: str, content: bytes, step: str
) -> Adoption:
    """Return the changes of a Word file by its name and bytes; raises Refused for an unsafe file or one without a notice.

    An imported text that is out of date or a draft is judged again by the present facts, also if it is the same text.
    """
    from runner.documents.contents.coverage import check

    wanted = resolve_step(incident, step) if step else _step_of(incident, file, content)
    documents = renderings(incident, wanted)
    if not documents:
        raise Refused(
            f'Task "{wanted}" has no generated notice.',
            hint=Action("notice.list"),
            code="not_rendered",
        )
    newest = documents[-1]
    before = tree_of(reader, incident, newest)
    notice = sought(before.notice, template(service, incident, newest.notice)[1], incident)
    before = msgspec.structs.replace(before, notice=notice)
    returned = read_docx(content)
    changed = {change.fact for change in blocking(incident, newest)}
    again = newest.adoption is not None and (bool(changed) or newest.status == "draft")
    untouched = _digest(content) == newest.files.get("docx") and not again
    document = before.document if untouched else taken(before, returned, incident, changed)
    after = msgspec.structs.replace(before, document=document)
    laid = redline(before.document, document)
    pair = Pair(newest, newest, before, after, laid, changed_facts(before.document, before.document))
    origin = next((document for document in documents if _is_of(file, content, document)), newest)
    same = laid.identical and not again
    return Adoption(wanted, content, origin, pair, returned, document, check(notice, document), same)


def command(service: IncidentService, incident: Incident, found: Adoption, override: str) -> Rendered:
    """Store the file and its new version, and return the command that records them."""
    work = msgspec.structs.replace(work_of(service, incident, found.step), duty=found.pair.new.duty)
    notice = found.pair.before.notice
    rendered = adopt(
        work,
        incident,
        found.pair.new,
        notice,
        found.document,
        service.tools(incident),
        override=bool(override),
    )
    kept = service.keep_document(service.principal, incident.id, found.content)
    rendered = msgspec.structs.replace(rendered, adopted=kept, tracked=found.returned.tracked)
    return by_hand(service, rendered, override)


@paged
def adoption_page(found: Adoption, by: str) -> Iterator[Block]:
    """Draw the differences, the accepted tracked changes, and the legal check of the new text."""
    newest = found.pair.new
    yield line(f"COMPARED WITH {newest.id}", "title")
    yield from redline_blocks(found.pair.redline)
    yield Blank()
    author = f"{by} becomes an author of this text and cannot approve it. Another person must."
    yield line(author, "warn", hang=2)
    if found.written_from.id != newest.id:
        text = f"The file is from {found.written_from.id}. {newest.id} supersedes it. The import undoes the changes between the two."
        yield line(text, "alarm", hang=2)
    if found.returned.tracked:
        yield line(f"{count(found.returned.tracked, 'tracked change')} accepted as final text", "warn")
    if comments := found.returned.comments:
        yield line(f"{count(comments, 'comment')} ignored: comments are not part of the text", "warn")
    for one in found.coverage:
        if one.state in ("gap", "forbidden", "to_check"):
            said = f"{one.state.replace('_', ' ')}: {one.ref} {one.item}. {one.note}".rstrip(". ")
            yield line(said, "warn" if one.state == "to_check" else "alarm", hang=2)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_of(file: str, content: bytes, document: Document) -> bool:
    """Tell whether a file is from a version: by its bytes, else by the digest in its exported name."""
    short = document.digest.rpartition(":")[2][:8]
    return document.files.get("docx") == _digest(content) or short in file


def _step_of(incident: Incident, file: str, content: bytes) -> str:
    found = [document.step for document in incident.documents.values() if _is_of(file, content, document)]
    found = found or [document.step for document in incident.documents.values()]
    steps = list(dict.fromkeys(found))
    if len({(one.notice, one.duty) for one in incident.documents.values() if one.step in steps}) == 1:
        # a later task of the same notice is the one that waits for approval
        steps = sorted(steps, key=[*incident.invocations].index)[-1:]
    if len(steps) != 1:
        names = ", ".join(steps) or "none is generated"
        raise Usage(
            f'The name of file "{file}" does not identify its notice.',
            hint=f"Name the task: {names}",
            code="ambiguous_notice",
        )
    return steps[0]
