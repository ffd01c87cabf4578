"""HTML writer: one page without external content, readable by a screen reader and in an email."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Final

from runner.documents import tree
from runner.documents.pictures import size
from runner.documents.tree import Block, Document, Inline, Stationery, number, walk
from runner.documents.watermark import footer, named, small_print, watermark

_STYLE: Final = """\
body{font:%(points)spt/1.5 Georgia,"Times New Roman",serif;color:#1a1a1a;background:#fff;margin:0}
main{overflow-wrap:anywhere}main,header,footer{max-width:42em;margin:0 auto;padding:0 1.5em}
header{padding-top:2em;color:#444}h1{font-size:1.6em;line-height:1.25}h2{font-size:1.2em;margin-top:1.8em}
h3{font-size:1.05em}table{border-collapse:collapse;width:100%%}
th,td{border:1px solid #999;padding:.35em .6em;text-align:start;vertical-align:top}th{background:#f2f2f2}
dl{display:grid;grid-template-columns:minmax(9em,1fr) 2fr;gap:.3em 1em}dt{font-weight:bold}dd{margin:0}
mark{background:#ffec80;color:#1a1a1a}.marking{background:#8c1d18;color:#fff;padding:.4em 1.5em;
text-align:center;letter-spacing:.1em;font-weight:bold;position:sticky;top:0}
.signature{margin-top:3em;break-inside:avoid}footer{color:#595959;font-size:%(small)spt;padding-top:2em;
padding-bottom:2em;overflow-wrap:anywhere}ol.counted{list-style:none;padding-left:2.2em}
ol.counted>li>.n{float:left;margin-left:-2.2em}"""
_PICTURES: Final = "\nfigure{margin:1em 0;break-inside:avoid}figure svg{max-width:100%;height:auto}"
"""For pages that have any: those without stay as they were signed."""


def write_html(document: Document) -> bytes:
    """Return one complete UTF-8 page; every fact is escaped and nothing is fetched."""
    paper, marking = document.context.stationery, watermark(document)
    banner = f'<p class="marking">{escape(marking)}</p>\n' if marking else ""
    letterhead = "<br>".join(escape(line) for line in (paper.name, *paper.lines) if line)
    direction = ' dir="rtl"' if document.right_to_left else ""
    page = (
        f'<!DOCTYPE html>\n<html lang="{escape(document.language)}"{direction}>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'{_IMAGES if paper.logo else ''}\">\n"
        f"<title>{escape(named(document))}</title>\n"
        f"<style>{_style(document)}</style>\n</head>\n<body>\n{banner}"
        + (f"<header>{_logo(paper)}<p>{letterhead}</p></header>\n" if letterhead or paper.logo else "")
        + f"<main>\n{_blocks(document.blocks)}</main>\n"
        + (f"<footer><p>{escape(footer(document))}</p></footer>\n" if footer(document) else "")
        + "</body>\n</html>\n"
    )
    return page.encode()


def _style(document: Document) -> str:
    sizes = {"points": f"{document.context.stationery.points:g}", "small": f"{small_print(document):g}"}
    pictured = any(isinstance(block, tree.Picture) for block in walk(document.blocks))
    return _STYLE % sizes + (_PICTURES if pictured else "")


_IMAGES = "; img-src data:"


def _logo(paper: Stationery) -> str:
    """Return the picture with its bytes in the page: nothing is fetched."""
    if paper.logo is None:
        return ""
    width, height = size(paper.logo)
    data = b64encode(paper.logo.png).decode("ascii")
    alt = escape(f"Logo of {paper.name}")
    return f'<p><img src="data:image/png;base64,{data}" alt="{alt}" style="width:{width:g}pt;height:{height:g}pt"></p>'


def _blocks(blocks: tuple[Block, ...]) -> str:
    return "".join(_block(block) + "\n" for block in blocks)


def _block(block: Block) -> str:
    match block:
        case tree.Heading(level=level, inlines=inlines):
            return f"<h{level}>{_inlines(inlines)}</h{level}>"
        case tree.Paragraph(inlines=inlines):
            return f"<p>{_inlines(inlines)}</p>"
        case tree.Listing():
            return _listing(block)
        case tree.Table():
            return _table(block)
        case tree.Fields(rows=rows):
            pairs = (f"<dt>{_inlines(f.label)}</dt><dd>{_inlines(f.value)}</dd>" for f in rows)
            return f"<dl>\n{chr(10).join(pairs)}\n</dl>"
        case tree.Signature(blocks=inner):
            return f'<div class="signature">\n{_blocks(inner)}</div>'
        case tree.Quote(blocks=inner):
            return f"<blockquote>\n{_blocks(inner)}</blockquote>"
        case tree.Rule():
            return "<hr>"
        case tree.Picture(svg=svg):
            return f"<figure>\n{svg}</figure>"


def _listing(block: tree.Listing) -> str:
    """Count letters in the text itself: browsers have no ``(a)``."""
    if block.style == "bullet":
        return f"<ul>\n{''.join(f'<li>{_item(item)}</li>{chr(10)}' for item in block.items)}</ul>"
    if block.style == "decimal":
        start = f' start="{block.start}"' if block.start != 1 else ""
        return f"<ol{start}>\n{''.join(f'<li>{_item(item)}</li>{chr(10)}' for item in block.items)}</ol>"
    items = "".join(
        f'<li><span class="n">{number(block.style, block.start + n)}</span> {_item(item)}</li>\n'
        for n, item in enumerate(block.items)
    )
    return f'<ol class="counted">\n{items}</ol>'


def _item(blocks: tuple[Block, ...]) -> str:
    if len(blocks) == 1 and isinstance(blocks[0], tree.Paragraph):
        return _inlines(blocks[0].inlines)
    return f"\n{_blocks(blocks)}"


def _table(table: tree.Table) -> str:
    head = "".join(f'<th scope="col">{_inlines(cell)}</th>' for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(_cell(cell, table.aligns[n]) for n, cell in enumerate(row)) + "</tr>\n"
        for row in table.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"


def _cell(inlines: tuple[Inline, ...], align: str) -> str:
    style = f' style="text-align:{align}"' if align in ("right", "center") else ""
    return f"<td{style}>{_inlines(inlines)}</td>"


def _inlines(inlines: tuple[Inline, ...]) -> str:
    return "".join(_inline(node) for node in inlines)


def _inline(node: Inline) -> str:
    match node:
        case tree.Text(text=text):
            return escape(text).replace("\n", "<br>\n")
        case tree.GapText(text=text, highlight=highlight):
            return f"<mark>{escape(text)}</mark>" if highlight else escape(text)
        case tree.Strong(inlines=inner):
            return f"<strong>{_inlines(inner)}</strong>"
        case tree.Emphasis(inlines=inner):
            return f"<em>{_inlines(inner)}</em>"
        case tree.Link(href=href, inlines=inner):
            return f'<a href="{escape(href)}">{_inlines(inner)}</a>'
        case tree.Break():
            return "<br>\n"
