"""Comparison of two documents, word by word; the source of every redline.

Both trees become lines (a heading, a paragraph, an item, a row of a table). Lines that are alike are paired in their
order, the words of a pair are compared, and what has no partner was added or removed as a whole. Layout and status
take no part: a draft and the final of the same text do not differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Final, Literal

import msgspec

from runner.documents import tree
from runner.documents.tree import Block, Document, Inline, number

Op = Literal["same", "added", "removed"]
Kind = Literal["heading", "paragraph", "item", "row", "rule"]
_TOKEN = re.compile(r"\n|[^\S\n]+|\d(?:[\d.,:]*\d)?|\w+|[^\w\s]")
_ALIKE: Final = 0.3
"""The share of words that two lines must have in common to be one line that was edited."""
_TOO_MANY: Final = 250_000
"""Pairs of lines beyond which a whole passage is shown as replaced."""


class Piece(msgspec.Struct, frozen=True):
    """Words that are unchanged, added or removed; ``marks`` has ``b`` bold, ``i`` italic, ``h`` a gap."""

    op: Op
    text: str
    marks: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One heading, paragraph, item or row. ``op`` is ``same`` as well where only words in it changed."""

    kind: Kind
    op: Op
    cells: tuple[tuple[Piece, ...], ...]
    """One for each column of a row, else a single one."""
    level: int = 0
    """A heading's level, or how deep an item stands."""
    sign: str = ""
    """How an item is counted, such as ``(a)``."""
    head: bool = False
    """The first row of a table."""

    @property
    def changed(self) -> bool:
        """Whether it has a change."""
        return self.op != "same" or any(piece.op != "same" for cell in self.cells for piece in cell)


