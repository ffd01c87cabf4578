"""Replacement of a document's text by the edited text of counsel, checked again for coverage.

A fact counts as said while the words that it was printed in stand in the text, and a gap is open while its mark does.
What the template put into words of its own cannot be known again: that is for a person to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from runner.documents.notice import Gap, Used
from runner.documents.tree import (
    Block,
    Document,
    Emphasis,
    Fields,
    GapText,
    Heading,
    Inline,
    Link,
    Listing,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Signature,
    Strong,
    Table,
    plain,
)
from runner.documents.wording.labels import label

Forms = Mapping[str, tuple[str, ...]]
"""A fact's path → the ways in which it may be written."""


def with_text(base: Document, blocks: tuple[Block, ...], now: Forms) -> Document:
    """Return a draft of ``base`` with other text; ``now`` holds facts that it could not print, as they are today."""
    text = _flat(cells_of(blocks))
    marks = _marks(base)
    gaps = tuple(gap for gap in base.gaps if _open(gap, marks, text))
    still = {gap.path for gap in gaps}
    used = [_again(used, text) for used in base.facts_used if used.path not in now]
    used += [
        _again(Used(path, "null", False, forms), text) for path, forms in now.items() if path not in still
    ]
    return msgspec.structs.replace(
        base,
        blocks=blocks,
        gaps=gaps,
        facts_used=tuple(sorted(used, key=lambda one: one.path)),
        edited=True,
        context=msgspec.structs.replace(base.context, status="draft", waived=False),
    )


def forms_of(value: object, language: str) -> tuple[str, ...]:
    """Return how a fact of today may read: as it is, and as its code reads."""
    if value is None or isinstance(value, (bool, Mapping)):
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(form for one in value for form in forms_of(one, language))
    text = str(value)
    return tuple(dict.fromkeys((text, label(text, language))))


def _again(used: Used, text: str) -> Used:
    said = any(_stands(form, text) for form in used.texts)
    return msgspec.structs.replace(used, printed=said)


def _stands(form: str, text: str) -> bool:
    """Tell whether words occur in a text, not as a part of other words or numbers."""
    wanted = " ".join(form.split())
    if not wanted:
        return False
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, re.IGNORECASE) is not None


def _open(gap: Gap, marks: Mapping[str, set[str]], text: str) -> bool:
    return any(" ".join(mark.split()) in text for mark in marks.get(gap.path, ()))


def _marks(base: Document) -> dict[str, set[str]]:
    """Return the texts that mark each gap."""
    found: dict[str, set[str]] = {}
    for inlines in cells_of(base.blocks):
        for node in _gaps(inlines):
            found.setdefault(node.path, set()).add(node.text)
    return found


def _gaps(inlines: Sequence[Inline]) -> Iterator[GapText]:
    for node in inlines:
        match node:
            case GapText():
                yield node
            case Strong(inlines=inner) | Emphasis(inlines=inner) | Link(inlines=inner):
                yield from _gaps(inner)
            case _:
                pass


def _flat(cells: Iterator[tuple[Inline, ...]]) -> str:
    return " ".join(word for cell in cells for word in plain(cell).split())


def cells_of(blocks: Sequence[Block]) -> Iterator[tuple[Inline, ...]]:
    """Yield every run of text in reading order: a paragraph's, a heading's, a cell's."""
    for block in blocks:
        match block:
            case Heading(inlines=inlines) | Paragraph(inlines=inlines):
                yield inlines
            case Listing(items=items):
                for item in items:
                    yield from cells_of(item)
            case Table(head=head, rows=rows):
                yield from head
                yield from (cell for row in rows for cell in row)
            case Fields(rows=fields):
                yield from (cell for field in fields for cell in (field.label, field.value))
            case Signature(blocks=inner) | Quote(blocks=inner):
                yield from cells_of(inner)
            case Rule() | Picture():
                pass
