"""A figure as SVG with the width of a page: only shapes and text, without styles, scripts, fonts or references.

Pages contain the SVG unchanged: names are escaped, and code points replace characters that hide or reorder text. The same
figure gives the same bytes. A figure that is higher than a page becomes several pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from runner.documents.tree import Picture
from runner.reports.charts.chart_svg import shown
from runner.reports.charts.figure import Figure, Key, Look, Row, Shape
from runner.reports.charts.layout import broken, columns

WIDTH = 459
"""The width between the margins of an A4 page, in points."""
TALLEST = 520
"""The maximum height of the rows of one picture."""
LETTER = 4.3
"""The assumed width of a letter in points, with a margin for wide fonts."""
_TITLE, _SIZE = 11, 8.5
_LINE, _PAD = 10, 4
_LABELS, _WORDS, _GAP = 148, 112, 8
"""The maximum widths of the columns beside the plot, and the gap between them."""
_MOST_LINES = 2
_INK, _PALE, _GOOD, _LATE = "#1a1a1a", "#c9ced6", "#1f4e8c", "#b42318"


class _Frame(NamedTuple):
    """The position of the plot."""

    left: float
    right: float
    top: float
    bottom: float

    def x(self, at: float) -> float:
        return self.left + at * (self.right - self.left)


def pictures(figure: Figure) -> tuple[Picture, ...]:
    """Return a figure as pictures, each with at most the height of a page."""
    parts = list(_parts(figure.rows))
    return tuple(
        _picture(figure, part, f" ({n} of {len(parts)})" if len(parts) > 1 else "")
        for n, part in enumerate(parts, 1)
    )


def _parts(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Yield rows in parts of similar height."""
    total = sum(_height(row) for row in rows)
    share = total / max(1, -(-total // TALLEST))
    part: list[Row] = []
    for row in rows:
        if part and sum(_height(each) for each in part) + _height(row) / 2 > share:
            yield tuple(part)
            part = []
        part.append(row)
    yield tuple(part)


def _picture(figure: Figure, rows: tuple[Row, ...], nth: str) -> Picture:
    key = list(_key(figure.key, _TITLE + 14))
    levels = _levels(figure, _plot(figure))
    under = key[-1][1] if key else _TITLE
    top = under + 8 + _LINE * (max(levels, default=-1) + 1)
    left, right = _plot(figure)
    frame = _Frame(left, right, top, top + sum(_height(row) for row in rows))
    height = round(frame.bottom + (40 if figure.axis.under else 30))
    title = figure.title + nth
    svg = "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
            f' role="img" aria-label="{_safe(figure.about + nth)}" font-family="\'Libertinus Serif\', Georgia, serif"'
            f' font-size="{_SIZE}" fill="{_INK}">',
            _text(0, _TITLE, title, size=_TITLE, bold=True),
            *(
                [_text(WIDTH, _TITLE, figure.mark, size=_TITLE, bold=True, anchor="end", colour=_LATE)]
                if figure.mark
                else []
            ),
            *(_explained(one, x, y) for one, y, x in key),
            *_ground(figure, rows, frame),
            *_lines(figure, levels, frame),
            *_rows(rows, frame),
            "</svg>",
            "",
        )
    )
    return Picture(svg, shown(figure.about + nth), WIDTH, height)


def _plot(figure: Figure) -> tuple[float, float]:
    """Return the left and right edge of the plot; labels and words determine the space beside it."""
    labels = min(_LABELS, max((_wide(row.label) for row in figure.rows), default=0))
    words = min(_WORDS, max((_wide(row.words) for row in figure.rows), default=0))
    return labels + _GAP, WIDTH - (words + _GAP if words else _GAP)


def _wide(text: str) -> float:
    return columns(shown(text)) * LETTER


def _wrapped(text: str, width: float) -> list[str]:
    """Return a text in at most two lines; an ellipsis marks a cut text."""
    lines = broken(shown(text), int(width / LETTER)) if text else []
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1][: int(width / LETTER) - 1]}…"]


def _height(row: Row) -> int:
    lines = max(len(_wrapped(row.label, _LABELS)), len(_wrapped(row.words, _WORDS)), 1)
    return lines * _LINE + _PAD


