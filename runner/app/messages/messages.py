"""Message plans: recipients, channels and blocks of each message of an incident, of one class, or of a person's text.

A message from a person is planned as every other message, with literal text, never a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action, Slot, assign_role
from runner.app.core.on_call import left_out
from runner.base.states import Kind
from runner.base.text import clean, nearest, text_problem
from runner.effects.context import message_class, plan_context
from runner.effects.messages.compose import Addressed, Body, addressed, deliveries, people_behind, planned_for
from runner.effects.messages.content_screening import forbidden_text, traits_of
from runner.errors import UNREADABLE, NotFound, Refused, Sealed
from runner.incident.state.commands import AskReplan, Composed
from runner.incident.state.events import decode
from runner.incident.state.incident import Incident
from runner.incident.state.messages import MessageComposed
from runner.playbook.format import Message, Playbook
from runner.playbook.plan import Plan, walk
from runner.reports.messages.delivery_evidence import ProofReport, Written, proof
from runner.reports.messages.message_plan import NotAsked, PlannedMessage, PlanReport, plan_report
from runner.routing.message_classes import laid_over
from runner.routing.messaging import DeliveryPlan, MessageClass, proves
from runner.routing.rules import Compromise, PlanContext

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Assumptions of a plan, in addition to the known facts."""

    kind: Kind | None = None
    compromised: tuple[str, ...] = ()


def plans(service: IncidentService, incident: Incident) -> PlanReport:
    """Return the plan of each message of the incident's playbooks to each recipient, as it would be sent now."""
    library = service.library(incident)
    found: dict[tuple[str, ...], PlannedMessage] = {}
    for plan in library.plans.values():
        for playbook in _all(plan):
            for step in walk(playbook.steps):
                if not isinstance(step, Message):
                    continue
                template = playbook.messages[step.message]
                to = step.to or template.to
                kind = message_class(template.message_class, service.directory, playbook.classes)
                people = addressed(incident, service.directory, to, kind)
                planned = PlannedMessage(
                    step=step.message,
                    title=f"{playbook.name}: {step.message}",
                    message_class=template.message_class,
                    plans=plans_to(service, incident, kind, [*people.meant], frozenset()),
                    unheld=people.unheld,
                )
                found.setdefault((playbook.name, step.message, *to), planned)
    sent = sum(len(delivery.attempts) for delivery in incident.deliveries.values())
    left = incident_left_out(service, incident)
    return plan_report(incident.id, incident.codename, incident.kind, [*found.values()], sent, left)


def incident_left_out(service: IncidentService, incident: Incident) -> tuple[NotAsked, ...]:
    """Return the roles that the incident's profile asks less."""
    bundles = (plan.bundle for plan in service.library(incident).plans.values())
    return left_out(service.directory, bundles, incident.profile, incident.roles)


def class_plans(
    service: IncidentService, incident: Incident | None, name: str, to: Sequence[str], what_if: WhatIf
) -> PlannedMessage:
    """Return the plan of a class for each recipient in ``to``; raises NotFound with the nearest name.

    Without an incident, the plan is for an incident that starts now.
    """
    kind = known_class(service, incident, name)
    context = _context(service, incident, what_if)
    roles = incident.roles if incident is not None else {}
    wanted = tuple(addressee(service, roles, text) for text in to or ("role:commander",))
    unheld = tuple(
        role
        for one in wanted
        if (role := one.removeprefix("role:")) != one and not people_behind(roles, service.directory, (one,))
    )
    persons = people_behind(roles, service.directory, wanted)
    if not persons:
        raise NotFound(
            f"The message has no recipient: {', '.join(wanted)}.",
            hint=assign_role(Slot("ROLE")),
            code="no_recipient",
        )
    plans = tuple(planned_for(context, service.directory, kind, person) for person in persons)
    title = f"{name} to {', '.join(wanted)}"
    return PlannedMessage(step="", title=title, message_class=name, plans=plans, unheld=unheld)


