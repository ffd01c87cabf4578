"""Acknowledgement of a message, by its code, by its link, or for a delivery that a channel named.

All invalid attempts get the same refusal, so that the answer reveals nothing. The engine decides what an
acknowledgement proves; this module adds only its channel and the strength of that channel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.base.states import Kind, Proof, Refusal
from runner.effects.context import plan_context, with_own_domains
from runner.errors import UNREADABLE, Refused, Sealed
from runner.incident.state.commands import Acknowledge
from runner.incident.state.incident import Delivery, Incident
from runner.routing.messaging import AckStrength, Channel
from runner.routing.planner import choose
from runner.routing.rules import OUTSIDERS
from runner.vault.derived_tokens import LENGTH, ack_code, holds, read_link, spoken

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

COMMAND_LINE, ROOM = "command line", "web page"
"""Ways of an answer that are no channel."""
LINK = "link"


class Acknowledged(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/acknowledged/v1"
):
    """The result of an acknowledgement; ``changed`` is false if it proved nothing new."""

    incident: str
    codename: str
    kind: Kind
    delivery: str
    person: str
    evidence: Proof
    changed: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a link's page before an acknowledgement."""

    codename: str
    kind: Kind
    sent_at: datetime
    state: Literal["open", "done"]
    """``done`` if the message is acknowledged, or needs no acknowledgement any more."""


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    incident: Incident
    delivery: Delivery
    channel: Channel | None = None
    via: str = ""
    token: str = ""


def acknowledge(
    service: IncidentService,
    *,
    code: str = "",
    token: str = "",
    delivery: str = "",
    incident: str = "",
    person: str = "",
    via: str = "",
    strength: AckStrength = "seen",
    note: str = "",
) -> Acknowledged:
    """Record a person's acknowledgement of a message; raises Refused (``ack_refused``) without a reason.

    One of ``code``, ``token`` (a link) and ``delivery`` (with its incident, if the channel names it) identifies the message.
    ``person`` acknowledges: optional with a link, because a link is for one person. ``via`` is the
    channel of the answer; ``strength`` is that channel's strength of acknowledgement.
    """
    if token:
        found = _by_link(service, token, person)
    elif code:
        found = _by_code(service, code, person, via, incident)
    else:
        loaded = _loaded(service, incident)
        known = loaded.deliveries.get(delivery) if loaded else None
        if loaded is None or known is None:
            raise refused()
        found = _with_channel(service, loaded, known, via)
    made = _command(service, found, person, strength, note)
    turn = service.act(service.principal, found.incident.id, [made])
    after = turn.after
    proved = after.deliveries[found.delivery.id]
    return Acknowledged(
        incident=after.id,
        codename=after.codename,
        kind=after.kind,
        delivery=proved.id,
        person=proved.person,
        evidence=proved.evidence,
        changed=proved != turn.before.deliveries[proved.id],
    )


def look_at(service: IncidentService, token: str) -> Shown:
    """Return the content of a link's page without a change; raises Refused as ``acknowledge`` does."""
    found = _by_link(service, token, "")
    delivery = found.delivery
    open_ = delivery.state in ("active", "exhausted")
    return Shown(
        codename=found.incident.codename,
        kind=found.incident.kind,
        sent_at=found.incident.messages[delivery.message].at,
        state="open" if open_ and found.token not in delivery.spent else "done",
    )


def refused() -> Refused:
    """Return the single refusal for unknown, expired, used, forged and other people's codes and links."""
    return Refused(
        "The code or the link is unknown or expired.",
        hint="Check the last line of the message, or call the sender.",
        code="ack_refused",
    )


def code_for(service: IncidentService, incident: Incident, delivery: str) -> str:
    """Return the code of a delivery as shown in its message; empty if the message shows no code."""
    found = incident.deliveries.get(delivery)
    if found is None or incident.messages[found.message].message_class.audience in OUTSIDERS:
        return ""
    return ack_code(service.store.vouch, incident.id, delivery)


def _command(
    service: IncidentService, found: _Found, person: str, strength: AckStrength, note: str
) -> Acknowledge:
    channel = found.channel
    return Acknowledge(
        person=person or found.delivery.person,
        delivery=found.delivery.id,
        via=found.via,
        note=note,
        token=found.token,
        sim_swappable=channel is not None and channel.sim_swappable,
        domains=_domains(service, found),
        authorises=strength == "authorises" and _may_decide(service, found),
    )


