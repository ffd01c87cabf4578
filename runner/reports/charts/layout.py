"""A chart with places: the text of each step broken into lines, and every box as large as what it holds.

Inner bodies are placed first; a box is then one of the things that its own body places. Nothing here knows how
the result is drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from runner.reports.charts.layers import Point, place
from runner.reports.charts.playbook_chart import Chart, Node

WIDTH = 236
"""Of a step, in pixels; a box is as wide as it must be."""
COLUMNS = 33
"""Characters in a line of a step: with room to spare in a wide typeface."""
LINE = 16
PAD = 10
INSET = 22
"""Between the frame of a box and what it holds."""
MOST_LINES = 9
"""Of one text: a longer one is cut, and says so."""
WIDEST = 6 * (WIDTH + 26)
WIDEST_INSIDE = 3 * (WIDTH + 26)
_JOINTS = " /_.,"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One step or box with its place; ``gate`` lines stand above its frame's line, the others below it."""

    node: Node
    x: int
    y: int
    width: int
    height: int
    gate: tuple[str, ...] = ()
    head: str = ""
    title: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    inside: tuple[Drawn, ...] = ()
    ways: tuple[tuple[Point, ...], ...] = ()

    @property
    def gate_height(self) -> int:
        """Return how high the strip with the conditions is."""
        return len(self.gate) * LINE + PAD if self.gate else 0


def layout(chart: Chart) -> Drawn:
    """Return the whole chart in its place; the top stands at 0, 0 and has no text of its own."""
    return _body(chart.top, top=True)


def everything(drawn: Drawn) -> Iterator[Drawn]:
    """Yield all that stands inside, boxes before what they hold."""
    for one in drawn.inside:
        yield one
        yield from everything(one)


def _shaped(node: Node, width: int) -> Drawn:
    """Return a step as wide as said and as high as its text; a title is bold, and so has fewer letters in a line."""
    room = COLUMNS * width // WIDTH
    drawn = Drawn(
        node=node,
        x=0,
        y=0,
        width=width,
        height=0,
        gate=tuple(line for text in node.gate for line in broken(text, room)),
        head=broken(f"{node.kind} · {node.path[-1]}", room)[0],
        title=tuple(broken(node.title, room * 9 // 10)),
        notes=tuple(line for text in node.notes for line in broken(text, room)),
        state=tuple(broken(node.progress.words, room * 9 // 10)) if node.progress is not None else (),
    )
    rows = 1 + len(drawn.title) + len(drawn.notes) + len(drawn.state)
    return replace(drawn, height=drawn.gate_height + 2 * PAD + rows * LINE)


def _body(node: Node, *, top: bool) -> Drawn:
    """Return a box with all that it holds; the top has no frame and no text."""
    sized = [(_body(one, top=False) if one.inside else _shaped(one, WIDTH)) for one in node.inside]
    sizes = [(one.width, one.height) for one in sized]
    placed = place(sizes, node.edges, WIDEST if top else WIDEST_INSIDE)
    if top:
        frame, aside, down, under = Drawn(node=node, x=0, y=0, width=placed.width, height=0), 0, 0, 0
    else:
        frame = _shaped(node, max(WIDTH, placed.width) + 2 * INSET)
        aside, down, under = (frame.width - placed.width) // 2, frame.height + INSET - PAD, INSET
    inside = (_at(one, x + aside, y + down) for one, (x, y) in zip(sized, placed.corners, strict=True))
    ways = (tuple((x + aside, y + down) for x, y in way) for way in placed.ways)
    return replace(frame, height=down + placed.height + under, inside=tuple(inside), ways=tuple(ways))


def _at(drawn: Drawn, x: int, y: int) -> Drawn:
    """Return the same moved; what is inside moves with it."""
    return replace(
        drawn,
        x=drawn.x + x,
        y=drawn.y + y,
        inside=tuple(_at(one, x, y) for one in drawn.inside),
        ways=tuple(tuple((left + x, top + y) for left, top in way) for way in drawn.ways),
    )


def columns(text: str) -> int:
    """Return how wide a text is, in narrow characters: those of East Asia count for two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def broken(text: str, width: int) -> list[str]:
    """Return a text in lines no wider than ``width``, broken at spaces, else at joints, else anywhere."""
    words = [piece for word in text.split() for piece in _pieces(word, width)]
    lines: list[str] = []
    for word, glued in words:
        joined = f"{lines[-1]}{'' if glued else ' '}{word}" if lines else word
        if lines and columns(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    if len(lines) > MOST_LINES:
        return [*lines[: MOST_LINES - 1], "…"]
    return lines


def _pieces(word: str, width: int) -> Sequence[tuple[str, bool]]:
    """Return a word that is too long in pieces, each with whether it hangs on the one before it."""
    found: list[tuple[str, bool]] = []
    piece = ""
    for one in word:
        if columns(piece + one) > width:
            cut = max((piece.rfind(joint) for joint in _JOINTS), default=-1) + 1 or len(piece)
            found.append((piece[:cut], bool(found)))
            piece = piece[cut:]
        piece += one
    return [*found, (piece, bool(found))]
