"""Marking of an entry as wrong: the entry stays, and a duty whose record it was is open again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runner.incident.state.commands import CorrectEvent

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.incident.state.incident import Incident


class Corrected(NamedTuple):
    """What a correction marks: for a proposal, the decision that a second person made of it."""

    entry: int
    reopened: tuple[str, ...]
    """The duties that are open again."""


def corrected_by(incident: Incident, entry: int) -> Corrected:
    """Return what a correction of an entry would mark and open again."""
    entry = decision_of(incident, entry) or entry
    duties = (duty for duty in incident.duties.values() if duty.record is not None)
    return Corrected(entry, tuple(duty.id for duty in duties if duty.entry == entry))


def correct(service: IncidentService, name: str, entry: int, reason: str) -> tuple[Turn, Corrected]:
    """Mark an entry as wrong; raises Refused without a reason, or for an entry that does not exist."""
    found = Corrected(entry, ())

    def make(incident: Incident) -> tuple[CorrectEvent]:
        nonlocal found
        found = corrected_by(incident, entry)
        return (CorrectEvent(seq=found.entry, reason=reason),)

    return service.act(service.principal, name, make), found


def decision_of(incident: Incident, proposal: int) -> int:
    """Return the entry of the decision that a second person made of a proposal; 0 without one that counts."""
    asked = incident.second_person.get(proposal)
    duty = incident.duties.get(asked.act.duty) if asked is not None and asked.state != "awaiting" else None
    if asked is None or duty is None or duty.record is None or asked.act.record is None:
        return 0
    wanted, found = asked.act.record, duty.record
    same = (wanted.kind, wanted.reason) == (found.kind, found.reason) and duty.entry > proposal
    return duty.entry if same else 0
