"""Cover sheet: the review information about a document, as a separate document.

It is never part of what is filed: gaps, digests, coverage and the privilege marking stay in the house.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runner.documents.notice import Coverage, Rendered
from runner.documents.tree import (
    Block,
    Document,
    Field,
    Fields,
    Heading,
    Inline,
    Listing,
    Paragraph,
    Strong,
    Table,
    Text,
)
from runner.documents.watermark import watermark

_SHOWN = {"to_follow": "will follow", "missing": "MISSING", "waived": "unknown, overridden"}
_STATES = {
    "covered": "covered",
    "gap": "MISSING",
    "to_follow": "to follow",
    "not_required": "not required here",
    "forbidden": "FORBIDDEN CONTENT",
    "to_check": "to verify",
}


def cover(
    document: Document,
    coverage: Iterable[Coverage],
    outputs: Iterable[Rendered] = (),
    *,
    approvals: Iterable[str] = (),
    override: Iterable[str] = (),
    stale: Iterable[str] = (),
    adopted: Iterable[str] = (),
    facts: Iterable[tuple[str, int]] = (),
    unverified: Iterable[str] = (),
) -> Document:
    """Return the cover sheet of a document, to be written by the same writers.

    ``approvals`` are lines such as ``A. Counsel, 2026-11-24 10:00 UTC``; ``override`` says who accepted missing
    information; ``stale`` which facts changed since; ``adopted`` whose Word file its text is from; ``facts`` names the journal's entry that set each fact
    (0 where it is none of the journal's); ``unverified`` names what rests on
    law that nobody has confirmed.
    """
    context = document.context
    blocks: list[Block] = [
        Heading(1, _text(f"Cover sheet: {document.title}")),
        Paragraph(
            _text("Internal only, for review. Not part of the document. Do not file or send this sheet.")
        ),
        Fields(_facts(document)),
        *_lines("OVERRIDDEN", tuple(override)),
        *_lines("OUT OF DATE: facts changed since the document was generated", tuple(stale)),
        *_gaps(document),
        *_coverage(tuple(coverage)),
        *_outputs(tuple(outputs)),
        *_lines("Approvals", tuple(approvals)),
        *_lines("Text imported from Word", tuple(adopted)),
        *_lines("Not verified", tuple(unverified)),
        *_versions(tuple(facts)),
        *_lines("Characters replaced by their code", document.replaced),
    ]
    return Document(
        id=f"{document.id}-cover",
        version=document.version,
        template_sha256=document.template_sha256,
        title=f"Cover sheet: {document.title}",
        language="en",
        context=msgspec.structs.replace(context, language="en"),
        blocks=tuple(blocks),
    )


def _facts(document: Document) -> tuple[Field, ...]:
    context = document.context
    rows = (
        ("Incident", context.incident),
        ("Status", "FINAL" if context.status == "final" else "DRAFT"),
        ("Kind", context.kind),
        ("Marking", watermark(document)),
        ("Privilege", "Privileged and confidential" if context.privileged else ""),
        ("Template", f"{document.id} {document.version}"),
        ("Template digest", document.template_sha256),
        ("Text digest", document.digest),
        ("Generated", f"{context.timestamp:%Y-%m-%d %H:%M:%S %z}"),
        ("Journal head", context.journal_head),
        ("Facts used", str(len(document.facts_used))),
    )
    return tuple(Field(_text(label), _text(value)) for label, value in rows if value)


def _gaps(document: Document) -> list[Block]:
    if not document.gaps:
        return [Heading(2, _text("Missing information")), Paragraph(_text("None."))]
    rows = tuple(
        (
            _text(gap.path),
            _text(gap.item),
            _text(_SHOWN[gap.treatment]),
        )
        for gap in document.gaps
    )
    head = (_text("Fact"), _text("Required by"), _text("In the text"))
    return [Heading(2, _text(f"Missing information ({len(rows)})")), Table(("left",) * 3, head, rows)]


def _coverage(coverage: tuple[Coverage, ...]) -> list[Block]:
    if not coverage:
        return []
    rows = tuple((_text(line.ref), _text(line.item), (_state(line), *_text(_why(line)))) for line in coverage)
    head = (_text("Reference"), _text("Required"), _text("State"))
    return [Heading(2, _text("What the law requires")), Table(("left",) * 3, head, rows)]


def _state(line: Coverage) -> Inline:
    shown = Text(_STATES[line.state])
    return Strong((shown,)) if line.state in ("gap", "forbidden") else shown


def _why(line: Coverage) -> str:
    parts = [part for part in (", ".join(line.facts), line.note) if part]
    return f": {'; '.join(parts)}" if parts else ""


def _outputs(outputs: tuple[Rendered, ...]) -> list[Block]:
    if not outputs:
        return []
    rows = tuple((_text(output.filename), _text(output.sha256)) for output in outputs)
    return [
        Heading(2, _text("Files")),
        Table(("left", "left"), (_text("File"), _text("SHA-256")), rows),
    ]


def _versions(facts: tuple[tuple[str, int], ...]) -> list[Block]:
    rows = tuple((_text(path), _text(str(entry))) for path, entry in facts if entry)
    if not rows:
        return []
    head = (_text("Fact"), _text("Journal entry"))
    return [Heading(2, _text("Facts")), Table(("left", "right"), head, rows)]


def _lines(title: str, lines: tuple[str, ...]) -> list[Block]:
    if not lines:
        return []
    items = tuple((Paragraph(_text(line)),) for line in lines)
    return [Heading(2, _text(title)), Listing("bullet", 1, items)]


def _text(text: str) -> tuple[Inline, ...]:
    return (Text(text),) if text else ()
