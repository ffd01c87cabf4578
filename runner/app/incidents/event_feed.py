"""Entries of journals in pages for programs: of one incident by number, or of all incidents by a cursor.

An entry has the words of the timeline. Entries of other streams than the operational one are only counted.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from datetime import datetime

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.base.states import Kind
from runner.decoding import from_json
from runner.errors import UNREADABLE, Usage
from runner.incident.state.incident import Incident
from runner.reports.core.report import Report
from runner.reports.incidents.timeline import Entry, timeline

LIMIT = 500
"""Most entries of one page."""


class Events(Report, frozen=True, kw_only=True, tag="tocsin/events/v1"):
    """Entries of one incident, oldest first; the next page has ``after=NEXT``."""

    incident: str
    codename: str
    kind: Kind
    head: str
    """The head of the journal, ``N:sha256:…``. A head that is stored elsewhere shows later changes of the journal."""
    entries: tuple[Entry, ...]
    withheld: int
    """Entries of this page in other streams."""
    next: int
    more: bool


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry with its incident."""

    incident: str
    codename: str
    kind: Kind
    entry: Entry


class EventFeed(Report, frozen=True, kw_only=True, tag="tocsin/event-feed/v1"):
    """Entries of all incidents of a reader; the next page has ``after=NEXT``. Each entry comes exactly once."""

    entries: tuple[FeedEntry, ...]
    withheld: int
    unreadable: tuple[str, ...]
    """Ids of incidents whose journal is erased or damaged."""
    next: str
    more: bool


def events_page(
    service: IncidentService, reader: Reader, incident: Incident, after: int, limit: int
) -> Events:
    """Return the entries of an incident behind a number."""
    found = _entries(service, reader, incident)
    page = [entry for entry in found if entry.event > after][:limit]
    shown = tuple(entry for entry in page if entry.stream == "operational")
    last = page[-1].event if page else after
    head = reader.head(incident)
    return Events(
        incident=incident.id,
        codename=incident.codename,
        kind=incident.kind,
        head=f"{head.version}:sha256:{head.hash}",
        entries=shown,
        withheld=len(page) - len(shown),
        next=last,
        more=bool(found) and last < found[-1].event,
    )


def _entries(service: IncidentService, reader: Reader, incident: Incident) -> tuple[Entry, ...]:
    return timeline(incident, service.library(incident), reader.events(incident)).entries


def event_feed(service: IncidentService, reader: Reader, cursor: str, limit: int) -> EventFeed:
    """Return entries of all readable incidents behind a cursor, in the order of their recording."""
    done, unreadable = _position(cursor), []
    waiting: list[tuple[datetime, int, Incident, Entry]] = []
    for number, row in enumerate(reader.incidents()):
        if row.version <= done.get(row.id, 0):
            continue
        try:
            incident = reader.incident(row.id)
            if not reader.may("incident.read", incident):
                continue
            entries = _entries(service, reader, incident)
        except UNREADABLE:
            unreadable.append(row.id)
            continue
        latest = entries[0].recorded
        for entry in entries:
            latest = max(latest, entry.recorded)  # a clock that was set back does not reorder a journal
            if entry.event > done.get(row.id, 0):
                waiting.append((latest, number, incident, entry))
    waiting.sort(key=lambda one: one[:2])
    page = waiting[:limit]
    done.update((incident.id, entry.event) for _, _, incident, entry in page)
    shown = tuple(
        FeedEntry(incident=incident.id, codename=incident.codename, kind=incident.kind, entry=entry)
        for _, _, incident, entry in page
        if entry.stream == "operational"
    )
    return EventFeed(
        entries=shown,
        withheld=len(page) - len(shown),
        unreadable=tuple(unreadable),
        next=urlsafe_b64encode(msgspec.json.encode(done)).decode().rstrip("="),
        more=len(waiting) > len(page),
    )


def _position(cursor: str) -> dict[str, int]:
    """Return the last entry of each incident that a cursor names; raises Usage."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)) if cursor else b"{}"
        return from_json(text, dict[str, int])
    except (ValueError, BadBase64, msgspec.DecodeError):
        raise Usage(
            "The cursor is not from an earlier answer.",
            hint="Use next of that answer, or begin without after",
            code="bad_cursor",
        ) from None
