"""Push to a person's own browser: turned on and off by the person, reported as shown, and ended by the browser.

A subscription is a contact of the person, encrypted and erased as any other. The person also reads the message and acknowledges
it on a page of the room, because a notification has no text without a preview.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from runner.app.core.active_incident import OPEN
from runner.app.core.directory import add_person, remove_contact
from runner.app.messages.acknowledgement import ROOM, Acknowledged, acknowledge
from runner.app.messages.callbacks import secrets_of
from runner.app.messages.messages import WrittenMessage, compose_by_hand, plan_anew
from runner.base.states import MARKS
from runner.decoding import from_json
from runner.effects.messages.compose import Body
from runner.errors import UNREADABLE, NotFound, TocsinError
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.work import Deliver
from runner.reports.core.formatting import person_name
from runner.routing.messaging import Channel, ContactPoint, MessageClass, proves

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.messages.inbound import Inbox
    from runner.routing.inbound import Incoming


class OwnMessage(NamedTuple):
    """One message to a person, as the person reads it."""

    incident: Incident
    delivery: Delivery
    kind: MessageClass
    title: str
    """The subject, with the mark of an exercise or a test."""
    text: str
    channel: str
    """The channel of browsers over which it was last sent; empty for none."""

    @property
    def open(self) -> bool:
        """Whether an answer is wanted and would prove more than before."""
        waits = self.delivery.lapsed or not proves(self.delivery.evidence, self.kind.goal)
        return self.kind.wants_answer and waits


def channels(service: IncidentService) -> list[Channel]:
    """Return the channels whose addresses browsers make."""
    return [one for one in service.directory.channels.values() if service.gateway.subscribes(one)]


def offers(service: IncidentService, person: str) -> list[tuple[str, str, ContactPoint | None]]:
    """Return each channel over which a person can get push, its key for browsers, and the present subscription.

    The key is empty if the channel has no usable one. A person outside the contact list gets no push.
    """
    known = service.directory.people.get(person)
    present = {one.channel: one for one in known.contacts} if known is not None else {}
    usable = channels(service) if known is not None else []
    keys = {one.id: service.gateway.browser_key(one, secrets_of(service, one)) for one in usable}
    return [(name, key, present.get(name)) for name, key in keys.items()]


def turn(service: IncidentService, person: str, channel: str, address: str) -> None:
    """Record the subscription of a person's browser, which replaces the one before; an empty one ends it.

    Raises Refused, or NotFound for an unknown person or channel, or without a subscription to end.
    """
    service.known(person)
    if channel not in {one.id for one in channels(service)}:
        raise NotFound(
            f'Channel "{channel}" sends no push.', hint="Use the page again.", code="unknown_channel"
        )
    if address:
        add_person(service, person, "", (ContactPoint(channel=channel, address=address),), by=person)
    elif channel not in {one.channel for one in service.directory.people[person].contacts}:
        raise NotFound(
            "The browser sent no subscription. Push needs scripts in this browser.",
            hint="Allow scripts for this page.",
            code="unknown_contact",
        )
    else:
        remove_contact(service, person, channel, "turned off on the page of the account", by=person)
    plan_anew(service, person)


def shown(service: IncidentService, inbox: Inbox, incoming: Incoming) -> bool:
    """Record that a browser has shown a notification; false if no channel made its mark."""
    for channel in channels(service):
        heard = service.gateway.parse_callback(channel, incoming, secrets_of(service, channel))
        if heard:
            inbox.take(channel, heard)
            return True
    return False


def ended(service: IncidentService, work: Deliver, channel: Channel) -> None:
    """Remove a subscription that the browser ended, and tell the commander; the message itself goes over other channels.

    A subscription that is newer than the attempt stays: it is another one.
    """
    if not service.gateway.subscribes(channel):
        return
    incident = service.load(work.incident)
    delivery = incident.deliveries[work.delivery]
    began = next(one.started_at for one in delivery.attempts if one.n == work.n)
    contacts = service.directory.recipient(delivery.person).contacts
    found = [one for one in contacts if one.channel == channel.id]
    if not found or any(one.changed_at is not None and one.changed_at > began for one in found):
        return
    remove_contact(service, delivery.person, channel.id, "the browser ended its subscription")
    name, own = person_name(delivery.person), service.of(service.principal.program())
    text = (
        f"Push over {channel.id} no longer reaches {name}: the browser ended its subscription. "
        f"Ask {name} to turn push on again, on the page of the account."
    )
    with suppress(TocsinError):  # nobody has that role, or the incident is paused
        message = compose_by_hand(own, incident, WrittenMessage(text=text, to=("role:commander",)))
        own.act(own.principal, incident.id, [message])
    plan_anew(service, delivery.person)


def own_message(service: IncidentService, person: str, delivery: str) -> OwnMessage | None:
    """Return a message of an open incident to a person; None if there is none of that name to this person."""
    for row in reversed(service.incidents()):
        if row.state not in OPEN:
            continue
        try:
            incident = service.load(row.id)
        except UNREADABLE:
            continue
        found = incident.deliveries.get(delivery)
        if found is not None and found.person == person:
            return _read(service, incident, found)
    return None


def _read(service: IncidentService, incident: Incident, delivery: Delivery) -> OwnMessage:
    message = incident.messages[delivery.message]
    body = from_json(service.repository.document(message.body), Body)
    names = {one.id for one in channels(service)}
    used = [one.channel for one in delivery.attempts if one.channel in names]
    mark = f"[{MARKS[incident.kind]}] " if incident.kind != "real" else ""
    title, channel = f"{mark}{body.subject}", used[-1] if used else ""
    return OwnMessage(incident, delivery, message.message_class, title, body.text, channel)


def answer(service: IncidentService, found: OwnMessage, *, passkey: bool) -> Acknowledged:
    """Record the acknowledgement of a message by its recipient.

    With a passkey it is an answer over the channel of the push, which authorises if that channel may carry the decision.
    """
    strong = passkey and bool(found.channel)
    return acknowledge(
        service,
        delivery=found.delivery.id,
        incident=found.incident.id,
        person=found.delivery.person,
        via=found.channel if strong else ROOM,
        strength="authorises" if strong else "seen",
    )
