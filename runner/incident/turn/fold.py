"""Fold of events into an incident. ``fold`` decides nothing and never refuses.

The fold must stay correct for journals of older versions, so each event contains its resulting state and the
functions here only store it. There is one function for each event type, in four modules by subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from runner.errors import Bug
from runner.incident.apply.attempts import EFFECTS
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.apply.exercise import DRILL
from runner.incident.apply.messages import CAMPAIGNS, RECEIPTS, ROOMS
from runner.incident.apply.record import RECORDS
from runner.incident.apply.steps import MIGRATION, STEPS
from runner.incident.messages.deliveries import reschedule
from runner.incident.state.events import AnyEvent, IncidentOpened, Recorded
from runner.incident.state.exercise import Drill
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library

HANDLERS: dict[type[AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    **STEPS,
    **MIGRATION,
    **EFFECTS,
    **RECEIPTS,
    **RECORDS,
    **ROOMS,
    **DRILL,
    **CAMPAIGNS,
}


def begin(first: Recorded) -> Incident:
    """Return the incident that its first event makes."""
    event = first.event
    if not isinstance(event, IncidentOpened):
        raise Bug(f"The journal begins with {type(event).__name__}, not with IncidentOpened.")
    return Incident(
        id=event.incident,
        codename=event.codename,
        title=event.title,
        kind=event.kind,
        opened_at=first.at,
        opened_by=event.by,
        catalogue=event.catalogue,
        drill=None if event.clock is None else Drill(clock=event.clock),
        version=first.seq,
    )


def fold(incident: Incident, events: Iterable[Recorded], library: Library) -> Incident:
    """Return the incident after consecutive events."""
    draft, version = IncidentBuilder(incident, library), incident.version
    for recorded in events:
        if recorded.seq != version + 1:
            raise Bug(f'Event {recorded.seq} does not follow {version} in incident "{incident.id}".')
        draft.at = recorded.at
        if (stream := recorded.event.stream) != "operational":
            draft.table("streams")[recorded.seq] = stream
        HANDLERS[type(recorded.event)](draft, recorded.event, recorded.at, recorded.seq)
        version = recorded.seq
    folded = draft.freeze(version)
    return reschedule(folded, draft.stirred) if draft.stirred else folded
