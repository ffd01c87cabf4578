"""The addresses at which providers call back, one for each channel."""

from __future__ import annotations

import msgspec

from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Page,
    Table,
    line,
)


class CallbackAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where one channel is called back; a path alone where no public address is set."""

    channel: str
    adapter: str
    url: str


class CallbacksReport(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/callbacks/v1"
):
    """All channels that are called back."""

    callbacks: tuple[CallbackAddress, ...]


def callbacks_page(report: CallbacksReport, settings: str) -> Page:
    """Draw the list: whoever knows an address can knock, so it is given to its provider and to nobody else."""
    if not report.callbacks:
        return Page((line(f"no channel in {settings} is called back", "dim"),))
    rows = tuple((Cell(one.channel), Cell(one.adapter, "dim"), Cell(one.url)) for one in report.callbacks)
    blocks: list[Block] = [Table(rows=rows, elastic=2)]
    if any(one.url.startswith("/") for one in report.callbacks):
        hint = f"set public_url in {settings}: the address at which the reverse proxy is reached from outside"
        blocks += [Blank(), line(hint, "dim")]
    return Page(tuple(blocks))
