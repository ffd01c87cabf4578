"""Message from a person: planned as every other message, with literal text, never a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action, Slot, assign_role
from runner.app.messages.messages import addressee, known_class
from runner.base.text import clean, text_problem
from runner.effects.messages.compose import Body, deliveries
from runner.effects.messages.content_screening import forbidden_text, traits_of
from runner.effects.messages.escalation_levels import Addressed, addressed
from runner.errors import NotFound, Refused
from runner.incident.state.commands import Composed
from runner.incident.state.incident import Incident
from runner.incident.state.messages import MessageComposed
from runner.routing.messaging import MessageClass, proves

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

EVERYBODY = "everybody"
INFORMS, ASKS = "status-update", "urgent-internal"
"""The default classes: without and with an acknowledgement."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The text and the recipients of a person's message."""

    text: str
    to: tuple[str, ...]
    """Roles, persons, or ``everybody`` for all people with a role in the incident."""
    message_class: str = ""
    ask_ack: bool = False


def compose_by_hand(service: IncidentService, incident: Incident, written: Written) -> Composed:
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


def _kind(service: IncidentService, incident: Incident, written: Written) -> MessageClass:
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
