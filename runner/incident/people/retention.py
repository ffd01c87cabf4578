"""Journal of erased personal data of closed incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from runner.decoding import json_reader

JOURNAL = "retention"
"""The journal's name; it is no incident."""


class IncidentShredded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """The key of an incident's personal data was destroyed: they cannot be read again, here or in any copy of the store."""

    incident: str
    codename: str
    by: str
    reason: str


READER: Callable[[bytes], IncidentShredded] = json_reader(IncidentShredded)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents were shredded, and when."""

    shredded: Mapping[str, datetime] = {}
    version: int = 0


def fold_retention(events: Iterable[tuple[int, datetime, IncidentShredded]]) -> Kept:
    """Return the erased data of the journal."""
    found: dict[str, datetime] = {}
    version = 0
    for version, at, event in events:  # noqa: B007  # the last one counts
        found[event.incident] = at
    return Kept(shredded=found, version=version)