def _key(key: Sequence[Key], top: float) -> Iterator[tuple[Key, float, float]]:
    """Yield the keys with their positions, as many in a line as fit."""
    x, y = 0.0, top
    for one in key:
        wide = 18 + _wide(one.words) + 10
        if x and x + wide > WIDTH:
            x, y = 0.0, y + _LINE + 2
        yield one, y, x
        x += wide


def _explained(one: Key, x: float, y: float) -> str:
    middle = y - 3
    match one.sign:
        case "line" | "dashed":
            sign = _line(x + 6, middle - 4, middle + 4, dashed=one.sign == "dashed")
        case "good" | "late" | "open" | "pale":
            sign = _bar(x, x + 13, middle - 3.5, 7, one.sign)
        case _:
            sign = _mark(x + 6, middle, one.sign)
    return sign + _text(x + 18, y, one.words)


def _ground(figure: Figure, rows: Sequence[Row], frame: _Frame) -> Iterator[str]:
    """Yield the stripes of every second row, and the axis with its values."""
    y = frame.top
    for n, row in enumerate(rows):
        if n % 2 == 0:
            yield f'<rect x="0" y="{_n(y)}" width="{WIDTH}" height="{_height(row)}" fill="#1a1a1a" fill-opacity="0.05"/>'
        y += _height(row)
    for tick in figure.axis.ticks:
        x = frame.x(tick.at)
        yield f'<path d="M{_n(x)} {_n(frame.top)}V{_n(frame.bottom + 3)}" stroke="{_PALE}" stroke-width="0.5"/>'
        yield _text(x, frame.bottom + 11, tick.words, anchor=_anchor(tick.at, tick.words, frame))
        if tick.under:
            yield _text(
                x, frame.bottom + 20, tick.under, anchor=_anchor(tick.at, tick.under, frame), colour="#595959"
            )
    yield f'<path d="M{_n(frame.left)} {_n(frame.bottom)}H{_n(frame.right)}" stroke="{_INK}" stroke-width="0.7"/>'
    below = frame.bottom + (32 if figure.axis.under else 22)
    names = " · second scale: ".join(name for name in (figure.axis.name, figure.axis.under) if name)
    yield _text((frame.left + frame.right) / 2, below, names, anchor="middle", italic=True)


def _anchor(at: float, words: str, frame: _Frame) -> str:
    """Return the anchor that keeps a text inside the picture."""
    return "end" if frame.x(at) + _wide(words) / 2 > WIDTH else "middle"


def _levels(figure: Figure, plot: tuple[float, float]) -> list[int]:
    """Return for each line the level of its text above the rows, without overlaps."""
    found: list[int] = []
    ends: list[float] = []
    for line in figure.lines:
        if not line.words:
            found.append(-1)
            continue
        begin, end = _reach(plot[0] + line.at * (plot[1] - plot[0]), line.words)
        level = next((n for n, reached in enumerate(ends) if reached < begin), len(ends))
        ends[level : level + 1] = [end + 6]
        found.append(level)
    return found


def _reach(x: float, words: str) -> tuple[float, float]:
    begin = min(max(0.0, x - _wide(words) / 2), WIDTH - _wide(words))
    return begin, begin + _wide(words)


def _lines(figure: Figure, levels: Sequence[int], frame: _Frame) -> Iterator[str]:
    """Yield the lines, then their texts, each on a white patch.

    Printers draw the outline of a letter over the previous letter, so the text has no outline.
    """
    for one, level in zip(figure.lines, levels, strict=True):
        top = frame.top - 2 - _LINE * max(level, 0)
        yield _line(frame.x(one.at), top, frame.bottom, dashed=one.dashed, thin=not one.words)
    for one, level in zip(figure.lines, levels, strict=True):
        if one.words:
            begin, end = _reach(frame.x(one.at), one.words)
            y = frame.top - 4 - _LINE * level
            patch = f'x="{_n(begin)}" y="{_n(y - _LINE + 3)}" width="{_n(end - begin)}" height="{_n(_LINE - 0.5)}"'
            yield f'<rect {patch} fill="#ffffff"/>'
            yield _text((begin + end) / 2, y, one.words, anchor="middle", bold=True)


