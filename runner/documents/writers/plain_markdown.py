"""Markdown writer: the tree as Markdown, with every character of a fact escaped."""

from __future__ import annotations

import re
import textwrap
from typing import Final

from runner.documents import tree
from runner.documents.tree import Block, Document, Inline, number
from runner.documents.watermark import footer, watermark

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|&~!:])")
_LEADING: Final = re.compile(r"^([-+=]|\d+[.)])", re.MULTILINE)


def write_markdown(document: Document) -> bytes:
    """Return UTF-8 CommonMark with pipe tables; fields are a two-column list in bold and plain."""
    marking = watermark(document)
    parts = [f"**{_escape(marking)}**" if marking else "", _blocks(document.blocks)]
    parts += ["---", _escape(footer(document))] if footer(document) else []
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _blocks(blocks: tuple[Block, ...]) -> str:
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    match block:
        case tree.Heading(level=level, inlines=inlines):
            return f"{'#' * level} {_inlines(inlines).replace(chr(10), ' ')}"
        case tree.Paragraph(inlines=inlines):
            # its lines may begin like a list, a heading's underline or code
            flush = re.sub(r"^[ \t]+", "", _inlines(inlines), flags=re.MULTILINE)
            return _LEADING.sub(lambda m: f"{m[1][:-1]}\\{m[1][-1]}", flush)
        case tree.Listing():
            return _listing(block)
        case tree.Table(head=head, rows=rows):
            ruler = "|".join(["---"] * len(head))
            return "\n".join([_row(head), f"|{ruler}|", *(_row(row) for row in rows)])
        case tree.Fields(rows=rows):
            lines = (f"**{_inlines(f.label)}:** {_inlines(f.value)}" for f in rows)
            return "\\\n".join(line.replace("\\\n", " ") for line in lines)
        case tree.Signature(blocks=inner):
            return _blocks(inner)
        case tree.Quote(blocks=inner):
            return textwrap.indent(_blocks(inner), "> ", lambda _line: True)
        case tree.Rule():
            return "---"
        case tree.Picture(alt=alt):
            return f"*{_escape(f'Picture: {alt}')}*"


def _listing(block: tree.Listing) -> str:
    items = []
    for index, item in enumerate(block.items):
        sign = "- " if block.style == "bullet" else f"{block.start + index}. "
        counted = block.style in ("alpha", "roman")
        inner = (f"{number(block.style, block.start + index)} " if counted else "") + _blocks(item)
        items.append(sign + textwrap.indent(inner, " " * len(sign)).lstrip(" "))
    return "\n".join(items)


def _row(cells: tuple[tuple[Inline, ...], ...]) -> str:
    return "| " + " | ".join(_inlines(cell).replace("\\\n", " ") for cell in cells) + " |"


def _inlines(inlines: tuple[Inline, ...]) -> str:
    return "".join(_inline(node) for node in inlines)


def _inline(node: Inline) -> str:
    match node:
        case tree.Text(text=text) | tree.GapText(text=text):
            return _escape(text).replace("\n", "\\\n")
        case tree.Strong(inlines=inner):
            return f"**{_inlines(inner)}**"
        case tree.Emphasis(inlines=inner):
            return f"*{_inlines(inner)}*"
        case tree.Link(href=href, inlines=inner):
            return f"[{_inlines(inner)}]({href})"
        case tree.Break():
            return "\\\n"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
