"""Decisions on campaigns: plan, start, pause, resume. Sent messages are recorded in every state of the incident."""

from __future__ import annotations

from runner.errors import Refused
from runner.incident.state import campaigns as b
from runner.incident.state import events as e
from runner.incident.state.incident import Incident


def decide_campaign(incident: Incident, event: b.AnyCampaignEvent) -> tuple[e.AnyEvent, ...]:
    """Return the event, or raise Refused with the reason."""
    match event:
        case b.CampaignPlanned():
            sendable(incident)
            return (event,)
        case b.CampaignMoved():
            return _moved(incident, event)
        case b.SubstituteDue(campaign=name, place=place, ground=ground):
            known = incident.campaigns.get(name)
            asked = known is not None and any(
                (ask.place, ask.ground) == (place, ground) for ask in known.asks
            )
            return () if asked else (event,)
        case b.SubstituteGiven(reason=reason):
            return (_reasoned(event, reason, "Add --reason WHY: what was done, and where."),)
        case b.CampaignStretch() | b.CampaignResolved():
            return (event,)


def sendable(incident: Incident) -> None:
    """Raise Refused where nothing may leave for affected people: in an exercise (R36), and while the incident rests."""
    if incident.kind != "real":
        raise Refused(
            f'Incident "{incident.codename}" is of kind {incident.kind}. Rule R36 blocks every message to affected people.',
            hint="tocsin notice letters NOTICE --people FILE --out DIR --draft",
            code="exercise",
        )
    if incident.state != "open":
        raise Refused(
            f'Incident "{incident.codename}" is {incident.state}. Nothing was sent.',
            hint="tocsin resume" if incident.state == "paused" else "Open another incident.",
            code="incident_paused" if incident.state == "paused" else "incident_closed",
        )


def _moved(incident: Incident, event: b.CampaignMoved) -> tuple[e.AnyEvent, ...]:
    known = incident.campaigns.get(event.campaign)
    if known is None:
        raise Refused(
            f'Campaign "{event.campaign}" does not exist.',
            hint="tocsin bulk plan NOTICE --people FILE",
            code="unknown_campaign",
        )
    if event.state == "sending":
        sendable(incident)
    if known.state == event.state:
        return ()
    if event.by and (event.state == "paused" or known.state == "paused"):
        return (_reasoned(event, event.reason, "Add --reason WHY"),)
    return (event,)


def _reasoned(event: e.AnyEvent, reason: str, hint: str) -> e.AnyEvent:
    if not reason.strip():
        raise Refused("The reason is missing.", hint=hint, code="reason")
    return event
