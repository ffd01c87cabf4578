"""A page of text as values: one layout, drawn plain in a pipe and in colour at a terminal.

A view describes what it shows as blocks. ``layout`` breaks them into lines of a given width; ``plain`` joins these to
text, ``Drawing`` passes them to Rich with a style for each tone. Both draw the same lines, so colour alone has no
meaning, and a resized terminal has a new layout.

Words in a page can be from anybody (an attacker's file name, a customer's ticket), so characters that move the cursor,
hide text or reverse its direction are replaced before the layout.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

import msgspec

from runner.actions import Action
from runner.base.text import text_problem

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

Tone = Literal["plain", "title", "alarm", "warn", "good", "dim", "command", "marking"]
STYLES: dict[Tone, str] = {
    "plain": "",
    "title": "bold",
    "alarm": "bold red",
    "warn": "yellow",
    "good": "green",
    "dim": "bright_black",
    "command": "cyan",
    "marking": "bold reverse",
}
ARROW = "→"
"""Sign before a command."""
SCREEN = 80
"""Columns of the terminal that screens are made for."""
NARROWEST = 40
"""Columns below which lines are not fitted."""
_GAP = 2
_SLIM = 16
"""An elastic column thinner than this has its own line."""


class Cell(msgspec.Struct, frozen=True):
    """Some words in one tone."""

    text: str
    tone: Tone = "plain"
    action: Action | None = None
    """The terminal writes its command after the text."""
    about: str = ""
    """What the room has a page about: ``task/REF``, ``duty/ID``; a terminal has no use for it."""


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """Cells as one paragraph; lines after the first are indented by ``hang`` more columns."""

    cells: tuple[Cell, ...]
    indent: int = 0
    hang: int = 0


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of cells in columns; the ``elastic`` column (from 0) has the rest of the width, and wraps."""

    rows: tuple[tuple[Cell, ...], ...]
    elastic: int
    indent: int = 2
    titled: bool = False
    """The first row has titles of columns: it is left out where the rows do not fit side by side."""


class Ends(msgspec.Struct, frozen=True):
    """Cells at both ends of one line; if they do not fit, the right cells follow the left cells."""

    left: tuple[Cell, ...]
    right: tuple[Cell, ...]
    indent: int = 0
    hang: int = _GAP


class Blank(msgspec.Struct, frozen=True):
    """An empty line."""


Block = Paragraph | Table | Ends | Blank
Line = tuple[Cell, ...]


class Page(msgspec.Struct, frozen=True):
    """Blocks from top to bottom."""

    blocks: tuple[Block, ...]


Cells = tuple[Cell | str, ...]
"""Cells side by side; a text alone is a plain one."""


def _cell(words: Cell | str) -> Cell:
    return Cell(words) if isinstance(words, str) else words


def flow(*cells: Cell | str, indent: int = 0, hang: int = 0) -> Paragraph:
    """Return a paragraph of cells."""
    return Paragraph(cells=tuple(map(_cell, cells)), indent=indent, hang=hang)


def ends(left: Cells, right: Cells, *, indent: int = 0, hang: int = _GAP) -> Ends:
    """Return cells at both ends of a line."""
    return Ends(tuple(map(_cell, left)), tuple(map(_cell, right)), indent, hang)


def table(rows: Iterable[Cells], elastic: int, *, indent: int = 2, titled: bool = False) -> Table:
    """Return rows of cells as a table."""
    cells = tuple(tuple(map(_cell, row)) for row in rows)
    return Table(rows=cells, elastic=elastic, indent=indent, titled=titled)


def fields(rows: Iterable[tuple[str, Cell | str]], *, indent: int = 2) -> Table:
    """Return labels and values as a table, without empty values."""
    cells = ((Cell(label, "dim"), _cell(value)) for label, value in rows)
    return table((row for row in cells if row[1].text), 1, indent=indent)


def section(title: str, rows: Iterable[Cells], elastic: int) -> Iterator[Block]:
    """Yield a table under a title; nothing without rows."""
    found = tuple(rows)
    if found:
        yield Blank()
        yield line(title, "title")
        yield table(found, elastic)


def do(action: Action, *, indent: int = 0, hang: int = 2) -> Paragraph:
    """Return an action on a line of its own."""
    return flow("→ ", Cell("", "command", action), indent=indent, hang=hang)


_Arguments = ParamSpec("_Arguments")


