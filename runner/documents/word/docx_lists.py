"""Conversion of Word's numbered paragraphs to lists: numbering, start and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from xml.etree.ElementTree import Element

import msgspec

from runner.documents.tree import Block, Listing, Paragraph
from runner.documents.word.docx_package import W, parse

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


def _list(first: Entry, rows: Sequence[tuple[Entry | None, Block]]) -> Listing:
    items: list[list[tuple[Entry | None, Block]]] = []
    for entry, block in rows:
        if entry is not None and entry.depth == first.depth:
            items.append([(None, block)])
        else:
            items[-1].append((entry, block))
    bodies = tuple(tuple(_item(rest)) for rest in items)
    return Listing(first.style, first.start, bodies)


def _item(rows: Sequence[tuple[Entry | None, Block]]) -> list[Block]:
    own = rows[0][1]
    return [own if isinstance(own, Paragraph) else Paragraph(()), *listed(rows[1:])]


def _all(root: Element | None, name: str) -> list[Element]:
    return root.findall(f"{W}{name}") if root is not None else []


def _level(parent: Element | None, name: str, depth: int) -> Element | None:
    levels = parent.findall(f"{W}{name}") if parent is not None else []
    matching = [level for level in levels if level.get(f"{W}ilvl", "0") == str(depth)]
    return matching[0] if matching else None


def _value(parent: Element | None, name: str) -> str:
    element = parent.find(f"{W}{name}") if parent is not None else None
    return element.get(f"{W}val", "") if element is not None else ""
