"""Cover sheet: the review information about a document, as a separate document.

It is never filed: missing information, digests, coverage and the privilege marking are internal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from runner.documents import tree
from runner.documents.contents.coverage import item_name
from runner.documents.notice import Coverage, Rendered
from runner.documents.tree import Block, Document, Inline
from runner.documents.watermark import watermark

_Row = tuple[tuple[Inline, ...], ...]
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
    ticks: Mapping[str, str] = MappingProxyType({}),
    facts: Iterable[tuple[str, int]] = (),
    unverified: Iterable[str] = (),
    authority: Iterable[str] = (),
) -> Document:
    """Return the cover sheet of a document, to be written by the same writers.

    ``approvals`` are lines such as ``A. Counsel, 2026-11-24 10:00 UTC``; ``override`` says who accepted missing
    information; ``stale`` which facts changed since; ``ticks`` who verified an item, by its name; ``adopted`` whose Word file its text is from; ``facts`` names the journal's entry that set each fact
    (0 where it is none of the journal's); ``unverified`` names what rests on
    law that nobody has confirmed; ``authority`` says where to file and how old that entry is.
    """
    context = document.context
    entries = ((_text(path), _text(str(entry))) for path, entry in facts if entry)
    blocks: list[Block] = [
        tree.Heading(1, _text(f"Cover sheet: {document.title}")),
        tree.Paragraph(
            _text("Internal only, for review. Not part of the document. Do not file or send this sheet.")
        ),
        tree.Fields(_facts(document)),
        *_lines("OVERRIDDEN", tuple(override)),
        *_lines("OUT OF DATE: facts changed since the document was generated", tuple(stale)),
        *_lines("Authority", tuple(authority)),
        *_gaps(document),
        *_table(
            "What the law requires",
            ("Reference", "Required", "State"),
            (_coverage(each, ticks) for each in coverage),
        ),
        *_table("Files", ("File", "SHA-256"), ((_text(o.filename), _text(o.sha256)) for o in outputs)),
        *_lines("Approvals", tuple(approvals)),
        *_lines("Text imported from Word", tuple(adopted)),
        *_lines("Not verified", tuple(unverified)),
        *_table("Facts", ("Fact", "Journal entry"), entries, last="right"),
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


def _facts(document: Document) -> tuple[tree.Field, ...]:
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
    return tuple(tree.Field(_text(label), _text(value)) for label, value in rows if value)


def _gaps(document: Document) -> list[Block]:
    if not document.gaps:
        return [tree.Heading(2, _text("Missing information")), tree.Paragraph(_text("None."))]
    rows = [(_text(gap.path), _text(gap.item), _text(_SHOWN[gap.treatment])) for gap in document.gaps]
    return _table(f"Missing information ({len(rows)})", ("Fact", "Required by", "In the text"), rows)


def _coverage(line: Coverage, ticks: Mapping[str, str]) -> _Row:
    tick = ticks.get(item_name(line), "") if line.state == "to_check" else ""
    state = tree.Text("verified" if tick else _STATES[line.state])
    parts = [part for part in (", ".join(line.facts), tick or line.note) if part]
    why = f": {'; '.join(parts)}" if parts else ""
    strong = line.state in ("gap", "forbidden")
    return _text(line.ref), _text(line.item), (tree.Strong((state,)) if strong else state, *_text(why))


def _table(title: str, heads: tuple[str, ...], rows: Iterable[_Row], last: str = "left") -> list[Block]:
    """Return a table under its title, nothing without rows; ``last`` aligns its last column."""
    cells = tuple(rows)
    if not cells:
        return []
    aligns = (*("left",) * (len(heads) - 1), last)
    return [tree.Heading(2, _text(title)), tree.Table(aligns, tuple(map(_text, heads)), cells)]


def _lines(title: str, lines: tuple[str, ...]) -> list[Block]:
    if not lines:
        return []
    items = tuple((tree.Paragraph(_text(line)),) for line in lines)
    return [tree.Heading(2, _text(title)), tree.Listing("bullet", 1, items)]


def _text(text: str) -> tuple[Inline, ...]:
    return (tree.Text(text),) if text else ()
