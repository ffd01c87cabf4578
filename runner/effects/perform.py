"""Perform one piece of due work and return the command with its result."""

from __future__ import annotations

from runner.effects.context import EffectContext
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import (
    Announce,
    AnyWork,
    Compose,
    Deliver,
    DoAct,
    Host,
    Recall,
    Render,
    Replan,
)


def perform(
    work: AnyWork, incident: Incident, head: str, library: Library, tools: EffectContext
) -> AnyCommand:
    """Perform the work once. ``head`` is the journal's head at the commit of the intent (``N:sha256:…``), for footers."""
    match work:
        case Replan():
            from runner.effects.messages.compose import replan

            return replan(incident, tools)
        case Compose():
            from runner.effects.messages.compose import compose

            return compose(work, incident, library, tools)
        case Announce():
            from runner.effects.messages.informing import announce

            return announce(work, incident, tools)
        case Render():
            from runner.effects.notices.render import render

            return render(work, incident, library, tools)
        case Deliver():
            from runner.effects.messages.deliver import deliver

            return deliver(work, incident, head, tools)
        case Recall():
            from runner.effects.messages.deliver import recall

            return recall(work, incident, tools)
        case Host():
            from runner.effects.messages.provision_room import host

            return host(work, incident, tools)
        case DoAct():
            from runner.effects.actions import act

            return act(work, incident, tools)
