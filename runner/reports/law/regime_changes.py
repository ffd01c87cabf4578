"""Differences between two versions of the law, as a report and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from runner.reports.core.page import Blank, Block, Cell, Tone, flow, line, paged, table

_TONES: dict[str, Tone] = {"added": "good", "begins": "good", "removed": "alarm", "ends": "alarm"}


class LawChange(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: ``what`` is a law or a duty, ``fields`` the parts of it that changed, with old and new."""

    what: str
    change: str
    fields: tuple[str, ...] = ()


class LawDifference(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/regime-diff/v1"
):
    """The content of the law on one side only."""

    old: str
    new: str
    changes: tuple[LawChange, ...]


@paged
def diff_page(found: LawDifference) -> Iterator[Block]:
    """Draw a difference."""
    yield line(f"{found.old} → {found.new}", "title")
    if not found.changes:
        yield line("no difference", "good")
    yield from changes_blocks(found.changes)


def changes_blocks(changes: Sequence[LawChange]) -> Iterator[Block]:
    """Yield each change with its fields."""
    for change in changes:
        yield Blank()
        yield flow(
            Cell(change.what, "title"), Cell(f"  {change.change}", _TONES.get(change.change, "warn")), hang=2
        )
        if change.fields:
            yield table(((field,) for field in change.fields), 0)
