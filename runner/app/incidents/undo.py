"""Undo of the last command of a person, if nothing followed from it. The entries stay, marked as wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from runner.actions import REASON, Action
from runner.app.incidents.corrections import event_of, taken_back
from runner.errors import Refused
from runner.incident.law.filed import corrected_by
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.reports.incidents.event_descriptions import describe
from runner.reports.incidents.timeline import words_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal

_STEPS = (e.StepBlocked, e.StepRescheduled, e.StepOverdue)
_SENT = (e.AttemptEnded, e.EvidenceRaised, e.ReceiptTaken, e.DeliveryEnded)
"""Events that may follow: conditions and times are evaluated again, and sent messages continue without the command."""


def undo(service: IncidentService, principal: Principal, name: str) -> tuple[Turn, tuple[str, ...]]:
    """Undo the last command of a person; return the turn, and the undone changes, in sentences.

    Raises Refused with the reason.
    """
    turn = service.act(principal, name, lambda incident: tuple(_commands(service, principal, incident)))
    wrong = [one.event.seq for one in turn.events if isinstance(one.event, e.EventCorrected)]
    words = words_of(turn.after, service.library(turn.after))
    rows = service.read(principal).events(turn.after, wrong[0] - 1)
    return turn, tuple(describe(event_of(row), words) for row in rows if row.seq in wrong)


def _commands(service: IncidentService, principal: Principal, incident: Incident) -> Iterator[c.AnyCommand]:
    rows = [row for row in service.read(principal).events(incident) if row.seq <= incident.version]
    by, words = principal.person, words_of(incident, service.library(incident))
    people = [row for row in rows if row.actor.claimed != "tocsin"] or rows[:1]
    last = people[-1]
    correct = Action("entry.correct", str(last.seq), {"reason": REASON})
    if last.type == e.IncidentClosed.__name__:  # whoever closed it
        taken_back(service, incident, rows, last.seq)
    if last.actor.claimed != by:
        who = f"The last entry, {last.seq}, is by {last.actor.claimed or 'another person'}"
        raise Refused(f"{who}, not by {by}.", hint=correct, code="not_own_entry")
    own = list(takewhile(lambda row: row.recorded == last.recorded, reversed(people)))[::-1]
    mine = [event_of(row) for row in own]
    for filed in (one for one in mine if isinstance(one, e.DutyRecorded) and one.record.kind == "filed"):
        raise Refused(
            f"The filing for {filed.duty} cannot be undone.",
            hint="Record the right facts, then file the correction: "
            f"tocsin notice render {corrected_by(incident, filed.duty, service.library(incident))}",
            code="filing_stays",
        )
    ended = {one.step for one in mine if isinstance(one, e.StepEnded)}
    back: list[c.AnyCommand] = []
    for row, event in zip(own, mine, strict=True):
        within = (
            isinstance(event, e.StepChecked) and event.step in ended
        )  # the ended task is open again without it
        commands = () if within else taken_back(service, incident, rows, row.seq)
        back += (one for one in commands if one not in back)
    followed = (event_of(row) for row in rows[last.seq :])
    if result := next((event for event in followed if not _apart(event, mine)), None):
        raise Refused(
            f"Entry {last.seq} had a result: {describe(result, words)}.", hint=correct, code="followed"
        )
    yield from back
    for row in own:
        yield c.CorrectEvent(seq=row.seq, reason="undone")


def _apart(event: e.AnyEvent, mine: Sequence[e.AnyEvent]) -> bool:
    """Tell whether an event is no consequence, or is undone with its cause."""
    match event:
        case e.DutiesAssessed(changes=changes):
            return not any(change.reopened for change in changes)
        case e.StepReady(step=step):
            return any(
                isinstance(event, e.TaskAdded) and step == f"{event.scope}{event.task.id}#1" for event in mine
            )
        case _:
            return isinstance(event, (*_STEPS, *_SENT))
