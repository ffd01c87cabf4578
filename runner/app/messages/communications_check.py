"""Channel test: every person over every channel, with the age of the last success.

A channel test needs no incident. Nothing is sent unless a person asked for it; each attempt is sent once. Its start is
recorded before the send, and its outcome at once: the outcome of an interrupted test is unknown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Generator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.contact_store import ContactStore
from runner.app.core.directory import record_check, record_try
from runner.base.text import nearest
from runner.errors import NotFound, TocsinError
from runner.incident.messages.failover import idempotency_key
from runner.routing.messaging import Channel, ContactPoint, Dispatch, SendResult, refused
from runner.routing.organisation import Check
from runner.routing.planner import contact_points
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

LASTS = timedelta(hours=1)
"""A test that arrives later is dropped, if the channel can do that: it must not ring at night."""
SUBJECT = "Channel test: no incident"
TEXT = """This is a test of your emergency contacts. There is no incident. No action required.
If you did not expect this test, or no longer use this address, contact the incident team of your organisation."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one person, with its last test."""

    person: str
    channel: Channel
    contact: ContactPoint | None
    check: Check | None

    @property
    def worked_at(self) -> datetime | None:
        """The time of the last success with the current address."""
        worked = self.check.succeeded_at if self.check is not None else None
        changed = self.contact.changed_at if self.contact is not None else None
        return None if worked is None or (changed is not None and changed > worked) else worked

    def tried_since(self, since: datetime) -> bool:
        """Tell whether the current address was tested from ``since`` on, with any outcome."""
        if self.check is None or self.check.at < since:
            return False
        changed = self.contact.changed_at if self.contact is not None else None
        return changed is None or changed <= self.check.at


PATIENCE = timedelta(seconds=20)
"""How long a channel test waits until its text has left this machine: a modem needs some seconds."""
BROKE_OFF = "the test was interrupted: the outcome is unknown"


def ways(
    service: IncidentService, persons: Collection[str] = (), channels: Collection[str] = ()
) -> tuple[Way, ...]:
    """Return the contact methods of all or of the named people; raises NotFound with the nearest name."""
    directory = service.directory
    for wanted, known, code in (
        (persons, directory.people, "unknown_person"),
        (channels, directory.channels, "unknown_channel"),
    ):
        for name in wanted:
            if name not in known:
                near = nearest(name, known)
                hint = f"Use {near}" if near else f"Use one of: {', '.join(known) or 'none'}"
                raise NotFound(f'"{name}" is not a person and not a channel.', hint=hint, code=code)
    found: list[Way] = []
    for name, person in sorted(directory.people.items()):
        for channel in directory.channels.values():
            points = contact_points(channel, person.contacts)
            asked_for = name in (persons or (name,)) and channel.id in (channels or (channel.id,))
            if asked_for and (points or channel.address_kind == "none"):
                check = _check(service, directory.checks.get((name, channel.id)))
                contact = points[0] if points else None
                found.append(Way(person=name, channel=channel, contact=contact, check=check))
    return tuple(found)


def _check(service: IncidentService, check: Check | None) -> Check | None:
    """Return the last test; its outcome is unknown if its process ended before an outcome."""
    if check is None or check.state != "sending" or service.worker_alive(check.worker):
        return check
    return msgspec.structs.replace(check, state="unknown", reason=BROKE_OFF)


def check_contacts(
    service: IncidentService, found: Collection[Way]
) -> Generator[tuple[Way, SendResult], None, None]:
    """Test the contact methods one after the other, and record the outcomes; a success ends a pause of the account."""
    worker = service.chance.name("checker")
    alive = service.register_worker(worker)
    books, stalled = ContactStore(service), set[str]()
    service.traffic.refresh()
    fallen = {one.domain for one in service.compromises() if not one.assumed}
    try:
        for way in found:
            record_try(service, way.person, way.channel.id, worker, books)
            waits = way.channel.id not in stalled
            patience = (way.channel.timeout or PATIENCE) if waits else timedelta.resolution
            until = service.clock.now() + LASTS
            result = refused("it depends on a compromised failure domain", "R1")
            if not fallen & (way.channel.domains | (way.contact.domains if way.contact else set())):
                result = send(service, way, SUBJECT, TEXT, "CHECK", deadline=until, patience=patience)
            if result.state == "unknown":
                stalled.add(way.channel.id)
            record_check(service, way.person, way.channel.id, result.state, result.reason, books)
            if result.state == "accepted":
                service.traffic.worked(way.channel, service.clock.now())
            yield way, result
    finally:
        alive.release()


def send(
    service: IncidentService,
    way: Way,
    subject: str,
    text: str,
    marking: str = "",
    deadline: datetime | None = None,
    patience: timedelta = timedelta(),
) -> SendResult:
    """Make one attempt to send a text over one channel to one person, outside of any incident.

    With ``patience``, a text that still waits on this machine after that time has an unknown outcome.
    """
    from runner.effects.gateway.gateway import Gateway

    if way.contact is not None and way.channel.adapter in way.contact.stopped:
        return SendResult(state="rejected", code="R25", reason="the person opted out of this contact")
    try:
        secrets = {
            name: resolve(reference, base=service.folder).reveal()
            for name, reference in way.channel.secrets.items()
        }
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    name = service.chance.name("check")
    dispatch = Dispatch(
        delivery=name,
        attempt=1,
        idempotency_key=idempotency_key(name, way.channel.id, "", 0),
        kind="real",
        audience="responder",
        address=way.contact.address if way.contact is not None else way.person,
        subject=subject,
        text=text if way.channel.max_length is None else text[: way.channel.max_length],
        at=service.clock.now(),
        marking=marking,
        deadline=deadline,
    )
    gateway = Gateway(base=service.folder)
    result = gateway.send(way.channel, dispatch, secrets)
    if result.state != "accepted" or not patience:
        return result
    until = time.monotonic() + patience.total_seconds()
    while (why := gateway.unsent(way.channel, dispatch)) and time.monotonic() < until:
        threading.Event().wait(0.2)
    return SendResult(state="unknown", reason=why) if why else result
