"""A chart as SVG without scripts, styles from other files or embedded fonts.

Titles and conditions are text from playbooks and are escaped. Code points replace characters that hide or reorder text or
that XML forbids. Every colour has its meaning as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from runner.base.text import text_problem
from runner.playbook.format import CONTAINERS, PEOPLE
from runner.reports.charts.layers import Point
from runner.reports.charts.layout import LINE, PAD, Drawn, everything, layout
from runner.reports.charts.playbook_chart import Chart

MARGIN = 28
HEADER = 78
_PALE = ("#f3f4f6", "#6b7280")
COLOURS = {
    "stuck": ("#fde2e1", "#b42318"),
    "overdue": ("#fde2e1", "#b42318"),
    "outcome_unknown": ("#fde2e1", "#b42318"),
    "failed": ("#fde2e1", "#b42318"),
    "expired": ("#fde2e1", "#b42318"),
    "active": ("#cfe2ff", "#1d4ed8"),
    "ready": ("#e6f0ff", "#1d4ed8"),
    "waiting": ("#ffffff", "#8a94a3"),
    "done_late": ("#fff1cc", "#92600a"),
    "done": ("#dff3e4", "#1f7a3f"),
    "skipped": _PALE,
    "cancelled": _PALE,
    "not_applicable": _PALE,
}
"""Fill and frame colour of a step by state, the most urgent state first. Without a run, steps are white."""
_STYLE = (
    "text{font-family:'DejaVu Sans',Verdana,Arial,sans-serif;font-size:11px;fill:#1f2937}"
    ".head{font-size:10px;fill:#5b6472}.title{font-weight:bold}.gate{font-style:italic;fill:#6b4a00}"
    ".state{font-weight:bold}.top{font-size:18px;font-weight:bold}"
    ".mark{font-size:18px;font-weight:bold;fill:#b42318}.edge{fill:none;stroke:#64707f;stroke-width:1.4}"
)
_ARROW = (
    '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#64707f"/></marker>'
)


def svg(chart: Chart) -> str:
    """Return the SVG text."""
    drawn = layout(chart)
    width = max(drawn.width, 480) + 2 * MARGIN
    height = drawn.height + HEADER + 2 * MARGIN
    aside = (width - drawn.width) // 2
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="name">',
            f'<title id="name">{_safe(_name(chart))}</title>',
            f"<style>{_STYLE}</style><defs>{_ARROW}</defs>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *_header(chart, width),
            f'<g transform="translate({aside} {HEADER + MARGIN})">',
            *_boxes(drawn),
            *_edges(drawn),
            *_steps(drawn),
            "</g>",
            "</svg>",
            "",
        )
    )


def _name(chart: Chart) -> str:
    words = (chart.mark, f"{chart.name} {chart.version}: {chart.title}", chart.about)
    return " – ".join(word for word in words if word)


def _header(chart: Chart, width: int) -> Iterator[str]:
    yield _text(MARGIN, MARGIN + 14, "top", chart.title)
    under = f"{chart.name} {chart.version} · {chart.digest[:19]}…"
    yield _text(MARGIN, MARGIN + 36, "", under)
    yield _text(MARGIN, MARGIN + 54, "state", chart.about)
    if chart.mark:
        yield f'<text x="{width - MARGIN}" y="{MARGIN + 14}" text-anchor="end" class="mark">{_safe(chart.mark)}</text>'


def _boxes(drawn: Drawn) -> Iterator[str]:
    for one in everything(drawn):
        if one.inside:
            yield from _frame(one, "#fbfcfd", "#9aa4b2", wide=1.2)


def _steps(drawn: Drawn) -> Iterator[str]:
    for one in everything(drawn):
        yield f'<g data-step="{_safe("/".join(one.node.path))}">'
        if not one.inside:
            yield from _frame(one, "#ffffff", "#8a94a3", wide=1)
        yield from _words(one)
        yield "</g>"


def _frame(one: Drawn, fill: str, line: str, *, wide: float) -> Iterator[str]:
    state = one.node.progress.state if one.node.progress is not None else ""
    inner, line = COLOURS.get(state, (fill, line))
    inner = fill if one.inside else inner
    wide = wide if not state or state == "waiting" else 2
    dashed = ' stroke-dasharray="6 4"' if one.node.kind in CONTAINERS else ""
    place = f'x="{one.x}" y="{one.y}" width="{one.width}" height="{one.height}" rx="7"'
    yield f'<rect {place} fill="{inner}" stroke="{line}" stroke-width="{wide}"{dashed}/>'
    if one.gate:
        yield (
            f'<path d="{_round_top(one)}" fill="#fff6dc" stroke="{line}" stroke-width="{wide}" stroke-linejoin="round"/>'
        )
    if not one.inside:
        top = one.y + one.gate_height + PAD
        colour = "#1d4ed8" if one.node.kind in PEOPLE else "#9aa4b2"
        length = one.y + one.height - PAD - top
        yield f'<rect x="{one.x + 5}" y="{top}" width="3" height="{length}" fill="{colour}"/>'


def _round_top(one: Drawn) -> str:
    across, down = one.width - 14, one.gate_height - 7
    return f"M{one.x} {one.y + one.gate_height}v-{down}a7 7 0 0 1 7 -7h{across}a7 7 0 0 1 7 7v{down}z"


def _words(one: Drawn) -> Iterator[str]:
    left = one.x + PAD + 5
    down = one.y + LINE - 1
    for line in one.gate:
        yield _text(left, down, "gate", line)
        down += LINE
    down = one.y + one.gate_height + PAD + 10
    rows = [("head", one.head), *(("title", line) for line in one.title), *(("", line) for line in one.notes)]
    for style, line in (*rows, *(("state", line) for line in one.state)):
        yield _text(left, down, style, line)
        down += LINE


def _edges(drawn: Drawn) -> Iterator[str]:
    for box in (drawn, *(one for one in everything(drawn) if one.inside)):
        for (start, end), way in zip(box.node.edges, box.ways, strict=True):
            names = f"{'/'.join(box.inside[start].node.path)} {'/'.join(box.inside[end].node.path)}"
            yield f'<path class="edge" data-edge="{_safe(names)}" d="{_curve(way)}" marker-end="url(#arrow)"/>'


def _curve(way: Sequence[Point]) -> str:
    """Return an edge as a path: straight beside steps, curved between layers."""
    parts = [f"M{way[0][0]} {way[0][1]}"]
    for (left, top), (right, bottom) in itertools.pairwise(way):
        if left == right:
            parts.append(f"V{bottom}")
        else:
            middle = (top + bottom) // 2
            parts.append(f"C{left} {middle} {right} {middle} {right} {bottom}")
    return "".join(parts)


def _text(x: int, y: int, style: str, words: str) -> str:
    return (
        f'<text x="{x}" y="{y}"{f" class={chr(34)}{style}{chr(34)}" if style else ""}>{_safe(words)}</text>'
    )


def _safe(text: str) -> str:
    return escape(shown(text))


def shown(text: str) -> str:
    """Return a text in one line, with code points such as U+202E for hidden or reordering characters."""
    line = " ".join(text.split())
    return "".join(one if not text_problem(one) else f"U+{ord(one):04X}" for one in line)
