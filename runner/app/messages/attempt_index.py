"""Index of attempts by idempotency key and by the provider's message id.

A callback names no incident. So every attempt is found here by channel and key, and by channel and name; the names are
read again only from incidents that have changed since. Nothing is kept on disk: it all stands in the journals.
"""

from __future__ import annotations

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.errors import UNREADABLE
from runner.incident.people.contact_journal import STREAM
from runner.incident.state.incident import Attempt, Incident

MAY_HAVE_ARRIVED = ("sending", "accepted", "unknown")
MOST = 1_000
"""Incidents, newest first, whose attempts are still found."""


class AttemptRef(msgspec.Struct, frozen=True):
    """One attempt, and for whom it was."""

    incident: str
    delivery: str
    n: int
    person: str


class Whereabouts:
    """Attempts by channel and name; ``refresh`` before asking."""

    def __init__(self, service: IncidentService) -> None:
        """Nothing is read yet."""
        self._service = service
        self._versions: dict[str, int] = {}
        self._token = ""
        self._names: dict[tuple[str, str], AttemptRef] = {}
        self._keys: dict[tuple[str, str], AttemptRef] = {}
        self._nameless: dict[tuple[str, str], AttemptRef] = {}
        self._under_way: dict[str, frozenset[str]] = {}
        self._used: dict[str, frozenset[str]] = {}
        self.bulk = False
        """Whether a notice went to many people from this store: what is about no delivery may be about one of them."""

    def refresh(self) -> None:
        """Read what has changed in the store since the last time."""
        token = self._service.store.changed()
        if token == self._token:
            return
        rows = [row for row in self._service.store.rows() if row.kind != STREAM]
        for row in rows[-MOST:]:
            if self._versions.get(row.id) == row.version:
                continue
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:  # any other trouble passes
                self._versions[row.id] = (
                    row.version
                )  # shredded, damaged, or of a later version: nothing in it is found
                continue
            self._read(incident, over=row.state in ("closed", "cancelled"))
            self._versions[row.id] = incident.version
        self._token = token

    def _read(self, incident: Incident, *, over: bool) -> None:
        under_way, used = set[str](), set[str]()
        for delivery in incident.deliveries.values():
            for attempt in delivery.attempts:
                place = AttemptRef(incident.id, delivery.id, attempt.n, delivery.person)
                self._keep(attempt, place)
                used.add(attempt.channel)
                if attempt.state == "sending":
                    under_way.add(attempt.channel)
        for view in incident.campaigns.values():
            self.bulk = True
            channels = self._service.store.bulk().campaign(view.id).campaign.channels.values()
            used.update(channels)
            if view.state == "sending":  # by the journal: what is read here is read again when that grows
                under_way.update(channels)
        self._under_way[incident.id] = frozenset(under_way)
        self._used[incident.id] = frozenset() if over else frozenset(used)

    def _keep(self, attempt: Attempt, place: AttemptRef) -> None:
        for name in attempt.provider_id.split():
            self._names[attempt.channel, name] = place
        # Of several attempts with one key the last that may have arrived is meant, and first of all one without a name.
        key, alive = (attempt.channel, attempt.key), attempt.state in MAY_HAVE_ARRIVED
        if alive or key not in self._keys:
            self._keys[key] = place
        if alive and not attempt.provider_id:
            self._nameless[key] = place
        elif self._nameless.get(key) == place:
            del self._nameless[key]

    def find(self, channel: str, provider_id: str, key: str) -> AttemptRef | None:
        """Return the attempt that is meant, or None."""
        named = self._names.get((channel, provider_id)) if provider_id else None
        if named is not None or not key:
            return named
        nameless = self._nameless.get((channel, key)) if provider_id else None
        return nameless or self._keys.get((channel, key))

    def under_way(self, channel: str) -> bool:
        """Tell whether an attempt over a channel has no outcome yet, or a notice to many goes out by it: a name may still come."""
        return any(channel in names for names in self._under_way.values())

    def used(self) -> frozenset[str]:
        """Return the channels over which something was sent in an incident that goes on."""
        return frozenset().union(*self._used.values())
