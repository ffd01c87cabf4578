"""Calendar feeds: the legal deadlines and promised updates of the real incidents that a person may read, with codenames alone.

The secret in the address of a feed is its only protection: calendar programs cannot log in. It is stored as a digest, shown
once, and ends with a new one, with the account, or when the person revokes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.active_incident import OPEN
from runner.app.core.identifiers import new_secret
from runner.app.core.rights import read_accounts
from runner.app.exercises.organisation_attention import is_watched
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import UNREADABLE
from runner.incident.messages.update_cadence import promises
from runner.incident.state.incident import Incident
from runner.reports.law.duties import running
from runner.reports.people.calendar_feed import Appointment, feed_ics

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader

_MARK = "calendar/"


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a feed; the name of its mark is the digest of the secret."""

    person: str
    made: datetime


def make(service: IncidentService, person: str) -> str:
    """Return the secret of a new address of a person, which ends the one before it."""
    service.known(person)
    secret, made = new_secret(), Feed(person=person, made=service.clock.now())
    name = _name(secret)
    service.change_marks((name, *_marks_of(service, person)), lambda marks: {name: msgspec.json.encode(made)})
    return secret


def revoke(service: IncidentService, person: str) -> bool:
    """End the address of a person; tell whether there was one."""
    names = _marks_of(service, person)
    if names:
        service.change_marks(names, lambda marks: {})
    return bool(names)


def since(service: IncidentService, person: str) -> datetime | None:
    """Return when the present address of a person was made; None without one."""
    found = (from_json(body, Feed) for body in service.marks(_MARK).values())
    return next((one.made for one in found if one.person == person), None)


def _marks_of(service: IncidentService, person: str) -> list[str]:
    return [name for name, body in service.marks(_MARK).items() if from_json(body, Feed).person == person]


def _name(secret: str) -> str:
    return _MARK + sha256(secret.encode()).hexdigest()


def find(service: IncidentService, secret: str) -> str | None:
    """Return the person of an address; None if it is unknown, revoked, or the person's account or entry ended."""
    name = _name(secret)
    body = service.marks(name).get(name)
    one = None if body is None else from_json(body, Feed)
    if one is None or one.person not in service.directory.people:
        return None
    return one.person if read_accounts(service.store).holds_token(one.person, one.made) else None


def feed(service: IncidentService, person: str) -> bytes:
    """Return the feed of a person as iCalendar: with the rights of the person's roles, and the same bytes until something changes."""
    scopes = frozenset(("incident.read", "duty.read"))
    reader = service.read(Principal(person=person, proven_by="calendar", scopes=scopes))
    return feed_ics(list(_appointments(service, reader)))


def _appointments(service: IncidentService, reader: Reader) -> Iterator[Appointment]:
    for row in reader.incidents():
        if row.kind != "real" or not (row.state in OPEN or is_watched(row)):
            continue
        try:
            incident = reader.incident(row.id)
            if reader.may("incident.read", incident):
                yield from _of(service, reader, incident)
        except UNREADABLE:  # without this, nothing due would be shown
            today = service.clock.now().date()
            yield Appointment(
                uid=row.id,
                codename=row.codename,
                what="deadlines cannot be read",
                at=today,
                changed=row.opened_at,
            )


def _of(service: IncidentService, reader: Reader, incident: Incident) -> Iterator[Appointment]:
    now = service.now_in(incident)
    last = [entry.recorded for entry in reader.events(incident, incident.version - 1)]
    made = partial(Appointment, codename=incident.codename, version=incident.version, changed=last[-1])
    for duty in running(service.near_duties(incident, now), now) if reader.may("duty.read", incident) else ():
        if duty.due is not None:
            yield made(
                uid=_uid(incident, duty.id),
                what="legal deadline",
                at=duty.due_date if duty.due_kind == "date" and duty.due_date else duty.due,
                doubtful=duty.verdict == "unknown" or duty.provisional,
                start_by=duty.latest_safe_start,
            )
    for message in promises(incident) if incident.state == "open" else ():
        if message.next_update is not None:
            yield made(uid=_uid(incident, message.step), what="promised update", at=message.next_update)


def _uid(incident: Incident, thing: str) -> str:
    """Return an identifier that names nothing of the content, and is the same in each feed."""
    return sha256(f"{incident.id}\0{thing}".encode()).hexdigest()[:32]
