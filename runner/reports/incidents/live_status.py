"""The live status: the same page, drawn again as the clocks count down; plain text where there is no terminal.

Time and waiting come in: ``fetch`` reads the incident as of now, ``ticks`` yields once for every drawing and ends when
the watching does (or is stopped by Ctrl-C). Nothing here waits by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from runner.reports.core.page import Blank, Cell, Drawing, Page, Paragraph, plain
from runner.reports.incidents.status import Status
from runner.reports.incidents.status_page import status_page

if TYPE_CHECKING:
    from rich.console import Console

Fetch = Callable[[], Status]
LEAVE = "Ctrl-C leaves; nothing stops when you stop watching."


def watch(
    fetch: Fetch,
    ticks: Iterable[object],
    out: TextIO,
    *,
    console: Console | None = None,
    width: int = 80,
    draw: Callable[[Status], Page] = status_page,
) -> Status | None:
    """Draw until the ticks end; return the last status. Without a console that is a terminal, plain text to ``out``.

    Piped, a page is written again only when the incident itself has changed, so that a log does not fill with clocks.
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
    """Draw over the whole screen. The drawing is laid out for the size that the terminal has at that moment."""
    from rich.live import Live

    last: Status | None = None
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        for _ in ticks:
            last = fetch()
            live.update(Drawing(_with_foot(draw(last)), fit=True), refresh=True)
    return last


def _with_foot(page: Page) -> Page:
    foot = Paragraph(cells=(Cell(LEAVE, "dim"),))
    return Page((*page.blocks, Blank(), foot))
