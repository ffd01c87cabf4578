"""Word writer: the tree as WordprocessingML, with the same bytes each time.

The order of child elements is the schema's; Word refuses a file where it is not. Parts are stored, not
compressed, with the dates of 1980, so that the bytes do not depend on a zlib version or a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import zip_longest
from typing import Final
from xml.sax.saxutils import quoteattr

from runner.documents import tree
from runner.documents.pictures import raster, size
from runner.documents.tree import Block, Document, Inline, Stationery, plain
from runner.documents.watermark import footer, mark, named, small_print, watermark
from runner.documents.word import docx_parts as parts
from runner.documents.word.docx_package import pack

PNG: Final = '<Default Extension="png" ContentType="image/png"/>'
"""What the list of content types says of PNG parts."""
_EMU: Final = 12_700
"""English metric units in a point."""
_DRAWING: Final = "http://schemas.openxmlformats.org/drawingml/2006"


def shown(relation: str, number: int, alt: str, width: float, height: float) -> str:
    """Return the run that shows a related part, so wide and high in points; ``number`` is its own in its part."""
    extent = f'cx="{round(width * _EMU)}" cy="{round(height * _EMU)}"'
    named = f'id="{number}" name="Picture {number}"'
    shape = (
        '<pic:spPr><a:xfrm><a:off x="0" y="0"/>'
        f'<a:ext {extent}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>'
    )
    return (
        "<w:r><w:drawing>"
        f'<wp:inline xmlns:wp="{_DRAWING}/wordprocessingDrawing" distT="0" distB="0" distL="0" distR="0">'
        f"<wp:extent {extent}/><wp:docPr {named} descr={quoteattr(alt)}/>"
        f'<a:graphic xmlns:a="{_DRAWING}/main"><a:graphicData uri="{_DRAWING}/picture">'
        f'<pic:pic xmlns:pic="{_DRAWING}/picture"><pic:nvPicPr><pic:cNvPr {named}/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip xmlns:r="{_OFFICE}" r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f"{shape}</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_logo(files: dict[str, bytes], paper: Stationery) -> dict[str, bytes]:
    """Return the parts that a logo changes or adds; raises KeyError for parts that Tocsin did not write."""
    logo = paper.logo
    if logo is None:
        return {}
    types = files["[Content_Types].xml"].decode()
    head = files["word/header2.xml"].decode()
    begin = head.index(">", head.index("<w:hdr")) + 1
    relations = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rIdLogo" Type="{_OFFICE}/image" Target="media/logo.png"/></Relationships>'
    )
    picture = shown("rIdLogo", 1, f"Logo of {paper.name}", *size(logo))
    line = f'<w:p><w:pPr><w:pStyle w:val="Letterhead"/></w:pPr>{picture}</w:p>'
    return {
        "[Content_Types].xml": (
            types if PNG in types else types.replace("<Override", f"{PNG}<Override", 1)
        ).encode(),
        "word/header2.xml": (head[:begin] + line + head[begin:]).encode(),
        "word/_rels/header2.xml.rels": relations.encode(),
        "word/media/logo.png": logo.png,
    }


def created(document: Document) -> str:
    """Return the document's own time, as the properties of a file have it."""
    return f"{document.context.timestamp.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_docx(document: Document) -> bytes:
    """Return the bytes of a ``.docx``: letterhead on the first page, page numbers, watermark when marked."""
    paper = document.context.stationery
    body = Body(document)
    size = parts.PAPER[paper.paper]
    heads = ((), (paper.name, *paper.lines))
    first, others = (parts.header(lines, watermark(document), mark(document)) for lines in heads)
    content = parts.package(
        parts.core(named(document), paper.name, document.language, created(document)),
        body.blocks(document.blocks),
        size,
        parts.styles(paper.points, small_print(document), document.language),
        headers=(first, others),
        footer=parts.footer(footer(document), size),
        lists=body.lists,
        relations=parts.relations(body.addresses, len(body.pictures)),
    )
    content |= {f"word/media/picture{n}.png": png for n, png in enumerate(body.pictures, 1)}
    if body.pictures:
        content["[Content_Types].xml"] = parts.CONTENT_TYPES.replace(
            "<Override", f"{PNG}<Override", 1
        ).encode()
    return pack({**content, **with_logo(content, paper)} if paper.logo is not None else content)


