"""The message plan of an incident: how each message of its playbooks would leave now, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.effects.compose import planned_for, recipients
from runner.effects.tools import message_class, plan_context
from runner.engine.plan import Plan, walk
from runner.errors import Sealed
from runner.model.commands import AskReplan
from runner.model.incident import Incident
from runner.model.messaging import DeliveryPlan
from runner.model.playbook import Message, MessageTemplate, Playbook

if TYPE_CHECKING:
    from runner.service.desk import Desk


_Plans = tuple[str, str, MessageTemplate, tuple[DeliveryPlan, ...]]


def plans(desk: Desk, incident: Incident) -> tuple[_Plans, ...]:
    """Return each message's name, its words, its template and one plan for each person who would be told."""
    library = desk.library(incident)
    found: dict[tuple[str, ...], _Plans] = {}
    for plan in library.plans.values():
        for playbook in _all(plan):
            for step in walk(playbook.steps):
                if not isinstance(step, Message):
                    continue
                template = playbook.messages[step.message]
                to = step.to or template.to
                made = tuple(_plans(desk, incident, template, to))
                found.setdefault(
                    (playbook.name, step.message, *to),
                    (step.message, f"{playbook.name}: {step.message}", template, made),
                )
    return tuple(found.values())


def _all(plan: Plan) -> tuple[Playbook, ...]:
    return (plan.bundle.playbook, *plan.bundle.includes.values())


def _plans(
    desk: Desk, incident: Incident, template: MessageTemplate, to: tuple[str, ...]
) -> Iterator[DeliveryPlan]:
    kind = message_class(template.message_class)
    context = plan_context(incident)
    for person in recipients(incident, desk.directory, to):
        yield planned_for(context, desk.directory, kind, person)


def plan_anew(desk: Desk, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Have open deliveries to somebody planned anew; return the codenames, and deliveries to them that were given up.

    What was given up is not sent by itself: a person may have told them since.
    """
    asked: list[str] = []
    given_up: list[str] = []
    for row in desk.store.rows("open"):
        try:
            before = desk.load(row.id)
        except Sealed:
            continue
        after = desk.submit(row.id, AskReplan(by=desk.actor.claimed, person=name))
        asked += [row.codename] if after.version > before.version else []
        given_up += [d.id for d in before.deliveries.values() if d.person == name and d.state == "exhausted"]
    return tuple(asked), tuple(given_up)
