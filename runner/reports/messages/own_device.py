"""The device of a channel that encrypts, and the keys of people, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from runner.reports.core.page import Block, Cell, Tone, line, paged, table
from runner.reports.core.report import Report


class PinnedKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one person at one channel, compared with the key that the provider shows."""

    person: str
    state: Literal["first", "same", "changed", "replaced", "failed"]
    """``first`` and ``replaced`` are stored now; ``changed`` is not stored, and nothing is sent over this contact."""
    key: str = ""
    """The key that the provider shows now."""
    reason: str = ""


_STANDING: Mapping[str, tuple[str, Tone]] = {
    "first": ("stored, unverified", "warn"),
    "replaced": ("replaced, unverified", "warn"),
    "same": ("unchanged", "good"),
    "changed": ("CHANGED, not stored", "alarm"),
    "failed": ("no key", "alarm"),
}


class DeviceReport(Report, frozen=True, kw_only=True, tag="tocsin/channel-device/v1"):
    """The published device of a channel."""

    channel: str
    device: str


class KeysReport(Report, frozen=True, kw_only=True, tag="tocsin/channel-keys/v1"):
    """The keys of people at a channel."""

    channel: str
    keys: tuple[PinnedKey, ...]


@paged
def device_page(report: DeviceReport) -> Iterator[Block]:
    """Draw what was published, and what to do next."""
    yield line(f"Device {report.device} of channel {report.channel} is published and signed", "good", hang=2)
    yield line(
        "Keep a copy of its secret: without it, new keys need a login at the homeserver.", "warn", hang=2
    )
    yield line(f"Store the keys of people: tocsin channel keys {report.channel}", hang=2)


@paged
def keys_page(report: KeysReport) -> Iterator[Block]:
    """Draw a line for each person, and what to do about each state."""
    rows = []
    for one in report.keys:
        said, tone = _STANDING[one.state]
        said = f"{said}: {one.reason}" if one.reason else said
        rows.append((one.person, Cell(said, tone), Cell(one.key, "dim")))
    if rows:
        yield table(rows, 1, indent=0)
    states = {one.state for one in report.keys}
    if states & {"first", "replaced"}:
        yield line(
            "New keys are unverified: the provider gave them. Compare each with its owner over another channel.",
            "warn",
            hang=2,
        )
    if "changed" in states:
        yield line(
            f"Nothing is sent to a changed key. Ask the person first, then: tocsin channel keys {report.channel} --to PERSON --replace",
            "alarm",
            hang=2,
        )
    if not rows:
        yield line(f"No person has a contact for channel {report.channel}", "warn")