class Body:
    """One pass over the tree; it collects the lists, addresses and pictures that other parts must declare."""

    def __init__(self, document: Document, width: int = 0) -> None:
        """``width`` is that between the margins, in twentieths of a point; that of our own paper otherwise."""
        self.lists: list[tuple[str, int]] = []
        self.addresses: list[str] = []
        self.pictures: list[bytes] = []
        self._fonts = document.context.stationery.font_paths
        self._rtl = document.right_to_left
        self._paper = parts.PAPER[document.context.stationery.paper]
        self._width = width or self._paper.text_width

    def blocks(self, blocks: tuple[Block, ...], style: str = "", keep: bool = False, depth: int = 0) -> str:
        """Return the paragraphs and tables of some blocks; what stands before a signature stays on its page."""
        return "".join(
            self._block(block, style, keep or isinstance(after, tree.Signature), depth)
            for block, after in zip_longest(blocks, blocks[1:])
        )

    def _block(self, block: Block, style: str, keep: bool, depth: int) -> str:
        match block:
            case tree.Heading(level=level, inlines=inlines):
                return self._paragraph(inlines, f"Heading{min(level, 3)}")
            case tree.Paragraph(inlines=inlines, address=address):
                frame, filler = parts.window(self._paper) if address else ("", "")
                return filler + self._paragraph(inlines, style, keep=keep, numbering=frame)
            case tree.Listing():
                return self._listing(block, depth)
            case tree.Table():
                return self._table(block)
            case tree.Fields(rows=rows):
                return self._fields(rows)
            case tree.Signature(blocks=inner):
                spacer = '<w:p><w:pPr><w:keepNext/><w:spacing w:before="480" w:after="0"/></w:pPr></w:p>'
                return spacer + self.blocks(inner, keep=True, depth=depth)
            case tree.Quote(blocks=inner):
                return self.blocks(inner, style="Quote", depth=depth)
            case tree.Rule():
                return parts.RULE.format("")
            case tree.Picture():
                return self._picture(block)

    def _picture(self, picture: tree.Picture) -> str:
        """Show a drawing as pixels, no wider than the text: older versions of Word know no SVG."""
        self.pictures.append(raster(picture.svg, picture.height, _PPI, self._fonts))
        number = len(self.pictures)
        scale = min(1.0, self._width / 20 / picture.width)
        size = picture.width * scale, picture.height * scale
        return f"<w:p>{shown(f'rIdP{number}', _PICTURES + number, picture.alt, *size)}</w:p>"

    def _paragraph(
        self,
        inlines: tuple[Inline, ...],
        style: str = "",
        *,
        keep: bool = False,
        numbering: str = "",
        jc: str = "",
    ) -> str:
        properties = (
            (f'<w:pStyle w:val="{style}"/>' if style else "")
            + ("<w:keepNext/><w:keepLines/>" if keep else "")
            + numbering
            + ("<w:bidi/>" if self._rtl else "")
            + (f'<w:jc w:val="{jc}"/>' if jc else "")
        )
        head = f"<w:pPr>{properties}</w:pPr>" if properties else ""
        return f"<w:p>{head}{self._runs(inlines, '')}</w:p>"

    def _runs(self, inlines: tuple[Inline, ...], marks: str) -> str:
        found = []
        for node in inlines:
            match node:
                case tree.Text(text=text):
                    found.append(self._run(text, marks))
                case tree.GapText(text=text, highlight=highlight):
                    found.append(self._run(text, marks + ("h" if highlight else "")))
                case tree.Strong(inlines=inner):
                    found.append(self._runs(inner, marks + "b"))
                case tree.Emphasis(inlines=inner):
                    found.append(self._runs(inner, marks + "i"))
                case tree.Link(href=href, inlines=inner):
                    self.addresses.append(href)
                    runs = self._runs(inner, marks + "a")
                    found.append(f'<w:hyperlink r:id="rIdA{len(self.addresses)}">{runs}</w:hyperlink>')
                case tree.Break():
                    found.append("<w:r><w:br/></w:r>")
        return "".join(found)

    def _run(self, text: str, marks: str) -> str:
        return parts.run(text, marks, rtl=self._rtl)

    def _listing(self, block: tree.Listing, depth: int) -> str:
        self.lists.append((block.style, block.start))
        level = min(depth, parts.LEVELS - 1)
        counted = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{len(self.lists)}"/></w:numPr>'
        paragraphs = []
        for item in block.items:
            first, rest = (
                (item[0], item[1:]) if item and isinstance(item[0], tree.Paragraph) else (None, item)
            )
            inlines = first.inlines if first else ()
            paragraphs.append(self._paragraph(inlines, "ListParagraph", numbering=counted))
            paragraphs.append(self.blocks(rest, style="ListContinue", depth=depth + 1))
        return "".join(paragraphs)

    def _table(self, table: tree.Table) -> str:
        rows = (table.head, *table.rows)
        if table.widths:
            widths = _shared(table.widths, self._width)
        else:
            widths = _widths([[plain(cell) for cell in row] for row in rows], self._width)
        lines = [
            "<w:tr><w:trPr><w:cantSplit/>"
            + ("<w:tblHeader/>" if number == 0 else "")
            + "</w:trPr>"
            + "".join(
                self._cell(cell, widths[n], header=number == 0, jc=_JC.get(table.aligns[n], ""))
                for n, cell in enumerate(row)
            )
            + "</w:tr>"
            for number, row in enumerate(rows)
        ]
        return self._grid("TableGrid", widths, lines)

    def _fields(self, rows: tuple[tree.Field, ...]) -> str:
        widths = [self._width * 35 // 100, self._width - self._width * 35 // 100]
        lines = [
            "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
            + self._cell(row.label, widths[0], header=True)
            + self._cell(row.value, widths[1])
            + "</w:tr>"
            for row in rows
        ]
        return self._grid("Fields", widths, lines)

    def _grid(self, style: str, widths: list[int], lines: list[str]) -> str:
        columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
        rtl = "<w:bidiVisual/>" if self._rtl else ""
        return (
            f'<w:tbl><w:tblPr><w:tblStyle w:val={quoteattr(style)}/>{rtl}<w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
            f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{columns}</w:tblGrid>{"".join(lines)}</w:tbl>'
            '<w:p><w:pPr><w:spacing w:after="60"/></w:pPr></w:p>'
        )

    def _cell(self, inlines: tuple[Inline, ...], width: int, *, header: bool = False, jc: str = "") -> str:
        content = (tree.Strong(inlines),) if header else inlines
        cell = self._paragraph(content, "TableText", jc=jc)
        return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{cell}</w:tc>'


_PPI = 220.0
_PICTURES = 100
"""Numbers of pictures in a body begin behind it: a letterhead may have some of its own."""
_JC = {"right": "right", "center": "center"}


def _widths(rows: list[list[str]], total: int) -> list[int]:
    """Share the width by the longest text of each column; a short column keeps room for a word."""
    longest = [min(max(len(text) for text in column), 48) for column in zip(*rows, strict=True)]
    return _shared([max(length, 18) for length in longest], total)


def _shared(wanted: Sequence[int], total: int) -> list[int]:
    """Share the width in proportion; the last column has what rounding leaves."""
    widths = [total * want // sum(wanted) for want in wanted]
    return [*widths[:-1], total - sum(widths[:-1])]
