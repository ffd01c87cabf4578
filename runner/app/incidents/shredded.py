"""Closing of an incident whose personal data was erased: adds one entry without reading the others.

The entry holds no word of a person, so that it is not sealed: the key is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.app.core.conflict_retry import retry
from runner.errors import NotFound, Refused, Sealed
from runner.incident.state.events import IncidentClosed, encode
from runner.store.port import Append, Appended, IncidentRow, NewEvent

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def is_shredded(service: IncidentService, name: str) -> bool:
    """Tell whether an incident's payloads cannot be read again."""
    try:
        service.load(name)
    except Sealed as error:
        return error.code == "shredded"
    return False


def close_shredded(service: IncidentService, name: str) -> IncidentRow:
    """Close a shredded incident and return its row; raises Refused where it is closed, Stale when it keeps changing."""
    return retry(service, name, lambda: _closed(service, name))


def _closed(service: IncidentService, name: str) -> IncidentRow | None:
    row = service.store.row(name)
    if row is None:
        raise NotFound(f'Incident "{name}" does not exist.', hint="tocsin list", code="unknown_incident")
    if row.state in ("closed", "cancelled"):
        raise Refused(f'Incident "{row.codename}" is {row.state}.', code="incident_closed")
    now = service.clock.now()
    event = IncidentClosed(by=service.actor.claimed, reason="shredded")
    entry = NewEvent(
        type=IncidentClosed.__name__,
        at=now,
        actor=service.actor,
        payload=encode(event),
        stream=event.stream,
        personal=False,
    )
    after = msgspec.structs.replace(
        row, state="closed", version=row.version + 1, next_due=None, has_work=False
    )
    made = Append(incident=name, expected_version=row.version, events=[entry], row=after)
    return after if isinstance(service.write([made], recorded=now)[0], Appended) else None
