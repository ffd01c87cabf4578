"""The contact list in the store: an encrypted journal for each person, so that an erasure destroys the key of only one.

The owner of a journal is encrypted in its row. Two processes that start a journal for the same person at once make two: both
are read, and both are erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from runner.app.core.conflict_retry import Backoff, retry
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.repository import Append, Appended, Conflict, IncidentRow, NewEvent, Store, whole
from runner.base.actor import VIA, Principal
from runner.errors import Sealed
from runner.incident.people.contact_journal import (
    BOOK,
    READER,
    STREAM,
    AnyPeopleEvent,
    PersonForgotten,
    RoleHeld,
)


class ContactCache(Protocol):
    """The part of an opened home that the contact list needs."""

    @property
    def store(self) -> Store:
        """The journals."""

    clock: Clock
    chance: IdGenerator
    principal: Principal
    backoff: Backoff | None

    def forget_directory(self) -> None:
        """Read people and channels again next time."""

    def record(
        self, principal: Principal, batch: Sequence[Append], recorded: datetime
    ) -> list[Appended | Conflict]:
        """Append to journals of the organisation."""

    def erase(self, principal: Principal, journal: str) -> None:
        """Destroy the key of a journal."""


def read_book(store: Store) -> list[tuple[datetime, AnyPeopleEvent]]:
    """Return all records about people and roles, in order of time."""
    names = (STREAM, *(row.id for row in _books(store)))
    events = (event for name in names for event in _events(store, name))
    return sorted(events, key=lambda pair: pair[0])


def forgotten(store: Store) -> tuple[PersonForgotten, ...]:
    """Return the records of erased people."""
    return tuple(event for _, event in _events(store, STREAM) if isinstance(event, PersonForgotten))


def kept_people(service: ContactCache) -> frozenset[str]:
    """Return every person with a readable journal."""
    return frozenset(row.title for row in _books(service.store))


def _books(store: Store) -> list[IncidentRow]:
    """Return the journals of people; raises Sealed if one cannot be decrypted: its owner would seem to be erased."""
    rows = store.rows(BOOK)
    for row in rows:
        if row.unread:
            next(_events(store, row.id), None)
    return [row for row in rows if row.title]  # an erased one has lost its title


def _events(store: Store, journal: str) -> Iterator[tuple[datetime, AnyPeopleEvent]]:
    with whole(store, journal):
        for _, at, data in store.read_payloads(journal):
            if data is not None:
                yield at, READER(data)


class ContactStore:
    """The owners of the journals, for a caller that records many entries: read once, and again only if others wrote meanwhile."""

    def __init__(self, service: ContactCache) -> None:
        self._service = service
        self.rows: dict[str, IncidentRow] = {}
        self.read()

    def read(self) -> None:
        """Read them again."""
        self.rows = {row.title: row for row in _books(self._service.store)}


def record(service: ContactCache, *events: AnyPeopleEvent, books: ContactStore | None = None) -> None:
    """Append events, each to its own journal; raises Stale. ``books`` saves reading the owners of the journals.

    These events do not depend on earlier entries: the entries of faster writers come first.
    """
    known = ContactStore(service) if books is None else books
    left: Sequence[AnyPeopleEvent] = events
    fresh = True

    def attempt() -> bool | None:
        nonlocal left, fresh
        if not fresh:
            known.read()
        fresh = False
        try:
            left = _overtaken(service, left, known.rows)
        except Sealed as error:
            if error.code != "shredded":  # somebody was erased since the journals were read
                raise
        return None if left else True

    retry(service, STREAM, attempt)
    service.forget_directory()


def _overtaken(
    service: ContactCache, events: Sequence[AnyPeopleEvent], books: dict[str, IncidentRow]
) -> tuple[AnyPeopleEvent, ...]:
    """Append events in one transaction, and return those whose journal another process wrote first."""
    now = service.clock.now()
    grouped: dict[str, list[AnyPeopleEvent]] = {}
    for event in events:
        own = not isinstance(event, RoleHeld | PersonForgotten)
        grouped.setdefault(event.person if own else "", []).append(event)
    appends = [
        _append(service, _row(service, books.get(person), person, now), entries, now)
        for person, entries in grouped.items()
    ]
    results = service.record(service.principal, appends, now)
    for append, result in zip(appends, results, strict=True):
        if isinstance(result, Appended) and append.row.title:
            books[append.row.title] = append.row
    return tuple(
        event
        for entries, result in zip(grouped.values(), results, strict=True)
        if not isinstance(result, Appended)
        for event in entries
    )


def _row(service: ContactCache, book: IncidentRow | None, person: str, now: datetime) -> IncidentRow:
    """Return the row of the organisation's journal, of a person's, or of a new one."""
    if book is not None:
        return book
    name = service.chance.name(BOOK) if person else STREAM
    return IncidentRow(
        id=name,
        codename=name,
        title=person,
        kind=STREAM,
        state=BOOK if person else STREAM,
        opened_at=now,
        version=0 if person else service.store.head(STREAM).version,
    )


def _append(
    service: ContactCache, row: IncidentRow, events: Sequence[AnyPeopleEvent], now: datetime
) -> Append:
    entries = [personal_event(event, service.principal, now) for event in events]
    after = msgspec.structs.replace(row, version=row.version + len(entries))
    return Append(incident=row.id, expected_version=row.version, events=entries, row=after)


def personal_event(event: msgspec.Struct, principal: Principal, now: datetime) -> NewEvent:
    """Return an event of a journal of the organisation as the store takes it, encrypted."""
    payload = msgspec.json.encode(event, order="sorted")
    return NewEvent(type=type(event).__name__, at=now, actor=principal.actor, payload=payload, personal=True)


def names(store: Store, incident: str, person: str) -> bool:
    """Tell whether an entry of an incident is by or for a person, or has the person's id in it, in any stream."""
    quoted = f'"{person}"'.encode()
    return any(
        person in (row.actor.claimed, (row.actor.on_behalf_of or "").partition(VIA)[0])
        or quoted in (row.payload or b"")
        for row in store.read(incident)
    )


def shred(service: ContactCache, person: str) -> int:
    """Record an erasure, then destroy the keys of the person's journals.

    Returns how many older entries about the person are in the organisation's journal, under the shared key.
    """
    journals = tuple(row.id for row in _books(service.store) if row.title == person)
    record(service, PersonForgotten(person=person, by=service.principal.person, journals=journals))
    for journal in journals:
        service.erase(service.principal, journal)
    service.forget_directory()
    return sum(
        event.person == person and not isinstance(event, RoleHeld | PersonForgotten)
        for _, event in _events(service.store, STREAM)
    )