class Redline(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of two documents."""

    lines: tuple[Line, ...]

    @property
    def identical(self) -> bool:
        """Whether a reader would see no difference."""
        return not any(line.changed for line in self.lines)

    def words(self, op: Op) -> int:
        """Return the number of added or removed words."""
        pieces = (piece for line in self.lines for cell in line.cells for piece in cell if piece.op == op)
        return sum(len(re.findall(r"\w+", piece.text)) for piece in pieces)


class FactChange(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that two documents read differently; values are JSON, null where it was not known or not read."""

    path: str
    before: msgspec.Raw
    after: msgspec.Raw


def redline(old: Document, new: Document) -> Redline:
    """Compare two documents and return every line of both, in reading order."""
    before, after = list(_lines(old.blocks)), list(_lines(new.blocks))
    return Redline(lines=tuple(_compared(before, after)))


def changed_facts(old: Document, new: Document) -> tuple[FactChange, ...]:
    """Return which facts changed between two documents, in the order of their paths."""
    before = {used.path: used.value for used in old.facts_used}
    after = {used.path: used.value for used in new.facts_used}
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return tuple(
        FactChange(path=path, before=_raw(before.get(path)), after=_raw(after.get(path))) for path in paths
    )


def _raw(value: str | None) -> msgspec.Raw:
    return msgspec.Raw((value or "null").encode())


# --- trees as lines ---------------------------------------------------------------------------------------


def _lines(blocks: tuple[Block, ...], depth: int = 0) -> Iterator[Line]:
    for block in blocks:
        match block:
            case tree.Heading(level=level, inlines=inlines):
                yield _line("heading", (inlines,), level=level)
            case tree.Paragraph(inlines=inlines):
                yield _line("paragraph", (inlines,), level=depth)
            case tree.Listing():
                yield from _items(block, depth)
            case tree.Table() | tree.Fields():
                yield from _rows(block)
            case tree.Signature(blocks=inner) | tree.Quote(blocks=inner):
                yield from _lines(inner, depth)
            case tree.Rule():
                yield _line("rule", ())
            case tree.Picture(alt=alt):
                yield _line("paragraph", ((tree.Text(alt),),), level=depth)


def _rows(block: tree.Table | tree.Fields) -> Iterator[Line]:
    if isinstance(block, tree.Fields):
        yield from (_line("row", ((tree.Strong(field.label),), field.value)) for field in block.rows)
        return
    yield _line("row", block.head, head=True)
    yield from (_line("row", row) for row in block.rows)


def _items(block: tree.Listing, depth: int) -> Iterator[Line]:
    for index, item in enumerate(block.items):
        sign = "•" if block.style == "bullet" else number(block.style, block.start + index)
        first, rest = (item[0], item[1:]) if item and isinstance(item[0], tree.Paragraph) else (None, item)
        yield _line("item", (first.inlines if first else (),), level=depth, sign=sign)
        yield from _lines(rest, depth + 1)


def _line(
    kind: Kind,
    cells: tuple[tuple[Inline, ...], ...],
    *,
    level: int = 0,
    sign: str = "",
    head: bool = False,
) -> Line:
    pieces = tuple(tuple(_pieces(cell, "")) for cell in cells)
    return Line(kind=kind, op="same", cells=pieces, level=level, sign=sign, head=head)


def _pieces(inlines: tuple[Inline, ...], marks: str) -> Iterator[Piece]:
    for node in inlines:
        match node:
            case tree.Text(text=text):
                yield Piece("same", text, marks)
            case tree.GapText(text=text):
                yield Piece("same", text, marks + "h")
            case tree.Strong(inlines=inner):
                yield from _pieces(inner, marks if "b" in marks else marks + "b")
            case tree.Emphasis(inlines=inner):
                yield from _pieces(inner, marks if "i" in marks else marks + "i")
            case tree.Link(inlines=inner):
                yield from _pieces(inner, marks)
            case tree.Break():
                yield Piece("same", "\n", marks)


# --- lines over lines -------------------------------------------------------------------------------------


def _compared(before: Sequence[Line], after: Sequence[Line]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, [_key(line) for line in before], [_key(line) for line in after], False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            yield from after[b1:b2]
        else:
            yield from _replaced(before[a1:a2], after[b1:b2])


def _key(line: Line) -> tuple[str, ...]:
    return (line.kind, *("".join(piece.text for piece in cell) for cell in line.cells))


def _replaced(before: Sequence[Line], after: Sequence[Line]) -> Iterator[Line]:
    a = b = 0
    for i, j in (*_partners(before, after), (len(before), len(after))):
        yield from (_whole(line, "removed") for line in before[a:i])
        yield from (_whole(line, "added") for line in after[b:j])
        if i < len(before):
            yield _edited(before[i], after[j])
        a, b = i + 1, j + 1


def _partners(before: Sequence[Line], after: Sequence[Line]) -> list[tuple[int, int]]:
    """Pair lines in their order so that what they have in common is the most."""
    rows, columns = len(before), len(after)
    if rows * columns > _TOO_MANY:
        return []
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    alike = [[_alike(line, other) for other in after] for line in before]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            both = alike[i][j] + best[i + 1][j + 1] if alike[i][j] else 0.0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    found, i, j = [], 0, 0
    while i < rows and j < columns:
        if alike[i][j] and best[i][j] == alike[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _alike(one: Line, other: Line) -> float:
    """Return the share of words in common, 0 below what makes two lines one."""
    if one.kind != other.kind or len(one.cells) != len(other.cells):
        return 0.0
    a, b = _words(one), _words(other)
    if not a or not b:
        return 0.0
    share = 2 * len(a & b) / (len(a) + len(b))
    return share if share >= _ALIKE else 0.0


def _words(line: Line) -> set[str]:
    return {word for cell in line.cells for piece in cell for word in re.findall(r"\w+", piece.text)}


def _whole(line: Line, op: Op) -> Line:
    cells = tuple(tuple(Piece(op, piece.text, piece.marks) for piece in cell) for cell in line.cells)
    return msgspec.structs.replace(line, op=op, cells=cells)


# --- words over words -------------------------------------------------------------------------------------


def _edited(before: Line, after: Line) -> Line:
    cells = tuple(tuple(_word_by_word(old, new)) for old, new in zip(before.cells, after.cells, strict=True))
    return msgspec.structs.replace(after, cells=cells)


def _word_by_word(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> list[Piece]:
    before, after = list(_tokens(old)), list(_tokens(new))
    matcher = SequenceMatcher(None, before, after, False)
    runs: list[tuple[Op, list[tuple[str, str]]]] = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            runs.append(("same", after[b1:b2]))
            continue
        runs += [("removed", before[a1:a2])] if a2 > a1 else []
        runs += [("added", after[b1:b2])] if b2 > b1 else []
    return [piece for op, tokens in _readable(runs) for piece in _joined(op, tokens)]


def _tokens(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        for token in _TOKEN.findall(piece.text):
            yield (token, piece.marks)


def _readable(runs: list[tuple[Op, list[tuple[str, str]]]]) -> list[tuple[Op, list[tuple[str, str]]]]:
    """Let a space between two changes change as well: a phrase is replaced, and not each word of it."""
    groups: list[tuple[Op, list[tuple[str, str]]]] = []
    gone: list[tuple[str, str]] = []
    come: list[tuple[str, str]] = []
    for n, (op, tokens) in enumerate(runs):
        last = n + 1 == len(runs)
        if op == "removed":
            gone += tokens
        elif op == "added":
            come += tokens
        elif gone and come and not last and all(text.isspace() for text, _ in tokens):
            gone += tokens
            come += tokens
        else:
            groups += [*_change(gone, come), ("same", tokens)]
            gone, come = [], []
    return [*groups, *_change(gone, come)]


def _change(
    gone: list[tuple[str, str]], come: list[tuple[str, str]]
) -> Iterator[tuple[Op, list[tuple[str, str]]]]:
    if gone:
        yield "removed", gone
    if come:
        yield "added", come


def _joined(op: Op, tokens: Sequence[tuple[str, str]]) -> Iterator[Piece]:
    for marks, alike in groupby(tokens, key=itemgetter(1)):
        yield Piece(op, "".join(text for text, _ in alike), marks)
