"""Redline as a Word file with tracked changes.

An item's sign is written out, since a list whose items came and went would count on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final
from xml.sax.saxutils import quoteattr

from runner.base.states import MARKS
from runner.documents.redline.redline import Line, Piece, Redline
from runner.documents.tree import Document
from runner.documents.word import docx_parts as parts
from runner.documents.word.docx_package import pack
from runner.documents.word.docx_writer import created

MARKING: Final = "COMPARISON"
_TAGS: Final = {"added": "ins", "removed": "del"}


def write_redline_docx(found: Redline, old: Document, new: Document, *, author: str) -> bytes:
    """Return a ``.docx`` whose tracked changes are by ``author``, at the new document's own time."""
    paper = new.context.stationery
    size = parts.PAPER[paper.paper]
    body = _Body(author, created(new), size.text_width)
    title = f"Comparison: {new.title}"
    marking = f"{MARKS[new.context.kind]} – {MARKING}" if new.context.kind != "real" else MARKING
    reference = f"{old.digest[:12]} → {new.digest[:12]}"
    files = parts.package(
        parts.core(title, author, new.language, created(new)),
        "".join(body.paragraphs(found.lines)),
        size,
        parts.styles(paper.points, 8.0, new.language),
        headers=(parts.header((), marking), parts.header((title,), marking)),
        footer=parts.footer(reference, size),
        lists=[],
        relations=parts.relations([]),
    )
    return pack(files)


class _Body:
    """One pass over the lines; every tracked change has a number of its own."""

    def __init__(self, author: str, at: str, width: int) -> None:
        self._author, self._at, self._width = author, at, width
        self._numbers = count(1)

    def paragraphs(self, lines: tuple[Line, ...]) -> Iterator[str]:
        """Yield the paragraphs and tables."""
        rows: list[Line] = []
        for line in lines:
            if rows and (line.kind != "row" or len(line.cells) != len(rows[0].cells)):
                yield self._table(rows)
                rows = []
            if line.kind == "row":
                rows.append(line)
            else:
                yield self._paragraph(line)
        if rows:
            yield self._table(rows)

    def _paragraph(self, line: Line) -> str:
        mark = f"<w:rPr>{self._tracked(line.op)}</w:rPr>" if line.op != "same" else ""
        if line.kind == "rule":
            return parts.RULE.format(mark)
        sign = self._piece(Piece(line.op, f"{line.sign} ")) if line.sign else ""
        runs = sign + "".join(self._piece(piece) for piece in line.cells[0])
        return f"<w:p><w:pPr>{_style(line)}{mark}</w:pPr>{runs}</w:p>"

    def _table(self, rows: list[Line]) -> str:
        columns = len(rows[0].cells)
        width = self._width // max(columns, 1)
        grid = f'<w:gridCol w:w="{width}"/>' * columns
        return (
            f'<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="{width * columns}" w:type="dxa"/>'
            f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
            f"{''.join(self._row(row, width) for row in rows)}</w:tbl><w:p/>"
        )

    def _row(self, row: Line, width: int) -> str:
        mark = self._tracked(row.op) if row.op != "same" else ""
        cells = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr><w:p>'
            f'<w:pPr><w:pStyle w:val="TableText"/></w:pPr>{"".join(self._piece(piece) for piece in cell)}</w:p></w:tc>'
            for cell in row.cells
        )
        return f"<w:tr><w:trPr><w:cantSplit/>{mark}</w:trPr>{cells}</w:tr>"

    def _piece(self, piece: Piece) -> str:
        tag = "w:delText" if piece.op == "removed" else "w:t"
        run = parts.run(piece.text, piece.marks, tag=tag)
        if piece.op == "same":
            return run
        opening = self._tracked(piece.op)
        return f"{opening[:-2]}>{run}</w:{_TAGS[piece.op]}>"

    def _tracked(self, op: str) -> str:
        return f'<w:{_TAGS[op]} w:id="{next(self._numbers)}" w:author={quoteattr(self._author)} w:date="{self._at}"/>'


def _style(line: Line) -> str:
    match line.kind:
        case "heading":
            return f'<w:pStyle w:val="Heading{min(line.level, 3)}"/>'
        case "item":
            return (
                f'<w:pStyle w:val="ListParagraph"/><w:ind w:left="{425 * (line.level + 1)}" w:hanging="425"/>'
            )
        case _:
            return f'<w:ind w:left="{425 * line.level}"/>' if line.level else ""
