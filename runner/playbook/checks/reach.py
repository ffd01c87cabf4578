"""Check of critical messages: for each recipient two channels without a shared failure domain (R3).

The planner itself decides, so the check blocks the same channels as an incident; domains that a playbook assumes compromised are so
here too. The check needs a home with its channels; without them it reports nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from runner.base.states import Kind
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.format import Message, Playbook
from runner.playbook.lookup import Known
from runner.routing.message_classes import laid_over
from runner.routing.organisation import Home
from runner.routing.planner import plan
from runner.routing.rules import Compromise, PlanContext

SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""A fixed time: none of the rules used here reads the time."""


def check_reach(steps: Map, known: Known, found: Findings) -> None:
    """Warn of critical messages that one compromised domain would block for a person."""
    if known.home is None or not known.channels:
        return
    context = _context(steps.playbook, known.home, "real")
    classes = laid_over(known.classes, steps.playbook.classes)
    for name, template in steps.playbook.messages.items():
        kind = classes.get(template.message_class)
        if kind is None or kind.availability != "critical":
            continue
        thin: dict[str, list[str]] = {}
        for person in sorted(_addressees(steps, name, known.home)):
            recipient = known.home.recipient(person)
            planned = plan(kind, tuple(known.channels.values()), recipient, context)
            for warning in (warning for warning in planned.warnings if warning.rule == "R3"):
                thin.setdefault(warning.why, []).append(person)
        for why, persons in thin.items():
            hint = "Set up another channel or contact method. Then check: tocsin message plan CLASS"
            found.warn(("messages", name, "class"), "R3", f"{', '.join(persons)}: {why}.", hint)


def _context(playbook: Playbook, home: Home, kind: Kind) -> PlanContext:
    assumed = (Compromise(domain=name, since=SOME_DAY, assumed=True) for name in playbook.assume_compromised)
    return PlanContext(kind=kind, started_at=SOME_DAY, compromised=tuple(assumed), corporate=home.corporate)


def _addressees(steps: Map, message: str, home: Home) -> set[str]:
    """Return every person to whom a step of the playbook sends a message."""
    return {
        person
        for place in steps.places
        if isinstance(place.step, Message) and place.step.message == message
        for to in place.step.to or steps.playbook.messages[message].to
        for person in _persons(to, home)
    }


def _persons(to: str, home: Home) -> Iterator[str]:
    kind, _, name = to.partition(":")
    yield from home.holders(name) if kind == "role" else (name,)
