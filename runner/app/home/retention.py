"""Erasure of the personal data of a closed incident: destroys its key and records person, time and reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from runner.app.core import organisation_journal
from runner.base.instants import parse_instant
from runner.errors import Refused
from runner.incident.people.retention import JOURNAL, READER, IncidentShredded, Kept, fold_retention
from runner.incident.state.incident import Incident
from runner.store.port import IncidentRow

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

HOLD = "law_enforcement.hold."


def kept(service: IncidentService) -> Kept:
    """Return which incidents were shredded."""
    return fold_retention(organisation_journal.entries(service, JOURNAL, READER))


def check(row: IncidentRow, reason: str) -> None:
    """Raise Refused where an incident is not over, or no reason is given."""
    if row.state not in ("closed", "cancelled"):
        raise Refused(
            f'Incident "{row.codename}" is {row.state}, not closed.',
            hint="Close the incident first: tocsin close",
            code="not_closed",
        )
    if not reason.strip():
        raise Refused(
            "The reason is missing.",
            hint="Add --reason WHY, for example the period of your policy",
            code="reason_missing",
        )


def _no_hold(incident: Incident, now: datetime) -> None:
    """Raise Refused while a hold that somebody asked for has no end on record that has passed."""
    hold = {
        name: one.value
        for name, one in incident.facts.items()
        if name.startswith(HOLD) and one.value is not None
    }
    until = hold.get(f"{HOLD}until")
    if hold and (until is None or parse_instant(until) > now):
        raise Refused(
            f'Incident "{incident.codename}" has a legal hold: {", ".join(sorted(hold))}. Nothing was erased.',
            hint=f"After the end of the hold: tocsin fact set {HOLD}until=INSTANT --source SOURCE --incident {incident.codename}",
            code="held",
        )


def shred(service: IncidentService, row: IncidentRow, reason: str) -> None:
    """Make an incident's personal data unreadable for good; raises as ``check`` does, and while a hold is on record.

    It is put on record first: a crash between leaves a record of what was decided, and the same command ends it.
    """
    check(row, reason)
    if row.id not in kept(service).shredded:
        _no_hold(service.load(row.id), service.clock.now())
    event = IncidentShredded(
        incident=row.id, codename=row.codename, by=service.actor.claimed, reason=reason.strip()
    )

    def decide(before: Kept) -> Sequence[IncidentShredded]:
        return () if row.id in before.shredded else (event,)

    organisation_journal.change(service, JOURNAL, kept, decide)
    service.store.shred(row.id)
