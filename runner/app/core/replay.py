"""Incidents from their journals: stored events are folded; an error names the event that is damaged or missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import get_args

import msgspec

from runner.decoding import from_json
from runner.errors import NotFound, Sealed, StoreCorrupt, StoreError, StoreTooNew
from runner.incident.state.events import AnyEvent, PlaybookMigrated, PlaybookPinned, Recorded, decode
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.turn.fold import begin, fold
from runner.store.port import Store

Libraries = Callable[[Incident], Library]


def load_incident(store: Store, name: str, libraries: Libraries) -> Incident:
    """Return an incident from its journal; raises NotFound, or Sealed when it was shredded."""
    with whole(store, name):
        last = store.head(name).version
        rows = store.read_payloads(name)
        first = next(rows, None)
        if first is None and not last:
            raise NotFound(f"there is no incident '{name}'", hint="see: tocsin list", code="unknown_incident")
        if first is None:
            raise _damaged(name, 1, missing=True)
        incident = _folded(begin(recorded(name, first, 1)), rows, libraries)
        if incident.version < last:
            raise _damaged(name, incident.version + 1, missing=True)
        return incident


def catch_up(store: Store, incident: Incident, libraries: Libraries) -> Incident:
    """Return an incident with what others appended since."""
    with whole(store, incident.id):
        return _folded(incident, store.read_payloads(incident.id, incident.version), libraries)


def _folded(
    incident: Incident, rows: Iterator[tuple[int, datetime, bytes | None]], libraries: Libraries
) -> Incident:
    """Fold in runs that end before a newly pinned playbook, whose plan is needed from then on."""
    pending: list[Recorded] = []
    library = libraries(incident)
    for seq, row in enumerate(rows, incident.version + 1):
        entered = recorded(incident.id, row, seq)
        match entered.event:
            case PlaybookPinned(run=run) | PlaybookMigrated(run=run):
                incident = fold(incident, pending, library)
                pending = []
                library = libraries(msgspec.structs.replace(incident, runs={**incident.runs, run.id: run}))
            case _:
                pass
        pending.append(entered)
    return fold(incident, pending, library) if pending else incident


def recorded(incident: str, row: tuple[int, datetime, bytes | None], expected: int) -> Recorded:
    """Return one stored event; raises StoreCorrupt, with its place, where it is missing or damaged."""
    seq, at, payload = row
    if seq != expected:
        raise _damaged(incident, expected, missing=True)
    if payload is None:
        raise Sealed(
            "this incident was shredded: its personal payloads cannot be read again", code="shredded"
        )
    try:
        return Recorded(seq, at, decode(payload))
    except msgspec.ValidationError as error:
        if not _is_unknown_type(payload):
            raise _damaged(incident, seq) from error
        raise StoreTooNew(
            f"event {seq} of this incident was written by a later version of Tocsin",
            hint="upgrade this machine",
        ) from error
    except msgspec.DecodeError as error:
        raise _damaged(incident, seq) from error


@contextmanager
def whole(store: Store, journal: str) -> Iterator[None]:
    """Read a journal; whatever goes wrong because an event is damaged or missing becomes StoreCorrupt with its place."""
    try:
        yield
    except Exception as error:
        may = isinstance(error, Sealed | StoreCorrupt) or not isinstance(error, StoreError)
        named = isinstance(error, StoreCorrupt) and error.code in _CODES
        broken = store.verify(journal).broken if may and not named else None
        if broken is None:
            raise
        raise _damaged(journal, broken.seq, missing=broken.kind in ("removed", "truncated")) from error


_CODES = ("event_damaged", "event_missing")


def _damaged(incident: str, seq: int, *, missing: bool = False) -> StoreCorrupt:
    what, code = ("is missing", "event_missing") if missing else ("is damaged", "event_damaged")
    return StoreCorrupt(
        f"event {seq} of incident {incident} {what}",
        hint="keep a copy of the store as it is, restore a backup beside it, and run tocsin audit verify",
        code=code,
    )


def _is_unknown_type(payload: bytes) -> bool:
    """Does a well-formed event name a type that this version does not know?"""
    found = from_json(payload)
    known = {kind.__struct_config__.tag for kind in get_args(AnyEvent)}
    return isinstance(found, dict) and isinstance(kind := found.get("type"), str) and kind not in known
