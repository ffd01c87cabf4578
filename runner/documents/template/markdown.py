"""Parser of marked Markdown: CommonMark, pipe tables, and ``:::`` blocks become a tree.

The structure depends on the template alone, so it is parsed once for each marked text and kept. Images,
HTML, code blocks and addresses other than https, mailto and tel are refused.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from runner.documents import tree
from runner.documents.template.values import OPEN
from runner.documents.tree import Block, Inline, plain
from runner.errors import Invalid

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.tree import SyntaxTreeNode

_ROOMS: Final = ("fields", "signature", "alpha", "roman", "lines", "address")
_SCHEMES: Final = ("https://", "mailto:", "tel:")


@functools.lru_cache(maxsize=256)
def parse(marked: str) -> tuple[Block, ...]:
    """Return the tree of a marked text; raises ``Invalid`` for what a notice may not contain."""
    from markdown_it.tree import SyntaxTreeNode

    return tuple(_blocks(SyntaxTreeNode(_parser().parse(marked)).children, "decimal"))


@functools.lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.block.ruler.before(
        "fence", "room", _room, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    return parser


def _room(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Read ``::: name`` up to the next line of ``:::`` (markdown-it's signature of a block rule)."""
    if not _line(state, line).startswith(":::"):
        return False
    name = _line(state, line).lstrip(":").strip()
    if not name or silent:
        return bool(name)
    close = next((n for n in range(line + 1, end) if _line(state, n).strip() == ":::"), end)
    if name not in _ROOMS or close == end:
        known = ", ".join(_ROOMS)
        raise Invalid(
            f'The block ":::{name}" is unknown or not closed.',
            hint=f"Choose one of: {known}. End the block with a line of :::.",
            code="template-markdown",
        )
    state.push("room_open", "div", 1).info = name
    old, state.lineMax = state.lineMax, close
    state.md.block.tokenize(state, line + 1, close)
    state.lineMax = old
    state.push("room_close", "div", -1)
    state.line = close + 1
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _blocks(nodes: list[SyntaxTreeNode], style: Any) -> Iterator[Block]:
    for node in nodes:
        match node.type:
            case "heading":
                yield tree.Heading(int(node.tag[1:]), _inlines(node.children))
            case "paragraph":
                yield tree.Paragraph(_inlines(node.children))
            case "bullet_list" | "ordered_list":
                yield _listing(node, style)
            case "table":
                yield _table(node)
            case "blockquote":
                yield tree.Quote(tuple(_blocks(node.children, style)))
            case "hr":
                yield tree.Rule()
            case "room":
                yield from _in_room(node)
            case other:
                hint = "Remove the indent: a line with four spaces becomes code."
                raise Invalid(f"A notice cannot contain a {other}.", hint=hint, code="template-markdown")


def _in_room(node: SyntaxTreeNode) -> Iterator[Block]:
    kind = node.nester_tokens.opening.info if node.nester_tokens else ""
    match kind:
        case "alpha" | "roman":
            yield from _blocks(node.children, kind)
        case "signature":
            yield tree.Signature(tuple(_broken(block) for block in _blocks(node.children, "decimal")))
        case "lines" | "address":
            for block in map(_broken, _blocks(node.children, "decimal")):
                yield (
                    tree.Paragraph(block.inlines, kind == "address")
                    if isinstance(block, tree.Paragraph)
                    else block
                )
        case _:
            yield tree.Fields(tuple(field for child in node.children for field in _fields(child)))


def _listing(node: SyntaxTreeNode, style: Any) -> tree.Listing:
    items = tuple(tuple(_blocks(item.children, style)) for item in node.children)
    if node.type == "bullet_list":
        return tree.Listing("bullet", 1, items)
    return tree.Listing(style, int(node.attrs.get("start", 1)), items)


def _table(node: SyntaxTreeNode) -> tree.Table:
    rows = [row for part in node.children for row in part.children]
    aligns = tuple(
        str(cell.attrs.get("style", "text-align:left")).removeprefix("text-align:")
        for cell in rows[0].children
    )
    cells = tuple(tuple(_inlines(cell.children) for cell in row.children) for row in rows)
    return tree.Table(aligns, cells[0], cells[1:])


def _broken(block: Block) -> Block:
    """Keep the line ends of a paragraph as its author set them."""
    if not isinstance(block, tree.Paragraph):
        return block
    return tree.Paragraph(tuple(tree.Break() if _is_soft(node) else node for node in block.inlines))


def _is_soft(node: Inline) -> bool:
    return isinstance(node, tree.Text) and node.text == "\n"


def _fields(node: SyntaxTreeNode) -> Iterator[tree.Field]:
    """Read ``Label: value`` from each line; only the template's own colon counts, never a fact's."""
    line: list[Inline] = []
    for inline in (*_inlines(node.children), tree.Text("\n")):
        if not _is_soft(inline):
            line.append(inline)
        elif line:
            yield _field(line)
            line = []


def _field(line: list[Inline]) -> tree.Field:
    first = line[0]
    if isinstance(first, tree.Text) and ": " in f"{first.text} ":
        label, _, rest = f"{first.text} ".partition(": ")
        rest = rest if rest.strip() else ""
        return tree.Field(
            (tree.Text(label.strip()),),
            ((tree.Text(rest.rstrip(" ") if len(line) == 1 else rest),) if rest else ()) + tuple(line[1:]),
        )
    line_text = plain(tuple(line)).strip()
    if OPEN in line_text and len(line) == 1:
        return tree.Field((), tuple(line))  # the mark of an undecided condition, alone on its line
    raise Invalid(
        f'The line "{line_text[:40]}" is not a field.', hint="Write Label: value.", code="template-markdown"
    )


def _inlines(nodes: list[SyntaxTreeNode]) -> tuple[Inline, ...]:
    inlines: list[Inline] = []
    for node in nodes:
        match node.type:
            case "inline":
                inlines.extend(_inlines(node.children))
            case "text" | "code_inline" | "text_special":
                if node.content:
                    inlines.append(tree.Text(node.content))
            case "softbreak":
                inlines.append(tree.Text("\n"))
            case "hardbreak":
                inlines.append(tree.Break())
            case "strong":
                inlines.append(tree.Strong(_inlines(node.children)))
            case "em":
                inlines.append(tree.Emphasis(_inlines(node.children)))
            case "link":
                inlines.append(_link(node))
            case other:
                raise Invalid(f"A notice cannot contain an {other}.", code="template-markdown")
    return tuple(inlines)


def _link(node: SyntaxTreeNode) -> tree.Link:
    """Print the address behind the words, unless the words are the address."""
    href, inner = str(node.attrs.get("href", "")), _inlines(node.children)
    if not href.startswith(_SCHEMES) or OPEN in href or "%EE%80%80" in href:
        hint = "Write https://, mailto: or tel:, without a fact inside the address."
        raise Invalid(f'The link to "{href}" is not allowed.', hint=hint, code="template-markdown")
    bare = href.partition(":")[2].removeprefix("//").removeprefix("www.").rstrip("/")
    if bare in plain(inner):
        return tree.Link(href, inner)
    return tree.Link(href, (*inner, tree.Text(f" ({bare})")))
