"""Replies to STOP and HELP over channels whose provider sends none (R38).

A reply is sent after the text is stored, and only once: if the process stops between the two, there is no reply, and the
opt-out counts all the same. The reply is no message of an incident.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from runner.app.messages.communications_check import Way, send
from runner.routing.messaging import Channel, ContactPoint

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

WITHIN = timedelta(minutes=5)
"""A confirmation within this time counts as covered by the consent (47 CFR 64.1200(a)(12))."""
AGAIN = timedelta(days=1)
"""How often one number gets an answer to HELP, so that two machines do not answer each other."""
PREFIX = "helped/"


class OptOutReplies:
    """Waiting replies of one process."""

    def __init__(self, service: IncidentService) -> None:
        """Start without any."""
        self._service = service
        self._waiting: list[tuple[Channel, str, str, datetime]] = []

    def add(self, channel: Channel, address: str, asked: Literal["stop", "help"]) -> None:
        """Plan the reply to a known person, who has just opted out for the first time or asks for help."""
        now = self._service.clock.now()
        if asked == "help" and not self._first(address, now):
            return
        self._waiting.append((channel, address, reply(self._service.home.organisation, asked), now))

    def _first(self, address: str, now: datetime) -> bool:
        """Tell whether a number had no answer to HELP for a day, and note this one; older notes are deleted."""
        name = (
            f"{PREFIX}{self._service.campaign_tables(self._service.principal).digest('phone', address).hex()}"
        )
        kept = {one: datetime.fromisoformat(at.decode()) for one, at in self._service.marks(PREFIX).items()}
        old = [one for one, at in kept.items() if now - at >= AGAIN]
        if name in kept.keys() - set(old):
            return False
        self._service.change_marks([name, *old], lambda _: {name: now.isoformat().encode()})
        return True

    def send(self) -> None:
        """Send the waiting replies, each once; after five minutes a reply is dropped."""
        waiting, self._waiting = self._waiting, []
        for channel, address, text, since in waiting:
            if self._service.clock.now() - since <= WITHIN:
                contact = ContactPoint(channel=channel.id, address=address)
                way = Way(person="", channel=channel, contact=contact, check=None)
                send(self._service, way, "", text, deadline=since + WITHIN)


def reply(organisation: dict[str, Any], asked: Literal["stop", "help"]) -> str:
    """Return the text: without advertising, with the name and contact that the settings have."""
    name, contact = str(organisation.get("name") or ""), organisation.get("contact") or {}
    named = ", ".join(str(contact[key]) for key in ("name", "phone", "email") if contact.get(key))
    questions = f" Contact: {named}." if named else ""
    if asked == "stop":
        return f"{name}: you opted out and get no more text messages from us.{questions}"
    return f"{name} sends text messages about security incidents.{questions} Reply STOP to opt out."
