"""Quorum of a message: acknowledgements so far, and those still needed. Pure.

A deputy counts as the person, once. An escalation contact counts as one more, except if everybody must
acknowledge, since nobody can acknowledge for all. A message without acknowledgement is sent to each recipient;
a message with one stops for all as soon as enough people have acknowledged.
"""

from __future__ import annotations

from runner.incident.state.incident import Delivery, Incident


def deliveries_of(incident: Incident, message: str) -> list[Delivery]:
    """Return a message's deliveries, those to its recipients first."""
    return [incident.deliveries[name] for name in incident.messages[message].deliveries]


def count_reached(incident: Incident, message: str) -> tuple[int, int]:
    """Return how many people are reached, and how many are required."""
    return _counted(deliveries_of(incident, message), incident.messages[message].message_class.ack_quorum)


def quorum_met(incident: Incident, message: str) -> bool:
    """Tell whether the class's quorum is met; never without recipients.

    Exceptions: the opener of the incident has every role that it addresses; all others were alerted already.
    """
    record = incident.messages[message]
    deliveries = deliveries_of(incident, message)
    return (
        enough_of(deliveries, record.message_class.ack_quorum)
        if deliveries
        else bool(record.filled or record.alerted)
    )


def enough_of(deliveries: list[Delivery], rule: object) -> bool:
    """Tell whether given deliveries meet a quorum."""
    reached, wanted = _counted(deliveries, rule)
    return bool(deliveries) and reached >= wanted


def _counted(deliveries: list[Delivery], rule: object) -> tuple[int, int]:
    if rule == "each_role":
        roles = roles_of(deliveries)
        return sum(roles.values()), len(roles)
    contacts = (delivery for delivery in deliveries if delivery.level > 0 and not delivery.stands_for)
    above = sum(delivery.state == "satisfied" for delivery in contacts)
    reached = len(answered_by_deputy(deliveries)) + (0 if rule == "all" else above)
    return reached, _wanted(rule, sum(delivery.level == 0 for delivery in deliveries))


def answered_by_deputy(deliveries: list[Delivery]) -> set[str]:
    """Return the deliveries to recipients that are acknowledged, by the recipient or a deputy."""
    reached = [delivery for delivery in deliveries if delivery.state == "satisfied"]
    meant = {delivery.id for delivery in deliveries if delivery.level == 0}
    return {name for delivery in reached for name in (delivery.id, *delivery.stands_for)} & meant


def places(delivery: Delivery) -> tuple[str, ...]:
    """Return the roles in which a person was addressed; a person addressed by name counts as one role."""
    return delivery.roles or (f"person:{delivery.person}",)


def roles_of(deliveries: list[Delivery]) -> dict[str, bool]:
    """Return every addressed role for which a person was paged, and whether it was reached."""
    done = answered_by_deputy(deliveries)
    roles: dict[str, bool] = {}
    for delivery in deliveries:
        if delivery.level == 0:
            roles |= {role: roles.get(role, False) or delivery.id in done for role in places(delivery)}
    return roles


def settled(deliveries: list[Delivery], rule: object) -> set[str]:
    """Return the deliveries to recipients whose acknowledgement is not awaited any more."""
    done = answered_by_deputy(deliveries)
    if rule != "each_role":
        return done
    roles = roles_of(deliveries)
    return done | {
        delivery.id
        for delivery in deliveries
        if delivery.level == 0 and all(roles[role] for role in places(delivery))
    }


def awaited(incident: Incident, message: str) -> list[Delivery]:
    """Return the deliveries to recipients whose acknowledgement is expected."""
    deliveries = deliveries_of(incident, message)
    done = settled(deliveries, incident.messages[message].message_class.ack_quorum)
    return [
        delivery
        for delivery in deliveries
        if delivery.level == 0 and delivery.id not in done and delivery.state != "cancelled"
    ]


class Answers:
    """The awaited acknowledgements of an incident in its present state; each message is counted once."""

    def __init__(self, incident: Incident) -> None:
        self._incident = incident
        self._counts: dict[str, tuple[bool, set[str]]] = {}

    def unneeded(self, delivery: Delivery) -> str:
        """Return why a delivery needs no acknowledgement any more, or nothing while a person has to acknowledge."""
        message = self._incident.messages[delivery.message]
        if not message.message_class.wants_answer or delivery.lapsed:
            return ""
        every, done = self._count(message.id)
        places = delivery.stands_for or (delivery.id,)
        if every or ((delivery.level == 0 or delivery.stands_for) and done.issuperset(places)):
            return f"acknowledged by {answered(deliveries_of(self._incident, message.id))}"
        return ""

    def _count(self, message: str) -> tuple[bool, set[str]]:
        """Return whether enough people have acknowledged a message, and which deliveries are acknowledged."""
        counted = self._counts.get(message)
        if counted is None:
            rule = self._incident.messages[message].message_class.ack_quorum
            done = settled(deliveries_of(self._incident, message), rule)
            counted = self._counts[message] = quorum_met(self._incident, message), done
        return counted


def answered(deliveries: list[Delivery]) -> str:
    """Return the people who have acknowledged, as text."""
    people = (delivery.person for delivery in deliveries if delivery.state == "satisfied")
    return ", ".join(dict.fromkeys(people))


def _wanted(rule: object, meant: int) -> int:
    match rule:
        case "all":
            return meant
        case int():
            return min(rule, meant) if meant else rule
        case _:
            return 1
