"""Plain-text writer: 76 columns, headings underlined, a table as one ``Head: value`` line for each cell."""

from __future__ import annotations

import textwrap
from typing import Final

from runner.documents import tree
from runner.documents.tree import Block, Document, Inline, number, plain
from runner.documents.watermark import footer, watermark

WIDTH: Final = 76


def write_text(document: Document) -> bytes:
    """Return UTF-8 text that ends with a newline; the marking is its first and its last line."""
    paper = document.context.stationery
    head = [line for line in (paper.name, *paper.lines) if line]
    parts = [watermark(document), "\n".join(head), _blocks(document.blocks, WIDTH)]
    parts += [f"-- \n{footer(document)}" if footer(document) else "", watermark(document)]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _blocks(blocks: tuple[Block, ...], width: int) -> str:
    return "\n\n".join(filter(None, (_block(block, width) for block in blocks)))


def _block(block: Block, width: int) -> str:
    match block:
        case tree.Heading(level=level, inlines=inlines):
            title = _wrapped(inlines, width)
            rule = "=" if level == 1 else "-"
            return f"{title}\n{rule * max(len(line) for line in title.splitlines() or [''])}"
        case tree.Paragraph(inlines=inlines):
            return _wrapped(inlines, width)
        case tree.Listing():
            return _listing(block, width)
        case tree.Table(head=head, rows=rows):
            records = (
                "\n".join(_labelled(head[n], cell, width) for n, cell in enumerate(row)) for row in rows
            )
            return "\n\n".join(records)
        case tree.Fields(rows=rows):
            return "\n".join(_labelled(field.label, field.value, width) for field in rows)
        case tree.Signature(blocks=inner):
            return f"\n\n{_blocks(inner, width)}"
        case tree.Quote(blocks=inner):
            return textwrap.indent(_blocks(inner, width - 4), "    ")
        case tree.Rule():
            return "-" * width
        case tree.Picture(alt=alt):
            return _fold(f"[Picture: {alt}]", width, "")


def _listing(block: tree.Listing, width: int) -> str:
    items = []
    for index, item in enumerate(block.items):
        sign = "- " if block.style == "bullet" else f"{number(block.style, block.start + index)} "
        inner = _blocks(item, width - len(sign))
        items.append(sign + textwrap.indent(inner, " " * len(sign)).lstrip(" "))
    loose = any(len(item) > 1 for item in block.items)
    return ("\n\n" if loose else "\n").join(items)


def _labelled(label: tuple[Inline, ...], value: tuple[Inline, ...], width: int) -> str:
    name = plain(label).strip()
    text = f"{name}: {plain(value).strip()}" if name else plain(value).strip()
    return _fold(text, width, "    ")


def _wrapped(inlines: tuple[Inline, ...], width: int) -> str:
    return _fold(plain(inlines), width, "")


def _fold(text: str, width: int, hanging: str) -> str:
    lines: list[str] = []
    for index, line in enumerate(text.split("\n")):
        first = hanging if index else ""
        lines += textwrap.wrap(
            line,
            max(width, 20),
            initial_indent=first,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)
