"""Word reader: the edited text of counsel as a tree of headings, paragraphs, lists, tables and fields.

Only the body is read: letterhead, footer and page numbers are the stationery's. Tracked changes count as accepted.
What a notice cannot hold (pictures, footnotes, text boxes, hidden text) is refused, since dropping it would change
what the person wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal
from xml.etree.ElementTree import Element

import msgspec

from runner.documents import tree
from runner.documents.tree import Block, Inline
from runner.documents.unsafe_text import findings, visible
from runner.documents.word.docx_package import RELATION, R, W, parse, unpack
from runner.documents.word.docx_split import BODY
from runner.errors import Refused

Style = Literal["bullet", "decimal", "alpha", "roman"]
_STYLES: Final[Mapping[str, Style]] = {
    "decimal": "decimal",
    "lowerLetter": "alpha",
    "upperLetter": "alpha",
    "lowerRoman": "roman",
    "upperRoman": "roman",
}


class Entry(msgspec.Struct, frozen=True):
    """One numbered paragraph: the list that it belongs to, its depth, and how it is counted."""

    list: str
    depth: int
    style: Style
    start: int


class Numbering:
    """The file's numberings, by the number that paragraphs name."""

    def __init__(self, part: bytes) -> None:
        """Read ``numbering.xml``; without one there are no lists."""
        root = parse(part, "word/numbering.xml") if part else None
        abstract = {element.get(f"{W}abstractNumId", ""): element for element in _all(root, "abstractNum")}
        self._nums = {element.get(f"{W}numId", ""): element for element in _all(root, "num")}
        self._abstract = {
            number: abstract.get(_value(one, "abstractNumId")) for number, one in self._nums.items()
        }

    def entry(self, properties: Element | None) -> Entry | None:
        """Return what a paragraph's properties make of it; None where it is no item of a list."""
        counted = properties.find(f"{W}numPr") if properties is not None else None
        number = _value(counted, "numId")
        if number in ("", "0") or number not in self._nums:
            return None
        depth = int(_value(counted, "ilvl") or 0)
        level = _level(self._abstract[number], "lvl", depth)
        override = _level(self._nums[number], "lvlOverride", depth)
        start = _value(override, "startOverride") or _value(level, "start") or "1"
        style = _STYLES.get(_value(level, "numFmt"), "bullet")
        return Entry(number, depth, style, int(start) if start.isdigit() else 1)


def listed(rows: Sequence[tuple[Entry | None, Block]]) -> list[Block]:
    """Return numbered paragraphs as lists; what has no number belongs to the item above it."""
    blocks: list[Block] = []
    at = 0
    while at < len(rows):
        entry = rows[at][0]
        if entry is None:
            blocks.append(rows[at][1])
            at += 1
            continue
        end = at + 1
        while end < len(rows) and _belongs(rows[end][0], entry):
            end += 1
        blocks.append(_list(entry, rows[at:end]))
        at = end
    return blocks


def _belongs(other: Entry | None, first: Entry) -> bool:
    return (
        other is None or other.depth > first.depth or (other.depth, other.list) == (first.depth, first.list)
    )


def _list(first: Entry, rows: Sequence[tuple[Entry | None, Block]]) -> tree.Listing:
    items: list[list[tuple[Entry | None, Block]]] = []
    for entry, block in rows:
        if entry is not None and entry.depth == first.depth:
            items.append([(None, block)])
        else:
            items[-1].append((entry, block))
    bodies = tuple(tuple(_item(rest)) for rest in items)
    return tree.Listing(first.style, first.start, bodies)


def _item(rows: Sequence[tuple[Entry | None, Block]]) -> list[Block]:
    own = rows[0][1]
    return [own if isinstance(own, tree.Paragraph) else tree.Paragraph(()), *listed(rows[1:])]


def _all(root: Element | None, name: str) -> list[Element]:
    return root.findall(f"{W}{name}") if root is not None else []


