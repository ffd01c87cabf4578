"""Evidence of an acknowledgement, by the channel of the reply. Pure.

An attacker who controls a phone number or a tenant could stop the escalation with one word. Over such a channel an
answer proves only that the message was read, and the escalation continues. A decision needs a channel that may carry
decisions, and must come from another person than the one who asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.actions import Action
from runner.base.actor import Principal
from runner.base.states import Proof
from runner.errors import NotFound, Refused
from runner.incident.messages.escalation import OPEN
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Delivery, Incident
from runner.routing.messaging import EVIDENCE


def delivery_of(incident: Incident, delivery: str) -> Delivery:
    """Return a delivery by its id; raises NotFound."""
    found = incident.deliveries.get(delivery)
    if found is None:
        raise NotFound(
            f'Delivery "{delivery}" does not exist.', hint=Action("message.list"), code="unknown_delivery"
        )
    return found


def acknowledged(incident: Incident, command: c.Acknowledge) -> tuple[e.AnyEvent, ...]:
    """Return the event of an acknowledgement, or nothing if it proves nothing new."""
    delivery = delivery_of(incident, command.delivery)
    if command.person != delivery.person:
        raise Refused(
            f'Only "{delivery.person}" can acknowledge delivery "{delivery.id}".',
            hint=f"After a phone call, run: tocsin call {delivery.id} --reached",
            code="ack_of_another",
        )
    proof = proof_of(incident, delivery, command)
    spent = bool(command.token) and command.token in delivery.spent
    if spent or not _adds(delivery, proof):
        return ()
    return (e.event_of(e.EvidenceRaised, command, by=command.person, evidence=proof),)


def by_acting(
    incident: Incident, principal: Principal, commands: Sequence[c.AnyCommand]
) -> tuple[c.Acknowledge, ...]:
    """Return the acknowledgements of the alerts that called a person who now acts in the incident: nobody calls who works.

    A claim acknowledges nothing. Nor does an act acknowledge a message that does not only call: its text must be read.
    """
    account = (principal.proven_by or "").startswith("login:") and principal.scopes is None
    acts = not all(isinstance(one, c.AskReplan) for one in commands) and not principal.on_behalf_of
    if not (account and acts and incident.state in ("open", "paused")):
        return ()
    given = {one.delivery for one in commands if isinstance(one, c.Acknowledge)}
    where = "at the command line" if principal.os_user else "in the room"
    return tuple(
        c.Acknowledge(person=one.person, delivery=one.id, via=f"an act {where}")
        for one in incident.deliveries.values()
        if one.person == principal.person and one.state in OPEN and not one.waits and one.id not in given
        if incident.messages[one.message].message_class.mobilises and not incident.messages[one.message].about
    )


def proof_of(incident: Incident, delivery: Delivery, command: c.Acknowledge) -> Proof:
    """Return the level of evidence of an answer over this channel."""
    fallen = {domain.name for domain in incident.domains.values() if domain.state == "compromised"}
    if command.sim_swappable or command.domains & fallen:
        return "read"
    message = incident.messages[delivery.message]
    decides = message.message_class.goal == "authorised" and command.person != message.requested_by
    return "authorised" if command.authorises and decides else "acked"


def _adds(delivery: Delivery, proof: Proof) -> bool:
    """Tell whether it is more evidence than before, or renews an expired acknowledgement."""
    known, new = EVIDENCE.index(delivery.evidence), EVIDENCE.index(proof)
    return new > known or (delivery.lapsed and new >= EVIDENCE.index(delivery.goal))
