"""The layout of a chart: the wrapped text, the size and the position of each step.

Inner boxes are placed first. The layout does not depend on the output format.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from runner.reports.charts.layers import Point, place
from runner.reports.charts.playbook_chart import Chart, Node

WIDTH = 236
"""The width of a step in pixels; a box can be wider."""
COLUMNS = 33
"""The maximum characters in a line of a step, with a margin for wide fonts."""
LINE = 16
PAD = 10
INSET = 22
"""The distance between the frame of a box and its content."""
MOST_LINES = 9
"""The maximum lines of one text; an ellipsis marks a cut text."""
WIDEST = 6 * (WIDTH + 26)
WIDEST_INSIDE = 3 * (WIDTH + 26)
_JOINTS = " /_.,"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One step or box with its place; ``gate`` lines are above the frame line, other lines below it."""

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
        """Return the height of the conditions."""
        return len(self.gate) * LINE + PAD if self.gate else 0


def layout(chart: Chart) -> Drawn:
    """Return the layout of a chart; the top is at 0, 0 and has no text."""
    return _body(chart.top, top=True)


def everything(drawn: Drawn) -> Iterator[Drawn]:
    """Yield all content, each box before its content."""
    for one in drawn.inside:
        yield one
        yield from everything(one)


def _shaped(node: Node, width: int) -> Drawn:
    """Return a step with this width and the height of its text; a bold title has fewer letters in a line."""
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
    """Return a box with its content; the top has no frame and no text."""
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
    """Return a box and its content at another position."""
    return replace(
        drawn,
        x=drawn.x + x,
        y=drawn.y + y,
        inside=tuple(_at(one, x, y) for one in drawn.inside),
        ways=tuple(tuple((left + x, top + y) for left, top in way) for way in drawn.ways),
    )


def columns(text: str) -> int:
    """Return the width of a text in narrow characters; wide East Asian characters count as 2."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def broken(text: str, width: int) -> list[str]:
    """Return a text in lines up to ``width``, broken at spaces, else at joints, else anywhere."""
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
    """Return a long word in pieces, each with whether it joins the previous piece."""
    found: list[tuple[str, bool]] = []
    piece = ""
    for one in word:
        if columns(piece + one) > width:
            cut = max((piece.rfind(joint) for joint in _JOINTS), default=-1) + 1 or len(piece)
            found.append((piece[:cut], bool(found)))
            piece = piece[cut:]
        piece += one
    return [*found, (piece, bool(found))]