def _level(parent: Element | None, name: str, depth: int) -> Element | None:
    levels = parent.findall(f"{W}{name}") if parent is not None else []
    matching = [level for level in levels if level.get(f"{W}ilvl", "0") == str(depth)]
    return matching[0] if matching else None


def _value(parent: Element | None, name: str) -> str:
    element = parent.find(f"{W}{name}") if parent is not None else None
    return element.get(f"{W}val", "") if element is not None else ""


Shape = Literal["paragraph", "heading", "quote", "rule", "gap"]
_THROUGH: Final = frozenset(
    W + name for name in ("sdt", "sdtContent", "smartTag", "customXml", "ins", "moveTo", "bdo", "dir", "body")
)
_GONE: Final = frozenset(W + name for name in ("del", "moveFrom", "sdtPr", "sdtEndPr", "pPr", "rPr"))
_NEVER: Final = {
    "drawing": "a picture or a text box",
    "pict": "a picture or a text box",
    "object": "an embedded object",
    "footnoteReference": "a footnote",
    "endnoteReference": "an endnote",
    "sym": "a character of a symbol font",
}
_CHARACTERS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011", "softHyphen": ""}
_TRACKED: Final = frozenset(
    W + name for name in ("ins", "del", "moveFrom", "moveTo", "rPrChange", "pPrChange")
)


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What came back in a Word file."""

    blocks: tuple[Block, ...]
    tracked: int
    """Tracked changes that were taken as final text."""
    comments: int
    """Comments in the margin, which are no part of the text."""


def read_docx(content: bytes) -> Returned:
    """Return the text of a Word file as a tree; raises Refused where the file is not safe or holds what no notice can."""
    parts = unpack(content)
    root = parse(parts["word/document.xml"], "word/document.xml")
    body = root.find(f"{W}body")
    if body is None:
        raise Refused("The Word file has no text.", hint="Choose another file.", code="word_file")
    control = next(
        (control for control in body.findall(f"{W}sdt") if _value(control.find(f"{W}sdtPr"), "tag") == BODY),
        None,
    )
    text = body if control is None else control.find(f"{W}sdtContent")
    comments = parse(parts["word/comments.xml"]) if "word/comments.xml" in parts else None
    return Returned(
        blocks=tuple(_Reader(parts).blocks(body if text is None else text)),
        tracked=sum(1 for element in body.iter() if element.tag in _TRACKED),
        comments=len(comments.findall(f"{W}comment")) if comments is not None else 0,
    )


class _Piece(msgspec.Struct, frozen=True):
    """One paragraph, with what its style makes of it."""

    shape: Shape
    inlines: tuple[Inline, ...]
    level: int = 0
    entry: Entry | None = None
    follows: bool = False
    """It continues the list item above it."""
    signed: bool = False
    """It is kept on one page with the next, as a signature is."""


class _Reader:
    """One pass over the body, with the styles, the numbering and the links that it refers to."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        styles, links = parts.get("word/styles.xml"), parts.get("word/_rels/document.xml.rels")
        self._styles = {
            style.get(f"{W}styleId", ""): _value(style, "name").lower()  # which Word does not translate
            for style in (parse(styles, "word/styles.xml").iter(f"{W}style") if styles else ())
        }
        self._numbering = Numbering(parts.get("word/numbering.xml", b""))
        self._links = {
            link.get("Id", ""): link.get("Target", "")
            for link in (parse(links).iter(RELATION) if links else ())
            if link.get("TargetMode", "").lower() == "external"
        }

    def blocks(self, body: Element) -> Iterator[Block]:
        """Yield the body's blocks: lists, signatures and quotations gathered from their paragraphs."""
        for kind, group in groupby(_ordered(self._pieces(body)), key=lambda row: row[0]):
            pieces = [piece for _, piece in group]
            entries = [(piece.entry, _block(piece)) for piece in pieces if isinstance(piece, _Piece)]
            inner = tuple(block for _, block in entries)
            match kind[0]:
                case "list":
                    yield from listed(entries)
                case "signature" if inner:
                    yield tree.Signature(inner)
                case "quote":
                    yield tree.Quote(inner)
                case "block":
                    yield from (_block(piece) if isinstance(piece, _Piece) else piece for piece in pieces)
                case _:
                    pass

    def _pieces(self, parent: Element) -> Iterator[_Piece | Block]:
        joined: list[Inline] = []
        for element in _opened(parent):
            if element.tag == f"{W}tbl":
                yield from self._table(element)
            elif element.tag == f"{W}p":
                inlines = (*joined, *self._runs(element))
                joined = []
                if element.find(f"{W}pPr/{W}rPr/{W}del") is not None:
                    # A tracked change took out the end of the paragraph, so that the next goes on in it.
                    joined = list(inlines)
                    continue
                yield self._paragraph(element, _merged(inlines))

    def _paragraph(self, element: Element, inlines: tuple[Inline, ...]) -> _Piece:
        properties = element.find(f"{W}pPr")
        style = self._styles.get(_value(properties, "pStyle"), "")
        keeps = _has(properties, "keepNext")
        if not inlines:
            ruled = properties is not None and properties.find(f"{W}pBdr/{W}bottom") is not None
            return _Piece("rule" if ruled else "gap", (), signed=keeps and not style.startswith("heading"))
        if style.startswith("heading ") or style == "title":
            level = int(style[8:]) if style[8:].isdigit() else 1
            return _Piece("heading", inlines, level=min(level, 6))
        entry = self._numbering.entry(properties)
        shape: Shape = "quote" if style in ("quote", "intense quote") else "paragraph"
        keeps_lines = keeps and _has(properties, "keepLines")
        return _Piece(
            shape, inlines, entry=entry, follows=style.startswith("list continue"), signed=keeps_lines
        )

    def _table(self, element: Element) -> Iterator[Block]:
        properties = element.find(f"{W}tblPr")
        style = self._styles.get(_value(properties, "tblStyle"), "")
        rows = [
            row for row in _opened(element) if row.tag == f"{W}tr" and row.find(f"{W}trPr/{W}del") is None
        ]
        cells = [tuple(self._cell(cell) for cell in _opened(row) if cell.tag == f"{W}tc") for row in rows]
        if not cells:
            return
        headed = rows[0].find(f"{W}trPr/{W}tblHeader") is not None
        if style == "fields" or (not headed and all(len(row) == 2 for row in cells)):
            yield tree.Fields(
                tuple(tree.Field(_plain_head(row[0]), row[1] if len(row) > 1 else ()) for row in cells)
            )
            return
        columns = max(len(row) for row in cells)
        whole = [row + ((),) * (columns - len(row)) for row in cells]
        aligned = [cell.find(f"{W}p/{W}pPr/{W}jc") for cell in rows[:2][-1].findall(f"{W}tc")]
        found = ("left" if jc is None else jc.get(f"{W}val", "") for jc in aligned)
        sides = (*found, *("left",) * columns)[:columns]
        aligns = tuple(side if side in ("right", "center") else "left" for side in sides)
        yield tree.Table(aligns, tuple(_plain_head(cell) for cell in whole[0]), tuple(whole[1:]))

    def _cell(self, element: Element) -> tuple[Inline, ...]:
        found: list[Inline] = []
        for paragraph in element.iter(f"{W}p"):
            inlines = tuple(self._runs(paragraph))
            found += [tree.Text("\n"), *inlines] if found and inlines else inlines
        return _merged(tuple(found))

    def _runs(self, parent: Element, marks: str = "") -> Iterator[Inline]:
        for element in _opened(parent):
            if element.tag == f"{W}r":
                yield from _run(element)
            elif element.tag == f"{W}hyperlink":
                inner = _merged(tuple(self._runs(element)))
                href = self._links.get(element.get(f"{R}id", ""), "")
                yield from (tree.Link(href, inner),) if href and inner else inner
            elif element.tag == f"{W}fldSimple":
                yield from self._runs(element)


