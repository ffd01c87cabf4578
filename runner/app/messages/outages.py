"""State of a failure domain, recorded in every open incident."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runner.app.core.incident_service import IncidentService
from runner.errors import UNREADABLE
from runner.incident.state.commands import ReportDomain
from runner.incident.state.incident import Incident


def declare_between(
    service: IncidentService, domain: str, state: Literal["down", "up"], at: datetime
) -> None:
    """Keep what a person said while no incident is open, for every process and for every incident to come.

    It stands in the marks with who said it, and goes into an incident's journal at that one's first turn.
    """
    service.traffic.declare(domain, state, at, by=service.principal.person)


def declare(
    service: IncidentService, incident: Incident, domain: str, state: Literal["down", "up"]
) -> tuple[str, ...]:
    """Share what was said in an incident; return the codenames of the others in which it changed something.

    An exercise or a test says nothing about the world.
    """
    if incident.kind != "real":
        return ()
    now = service.clock.now()
    service.traffic.declare(domain, state, now)
    reason = f"declared in {incident.codename}"
    told = ReportDomain(domain=domain, state=state, since=now, reason=reason, declared=True)
    changed = []
    for row in service.store.rows("open"):
        if row.id == incident.id:
            continue
        try:
            turn = service.act(service.principal, row.id, [told])
            changed += [row.codename] if turn.events else []
        except UNREADABLE:
            continue
    return tuple(changed)
