"""Work after closing: deadlines of open duties are watched, and reminders are sent. No other work continues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from runner.incident.law.duties import next_duty_look
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver

WATCH = "deadline-watch"
"""The class of messages about overdue deadlines."""
KEPT = timedelta(days=36_500)
"""How far ahead a closed incident with open duties is scheduled in the store, also if nothing is due any more."""


def is_still_taken(incident: Incident, command: c.AnyCommand) -> bool:
    """Tell whether an ended incident takes a command: a message about its clocks, or the end of a compromise that outlasts it."""
    if isinstance(command, c.DeclareDomain):
        domain = incident.domains.get(command.domain)
        return command.state == "up" and domain is not None and domain.kept
    composed = isinstance(command, c.Composed) and command.event.message_class.name == WATCH
    return composed and incident.state == "closed"


def only_clocks(incident: Incident) -> Incident:
    """Return a closed incident with only the messages about its deadlines."""
    messages, deliveries = incident.messages, incident.deliveries
    ours = {
        name for name in incident.moving if messages[deliveries[name].message].message_class.name == WATCH
    }
    return msgspec.structs.replace(
        incident,
        replan=False,
        moving=frozenset(ours),
        looks={name: at for name, at in incident.looks.items() if name in ours},
        sends={name: at for name, at in incident.sends.items() if name in ours},
    )


def is_still_sent(incident: Incident, work: AnyWork) -> bool:
    """Tell whether a delivery that was claimed in a closed incident is about its deadlines."""
    return (
        incident.state == "closed"
        and isinstance(work, Deliver)
        and work.delivery in only_clocks(incident).moving
    )


def watched(incident: Incident) -> bool:
    """Tell whether clocks of a closed incident still run."""
    return incident.state == "closed" and incident.kind == "real"


def next_watch(incident: Incident, now: datetime) -> Iterator[datetime]:
    """Yield when a running clock becomes overdue, or a distant day if one is overdue and nothing was done."""
    for duty in incident.duties.values():
        runs = duty.verdict == "applies" or (duty.verdict == "unknown" and duty.due is not None)
        if runs and duty.record is None and not duty.settled and duty.in_sight and watched(incident):
            yield next_duty_look(duty, now) or incident.opened_at + KEPT