def _ordered(pieces: Iterator[_Piece | Block]) -> Iterator[tuple[tuple[str, int], _Piece | Block]]:
    """Yield each piece with the group that it belongs to; a space that is kept with the next opens a signature."""
    last, number, signing = "", 0, False
    for piece in pieces:
        kind = "block"
        if isinstance(piece, _Piece):
            if piece.shape == "gap":
                signing = piece.signed
                number += 1
                last = ""
                continue
            signing = signing and piece.signed
            listing = piece.entry is not None or (piece.follows and last == "list")
            kind = (
                "list" if listing else "signature" if signing else "quote" if piece.shape == "quote" else kind
            )
        number += kind != last
        last = kind
        yield (kind, number), piece


def _run(element: Element) -> Iterator[Inline]:
    properties = element.find(f"{W}rPr")
    if _has(properties, "vanish"):
        raise _cannot("hidden text")
    text = "".join(_characters(element))
    if not text:
        return
    if unsafe := findings(text):
        near = visible(text[:40])
        raise Refused(
            f'The Word file contains {unsafe[0]} of "{near}". It would be read otherwise than its bytes say.',
            hint="Delete that place in Word, and type it again.",
            code="word_file",
        )
    inline: Inline = tree.Text(text)
    if _has(properties, "i"):
        inline = tree.Emphasis((inline,))
    if _has(properties, "b"):
        inline = tree.Strong((inline,))
    yield inline


