"""The timeline as a person filters it: for the command line, the page and the file alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from runner.base.instants import instant
from runner.errors import Usage
from runner.reports.core.header import local_now
from runner.reports.incidents.event_descriptions import KINDS
from runner.reports.incidents.timeline import Timeline, narrowed, timeline

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.incident.state.events import Stream
    from runner.incident.state.incident import Incident


class Filter(NamedTuple):
    """What a person looks for; empty is any. Times are as at the command line."""

    search: str = ""
    kind: str = ""
    by: str = ""
    since: str = ""
    until: str = ""


def filtered(
    service: IncidentService,
    reader: Reader,
    incident: Incident,
    given: Filter,
    now: datetime,
    streams: Sequence[Stream] = ("operational",),
) -> Timeline:
    """Return the entries that a filter asks for; raises Usage for a wrong kind or time, NotFound for an unknown person."""
    if given.kind and given.kind not in KINDS:
        hint = f"Use one of: {', '.join(KINDS)}"
        raise Usage(f'Kind of entry "{given.kind}" is unknown.', hint=hint, code="unknown_kind")
    found = timeline(incident, service.library(incident), reader.events(incident), streams)
    if given.by and not any(given.by == entry.claimed for entry in found.entries):
        service.known(given.by)
    clock = local_now(now, service.home.organisation.get("zone"), incident)
    since, until = (instant(text, clock) if text else None for text in (given.since, given.until))
    return narrowed(found, given.search, given.kind, given.by, since, until)