def known_class(service: IncidentService, incident: Incident | None, name: str) -> MessageClass:
    """Return a class of the incident's playbooks, the home or Tocsin by name; raises NotFound with the nearest name."""
    known = service.directory.classes
    for plan in service.library(incident).plans.values() if incident is not None else ():
        for playbook in _all(plan):
            known = laid_over(known, playbook.classes)
    try:
        return known[name]
    except KeyError:
        near = nearest(name, known)
        hint = f"Use {near}" if near else f"Use one of: {', '.join(known)}"
        raise NotFound(
            f'Message class "{name}" does not exist.', hint=hint, code="unknown_message_class"
        ) from None


def _context(service: IncidentService, incident: Incident | None, what_if: WhatIf) -> PlanContext:
    now = service.clock.now()
    if incident is not None:
        context = plan_context(incident, now, service.compromises())
    else:
        down = {name: one.since for name, one in service.traffic.down().items()}
        sure = tuple(one for one in service.compromises() if not one.assumed)
        context = PlanContext(
            kind=what_if.kind or "real", started_at=now, at=now, down=down, compromised=sure
        )
    fallen = tuple(Compromise(domain=name, since=now) for name in what_if.compromised)
    return msgspec.structs.replace(
        context, kind=what_if.kind or context.kind, compromised=(*context.compromised, *fallen)
    )


def addressee(service: IncidentService, roles: Mapping[str, tuple[str, ...]], text: str) -> str:
    """Return the recipient in ``--to``: a role or a person, with or without its prefix."""
    if ":" in text:
        return text
    known = {*roles, *service.directory.roles}
    if text in known:
        return f"role:{text}"
    if text in service.directory.people:
        return f"person:{text}"
    near = nearest(text, (*known, *service.directory.people))
    hint = f"Use {near}" if near else "Use --to ROLE, or --to person:PERSON"
    raise NotFound(f'"{text}" is not a role and not a person.', hint=hint, code="unknown_recipient")


def _all(plan: Plan) -> tuple[Playbook, ...]:
    return (plan.bundle.playbook, *plan.bundle.includes.values())


def plans_to(
    service: IncidentService,
    incident: Incident,
    kind: MessageClass,
    people: Sequence[str],
    traits: frozenset[str],
) -> tuple[DeliveryPlan, ...]:
    """Return the current delivery plan of a message class for each person."""
    context = plan_context(incident, service.clock.now(), service.compromises())
    return tuple(planned_for(context, service.directory, kind, person, traits) for person in people)