def paged(draw: Callable[_Arguments, Iterator[Block]]) -> Callable[_Arguments, Page]:
    """Turn a function that yields blocks into one that returns a page."""

    @wraps(draw)
    def page(*args: _Arguments.args, **options: _Arguments.kwargs) -> Page:
        return Page(tuple(draw(*args, **options)))

    return page


def arrow(action: Action, lead: str = " ") -> Cell:
    """Return an action as a cell that is broken only if it is longer than a line."""
    return Cell(f"{lead}{ARROW} ", "command", action)


def line(text: str, tone: Tone = "plain", *, indent: int = 0, hang: int = 0) -> Paragraph:
    """Return a paragraph in one tone."""
    return Paragraph(cells=(Cell(text, tone),), indent=indent, hang=hang)


class Row(msgspec.Struct, frozen=True):
    """One entry of a list: the time or count first, then the title, and details on lines below."""

    first: Cell | str
    cells: Cells
    last: Cell | str = ""
    """Cell at the end of the line, such as a number."""
    details: tuple[Cells, ...] = ()


_FIRST = 13
"""Smallest width of the first column of a list."""


def rows(entries: Iterable[Row]) -> Iterator[Paragraph | Ends]:
    """Yield a list whose first column is as wide as its widest cell."""
    entries = list(entries)
    firsts = [_cell(entry.first) for entry in entries]
    wide = max((_FIRST, *(width_of(visible(first.text)) for first in firsts))) + _GAP
    for entry, cell in zip(entries, firsts, strict=True):
        first = visible(cell.text)
        cells = (Cell(first, cell.tone), " " * (wide - width_of(first)), *entry.cells)
        last = _cell(entry.last)
        yield ends(cells, (last,), indent=2, hang=wide) if last.text else flow(*cells, indent=2, hang=wide)
        yield from (flow(*detail, indent=2 + wide) for detail in entry.details)


SOFT_HYPHEN = "\u00ad"
"""Terminals differ on the width of this character, so it is removed."""


def visible(text: str) -> str:
    """Return the text on one line, with every character that a terminal could act on shown as ``�``."""
    flat = " ".join(text.split()) if not text.isprintable() else text
    if flat.isprintable():
        return flat
    return "".join("" if one == SOFT_HYPHEN else _shown(one) for one in flat)