def _characters(run: Element) -> Iterator[str]:
    for element in run.iter():
        name = element.tag.removeprefix(W)
        if name in _NEVER:
            raise _cannot(_NEVER[name])
        if name == "t":
            yield element.text or ""
        elif name == "br" and element.get(f"{W}type", "textWrapping") != "textWrapping":
            continue
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]


def _cannot(what: str) -> Refused:
    return Refused(
        f"The Word file contains {what}. A notice cannot contain {what}.",
        hint="Remove the part in Word, or replace it with text.",
        code="word_file",
    )


def _opened(parent: Element) -> Iterator[Element]:
    """Yield children; wrappers are looked into, and what a tracked change took out is left out."""
    for element in parent:
        if element.tag in _GONE:
            continue
        if element.tag in _THROUGH:
            yield from _opened(element)
        else:
            yield element


def _block(piece: _Piece) -> Block:
    if piece.shape == "rule":
        return tree.Rule()
    return (
        tree.Heading(piece.level, piece.inlines)
        if piece.shape == "heading"
        else tree.Paragraph(piece.inlines)
    )


def _plain_head(cell: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """A label or a head is bold by its place; the bold is not the text's own."""
    return tuple(
        node for inline in cell for node in (inline.inlines if isinstance(inline, tree.Strong) else (inline,))
    )


def _merged(inlines: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Join neighbours of one kind: Word splits a sentence into runs at every edit."""
    merged: list[Inline] = []
    for node in inlines:
        last = merged[-1] if merged else None
        match last, node:
            case tree.Text(text=a), tree.Text(text=b):
                merged[-1] = tree.Text(a + b)
            case tree.Strong(inlines=a_), tree.Strong(inlines=b_):
                merged[-1] = tree.Strong(_merged((*a_, *b_)))
            case tree.Emphasis(inlines=a_), tree.Emphasis(inlines=b_):
                merged[-1] = tree.Emphasis(_merged((*a_, *b_)))
            case _:
                merged.append(node)
    return tuple(merged)


def _has(properties: Element | None, name: str) -> bool:
    """Tell whether a switch is on; Word writes ``w:val="0"`` to put it off."""
    element = properties.find(f"{W}{name}") if properties is not None else None
    return element is not None and element.get(f"{W}val", "1") not in ("0", "false", "off")
