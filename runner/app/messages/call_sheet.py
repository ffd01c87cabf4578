"""Call sheet on paper: people, numbers, texts, and boxes for the results.

The sheet has unencrypted addresses. It is created on request, and the program stores no copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.documents.tree import (
    Block,
    Document,
    Heading,
    Listing,
    Paragraph,
    RenderContext,
    Stationery,
    Strong,
    Table,
    Text,
)
from runner.incident.state.incident import Incident
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Directory

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_RULES = (
    "Dial the number on this sheet, never one from a message or a signature.",
    "Give your name and the codename. Ask the other person for their name and a fact that only this person knows.",
    "Read the message word for word. Do not leave the message on a voice mailbox.",
    "Never give a password, a code or a payment on this call. End the call if someone asks for one.",
    "Write down the time and the answer. Record the call later: tocsin call DELIVERY --reached --note '…'",
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One person on the sheet; ``open`` has the deliveries that have not reached their goal."""

    person: str
    name: str
    roles: tuple[str, ...]
    numbers: tuple[str, ...]
    others: tuple[str, ...]
    open: tuple[str, ...]
    stands_in: str


def call_lines(directory: Directory, incident: Incident | None) -> tuple[Line, ...]:
    """Return all people: first people with open deliveries, then people with a role."""
    roles = {**directory.roles, **(incident.roles if incident is not None else {})}
    lines = [_line(directory, roles, incident, name) for name in sorted(directory.people)]
    return tuple(sorted(lines, key=lambda one: (not one.open, not one.roles)))


def _line(
    directory: Directory, roles: dict[str, tuple[str, ...]], incident: Incident | None, name: str
) -> Line:
    person = directory.people[name]
    kinds = {name: channel.address_kind for name, channel in directory.channels.items()}
    spoken = [one for one in person.contacts if kinds.get(one.channel, one.channel) == "phone"]
    deliveries = incident.deliveries.values() if incident is not None else ()
    return Line(
        person=name,
        name=person.name or name,
        roles=tuple(role for role, held in sorted(roles.items()) if name in held),
        numbers=tuple(dict.fromkeys(contact.address + _doubt(contact) for contact in spoken)),
        others=tuple(
            f"{contact.channel}: {contact.address}{_doubt(contact)}"
            for contact in person.contacts
            if contact not in spoken
        ),
        open=tuple(
            delivery.id
            for delivery in deliveries
            if delivery.person == name and delivery.state in ("active", "exhausted")
        ),
        stands_in=person.alternate if person.away else "",
    )


def _doubt(contact: ContactPoint) -> str:
    since = max((at for at in (contact.changed_at, contact.risk_at) if at is not None), default=None)
    verified = contact.verified_at is not None and (since is None or contact.verified_at > since)
    return "" if verified else " (not verified)"


def call_sheet(service: IncidentService, incident: Incident | None) -> Document:
    """Return the sheet of an incident, or of no incident."""
    lines = call_lines(service.directory, incident)
    return Document(
        id="call-sheet",
        version="1",
        template_sha256="",
        title="Call sheet",
        language="en",
        context=RenderContext(
            status="final",
            kind=incident.kind if incident is not None else "real",
            incident=incident.codename if incident is not None else "",
            timestamp=service.clock.now(),
            stationery=Stationery(name=str(service.home.organisation.get("name", ""))),
        ),
        blocks=tuple(_blocks(lines, incident, f"{service.clock.now():%d %B %Y, %H:%M} UTC")),
    )


def _blocks(lines: Sequence[Line], incident: Incident | None, made: str) -> Iterator[Block]:
    yield Heading(1, (Text("Call sheet"),))
    about = f"Incident {incident.codename}: {incident.title}. " if incident is not None else ""
    yield Paragraph((Text(f"{about}As of {made}. Lock this sheet away. It contains private numbers."),))
    yield Listing("decimal", 1, tuple((Paragraph((Text(rule),)),) for rule in _RULES))
    yield Table(
        aligns=("left",) * 5,
        head=tuple(
            (Text(title),) for title in ("Who", "Phone", "Other contacts", "Open", "Reached at, by, note")
        ),
        rows=tuple(_row(line) for line in lines),
    )


def _row(one: Line) -> tuple[tuple[Text | Strong, ...], ...]:
    roles = f"\n{', '.join(one.roles)}" if one.roles else ""
    away = f"\nAWAY: call {one.stands_in or 'another person'}" if one.stands_in else ""
    return (
        (Strong((Text(one.name),)), Text(f"{roles}{away}")),
        (Text("\n".join(one.numbers) or "none known"),),
        (Text("\n".join(one.others)),),
        (Text("\n".join(one.open)),),
        (Text("[  ] ____________________"),),
    )
