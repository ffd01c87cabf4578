"""Reader of a store: the queries that both databases share.

A query has PostgreSQL's form; the embedded store removes the schema and writes its own placeholders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString, Self

from runner.errors import NotFound, Sealed, StoreCorrupt
from runner.store import chain, encryption, journal_reader, rows
from runner.store.encryption import Sealer, open_blob
from runner.store.moving import Select
from runner.store.port import Head, IncidentRow, Inspection, Link, Snapshot, StoredEvent, Verification
from runner.vault.keys import DataKey

PAGE = 2000
"""Events in one read."""
_ROWS: LiteralString = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, wrapped
FROM tocsin.incidents LEFT JOIN tocsin.keys ON keys.incident = incidents.id"""
_HEAD: LiteralString = "SELECT version, head FROM tocsin.incidents WHERE id = %s"
_TAIL: LiteralString = "SELECT seq, hash FROM tocsin.events WHERE incident = %s ORDER BY seq DESC LIMIT 1"
_KEY: LiteralString = "SELECT wrapped FROM tocsin.keys WHERE incident = %s"
_DUE: LiteralString = "SELECT id FROM tocsin.incidents WHERE has_work OR next_due <= %s ORDER BY id"
_SNAPSHOT: LiteralString = """
SELECT s.version, s.code, s.head, s.body, k.wrapped FROM tocsin.snapshots s
JOIN tocsin.events e ON e.incident = s.incident AND e.seq = s.version AND e.hash = s.head
LEFT JOIN tocsin.keys k ON k.incident = s.incident WHERE s.incident = %s"""
_BLOB: LiteralString = """
SELECT b.incident, k.wrapped, b.body FROM tocsin.blobs b LEFT JOIN tocsin.keys k ON k.incident = b.incident
WHERE b.digest = %s ORDER BY b.incident <> '' AND k.wrapped IS NULL, b.incident LIMIT 1"""


class JournalReader:
    """The reading part of a store; ``events`` is its query for a page of events."""

    def __init__(self, sealer: encryption.Sealer, select: Select, events: LiteralString) -> None:
        self._sealer, self._all, self._select_events = sealer, select, events
        self.upgraded: Callable[[int, Path], None] = lambda *_: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """See Store.close."""
        raise NotImplementedError

    def _still(self) -> AbstractContextManager[Select]:
        """Open a transaction that reads one state, whatever others write meanwhile."""
        raise NotImplementedError

    def _one(self, query: LiteralString, values: tuple[Any, ...] = ()) -> Any:
        found = self._all(query, values)
        return found[0] if found else None

    def read(self, incident: str, after: int = 0) -> Iterator[StoredEvent]:
        key = self._reading_key(incident, strict=True)
        for found in self._events(incident, after):
            yield chain.event_of(rows.link_of(key, incident, found))

    def links(self, incident: str, after: int = 0) -> Iterator[Link]:
        key = self._reading_key(incident, strict=False)
        for found in self._events(incident, after):
            yield rows.link_of(key, incident, found)

    def read_payloads(self, incident: str, after: int = 0) -> Iterator[tuple[int, datetime, bytes | None]]:
        key = self._reading_key(incident, strict=True)
        instant_of = chain.instant_of
        for seq, header, salt, payload, _hash in self._events(incident, after):
            if salt is not None:
                yield seq, instant_of(header), payload
            else:
                opened = None if key is None else encryption.open_payload(key, incident, seq, payload)[1]
                yield seq, instant_of(header), opened

    def _reading_key(self, incident: str, *, strict: bool) -> DataKey | None:
        """Return the key of the payloads; without the master key raise Sealed, or return None."""
        found = self._one(_KEY, (incident,))
        if found is None or found[0] is None:
            return None
        try:
            return self._sealer.key(incident, found[0])
        except Sealed:
            if strict:
                raise
            return None

    def vouch(self, incident: str, data: bytes) -> bytes:
        key = self._reading_key(incident, strict=True)
        if key is None:
            raise encryption.shredded(incident)
        return key.vouch(data)

    def _events(self, incident: str, after: int) -> Iterator[tuple[Any, ...]]:
        while True:
            page = self._all(self._select_events, (incident, after, PAGE))
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1][0]

    def head(self, incident: str) -> Head:
        version, head = (
            self._one(_HEAD, (incident,)) or self._one(_TAIL, (incident,)) or (0, chain.genesis(incident))
        )
        return Head(version, head.hex())

    def verify(
        self,
        incident: str | None = None,
        anchors: Mapping[str, Head] | None = None,
        seen: Callable[[int], None] | None = None,
    ) -> Verification:
        with self._still() as run:
            return JournalReader(self._sealer, run, self._select_events)._verified(incident, anchors, seen)

    def _verified(
        self,
        incident: str | None,
        anchors: Mapping[str, Head] | None,
        seen: Callable[[int], None] | None,
    ) -> Verification:
        known = anchors or {}
        witnesses = {
            name: Head(version, head.hex())
            for name, version, head in self._all("SELECT id, version, head FROM tocsin.incidents", ())
        }
        if incident is not None:
            links = chain.told(self.links(incident), seen)
            return chain.check(incident, links, witness=witnesses.get(incident), anchor=known.get(incident))
        journals = {name for (name,) in self._all("SELECT DISTINCT incident FROM tocsin.events", ())}
        return chain.check_store(lambda name: chain.told(self.links(name), seen), journals, witnesses, known)

    def inspect(self, incident: str | None = None, seen: Callable[[int], None] | None = None) -> Inspection:
        with self._still() as run:
            return journal_reader.inspect(self._sealer, run, incident, seen)

    def rows(self, state: str | None = None) -> list[IncidentRow]:
        where: LiteralString = "" if state is None else " WHERE state = %s"
        found = self._all(_ROWS + where + " ORDER BY opened_at, id", () if state is None else (state,))
        return [rows.incident_row(self._sealer, row[:-1], row[-1]) for row in found]

    def row(self, incident: str) -> IncidentRow | None:
        found = self._one(_ROWS + " WHERE id = %s", (incident,))
        return None if found is None else rows.incident_row(self._sealer, found[:-1], found[-1])

    def due(self, now: datetime) -> list[str]:
        return [name for (name,) in self._all(_DUE, (rows.text(now),))]

    def next_due(self, after: datetime | None = None) -> datetime | None:
        behind = "" if after is None else rows.text(after)
        (found,) = self._one("SELECT min(next_due) FROM tocsin.incidents WHERE next_due > %s", (behind,))
        return None if found is None else datetime.fromisoformat(found)

    def snapshot(self, incident: str) -> Snapshot | None:
        return encryption.open_snapshot(self._sealer, incident, self._one(_SNAPSHOT, (incident,)))

    def get_blob(self, digest: str) -> bytes:
        found = self._one(_BLOB, (digest,))
        if found is None:
            raise NotFound(f'Document "{digest[:12]}…" does not exist.', code="blob_missing")
        return encryption.open_blob(self._sealer, digest, *found)

    def has_blob(self, digest: str) -> bool:
        return self._one("SELECT 1 FROM tocsin.blobs WHERE digest = %s LIMIT 1", (digest,)) is not None

    def setting(self, name: str) -> str | None:
        found = self._one("SELECT value FROM tocsin.settings WHERE name = %s", (name,))
        return None if found is None else str(found[0])


