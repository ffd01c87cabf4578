"""Messages about accounts, outside of any incident: to all usable channels of a person, at once, each once."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.app.core.active_incident import OPEN
from runner.app.messages.communications_check import Way, send, ways
from runner.app.messages.domains import compromised
from runner.errors import UNREADABLE

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

SECONDS = 15
"""How long a login waits for the outcomes. What takes longer goes on, and counts as unknown."""
_THREADS = 16


def notify(service: IncidentService, persons: Collection[str], subject: str, text: str) -> str:
    """Send a text to people of the contact list; return how that went, in words for the record.

    No channel that depends on a compromised failure domain is used: its reader may be the intruder.
    """
    fallen, known = compromised(service), [one for one in persons if one in service.directory.people]
    usable = [way for way in ways(service, known) if known and not _domains(way) & fallen]
    pool = ThreadPoolExecutor(_THREADS)
    sent = {pool.submit(send, service, way, subject, text): way for way in usable}
    done, late = wait(sent, SECONDS)
    pool.shutdown(wait=False)
    reached = {
        sent[one].person for one in done if one.exception() is None and one.result().state == "accepted"
    }
    missed = [one for one in known if one not in reached]
    unknown = f", {len(late)} with unknown outcome" if late else ""
    words = f"{len(reached)} of {len(known)} people alerted ({len(sent)} messages{unknown})"
    return f"{words}; not alerted, call them: {', '.join(missed)}" if missed else words


def holders(service: IncidentService, roles: Collection[str]) -> set[str]:
    """Return the people who have one of these roles, in the home or in an open incident."""
    held = [service.directory.roles]
    for row in service.incidents():
        if row.state in OPEN:
            with suppress(*UNREADABLE):
                held.append(service.load(row.id).roles)
    return {person for one in held for role in roles for person in one.get(role, ())}


def _domains(way: Way) -> frozenset[str]:
    return way.channel.domains | (way.contact.domains if way.contact is not None else frozenset())
