"""Call sheet on paper: people, numbers, texts, and boxes for the results.

The sheet has unencrypted addresses. It is created on request, and the program stores no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.rights import is_break_glass
from runner.base.actor import Principal
from runner.decoding import from_json, json_reader
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
from runner.errors import UNREADABLE, TocsinError
from runner.incident.messages.escalation import callers
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import person_name, person_names
from runner.routing.messaging import ContactPoint, carries, carries_personal
from runner.routing.organisation import Directory

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_RULES = (
    "Dial the number on this sheet, never one from a message or a signature.",
    "Give your name and the codename. Ask the other person for their name and a fact that only this person knows.",
    "Read out what stands under READ ALOUD, word for word, and no more. Do not leave it on a voice mailbox.",
    "Never give a password, a code or a payment on this call. End the call if someone asks for one.",
    "Write down the time and the answer. Record the call later: tocsin call DELIVERY --reached --note '…'",
)


_SHORT = 200
"""The most characters of a text in a list."""
_UNKNOWN = "No phone number known"


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


# --- what to say, and who sees the number ----------------------------------------------------------------


def words_of(service: IncidentService, incident: Incident, delivery: str) -> tuple[str, str, str]:
    """Return the subject and the text of a message, and what a caller reads out; all empty if it cannot be read.

    A call has the limit of ``internal`` and of contact data: the telephone network is not encrypted end to end (R8, R9). Of a
    message of another class, a caller says only that it waits.
    """
    from runner.effects.messages.compose import Body

    try:
        message, room = incident.messages[incident.deliveries[delivery].message], incident.war_room
        body = from_json(service.repository.document(message.body), Body)
    except (KeyError, *UNREADABLE):
        return "", "", ""
    kind = message.message_class
    if carries("internal", kind.confidentiality) and carries_personal("contact", kind.personal_data):
        return body.subject, body.text, body.text
    where = f" Come to the war room, {room.address}." if room is not None and room.address else ""
    waits = "A message waits for you that nobody may read out on the telephone"
    way = f"Open it in Tocsin and acknowledge it, or meet me.{where}"
    return body.subject, body.text, f"I call about {incident.codename}. {waits}. {way}"


def lines_for_call(
    service: IncidentService, incident: Incident | None, person: str, delivery: str
) -> tuple[str, ...]:
    """Return the number of a person, then the beginning of what to read aloud."""
    words = " ".join(words_of(service, incident, delivery)[2].split()) if incident is not None else ""
    words = words if len(words) <= _SHORT else f"{words[:_SHORT]}…"
    return (_number(service, person), *((f"Read aloud: {words}",) if words else ()))


def _number(service: IncidentService, person: str) -> str:
    known = person in service.directory.people
    numbers = _line(service.directory, {}, None, person).numbers if known else ()
    return f"Phone of {person_name(person)}: {', '.join(numbers)}" if numbers else _UNKNOWN


class NumbersShown(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A page showed telephone numbers to a person; once for each person, incident and day."""

    by: str
    incident: str
    day: date


JOURNAL = "numbers"
"""The journal's name; it is not an incident."""
READER: Callable[[bytes], NumbersShown] = json_reader(NumbersShown)


class Showings(NamedTuple):
    """All recorded showings, the oldest first, each with its time."""

    made: tuple[tuple[datetime, NumbersShown], ...]
    version: int


def showings(service: IncidentService) -> Showings:
    """Return who was shown telephone numbers, and when first on a day."""
    made = tuple((at, event) for _, at, event in organisation_journal.entries(service, JOURNAL, READER))
    return Showings(made, len(made))


def record_showing(service: IncidentService, by: str, incident: str) -> None:
    """Record that a page shows numbers to a person, unless it is recorded for this incident and day."""
    event = NumbersShown(by=by, incident=incident, day=organisation_journal.today(service))

    def decide(before: Showings) -> tuple[NumbersShown, ...]:
        return () if any(one == event for _, one in before.made) else (event,)

    organisation_journal.change(service, JOURNAL, showings, decide)


def sees_numbers(service: IncidentService, incident: Incident, person: str) -> tuple[str, ...]:
    """Return who sees the number of a person: the commander, deputies, communications, and whoever calls this person."""
    roles, directory = incident.roles, service.directory
    leads = roles.get("commander", ())
    deputies = (directory.people[one].alternate for one in leads if one in directory.people)
    calls = (one for d in incident.deliveries.values() if d.person == person for one in callers(incident, d))
    found = (*leads, *directory.alternates.get("commander", ()), *deputies, *roles.get("communications", ()))
    return tuple(dict.fromkeys(filter(None, (*found, *calls))))


def lines_on_page(
    service: IncidentService,
    incident: Incident,
    reader: Principal,
    record: Callable[[], None],
    person: str,
    delivery: str,
) -> tuple[str, ...]:
    """Return the lines for a call for the reader of a page; ``record`` records that a number is shown.

    Everybody else sees that there is a number, and who sees it; the text of a message is for its own readers.
    """
    who, number = sees_numbers(service, incident, person), _number(service, person)
    if not (reader.os_user or is_break_glass(reader) or reader.person in who):
        return (f"Who sees the phone number: {person_names(who)}" if number != _UNKNOWN else number,)
    try:
        if number != _UNKNOWN:
            record()
    except TocsinError as error:
        return (f"The number is not shown, because that cannot be recorded: {error.message}",)
    return lines_for_call(service, incident, person, delivery)


def call_sheet(service: IncidentService, incident: Incident | None) -> Document:
    """Return the sheet of an incident, or of no incident."""
    lines = call_lines(service.directory, incident)
    spoken = tuple(_spoken(service, incident, lines)) if incident is not None else ()
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
        blocks=tuple(_blocks(lines, incident, f"{service.clock.now():%d %B %Y, %H:%M} UTC", spoken)),
    )


def _spoken(service: IncidentService, incident: Incident, lines: Sequence[Line]) -> Iterator[Block]:
    """Yield for each open delivery whom to call, who calls, and what to read aloud."""
    for one, name in ((line, open_) for line in lines for open_ in line.open):
        by = person_names(callers(incident, incident.deliveries[name])) or "anybody"
        yield Paragraph((Strong((Text(f"READ ALOUD to {one.name} ({name}, calls: {by})"),)),))
        words = words_of(service, incident, name)[2] or "The text cannot be read."
        yield from (Paragraph((Text(text),)) for text in words.splitlines() if text.strip())


def _blocks(
    lines: Sequence[Line], incident: Incident | None, made: str, spoken: Sequence[Block]
) -> Iterator[Block]:
    yield Heading(1, (Text("Call sheet"),))
    about = f"Incident {incident.codename}: {incident.title}. " if incident is not None else ""
    yield Paragraph((Text(f"{about}As of {made}. Lock this sheet away. It contains private numbers."),))
    yield Listing("decimal", 1, tuple((Paragraph((Text(rule),)),) for rule in _RULES))
    yield from spoken
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
