"""Perform one piece of due work and return the command that tells the engine how it went."""

from __future__ import annotations

from runner.effects.tools import Tools
from runner.engine.plan import Library
from runner.model.commands import AnyCommand
from runner.model.incident import Incident
from runner.model.work import Announce, AnyWork, Compose, Deliver, DoAct, Host, Recall, Render, Replan


def perform(work: AnyWork, incident: Incident, head: str, library: Library, tools: Tools) -> AnyCommand:
    """Do it, once. ``head`` is the journal's place at the commit of its intent (``N:sha256:…``), for footers."""
    match work:
        case Replan():
            from runner.effects.compose import replan

            return replan(incident, tools)
        case Compose():
            from runner.effects.compose import compose

            return compose(work, incident, library, tools)
        case Announce():
            from runner.effects.announce import announce

            return announce(work, incident, tools)
        case Render():
            from runner.effects.render import render

            return render(work, incident, library, tools)
        case Deliver():
            from runner.effects.deliver import deliver

            return deliver(work, incident, head, tools)
        case Recall():
            from runner.effects.deliver import recall

            return recall(work, incident, tools)
        case Host():
            from runner.effects.host import host

            return host(work, incident, tools)
        case DoAct():
            from runner.effects.act import act

            return act(work, incident, tools)