def _shown(one: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if text_problem(one) else one


def width_of(text: str) -> int:
    """Return the width of a text in terminal columns."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@cache
def _columns(one: str) -> int:
    if unicodedata.combining(one) or unicodedata.category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def plain(page: Page, width: int = 80) -> str:
    """Return the page as text without colour; the last line ends with a line break."""
    lines = ("".join(cell.text for cell in line).rstrip() for line in layout(page, width))
    return "\n".join(lines) + "\n"


def ansi(page: Page, width: int = 80) -> str:
    """Return the page as text with the terminal's colours, for a pager."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    console = Console(file=out, width=width, force_terminal=True, highlight=False, markup=False)
    console.print(Drawing(page))
    return out.getvalue()


class Drawing:
    """A page for Rich, laid out for the present width of the terminal."""

    def __init__(self, page: Page) -> None:
        """Draw this page."""
        self.page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one Rich text for each line."""
        yield from drawn(layout(self.page, options.max_width))


def drawn(lines: Iterable[Line]) -> Iterator[Text]:
    """Yield lines for Rich, each cell in the style of its tone."""
    from rich.text import Text

    for cells in lines:
        text = Text(no_wrap=True, overflow="crop")
        for cell in cells:
            text.append(cell.text, style=STYLES[cell.tone])
        yield text


def layout(page: Page, width: int) -> list[Line]:
    """Return the page's lines, none wider than ``width`` (40 at least)."""
    width = max(width, NARROWEST)
    lines: list[Line] = []
    for block in page.blocks:
        match block:
            case Blank():
                lines.append(())
            case Paragraph(cells=cells, indent=indent, hang=hang):
                lines.extend(_flow(cells, width, indent, indent + hang))
            case Ends():
                lines.extend(_ends(block, width))
            case Table():
                lines.extend(_table(block, width))
    return lines


def _ends(block: Ends, width: int) -> Iterator[Line]:
    """Put cells at the two ends of a line of at most 80 columns."""
    seen = [Cell(visible(cell.text), cell.tone) for cell in (*block.left, *block.right)]
    between = min(width, SCREEN) - block.indent - sum(width_of(cell.text) for cell in seen)
    if between < _GAP or not any(cell.text for cell in block.right):
        cells = (*block.left, Cell(" " * _GAP), *block.right)
        yield from _flow(cells, width, block.indent, block.indent + block.hang)
        return
    first = (Cell(" " * block.indent),) if block.indent else ()
    yield (*first, *seen[: len(block.left)], Cell(" " * between), *seen[len(block.left) :])


def _flow(cells: Sequence[Cell], width: int, first: int, rest: int) -> Iterator[Line]:
    """Break cells into lines at spaces; a word that is wider than a line is cut."""
    done: list[Cell] = [Cell(" " * first)] if first else []
    used, empty, closed = first, True, False
    for word, tone in _words(cells, width - rest, width):
        wide = width_of(word.lstrip())
        if wide > width - rest and word.lstrip().startswith(ARROW):  # a whole command: further left
            if not empty:
                yield tuple(done)
            yield Cell(" " * (width - wide)), Cell(word.lstrip(), tone)
            done, used, empty, closed = [Cell(" " * rest)] if rest else [], rest, True, True
            continue
        if not empty and used + width_of(word.rstrip()) > width:
            yield tuple(done)
            done, used, empty = [Cell(" " * rest)] if rest else [], rest, True
            word = word.lstrip()
        if word:
            done.append(Cell(word, tone))
            used += width_of(word)
            empty = False
    if not empty or not closed:
        yield tuple(done)


def _words(cells: Iterable[Cell], width: int, whole: int) -> Iterator[tuple[str, Tone]]:
    """Yield words with the spaces before them."""
    for cell in cells:
        text = visible(cell.text)
        if text.lstrip().startswith(ARROW) and width_of(text.lstrip()) <= whole:
            yield text, cell.tone  # a command is not broken where a line can hold it
            continue
        start = 0
        while start < len(text):
            end = start
            while end < len(text) and text[end] == " ":
                end += 1
            while end < len(text) and text[end] != " ":
                end += 1
            word = text[start:end]
            start = end
            yield from ((piece, cell.tone) for piece in _cut(word, width))


def _cut(word: str, width: int) -> Iterator[str]:
    while width_of(word) > width + (len(word) - len(word.lstrip())):
        take = len(word)
        while width_of(word[:take]) > width:
            take = take - 1 if take <= width + 1 else width
        yield word[:take]
        word = word[take:]
    yield word


def _table(table: Table, width: int) -> Iterator[Line]:
    columns = max((len(row) for row in table.rows), default=0)
    widths = [
        max((width_of(visible(row[n].text)) for row in table.rows if n < len(row)), default=0)
        for n in range(columns)
    ]
    fixed = sum(w + _GAP for n, w in enumerate(widths) if n != table.elastic and w)
    left = width - table.indent - fixed
    slim = min(_SLIM, widths[table.elastic]) if table.elastic < columns else _SLIM
    if left < slim or left < min(_longest_word(table), width - table.indent):
        yield from _stacked(table, width)
        return
    if columns:
        widths[table.elastic] = min(widths[table.elastic], left)
    for row in table.rows:
        yield from _side_by_side(row, widths, table)


def _longest_word(table: Table) -> int:
    """Return the smallest width of the elastic column without a cut word."""
    cells = (row[table.elastic] for row in table.rows if table.elastic < len(row))
    return max((width_of(word) for cell in cells for word in visible(cell.text).split(" ")), default=0)


def _side_by_side(row: Sequence[Cell], widths: Sequence[int], table: Table) -> Iterator[Line]:
    elastic = row[table.elastic] if table.elastic < len(row) else Cell("")
    wrapped = list(_flow((elastic,), max(widths[table.elastic], 1), 0, 0))
    for number, words in enumerate(wrapped):
        cells: list[Cell] = [Cell(" " * table.indent)]
        for n, cell in enumerate(row):
            if not widths[n]:
                continue
            here = (
                words
                if n == table.elastic
                else ((Cell(visible(cell.text), cell.tone),) if not number else ())
            )
            cells.extend(here)
            used = sum(width_of(word.text) for word in here)
            cells.append(Cell(" " * (widths[n] - used + _GAP)))
        yield tuple(cells)


def _stacked(table: Table, width: int) -> Iterator[Line]:
    """Lay out a row that does not fit: the elastic cell on its own line, the others below."""
    for row in table.rows[table.titled :]:
        head = row[: table.elastic + 1]
        yield from _flow(_spaced(head), width, table.indent, table.indent + _GAP)
        rest = _spaced(row[table.elastic + 1 :])
        if rest:
            yield from _flow(rest, width, table.indent + _GAP, table.indent + _GAP)


def _spaced(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for cell in cells:
        if cell.text:
            found.extend((Cell("  "), cell) if found else (cell,))
    return tuple(found)
