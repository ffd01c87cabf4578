"""Links of an incident to others: what they mean for deadlines is said wherever a link is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.reports.core.formatting import when
from runner.reports.core.page import Block, Cell, flow, line
from runner.reports.law.duty_rows import Elsewhere

MEANING = (
    "Nothing is merged: the tasks, duties and deadlines of both incidents continue. "
    "If both have the same duty, the earlier deadline counts."
)


class LinkRow(msgspec.Struct, frozen=True, kw_only=True):
    """The link of an incident to another."""

    incident: str
    """The other incident."""
    codename: str
    state: str
    leads: bool
    """Whether the other one leads."""
    by: str
    at: datetime
    reason: str
    deadline: datetime | None
    """The first open statutory deadline of the other; None also if the reader may not read its duties."""
    deadlines: Mapping[str, datetime] = {}
    """All of them, by duty."""


def link_blocks(links: Sequence[LinkRow], now: datetime) -> Iterator[Block]:
    """Draw the links of an incident."""
    if not links:
        return
    yield line(f"LINKED INCIDENTS ({len(links)})", "title")
    for one in links:
        name = Cell(one.codename, about=f"incident/{one.codename}")
        words = f" ({one.state}) {'leads' if one.leads else 'follows'} this incident · {one.by}: {one.reason}"
        yield flow(name, words, indent=2, hang=2)
        if one.deadline is not None:
            yield flow(f"First legal deadline of {one.codename}: {when(one.deadline, now)}", indent=4, hang=2)
    yield line(MEANING, "warn", indent=2)


def elsewhere(links: Sequence[LinkRow]) -> Elsewhere:
    """Return the first deadline of each duty in linked incidents, with the codename of its incident."""
    every = sorted((due, one.codename, duty) for one in links for duty, due in one.deadlines.items())
    return {duty: (due, codename) for due, codename, duty in reversed(every)}


def link_sentences(links: Sequence[LinkRow]) -> Iterator[str]:
    """Yield the links for a report."""
    for one in links:
        yield f"Linked to {one.codename}, which {'leads' if one.leads else 'follows'}: {one.reason} ({one.by})."
    if links:
        yield MEANING
