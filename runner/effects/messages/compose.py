"""Composition of a message: text from facts, recipients from roles, and a delivery plan for each recipient.

The escalation levels of a message are first the deputies, then the escalation contacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from runner.base.states import Refusal
from runner.effects.context import EffectContext, message_class, plan_context, with_own_domains
from runner.effects.messages.content_screening import forbidden_text, traits_of
from runner.errors import NotFound
from runner.facts.vocabulary.register import nested
from runner.incident.messages.update_cadence import next_update
from runner.incident.state.commands import Composed, EffectFailed, Replanned
from runner.incident.state.events import PlannedDelivery
from runner.incident.state.expression_view import find_step, title_of
from runner.incident.state.incident import Deputy, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.messages import REPEATED, MessageComposed
from runner.incident.state.steps import DeputiesNamed
from runner.incident.state.work import Compose
from runner.playbook.format import AnyStep, Approve, MessageTemplate
from runner.routing.messaging import DeliveryPlan, MessageClass
from runner.routing.organisation import Directory
from runner.routing.planner import plan
from runner.routing.rules import PlanContext


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One more person, the escalation level, and the deliveries that the person is deputy for."""

    person: str
    level: int
    stands_for: tuple[str, ...] = ()


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """The current people behind ``role:NAME`` and ``person:ID``."""

    meant: Mapping[str, tuple[str, ...]]
    """Each person once, with deputies for absent people → their roles."""
    filled: tuple[str, ...] = ()
    """Roles whose only person is the opener of the incident, who is not paged."""
    unheld: tuple[str, ...] = ()
    alerted: tuple[str, ...] = ()
    """People who were alerted already by another playbook."""


def addressed(
    incident: Incident, directory: Directory, wanted: Sequence[str], kind: MessageClass, spared: str = ""
) -> Addressed:
    """Return the recipients of a message class, without ``spared``.

    A class that mobilises omits the opener of the incident.
    """
    return _addressed(incident.roles, directory, wanted, incident.opened_by if kind.mobilises else spared)


def without_alerted(incident: Incident, kind: MessageClass, found: Addressed, run: str = "") -> Addressed:
    """Leave out who was alerted already by another playbook of the incident; empty ``run`` is one that is added now.

    Alerted is who has acknowledged, or is being alerted and reminded: no second alert is needed.
    """
    if not kind.mobilises:
        return found
    there = set()
    for one in incident.deliveries.values():
        step = incident.invocations.get(one.step)
        alert = incident.messages[one.message].message_class.mobilises and not one.waits
        if (
            alert
            and step is not None
            and incident.scopes[step.scope].run != run
            and one.state in ("active", "satisfied")
        ):
            there.add(one.person)
    meant = {person: roles for person, roles in found.meant.items() if person not in there}
    return msgspec.structs.replace(found, meant=meant, alerted=tuple(p for p in found.meant if p in there))


def _addressed(
    roles: Mapping[str, tuple[str, ...]], directory: Directory, wanted: Sequence[str], spared: str
) -> Addressed:
    meant: dict[str, tuple[str, ...]] = {}
    filled, unheld = [], []
    for recipient in wanted:
        kind, _, name = recipient.partition(":")
        named = (roles.get(name) or directory.roles.get(name, ())) if kind == "role" else (name,)
        held = dict.fromkeys(directory.standing_in(person) for person in named)
        role = (name,) if kind == "role" else ()
        if not held:
            unheld.append(name)
        elif held.keys() == {spared}:
            filled.append(name)
        for person in held:
            if person != spared:
                meant[person] = tuple(dict.fromkeys((*meant.get(person, ()), *role)))
    return Addressed(meant=meant, filled=tuple(filled), unheld=tuple(unheld))


