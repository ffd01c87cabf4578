"""Replies to STOP and HELP over channels whose provider sends none (R38).

A reply is sent after the opt-out is stored, and once a day: if the process stops between the two, there is no reply, and the
opt-out counts all the same. The reply is no message of an incident.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from runner.app.messages.communications_check import Way, send
from runner.routing.messaging import Channel, ContactPoint

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Asked = Literal["stop", "help"]
WITHIN = timedelta(minutes=5)
"""A confirmation within this time counts as covered by the consent (47 CFR 64.1200(a)(12))."""
AGAIN = timedelta(days=1)
"""How often one number gets the same reply, so that two machines do not answer each other."""
PREFIX: Mapping[Asked, str] = {"help": "helped/", "stop": "stopped/"}


class OptOutReplies:
    """Waiting replies of one process."""

    def __init__(self, service: IncidentService) -> None:
        """Start without any."""
        self._service = service
        self._waiting: list[tuple[Channel, str, str, datetime]] = []

    def add(self, channel: Channel, address: str, asked: Asked) -> None:
        """Plan the reply to a known person, whose opt-out was stored just now, or who asks for help."""
        now = self._service.clock.now()
        if self._first(address, asked, now):
            text = reply(self._service.home.organisation, asked)
            self._waiting.append((channel, address, text, now))

    def _first(self, address: str, asked: Asked, now: datetime) -> bool:
        """Tell whether a number had no such reply for a day, in any process, and note this one; older notes are deleted."""
        number = self._service.campaign_tables(self._service.principal).digest("phone", address).hex()
        name = f"{PREFIX[asked]}{number}"
        first = False

        def is_old(at: bytes) -> bool:
            return now - datetime.fromisoformat(at.decode()) >= AGAIN

        def note(there: Mapping[str, bytes]) -> Mapping[str, bytes]:
            nonlocal first
            first = name not in there or is_old(there[name])
            return {name: now.isoformat().encode() if first else there[name]}

        old = [one for one, at in self._service.marks(PREFIX[asked]).items() if is_old(at)]
        self._service.change_marks([name, *old], note)
        return first

    def send(self) -> None:
        """Send the waiting replies, each once; after five minutes a reply is dropped."""
        waiting, self._waiting = self._waiting, []
        for channel, address, text, since in waiting:
            if self._service.clock.now() - since <= WITHIN:
                contact = ContactPoint(channel=channel.id, address=address)
                way = Way(person="", channel=channel, contact=contact, check=None)
                send(self._service, way, "", text, deadline=since + WITHIN)


def reply(organisation: dict[str, Any], asked: Asked) -> str:
    """Return the text: without advertising, with the name and contact that the settings have."""
    name, contact = str(organisation.get("name") or ""), organisation.get("contact") or {}
    named = ", ".join(str(contact[key]) for key in ("name", "phone", "email") if contact.get(key))
    questions = f" Contact: {named}." if named else ""
    if asked == "stop":
        return f"{name}: you opted out and get no more text messages from us.{questions}"
    return f"{name} sends text messages about security incidents.{questions} Reply STOP to opt out."
