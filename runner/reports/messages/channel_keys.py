"""Keys of a channel that encrypts: our device and the people, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from runner.reports.core.page import Block, Cell, Tone, line, paged, table
from runner.reports.core.report import Report


class PinnedKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one person, compared with the key that the provider shows."""

    person: str
    state: Literal["first", "same", "changed", "replaced", "failed"]
    """``first`` and ``replaced`` are stored now; ``changed`` is not stored, and nothing is sent to this contact."""
    key: str = ""
    """The key that the provider shows now."""
    reason: str = ""


class KeysReport(Report, frozen=True, kw_only=True, tag="tocsin/channel-keys/v1"):
    """The published device of a channel, empty without one, and the keys of people."""

    channel: str
    device: str
    keys: tuple[PinnedKey, ...]


_STATES: Mapping[str, tuple[str, Tone]] = {
    "first": ("stored, unverified", "warn"),
    "replaced": ("replaced, unverified", "warn"),
    "same": ("unchanged", "good"),
    "changed": ("CHANGED, not stored", "alarm"),
    "failed": ("no key", "alarm"),
}


@paged
def keys_page(report: KeysReport) -> Iterator[Block]:
    """Draw a line for each person, and what to do next."""
    if report.device:
        name = f"Device {report.device} of channel {report.channel}"
        yield line(f"{name} is published and signed", "good", hang=2)
        yield line("Keep a copy of the file with its keys: a backup leaves the file out.", "warn", hang=2)
    for one in report.keys:
        said, tone = _STATES[one.state]
        yield table(((one.person, Cell(f"{said}: {one.reason or one.key}", tone)),), 1, indent=0)
    states = {one.state for one in report.keys}
    if states & {"first", "replaced"}:
        yield line("The provider gave the new keys. Compare each with its owner.", "warn", hang=2)
    if "changed" in states:
        yield line("Nothing is sent to a changed key. Ask the person. Then use:", "alarm", hang=2)
        yield line(f"→ tocsin channel keys {report.channel} --to PERSON --replace", "alarm", hang=2)
    if not report.keys:
        yield line(f"No person has a contact for channel {report.channel}", "warn")
