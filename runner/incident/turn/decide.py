"""Decision on a command: events, or a refusal with its reason.

Nothing here changes anything. The caller appends the events with the version that the decision is based on, so a
decision on an old state is never stored.
"""

from __future__ import annotations

from datetime import datetime

from runner.base.actor import Principal
from runner.errors import Refused
from runner.incident.campaigns.decide import decide_campaign
from runner.incident.exercises.decide import decide_drill
from runner.incident.messages.decide import decide_effect
from runner.incident.people.handover import handed_over
from runner.incident.state import commands as c
from runner.incident.state.events import AnyEvent
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.steps.decide import decide_step
from runner.incident.turn.after_closing import is_still_taken
from runner.incident.turn.decide_record import decide_record

MADE_TOO_LATE = (c.Composed, c.NotAnnounced, c.Rendered, c.Replanned, c.EffectFailed)
"""Results of work during which an incident ended: nothing was sent, so nothing is recorded, and nothing refused."""
AFTER_THE_END = (
    c.RecordDuty,
    c.RecordFacts,
    c.AddNote,
    c.CorrectEvent,
    c.SetSeverity,
    c.SetAccess,
    c.ConfirmEntry,
    c.Reopen,
    c.RecordCustody,
    c.SignLetters,
    c.TickItems,
    c.RecordCampaign,
    c.AttemptDone,
    c.AttemptLost,
    c.Acknowledge,
    c.TakeReceipt,
    c.ResolveAttempt,
    c.Observe,
    c.Rate,
    c.SignReport,
)
"""Commands that a closed incident still accepts: filings, late facts, evidence, notes. Work is not accepted."""


def decide(
    incident: Incident, command: c.AnyCommand, principal: Principal, now: datetime, library: Library
) -> tuple[AnyEvent, ...]:
    """Return the events of a principal's command; raises ``Refused`` with the reason."""
    by = principal.person
    over = incident.state in ("closed", "cancelled") and not is_still_taken(incident, command)
    by_hand = isinstance(command, c.Rendered) and command.event.by  # a person waits for it, and is told
    if over and isinstance(command, MADE_TOO_LATE) and not by_hand:
        return ()
    if over and not isinstance(command, AFTER_THE_END):
        way = "; for other work: tocsin reopen --reason WHY" if incident.state == "closed" else ""
        raise Refused(
            f'Incident "{incident.codename}" is {incident.state}.',
            hint=f"Record only filings, facts, evidence, notes and corrections{way}",
            code="incident_closed",
        )
    if isinstance(command, c.DrillCommand):
        return decide_drill(incident, command, by, now)
    stage = incident.drill.stage if incident.drill is not None else ""
    lasting = (*AFTER_THE_END, c.Close, c.CancelIncident)
    if stage in ("frozen", "ended") and not isinstance(command, lasting):
        raise Refused(
            f'Exercise "{incident.codename}" is {stage}.',
            hint="If the incident is real: tocsin open PLAYBOOK",
            code="exercise_stage",
        )
    if isinstance(command, c.GiveBrief | c.TakeCommand):
        return handed_over(incident, command, by)
    if isinstance(command, c.EffectCommand):
        return decide_effect(incident, command, by, now, library)
    if isinstance(command, c.RecordCampaign):
        return decide_campaign(incident, command.event)
    if isinstance(command, c.RecordCommand):
        return decide_record(incident, command, principal, now, library)
    return decide_step(incident, command, principal, now, library)
