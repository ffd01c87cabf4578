"""Lanes over duties: what was being done to notify ends when it is decided that nobody is notified.

A lane knows its duty by its item. Its steps are called off by the decision itself, with its author and its grounds, so
that nobody goes on writing, signing or sending. So are they when the duty does not apply any more. When the decision
falls, or the duty applies again, they begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.law.duty import DutyRecord

_DECIDED, _GONE = "decided not to notify", "the duty does not apply any more"


def called_off(incident: Incident, duty: str, record: DutyRecord) -> tuple[e.StepEnded, ...]:
    """Return the end of every step that is open in the lanes of a duty that was decided against or waived."""
    words = "waived" if record.kind == "waived" else _DECIDED
    lanes = {scope.id for scope in incident.scopes.values() if scope.item == duty}
    return tuple(
        e.StepEnded(step=one.id, state="cancelled", by=record.by, reason=f"{words}: {record.reason.strip()}")
        for one in incident.invocations.values()
        if one.scope in lanes and not one.over
    )


def with_the_law(incident: Incident, look: e.DutiesAssessed) -> Iterator[e.StepSettled | e.StepReopened]:
    """Yield what a new look at the law does to lanes: of a duty that applies no more all ends, of one that does again it goes on."""
    changes = {change.duty: change for change in look.changes}
    lanes = {one.id: changes[one.item] for one in incident.scopes.values() if one.item in changes}
    for one in incident.invocations.values() if lanes else ():
        change = lanes.get(one.scope)
        if change is None:
            continue
        kept = incident.duties.get(change.duty)
        decided = kept is not None and kept.record is not None and not change.reopened
        newest = incident.latest[f"{one.scope}|{one.step}"] == one.id
        if change.verdict == "not_applicable" and not one.over:
            yield e.StepSettled(step=one.id, state="cancelled", why=_GONE)
        ended = one.state == "cancelled" and one.reason.startswith((_GONE, _DECIDED))
        if change.verdict == "applies" and not decided and newest and ended:
            yield e.StepReopened(step=one.id, reason=change.reopened or "the duty applies again")
