"""Cover sheet: the review information about a document, as a separate document.

It is never filed: missing information, digests, coverage and the privilege marking are internal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec

from runner.documents import tree
from runner.documents.contents.coverage import item_name
from runner.documents.notice import Coverage
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


PRIVILEGE = "Privileged and confidential – prepared at the direction of counsel"
"""On every internal paper, never on what is filed."""
FACTS_SHOWN = 20
"""The sheet has one page; the manifest has every fact."""
_LONGEST = 60


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded fact behind the text, in words."""

    name: str
    value: str
    source: str
    confidence: str
    since: str


def cover(
    document: Document,
    coverage: Iterable[Coverage],
    about: Mapping[str, str] = MappingProxyType({}),
    lists: Mapping[str, Iterable[str]] = MappingProxyType({}),
    *,
    ticks: Mapping[str, str] = MappingProxyType({}),
    facts: Iterable[FactRow] = (),
) -> Document:
    """Return the cover sheet of a document, one page, to be written by the same writers.

    ``about`` has what people ask first, by heading: to whom, due, how sure the law is. ``lists`` has lines by heading, such as
    the approvals; ``ticks`` who verified an item, by its name. Digests are in the manifest.
    """
    context, marks = document.context, watermark(document)
    status = {"Status": "Draft" if context.status == "draft" else "Final"}
    fields = {"Notice": document.title, **about, **status, "Marking": marks if marks != "DRAFT" else ""}
    open_ = [each for each in coverage if each.state not in ("covered", "not_required")]
    blocks: list[Block] = [
        tree.Heading(1, _text(f"Cover sheet: {document.title}")),
        tree.Paragraph(_text(f"{PRIVILEGE}. Do not file or send this sheet.")),
        tree.Fields(tuple(tree.Field(_text(name), _text(value)) for name, value in fields.items() if value)),
        *(block for title, lines in lists.items() for block in _lines(title, tuple(lines))),
        *_gaps(document),
        *_table(
            "Open items of the law",
            ("Reference", "Required", "State"),
            (_coverage(each, ticks) for each in open_),
        ),
        *_recorded(list(facts)),
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


def _recorded(rows: list[FactRow]) -> Iterator[Block]:
    shown = (
        tuple(map(_text, (_cut(row.name), _cut(row.value), _cut(row.source), row.confidence, row.since)))
        for row in rows[:FACTS_SHOWN]
    )
    heads = ("Fact", "Value", "Source", "Confidence", "Since")
    yield from _table("Facts", heads, shown, (21, 29, 17, 13, 20))
    if len(rows) > FACTS_SHOWN:
        yield tree.Paragraph(_text(f"{len(rows) - FACTS_SHOWN} more facts are in the manifest."))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _gaps(document: Document) -> list[Block]:
    if not document.gaps:
        return [tree.Heading(2, _text("Missing information")), tree.Paragraph(_text("None."))]
    rows = [(_text(gap.path), _text(gap.item), _text(_SHOWN[gap.treatment])) for gap in document.gaps]
    return _table(f"Missing information ({len(rows)})", ("Fact", "Required by", "In the text"), rows)


def _coverage(line: Coverage, ticks: Mapping[str, str]) -> _Row:
    tick = ticks.get(item_name(line), "") if line.state == "to_check" else ""
    state = tree.Text("verified" if tick else _STATES[line.state])
    parts = [part for part in (", ".join(line.facts), tick or line.note.removeprefix("to verify: ")) if part]
    why = f": {'; '.join(parts)}" if parts else ""
    strong = line.state in ("gap", "forbidden")
    return _text(line.ref), _text(line.item), (tree.Strong((state,)) if strong else state, *_text(why))


def _table(
    title: str, heads: tuple[str, ...], rows: Iterable[_Row], widths: tuple[int, ...] = ()
) -> list[Block]:
    """Return a table under its title, nothing without rows."""
    cells = tuple(rows)
    if not cells:
        return []
    return [
        tree.Heading(2, _text(title)),
        tree.Table(("left",) * len(heads), tuple(map(_text, heads)), cells, widths),
    ]


def _lines(title: str, lines: tuple[str, ...]) -> list[Block]:
    if not lines:
        return []
    items = tuple((tree.Paragraph(_text(line)),) for line in lines)
    return [tree.Heading(2, _text(title)), tree.Listing("bullet", 1, items)]


def _text(text: str) -> tuple[Inline, ...]:
    return (tree.Text(text),) if text else ()