def _rows(rows: Sequence[Row], frame: _Frame) -> Iterator[str]:
    y = frame.top
    for row in rows:
        height = _height(row)
        middle = y + height / 2
        yield from _column(row.label, 0, middle, _LABELS)
        for bar in row.bars:
            begin, end = sorted((frame.x(bar.begin), frame.x(bar.end)))
            yield _bar(begin, max(end, begin + 1.5), middle - 4, 8, bar.look)
        for mark in row.marks:
            yield _mark(frame.x(mark.at), middle, mark.shape)
        yield from _column(row.words, frame.right + _GAP, middle, _WORDS)
        y += height


def _column(text: str, x: float, middle: float, width: float) -> Iterator[str]:
    lines = _wrapped(text, width)
    for n, line in enumerate(lines):
        yield _text(x, middle + 3 + (n - (len(lines) - 1) / 2) * _LINE, line)


def _bar(begin: float, end: float, y: float, height: float, look: Look) -> str:
    place = f'x="{_n(begin)}" y="{_n(y)}" width="{_n(end - begin)}" height="{_n(height)}"'
    match look:
        case "good":
            return f'<rect {place} fill="{_GOOD}"/>'
        case "pale":
            return f'<rect {place} fill="{_PALE}"/>'
        case "open":
            return f'<rect {place} fill="#ffffff" stroke="{_INK}" stroke-width="0.8" stroke-dasharray="3 2"/>'
        case "late":
            stripes = "".join(f"M{_n(begin + x)} {_n(y)}v{_n(height)}" for x in range(2, int(end - begin), 4))
            white = f'<path d="{stripes}" stroke="#ffffff" stroke-width="1.3"/>' if stripes else ""
            return f'<rect {place} fill="{_LATE}" stroke="{_LATE}" stroke-width="0.8"/>{white}'


def _mark(x: float, y: float, shape: Shape) -> str:
    at = f"{_n(x)} {_n(y)}"
    match shape:
        case "planned":
            return f'<path d="M{at}m-4 0l4 -4l4 4l-4 4z" fill="#ffffff" stroke="{_INK}" stroke-width="0.9"/>'
        case "released":
            return f'<path d="M{at}m-3.5 -3.5l7.5 3.5l-7.5 3.5z" fill="{_INK}"/>'
        case "answered":
            return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3.2" fill="{_GOOD}"/>'
        case "answered_late":
            return f'<rect x="{_n(x - 3)}" y="{_n(y - 3)}" width="6" height="6" fill="#ffffff" stroke="{_LATE}" stroke-width="1.6"/>'
        case "missed":
            return f'<path d="M{at}m-3.2 -3.2l6.4 6.4m0 -6.4l-6.4 6.4" stroke="{_LATE}" stroke-width="1.8"/>'
        case "limit":
            return f'<path d="M{at}m0 -5v10" stroke="{_INK}" stroke-width="1.6"/>'


def _line(x: float, top: float, bottom: float, *, dashed: bool = False, thin: bool = False) -> str:
    dash = ' stroke-dasharray="3 2"' if dashed else ""
    wide = 0.5 if thin else 0.9
    return f'<path d="M{_n(x)} {_n(top)}V{_n(bottom)}" stroke="{_INK}" stroke-width="{wide}"{dash}/>'


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = _SIZE,
    bold: bool = False,
    italic: bool = False,
    anchor: str = "",
    colour: str = "",
) -> str:
    more = "".join(
        (
            f' font-size="{size}"' if size != _SIZE else "",
            ' font-weight="bold"' if bold else "",
            ' font-style="italic"' if italic else "",
            f' text-anchor="{anchor}"' if anchor else "",
            f' fill="{colour}"' if colour else "",
        )
    )
    return f'<text x="{_n(x)}" y="{_n(y)}"{more}>{_safe(words)}</text>'


def _safe(text: str) -> str:
    return escape(shown(text))


def _n(value: float) -> str:
    """Return a length in points, rounded to tenths."""
    return f"{round(value, 1):g}"
