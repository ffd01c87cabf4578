"""The live status: the status page, drawn again as time passes; plain text without a terminal.

Time, waiting and keys are inputs: ``fetch`` reads the incident as of now, ``ticks`` yields once for every drawing, with the
name of a key if one was pressed, and ends at the end of the watch or at Ctrl-C. This module itself never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from runner.reports.core.page import Cell, Page, drawn, layout, plain
from runner.reports.incidents.status import Status
from runner.reports.incidents.status_page import status_page

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Fetch = Callable[[], Status]
LEAVE = "q or Ctrl-C: quit. Automatic work does not depend on this screen."
KEYS = "↑ ↓ scroll · Space, b page · q quit"
SCROLLS = frozenset({"up", "down", "page-up", "page-down", "top", "end"})
"""Keys that scroll the page; at every other tick the incident is read again."""


def watch(
    fetch: Fetch,
    ticks: Iterable[object],
    out: TextIO,
    *,
    console: Console | None = None,
    width: int = 80,
    draw: Callable[[Status], Page] = status_page,
) -> Status | None:
    """Draw until the ticks end; return the last status. Without a terminal, write plain text to ``out``.

    Without a terminal, a page is written again only after a change of the incident.
    """
    if console is not None and console.is_terminal:
        return _live(fetch, ticks, console, draw)
    last: Status | None = None
    for _ in ticks:
        found = fetch()
        if last is None or _changed(last, found):
            out.write(plain(draw(found), width))
            out.flush()
        last = found
    return last


def _changed(last: Status, found: Status) -> bool:
    kinds = [(item.kind, item.ref) for item in found.needs_attention]
    return last.version != found.version or kinds != [(item.kind, item.ref) for item in last.needs_attention]


def _live(
    fetch: Fetch, ticks: Iterable[object], console: Console, draw: Callable[[Status], Page]
) -> Status | None:
    """Draw the whole screen, for the present size of the terminal."""
    from rich.live import Live

    last: Status | None = None
    scroll = 0
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        for key in ticks:
            if last is None or key not in SCROLLS:
                last = fetch()
            page = draw(last)
            scroll = scrolled(scroll, str(key), len(layout(page, console.width)), console.height)
            live.update(Scrolled(page, scroll), refresh=True)
    return last


def scrolled(top: int, key: str, lines: int, height: int) -> int:
    """Return the first line to show after a key; the last line of ``height`` is the footer."""
    shown = max(height - 1, 1)
    lowest = max(lines - shown, 0)
    moves = {
        "up": top - 1,
        "down": top + 1,
        "page-up": top - shown + 1,
        "page-down": top + shown - 1,
        "top": 0,
        "end": lowest,
    }
    return min(max(moves.get(key, top), 0), lowest)


class Scrolled:
    """A page from one of its lines, with a footer: position and keys."""

    def __init__(self, page: Page, top: int = 0) -> None:
        """Draw this page from a line on."""
        self.page = page
        self.top = top

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one Rich text for each line of the screen."""
        lines = layout(self.page, options.max_width)
        shown = max((options.height or console.height) - 1, 1)
        top = min(self.top, max(len(lines) - shown, 0))
        yield from drawn(lines[top : top + shown])
        bottom = min(top + shown, len(lines))
        where = f"lines {top + 1}-{bottom} of {len(lines)} · {KEYS}" if len(lines) > shown else LEAVE
        yield from drawn([(Cell(where, "dim"),)])
