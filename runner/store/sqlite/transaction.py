"""One transaction against the embedded store: it reads the ends of the journals, then writes everything together.

The end of a journal is cached between batches, as long as no other connection has written: many turns
then need one statement for their events and one for their rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runner.store import chain, encryption, rows
from runner.store.heads import HeadKey
from runner.store.port import Append, Appended, ChangeMarks, Conflict

Execute = Callable[..., sqlite3.Cursor]
SELECT_KEY = "SELECT wrapped FROM keys WHERE incident = ?"
SELECT_TAIL = "SELECT seq, hash FROM events WHERE incident = ? ORDER BY seq DESC LIMIT 1"
PUT_ROW = """
INSERT INTO incidents (id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, head = excluded.head, state = excluded.state,
    has_work = excluded.has_work, next_due = excluded.next_due, kind = excluded.kind,
    opened_at = excluded.opened_at, codename = excluded.codename, sealed = excluded.sealed,
    private = excluded.private, mac = excluded.mac"""
_SELECT_HEAD = "SELECT version, head FROM incidents WHERE id = ?"
_SELECT_PLACE = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac, wrapped
FROM incidents LEFT JOIN keys ON keys.incident = incidents.id WHERE id = ?"""
INSERT_LEAF = """
INSERT INTO head_log (incident, entries, seq, head, recorded, salt, mac) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_INSERT_EVENT = "INSERT INTO events (incident, seq, header, salt, payload, hash) VALUES (?, ?, ?, ?, ?, ?)"
_UPDATE_ROW = """
UPDATE incidents SET version = ?, head = ?, state = ?, has_work = ?, next_due = ?, kind = ?, opened_at = ?,
    codename = ?, sealed = ?, private = ?, mac = ? WHERE id = ?"""


class Known(NamedTuple):
    """The end of a journal, its incident's wrapped data key, and whether it has a row."""

    version: int
    head: bytes
    wrapped: bytes | None
    row: bool
    vouched: bool
    """Whether nobody changed the row without the key."""
    said: tuple[str, bytes] | None = None
    """Title and summary of the row, if this connection wrote it; ``private`` is their stored form."""
    private: bytes = b""


def head_of(run: Execute, incident: str) -> tuple[int, bytes]:
    """Return the end of a journal: from its row, else from its last event."""
    found = run(_SELECT_HEAD, (incident,)).fetchone() or run(SELECT_TAIL, (incident,)).fetchone()
    return found if found is not None else (0, chain.genesis(incident))


def create_key(run: Execute, sealer: encryption.Sealer, incident: str) -> bytes:
    """Make an incident's data key and return it wrapped."""
    wrapped = sealer.create_key(incident)
    run("INSERT INTO keys (incident, wrapped) VALUES (?, ?)", (incident, wrapped))
    return wrapped


class Batch:
    """The rows that one transaction will write, each kind by one statement."""

    def __init__(
        self, run: Execute, sealer: encryption.Sealer, places: dict[str, Known], heads: HeadKey
    ) -> None:
        """Take the known ends of journals; new and changed ends are added to them."""
        self._heads = heads
        self._leaves: list[tuple[Any, ...]] = []
        self._run = run
        self._sealer = sealer
        self._places = places
        self._events: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._born: list[tuple[Any, ...]] = []

    def append(self, one: Append, stamp: rows.Stamp) -> Appended | Conflict:
        """Chain the events in memory if the version matches."""
        incident = one.incident
        known = self._places.get(incident) or self._place(incident)
        if known.version != one.expected_version:
            self._places[incident] = known
            return Conflict(known.version)
        rows.matches(one)
        wrapped = known.wrapped
        if wrapped is None and rows.is_personal(one.events):
            wrapped = self._new_key(incident)
        key = None if wrapped is None else self._sealer.key(incident, wrapped)
        place = chain.Place(incident, known.version, known.head)
        events, place = rows.event_rows(place, one.events, stamp, key)
        self._events += events
        said = (one.row.title, one.row.summary)
        same = known.said == said and known.wrapped == wrapped
        private = known.private if same else rows.private_column(one.row, key)
        heads = self._heads if known.vouched else None
        values = rows.incident_values(one.row, place.hash, key, heads, private)
        if one.events:
            self._leaves.append(rows.leaf_values(rows.leaf_of(place, len(one.events), stamp), heads))
        if known.row:
            self._changed.append((*values[1:], incident))
        else:
            self._born.append(values)
        self._places[incident] = Known(place.seq, place.hash, wrapped, True, known.vouched, said, private)
        return Appended(place.seq, place.hash.hex())

    def write(self, many: Callable[..., sqlite3.Cursor]) -> None:
        """Write everything; new rows are inserted before updates."""
        many(_INSERT_EVENT, self._events)
        if self._born:
            many(PUT_ROW, self._born)
        many(_UPDATE_ROW, self._changed)
        many(INSERT_LEAF, self._leaves)

    def _place(self, incident: str) -> Known:
        found = self._run(_SELECT_PLACE, (incident,)).fetchone()
        if found is not None:
            return Known(found[1], found[2], found[12], row=True, vouched=self._heads.vouches(found))
        version, head = head_of(self._run, incident)
        (wrapped,) = self._run(SELECT_KEY, (incident,)).fetchone() or (None,)
        return Known(version, head, wrapped, row=False, vouched=not version)

    def _new_key(self, incident: str) -> bytes:
        """Make the data key for a first personal payload; a shredded incident gets no new key."""
        if self._run(SELECT_KEY, (incident,)).fetchone() is not None:
            raise encryption.shredded(incident)
        return create_key(self._run, self._sealer, incident)


SELECT_ENDING = "SELECT hash FROM events WHERE incident = ? AND seq = ?"
PUT_SNAPSHOT = "INSERT OR REPLACE INTO snapshots (incident, version, head, code, body) VALUES (?, ?, ?, ?, ?)"
_EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'marks'"
_SELECT = "SELECT name, body FROM marks WHERE substr(name, 1, length(?)) = ? ORDER BY name"
_SELECT_ONE = "SELECT body FROM marks WHERE name = ?"
_PUT = "INSERT OR REPLACE INTO marks (name, body) VALUES (?, ?)"
_DELETE = "DELETE FROM marks WHERE name = ?"


def read(run: Execute, prefix: str) -> dict[str, bytes]:
    """Return the marks whose names begin with ``prefix``; a store before schema 2 may have none."""
    if run(_EXISTS).fetchone() is None:
        return {}
    return dict(run(_SELECT, (prefix, prefix)).fetchall())


def change(run: Execute, names: Sequence[str], change: ChangeMarks) -> dict[str, bytes]:
    """Change marks inside the writing transaction of ``run``."""
    found = {name: run(_SELECT_ONE, (name,)).fetchone() for name in names}
    before = {name: row[0] for name, row in found.items() if row is not None}
    after = dict(change(before))
    for name in before.keys() - after.keys():
        run(_DELETE, (name,))
    for name, body in after.items():
        if before.get(name) != body:
            run(_PUT, (name, body))
    return after