def _domains(service: IncidentService, found: _Found) -> frozenset[str]:
    """Return the failure domains of the channel, and of every address of the person on it."""
    if found.channel is None:
        return frozenset()
    contacts = service.directory.recipient(found.delivery.person).contacts
    fitting = (c for c in contacts if c.channel in (found.channel.id, found.channel.address_kind))
    return found.channel.domains.union(*(contact.domains for contact in fitting))


def _may_decide(service: IncidentService, found: _Found) -> bool:
    """Tell whether the planner would now allow a request for a decision to this person over this channel."""
    if found.channel is None or found.channel.ack_strength != "authorises":
        return False
    recipient = service.directory.recipient(found.delivery.person)
    known = plan_context(found.incident, service.clock.now(), service.compromises())
    context = with_own_domains(known, service.directory)
    kind = msgspec.structs.replace(
        found.incident.messages[found.delivery.message].message_class,
        goal="authorised",
    )
    return not isinstance(choose(kind, found.channel, recipient, context), Refusal)


def _by_link(service: IncidentService, token: str, person: str) -> _Found:
    link = read_link(token)
    if link is None or link.ends < service.clock.now():
        raise refused()
    incident = _loaded(service, link.incident)
    delivery = incident.deliveries.get(link.delivery) if incident else None
    if incident is None or delivery is None or not holds(service.store.vouch, link, delivery.person):
        raise refused()
    if person not in ("", delivery.person):
        raise refused()
    attempt = next((attempt for attempt in delivery.attempts if attempt.n == link.attempt), None)
    channel = service.directory.channels.get(attempt.channel) if attempt is not None else None
    if attempt is None or channel is None:
        raise refused()
    if delivery.lapsed and attempt.started_at < (delivery.reminded_at or attempt.started_at):
        raise refused()
    via = f"{LINK}, sent over {attempt.channel}"
    return _Found(incident=incident, delivery=delivery, channel=channel, via=via, token=link.digest)


def _by_code(service: IncidentService, code: str, person: str, via: str, only: str) -> _Found:
    """Find the delivery of a code; ``person`` decides between deliveries of several people."""
    wanted = spoken(code)
    if len(wanted) != LENGTH:
        raise refused()
    vouch = service.store.vouch
    found = [
        (incident, delivery)
        for incident in _open(service, only)
        for delivery in incident.deliveries.values()
        if ack_code(vouch, incident.id, delivery.id) == wanted
    ]
    mine = [match for match in found if not person or match[1].person == person]
    if len(mine) != 1:
        if via not in (COMMAND_LINE, ROOM) or len(found) != 1:
            raise refused()
        # On the command line nothing is secret, and a wrong name is a typing error.
        owner = found[0][1].person
        raise Refused(
            f"This code belongs to {owner}.",
            hint=f"Use --as {owner}, or --on-behalf-of {owner} --via phone",
            code="ack_of_another",
        )
    incident, delivery = mine[0]
    return _with_channel(service, incident, delivery, via)


def _with_channel(service: IncidentService, incident: Incident, delivery: Delivery, via: str) -> _Found:
    """Add the channel; an answer over an unknown channel proves nothing."""
    channel = service.directory.channels.get(via)
    if channel is None and via not in (COMMAND_LINE, ROOM):
        raise refused()
    return _Found(incident=incident, delivery=delivery, channel=channel, via=via)


def _open(service: IncidentService, only: str) -> Iterator[Incident]:
    for row in service.incidents():
        if row.state in ("open", "paused") and (not only or row.id == only):
            incident = _loaded(service, row.id)
            if incident is not None:
                yield incident


def _loaded(service: IncidentService, incident: str) -> Incident | None:
    """Return an incident of this store, or None if it does not exist or cannot be read."""
    if service.row(incident) is None:
        return None
    try:
        return service.load(incident)
    except UNREADABLE:
        return None


class Links:
    """Serves links, one at a time; safe for several threads."""

    def __init__(self, service: IncidentService) -> None:
        self._service = service
        self._lock = threading.Lock()

    def shown(self, link: str) -> Shown | None:
        """Return the content of a link's page without a change; None for an invalid link."""
        with self._lock:
            try:
                return look_at(self._service, link)
            except (Refused, Sealed):
                return None

    def acknowledged(self, link: str) -> Acknowledged | None:
        """Acknowledge by a link; None for an invalid link."""
        with self._lock:
            self._service.forget_directory()
            try:
                return acknowledge(self._service, token=link)
            except (Refused, Sealed):
                return None