def recipients(incident: Incident, directory: Directory, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the persons behind ``role:NAME`` and ``person:ID``, each once, with deputies for absent people."""
    return people_behind(incident.roles, directory, wanted)


def people_behind(
    roles: Mapping[str, tuple[str, ...]], directory: Directory, wanted: Sequence[str]
) -> tuple[str, ...]:
    """Return the same without an incident; ``roles`` come before the roles of the home."""
    return tuple(_addressed(roles, directory, wanted, "").meant)


def deputies(incident: Incident, directory: Directory, step: str, roles: Sequence[str]) -> DeputiesNamed:
    """Return the deputies of roles and of the people who have these roles, and the roles without a deputy."""
    found: dict[str, list[str]] = {}
    without = []
    for role in dict.fromkeys(roles):
        held = incident.roles.get(role) or directory.roles.get(role, ())
        others = directory.deputies(role, held)
        for person in others:
            found.setdefault(person, []).append(role)
        if not others:
            without.append(role)
    return DeputiesNamed(
        step=step,
        deputies=tuple(Deputy(person=person, roles=tuple(of)) for person, of in found.items()),
        without_deputy=tuple(without),
    )


def rungs(
    incident: Incident,
    directory: Directory,
    wanted: tuple[str, ...],
    escalate_to: tuple[str, ...],
    meant: Mapping[str, str],
) -> tuple[Rung, ...]:
    """Return the escalation levels: each person once, at the lowest level. ``meant`` is person to delivery."""
    places: dict[str, dict[str, None]] = {}
    for person, delivery in meant.items():
        known = directory.people.get(person)
        if known is not None and known.alternate:
            places.setdefault(directory.standing_in(known.alternate), {})[delivery] = None
    for recipient in wanted:
        if recipient.startswith("role:"):
            held = [meant[p] for p in recipients(incident, directory, (recipient,)) if p in meant]
            for person in directory.alternates.get(recipient.removeprefix("role:"), ()):
                places.setdefault(directory.standing_in(person), {}).update(dict.fromkeys(held))
    stand_ins = {person: tuple(held) for person, held in places.items() if person not in meant and held}
    above = recipients(incident, directory, escalate_to or directory.escalation)
    return (
        *(Rung(person=person, level=1, stands_for=held) for person, held in stand_ins.items()),
        *(Rung(person=p, level=2) for p in above if p not in meant and p not in stand_ins),
    )


def readable(incident: Incident, invocation: Invocation, step: AnyStep) -> dict[str, object]:
    """Return the variables of a step's template with their current values."""
    facts = nested(incident.facts)
    about = {
        "codename": incident.codename,
        "id": incident.id,
        "kind": incident.kind,
        "title": incident.title,
        **facts.get("incident", {}),
    }
    due = None if invocation.due is None else f"{invocation.due:%Y-%m-%d %H:%M} UTC"
    return {
        **facts,
        "incident": about,
        "step": {"id": invocation.id, "title": title_of(step), "due": due},
        "item": incident.scopes[invocation.scope].item,
    }


UNUSABLE = "settings"
"""Replaces a rule number in a refusal: the settings of the channel are not usable."""


PROMISE = "next_update"
"""The template variable with the time of the next update."""


REMINDER = MessageTemplate(
    message_class="task-notice",
    subject="Overdue: {{ step.title }}",
    text="{{ step.title }} was due {{ step.due }}. Incident {{ incident.codename }}. tocsin task show {{ step.id }}",
)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The subject and text of a message, stored as an encrypted blob."""

    subject: str
    text: str


def kept(incident: Incident, tools: EffectContext, subject: str, text: str) -> str:
    """Store the subject and text of a message and return their digest."""
    return tools.blobs.put_blob(incident.id, msgspec.json.encode(Body(subject=subject, text=text)))


def compose(
    work: Compose, incident: Incident, library: Library, tools: EffectContext
) -> Composed | EffectFailed:
    """Return the composed message with its plans, or the reason of the failure; for an overdue approval with deputies."""
    step, named = library.step(incident, work.step), None
    if work.reminder and isinstance(step, Approve) and step.on_overdue and step.on_overdue.escalate:
        named = deputies(incident, tools.directory, work.step, step.by.roles)
    composed = _composed(work, incident, library, tools, named)
    return composed if named is None else msgspec.structs.replace(composed, deputies=named)


def _composed(
    work: Compose, incident: Incident, library: Library, tools: EffectContext, escalated: DeputiesNamed | None
) -> Composed | EffectFailed:
    from runner.documents.template.letter_template import fill_sentence

    invocation = incident.invocations[work.step]
    scope = incident.scopes[invocation.scope]
    playbook = library.plans[incident.runs[scope.run].plan].playbook(scope.playbook)
    template = REMINDER if work.reminder else playbook.messages[work.template]
    try:
        kind = message_class(template.message_class, tools.directory, playbook.classes)
    except NotFound as error:
        return EffectFailed(step=work.step, why=f"{error.message}: {error.hint}")
    acting = tuple(f"person:{deputy.person}" for deputy in escalated.deputies) if escalated else ()
    wanted = (*_addressees(incident, invocation, work, template, library), *acting)
    found = addressed(incident, tools.directory, wanted, kind)
    if not (work.reminder or acting):
        found = without_alerted(incident, kind, found, scope.run)
    if not (found.meant or found.filled or found.alerted):
        named = ", ".join(work.to or template.to) or "none"
        return EffectFailed(step=work.step, why=f"no recipient ({named}): tocsin role assign ROLE PERSON")
    coming = next_update(incident, library, invocation, tools.now())
    names = readable(incident, invocation, library.step(incident, invocation.id))
    names["next_update"] = coming.isoformat() if coming else None
    # One line, even with line breaks in facts: a subject may be a header.
    subject = " ".join(
        fill_sentence(template.subject or f"{incident.codename}: {work.template}", names).split()
    )
    text = fill_sentence(template.text, names)
    if forbidden := forbidden_text(subject, text, tuple(incident.overrides.values())):
        return EffectFailed(step=work.step, why=forbidden)
    traits = traits_of(text, kind, incident)
    body = kept(incident, tools, subject, text)
    return Composed(
        event=MessageComposed(
            step=work.step,
            message=tools.new_id("m"),
            message_class=kind,
            body=body,
            to=tuple(found.meant),
            plans=deliveries(incident, tools, kind, found, wanted, template.escalate_to, traits),
            filled=found.filled,
            alerted=found.alerted,
            unheld=found.unheld,
            traits=tuple(sorted(traits)),
            reason=REPEATED if work.reminder else "",
            requested_by=_requested_by(incident, invocation, library),
            next_update=coming if PROMISE in template.text or PROMISE in template.subject else None,
        )
    )


def deliveries(
    incident: Incident,
    tools: EffectContext,
    kind: MessageClass,
    found: Addressed,
    wanted: tuple[str, ...],
    above: tuple[str, ...],
    traits: frozenset[str],
) -> tuple[PlannedDelivery, ...]:
    """Plan the recipients, and the people for later escalation levels."""
    meant = {person: tools.new_id("d") for person in found.meant}
    plans = [
        msgspec.structs.replace(
            planned(incident, tools, kind, person, name, traits), roles=found.meant[person]
        )
        for person, name in meant.items()
    ]
    if kind.escalate_after is not None and (meant or not found.alerted):
        for rung in rungs(incident, tools.directory, wanted, above, meant):
            plan = planned(incident, tools, kind, rung.person, tools.new_id("d"), traits)
            plans.append(msgspec.structs.replace(plan, level=rung.level, stands_for=rung.stands_for))
    return tuple(plans)


def _requested_by(incident: Incident, invocation: Invocation, library: Library) -> str:
    """Return the person behind a message: who ended the previous step, else who opened the incident."""
    scope = incident.scopes[invocation.scope]
    before = [find_step(incident, scope, name) for name in library.step(incident, invocation.id).after.steps]
    ended = [step for step in before if step is not None and step.ended_by and step.ended_at is not None]
    last = max(ended, key=lambda one: one.ended_at or incident.opened_at, default=None)
    return last.ended_by if last is not None else incident.opened_by


def planned(
    incident: Incident,
    tools: EffectContext,
    kind: MessageClass,
    person: str,
    delivery: str,
    traits: frozenset[str] = frozenset(),
) -> PlannedDelivery:
    """Return one person's delivery plan for the journal."""
    plan = planned_for(
        plan_context(incident, tools.now(), tools.compromises()), tools.directory, kind, person, traits
    )
    lifetimes = {
        name: tools.directory.channels[name].key_lifetime
        for name in plan.channels
        if tools.directory.channels[name].honours_key
    }
    return PlannedDelivery(
        delivery=delivery,
        person=person,
        channels=plan.channels,
        goal=kind.goal,
        refusals=plan.refusals,
        key_lifetimes=lifetimes,
        recalls=tuple(name for name in plan.channels if tools.directory.channels[name].recalls),
        domains={step.channel: tuple(sorted(step.domains)) for step in plan.steps},
        overridden=plan.overridden,
        unverified=tuple(
            step.channel for step in plan.steps if step.contact and step.contact.verified_at is None
        ),
    )


def replan(incident: Incident, tools: EffectContext) -> Replanned:
    """Return new plans for every open delivery, for the current state of the failure domains."""
    fallen = sorted(d.name for d in incident.domains.values() if d.state != "up")
    plans = []
    for name in sorted(incident.moving):
        delivery = incident.deliveries[name]
        message = incident.messages[delivery.message]
        traits = frozenset(message.traits)
        plans.append(planned(incident, tools, message.message_class, delivery.person, name, traits))
    reason = f"compromised domains: {', '.join(fallen)}" if fallen else "domains or contacts changed"
    return Replanned(plans=tuple(plans), reason=reason, asked=incident.replan_asked)


def planned_for(
    context: PlanContext,
    directory: Directory,
    kind: MessageClass,
    person: str,
    traits: frozenset[str] = frozenset(),
) -> DeliveryPlan:
    """Plan one message class to one person over all channels; unusable channels are refused."""
    known = with_own_domains(context, directory)
    found = plan(kind, tuple(directory.channels.values()), directory.recipient(person), known, traits)
    broken = tuple(Refusal(channel=name, rule=UNUSABLE, why=why) for name, why in directory.broken.items())
    return msgspec.structs.replace(found, refusals=(*found.refusals, *broken)) if broken else found


def _addressees(
    incident: Incident,
    invocation: Invocation,
    work: Compose,
    template: MessageTemplate,
    library: Library,
) -> tuple[str, ...]:
    if not work.reminder:
        return work.to or template.to
    step = library.step(incident, invocation.id)
    holder = invocation.assignee or invocation.started_by
    role = getattr(step, "role", "")
    roles = step.by.roles if hasattr(step, "by") else ((role,) if role else ())
    told = [f"person:{holder}"] if holder else [f"role:{name}" for name in roles]
    return (*told, *((f"role:{invocation.escalated_to}",) if invocation.escalated_to else ()))