def plan_anew(service: IncidentService, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Plan a person's open deliveries again; return the codenames, and the deliveries that failed permanently.

    Failed deliveries are not sent again automatically: a person may have told the recipient since.
    """
    asked: list[str] = []
    given_up: list[str] = []
    for row in service.incidents("open"):
        try:
            before = service.load(row.id)
        except UNREADABLE:
            continue
        turn = service.act(service.principal, row.id, [AskReplan(person=name)])
        asked += [row.codename] if turn.events else []
        given_up += [d.id for d in before.deliveries.values() if d.person == name and d.state == "exhausted"]
    return tuple(asked), tuple(given_up)


ABOUT = frozenset({"AttemptEnded", "ReceiptTaken", "EvidenceRaised", "DeliveryResent"})
"""The event types with evidence of a delivery."""


def prove(reader: Reader, incident: str, delivery: str) -> ProofReport:
    """Return the evidence of a delivery; raises NotFound for an unknown delivery."""
    found = reader.incident(incident)
    written = []
    last = ""
    for event in reader.events(found):
        last = f"{event.seq}:sha256:{event.hash}"
        if event.type in ABOUT:
            if event.payload is None:
                raise Sealed(
                    "The personal data of the incident was erased. The evidence cannot be read.",
                    code="shredded",
                )
            written.append(Written(event.seq, event.at, event.hash, decode(event.payload)))
    return proof(found, delivery, written, last)


EVERYBODY = "everybody"
INFORMS, ASKS = "status-update", "urgent-internal"
"""The default classes: without and with an acknowledgement."""


class WrittenMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The text and the recipients of a person's message."""

    text: str
    to: tuple[str, ...]
    """Roles, persons, or ``everybody`` for all people with a role in the incident."""
    message_class: str = ""
    ask_ack: bool = False


def compose_by_hand(service: IncidentService, incident: Incident, written: WrittenMessage) -> Composed:
    """Return the message with its plans; raises Refused or NotFound. Nothing is recorded."""
    if incident.state != "open":
        paused = incident.state == "paused"
        raise Refused(
            f'Incident "{incident.codename}" is {incident.state}. No message was sent.',
            hint=Action("incident.resume") if paused else Action("incident.open", Slot("PLAYBOOK")),
            code="incident_paused" if paused else "incident_closed",
        )
    by, text = service.principal.person, clean(written.text)
    if why := text_problem(text, many_lines=True) if text else "The message has no text.":
        raise Refused(why, hint="Write a short plain text.", code="text_missing" if not text else "bad_text")
    kind = _kind(service, incident, written)
    subject = f"{incident.codename}: message from {by}"
    if why := forbidden_text(subject, text, tuple(incident.overrides.values())):
        raise Refused(
            f"The text is not allowed: {why}. Nothing was sent.",
            hint="Change the text.",
            code="forbidden_text",
        )
    wanted, found = _addressed(service, incident, written.to, kind, by)
    traits = traits_of(text, kind, incident)
    body = msgspec.json.encode(Body(subject=subject, text=text))
    return Composed(
        event=MessageComposed(
            step="",
            message=service.chance.name("m"),
            message_class=kind,
            body=service.keep_document(service.principal, incident.id, body),
            to=tuple(found.meant),
            plans=deliveries(incident, service.tools(incident), kind, found, wanted, (), traits),
            traits=tuple(sorted(traits)),
            requested_by=by,
            unheld=found.unheld,
        )
    )


def plan_of(
    service: IncidentService, incident: Incident, made: MessageComposed, to: Sequence[str]
) -> PlanReport:
    """Return the plan of one message before it is sent; ``to`` is whom its writer named."""
    kind = made.message_class
    planned = PlannedMessage(
        step="",
        title=f"{kind.name} to {', '.join(made.to)}",
        message_class=kind.name,
        plans=plans_to(service, incident, kind, made.to, frozenset(made.traits)),
        unheld=made.unheld,
    )
    left = [one for one in incident_left_out(service, incident) if one.role not in incident.roles]
    left = [one for one in left if EVERYBODY in to and not set(one.people) <= {*made.to, made.requested_by}]
    return plan_report(incident.id, incident.codename, incident.kind, [planned], left_out=left)


def _kind(service: IncidentService, incident: Incident, written: WrittenMessage) -> MessageClass:
    """Return the class; each person must acknowledge, unless a named class sets the number."""
    named = written.message_class
    kind = known_class(service, incident, named or (ASKS if written.ask_ack else INFORMS))
    kind = msgspec.structs.replace(kind, mobilises=False)
    if not written.ask_ack or (named and kind.wants_answer):
        return kind
    goal = kind.goal if proves(kind.goal, "acked") else "acked"
    return msgspec.structs.replace(kind, goal=goal, ack_quorum="all")


def _addressed(
    service: IncidentService, incident: Incident, to: Sequence[str], kind: MessageClass, by: str
) -> tuple[tuple[str, ...], Addressed]:
    """Return the recipients; the writer is included only if named."""
    roles = tuple(f"role:{name}" for name in incident.roles)
    wanted: list[str] = []
    for text in to:
        wanted += roles if text == EVERYBODY else [addressee(service, incident.roles, text)]
    for recipient in wanted:
        if recipient.startswith("person:"):
            service.known(recipient.removeprefix("person:"))
    spared = "" if f"person:{by}" in wanted else by
    found = addressed(incident, service.directory, wanted, kind, spared)
    if not found.meant:
        raise NotFound(
            f"The message has no recipient except {by}: {', '.join(to)}.",
            hint=assign_role(Slot("ROLE")),
            code="no_recipient",
        )
    return tuple(wanted), found
