"""Replacement of a document's text by the edited text of counsel, checked again for coverage.

A fact counts as said while the words that it was printed in stand in the text, and a gap is open while its mark does.
Wording of the template cannot be recognised: a person must check it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from runner.documents.notice import Gap, Used
from runner.documents.template.filters import said
from runner.documents.tree import Block, Document, GapText, Paragraph, plain, runs, walk_inlines
from runner.documents.wording.labels import label

UNREAD = "null"
"""The value of a fact that the edited text states and the earlier text did not read."""
Forms = Mapping[str, tuple[str, ...]]
"""A fact's path → the ways in which it may be written."""


def with_text(base: Document, blocks: tuple[Block, ...], now: Forms) -> Document:
    """Return a draft of ``base`` with other text; ``now`` holds facts that it could not print, as they are today."""
    if base.blocks and blocks and _addressed(base.blocks[0]) and isinstance(blocks[0], Paragraph):
        blocks = (Paragraph(blocks[0].inlines, address=True), *blocks[1:])
    text = " ".join(word for inlines in runs(blocks) for word in plain(inlines).split())
    marks: dict[str, set[str]] = {}
    for node in (node for inlines in runs(base.blocks) for node in walk_inlines(inlines)):
        if isinstance(node, GapText):
            marks.setdefault(node.path, set()).add(node.text)
    gaps = tuple(gap for gap in base.gaps if _open(gap, marks, text))
    still = {gap.path for gap in gaps}
    today = [
        _again(Used(path, UNREAD, False, forms), text) for path, forms in now.items() if path not in still
    ]
    before = {used.path for used in base.facts_used}
    today = [used for used in today if used.printed or used.path not in before]
    replaced = {used.path for used in today}
    used = [*today, *(_again(used, text) for used in base.facts_used if used.path not in replaced)]
    return msgspec.structs.replace(
        base,
        blocks=blocks,
        gaps=gaps,
        facts_used=tuple(sorted(used, key=lambda one: one.path)),
        edited=True,
        context=msgspec.structs.replace(base.context, status="draft", waived=False),
    )


def _addressed(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.address


def forms_of(value: object, language: str, zone: str) -> tuple[str, ...]:
    """Return how a fact of today may read: as it is, as its code reads, and as templates write it."""
    if value is None or isinstance(value, (bool, Mapping)):
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(form for member in value for form in forms_of(member, language, zone))
    text = str(value)
    return tuple(dict.fromkeys((text, label(text, language), said(value, language, zone))))


def _again(used: Used, text: str) -> Used:
    present = any(stands(form, text) for form in used.texts)
    return msgspec.structs.replace(used, printed=present, places=())


def stands(form: str, text: str) -> bool:
    """Tell whether words occur in a text, not as a part of other words or numbers."""
    wanted = " ".join(form.split())
    if not wanted:
        return False
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, re.IGNORECASE) is not None


def _open(gap: Gap, marks: Mapping[str, set[str]], text: str) -> bool:
    return any(" ".join(mark.split()) in text for mark in marks.get(gap.path, ()))
