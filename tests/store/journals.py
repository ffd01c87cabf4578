"""Made-up journals for the tests of the store: events, rows and places to keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from runner.base.actor import Actor
from runner.store.open_store import open_store
from runner.store.port import Append, Appended, IncidentRow, NewEvent, Store
from runner.vault.keys import Vault

T0 = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)
ACTOR = Actor(claimed="ada", host="desk.example", os_user="ada")


def vault(master: bytes = b"m" * 32) -> Vault:
    """Return a vault under a fixed master key."""
    return Vault(lambda: master)


def event(payload: bytes = b'{"type":"StepDone"}', **changes) -> NewEvent:
    """Return an event that holds no personal data unless told otherwise."""
    known = {"type": "StepDone", "at": T0, "actor": ACTOR, "payload": payload}
    return NewEvent(**(known | changes))


def personal(payload: bytes = b'{"name":"Erika"}', **changes) -> NewEvent:
    """Return an event whose payload is sealed."""
    return event(payload, type="FactSet", personal=True, **changes)


def row(incident: str, version: int, **changes) -> IncidentRow:
    """Return the row of an open incident."""
    known = {
        "id": incident,
        "codename": "amber kestrel",
        "title": "A laptop of Erika is gone",
        "kind": "real",
        "state": "open",
        "opened_at": T0,
        "version": version,
        "summary": b"summary",
    }
    return IncidentRow(**(known | changes))


def an_append(incident: str, expected: int, events: Sequence[NewEvent], **changes) -> Append:
    """Return an append whose row follows from it."""
    return Append(
        incident=incident,
        expected_version=expected,
        events=events,
        row=row(incident, expected + len(events), **changes),
    )


def write(store: Store, incident: str, *events: NewEvent, **changes) -> Appended:
    """Append at the end of a journal, alone."""
    expected = store.head(incident).version
    (result,) = store.append([an_append(incident, expected, events, **changes)], recorded=T0)
    assert isinstance(result, Appended)
    return result


def write_many(store: Store, incident: str, number: int) -> None:
    """Append ``number`` events with payloads that differ, an hour apart."""
    events = [event(b'{"n":%d}' % n, at=T0 + timedelta(hours=n)) for n in range(1, number + 1)]
    write(store, incident, *events)


class Place(NamedTuple):
    """Where a store is, so that a test can open it more than once and in other processes."""

    url: str
    base: Path
    execute: Callable[[str], None]
    """Changes the tables behind the store's back, as someone with access to them would."""

    def open(self, keys: Vault | None = None) -> Store:
        """Open the store, making it the first time."""
        return open_store(self.url, keys or vault(), base=self.base, create=True)

    def opened(self, keys: Vault | None = None) -> closing[Store]:
        """Open it for a with statement."""
        return closing(self.open(keys))
