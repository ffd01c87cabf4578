"""Journals of the organisation beside those of incidents: read whole, and changed by the first writer.

They are encrypted, chained and verified as an incident's is, on either store. If two writers change one at the same time,
one appends first; the other is refused, reads again, and decides again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING, Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from runner.app.core.conflict_retry import retry
from runner.app.core.contact_store import personal_event
from runner.app.core.repository import Append, Appended, IncidentRow, StoredEvent, whole
from runner.incident.people.contact_journal import STREAM

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident


class Versioned(Protocol):
    """The fold of such a journal."""

    @property
    def version(self) -> int:
        """The number of its last event."""


Folded = TypeVar("Folded", bound=Versioned)
Told = TypeVar("Told", bound=msgspec.Struct)


def entries(
    service: IncidentService, journal: str, reader: Callable[[bytes], Told]
) -> Iterator[tuple[int, datetime, Told]]:
    """Yield every event with its number and its time."""
    with whole(service.store, journal):
        for seq, at, data in service.store.read_payloads(journal):
            if data is not None:
                yield seq, at, reader(data)


def stored(service: IncidentService, journal: str, after: int = 0) -> Iterator[StoredEvent]:
    """Yield the entries after a number as they are stored, with their actors and hashes."""
    return service.store.read(journal, after)


def change(
    service: IncidentService,
    journal: str,
    read: Callable[[IncidentService], Folded],
    decide: Callable[[Folded], Sequence[Told]],
    about: Incident | None = None,
) -> tuple[Told, ...]:
    """Append the events that ``decide`` makes from the present state, and return them; a conflict calls it again.

    A role in the incident ``about`` gives the right, too.
    """

    def attempt() -> tuple[Told, ...] | None:
        book = read(service)
        events = tuple(decide(book))
        return events if not events or _append(service, journal, book.version, events, about) else None

    return retry(service, journal, attempt)


def _append(
    service: IncidentService,
    journal: str,
    version: int,
    events: Sequence[msgspec.Struct],
    about: Incident | None,
) -> bool:
    now = service.clock.now()
    row = IncidentRow(
        id=journal,
        codename=journal,
        title="",
        kind=STREAM,
        state=STREAM,
        opened_at=now,
        version=version + len(events),
    )
    new = [personal_event(event, service.principal, now) for event in events]
    append = Append(incident=journal, expected_version=version, events=new, row=row)
    return isinstance(service.record(service.principal, [append], now, about)[0], Appended)


def today(service: IncidentService) -> date:
    """Return the day in the organisation's zone: an item that is due on it is not overdue. An invalid zone counts as UTC."""
    try:
        zone: tzinfo = ZoneInfo(str(service.home.organisation.get("zone", "UTC")))
    except (ZoneInfoNotFoundError, ValueError):  # ``open`` reports it
        zone = UTC
    return service.clock.now().astimezone(zone).date()