def inspect(
    sealer: Sealer,
    read: Select,
    incident: str | None,
    seen: Callable[[int], None] | None,
) -> Inspection:
    """Decrypt every key and every document."""
    keys = dict(read("SELECT incident, wrapped FROM tocsin.keys", ()))
    names = read("SELECT incident, digest FROM tocsin.blobs ORDER BY incident, digest", ())
    sealed = {name for name, _ in names if name}
    sealed.update(
        name for (name,) in read("SELECT DISTINCT incident FROM tocsin.events WHERE salt IS NULL", ())
    )
    opened, keyless = _keys(sealer, keys, sealed if incident is None else sealed & {incident})
    blobs = unread = 0
    changed = []
    for name, digest in names if incident is None else (name for name in names if name[0] == incident):
        blobs += 1
        if name and name not in opened:
            unread += 1
        else:
            query = "SELECT body FROM tocsin.blobs WHERE incident = %s AND digest = %s"
            try:
                open_blob(sealer, digest, name, keys.get(name), read(query, (name, digest))[0][0])
            except (StoreCorrupt, Sealed):
                changed.append((name, digest))
        if seen is not None:
            seen(1)
    return Inspection(blobs=blobs, unread=unread, changed=tuple(changed), keyless=keyless)


def _keys(
    sealer: Sealer, keys: Mapping[str, bytes | None], sealed: Iterable[str]
) -> tuple[set[str], tuple[str, ...]]:
    """Return the journals whose keys unwrap, and those whose keys are missing, changed, or do not unwrap although others do."""
    opened, gone, foreign = set(), [], []
    for name in sorted(sealed):
        wrapped = keys.get(name)
        if wrapped is None:
            gone.append(name)
            continue
        try:
            sealer.key(name, wrapped)
            opened.add(name)
        except Sealed as error:
            if error.code == "seal_broken":
                gone.append(name)
            elif error.code == "other_master":
                foreign.append(name)
    return opened, tuple(gone + foreign if opened else gone)
