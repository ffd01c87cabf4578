"""Lanes over duties: what was being done to notify ends when it is decided that nobody is notified.

A lane knows its duty by its item. Its steps are called off by the decision itself, with its author and its grounds, so
that nobody goes on writing, signing or sending; each of them can be reopened when the decision is made anew.
"""

from __future__ import annotations

from runner.model import events as e
from runner.model.duty import DutyRecord
from runner.model.incident import Incident


def called_off(incident: Incident, duty: str, record: DutyRecord) -> tuple[e.StepEnded, ...]:
    """Return the end of every step that is open in the lanes of a duty that was decided against or waived."""
    words = "waived" if record.kind == "waived" else "decided not to notify"
    lanes = {scope.id for scope in incident.scopes.values() if scope.item == duty}
    return tuple(
        e.StepEnded(step=one.id, state="cancelled", by=record.by, reason=f"{words}: {record.reason.strip()}")
        for one in incident.invocations.values()
        if one.scope in lanes and not one.over
    )
