"""The register of breaches of a whole home: every incident of one kind is read, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import Sealed
from runner.incident.people.contact_journal import STREAM
from runner.reports.law.register import Breach, RegisterReport, breach

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.states import Kind


def register(service: IncidentService, kind: Kind) -> RegisterReport:
    """Return the register of one kind; an incident that was shredded keeps its place in it."""
    breaches: list[Breach] = []
    without = 0
    for row in service.store.rows():
        if row.kind != kind or row.kind == STREAM:
            continue
        try:
            incident = service.load(row.id)
        except Sealed as error:
            if error.code != "shredded":
                raise
            breaches.append(
                Breach(
                    incident=row.id,
                    codename=row.codename,
                    title=row.title,
                    kind=kind,
                    state=row.state,
                    opened_at=row.opened_at,
                    shredded=True,
                )
            )
            continue
        entry = breach(incident, service.duties(incident))
        if entry is None:
            without += 1
        else:
            breaches.append(entry)
    breaches.sort(key=lambda one: (one.opened_at, one.incident))
    return RegisterReport(
        as_of=service.clock.now(), kind=kind, breaches=tuple(breaches), no_personal_data=without
    )
