"""One transaction against the shared store: first it locks and reads, then it writes everything together."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, LiteralString

from runner.errors import Bug
from runner.store import chain, encryption, rows
from runner.store.heads import HeadKey
from runner.store.port import Append, Appended, ChangeMarks, Conflict, IncidentRow
from runner.store.postgres.server import DELETE_MARKS, PUT_MARK, UNHURRIED, Connection
from runner.vault.keys import DataKey

# Shredding first locks the table of keys against all readers, so a key read here remains valid to the end.
_LOCK_HEADS = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac,
    keys.incident, wrapped
FROM tocsin.incidents LEFT JOIN tocsin.keys ON keys.incident = incidents.id
WHERE id = ANY(%s) ORDER BY id FOR UPDATE OF incidents"""
_SELECT_KEYS = "SELECT incident, wrapped FROM tocsin.keys WHERE incident = ANY(%s)"
SELECT_TAILS: LiteralString = """
SELECT DISTINCT ON (incident) incident, seq, hash FROM tocsin.events WHERE incident = ANY(%s)
ORDER BY incident, seq DESC"""
_INSERT_KEYS: LiteralString = """
INSERT INTO tocsin.keys (incident, wrapped) SELECT * FROM unnest(%b::text[], %b::bytea[])"""
_INSERT_EVENTS: LiteralString = """
INSERT INTO tocsin.events (incident, seq, header, salt, payload, hash)
SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[], %b::bytea[])"""
_PUT_ROWS: LiteralString = """
INSERT INTO tocsin.incidents
    (id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac)
SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bytea[], %b::text[], %b::boolean[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::boolean[], %b::bytea[], %b::bytea[])
ON CONFLICT (id) DO UPDATE SET version = excluded.version, head = excluded.head, state = excluded.state,
    has_work = excluded.has_work, next_due = excluded.next_due, kind = excluded.kind,
    opened_at = excluded.opened_at, codename = excluded.codename, sealed = excluded.sealed,
    private = excluded.private, mac = excluded.mac"""
_INSERT_LEAVES: LiteralString = """
INSERT INTO tocsin.head_log (incident, entries, seq, head, recorded, salt, mac)
SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bytea[], %b::text[], %b::bytea[], %b::bytea[])"""


def begin(
    connection: Connection, sealer: encryption.Sealer, incidents: list[str], heads_key: HeadKey | None = None
) -> Batch:
    """Lock the incidents, in the order of their ids, and read their heads and keys. Only with ``heads_key`` are rows written."""
    heads: dict[str, tuple[int, bytes]] = {}
    keys: dict[str, bytes | None] = {}
    unvouched = set()
    for *row, named, wrapped in connection.execute(_LOCK_HEADS, (incidents,), binary=True):
        incident = row[0]
        heads[incident] = (row[1], row[2])
        if heads_key is not None and not heads_key.vouches(row):
            unvouched.add(incident)
        if named is not None:
            keys[incident] = wrapped
    missing = [incident for incident in incidents if incident not in heads]
    if missing:
        tails = connection.execute(SELECT_TAILS, (missing,), binary=True)
        keys |= dict(connection.execute(_SELECT_KEYS, (missing,), binary=True).fetchall())
        found = {incident: (seq, head) for incident, seq, head in tails}
        heads |= found
        unvouched |= found.keys()
    return Batch(sealer, heads, keys, heads_key, unvouched)


class Batch:
    """State of one transaction: the rows read, and the rows to write."""

    def __init__(
        self,
        sealer: encryption.Sealer,
        heads: dict[str, tuple[int, bytes]],
        keys: dict[str, bytes | None],
        heads_key: HeadKey | None = None,
        unvouched: Set[str] = frozenset(),
    ) -> None:
        """Take the heads (version and hash) and wrapped keys of the locked incidents, and those changed without the key."""
        self._heads_key, self._unvouched = heads_key, unvouched
        self._leaves: list[tuple[Any, ...]] = []
        self.heads = heads
        self.rows: dict[str, tuple[Any, ...]] = {}
        self._sealer = sealer
        self._keys = keys
        self._created: list[tuple[str, bytes]] = []
        self._events: list[tuple[Any, ...]] = []

    def append(self, one: Append, stamp: rows.Stamp) -> Appended | Conflict:
        """Chain the events in memory if the version matches."""
        version, head = self.heads.get(one.incident) or (0, chain.genesis(one.incident))
        if version != one.expected_version:
            return Conflict(version)
        rows.matches(one)
        key = self.key(one.incident, needed=rows.is_personal(one.events))
        place = chain.Place(one.incident, version, head)
        written, place = rows.event_rows(place, one.events, stamp, key)
        self._events += written
        self.heads[one.incident] = (place.seq, place.hash)
        heads = self._vouching(one.incident)
        self.rows[one.incident] = rows.incident_values(one.row, place.hash, key, heads)
        if one.events:
            self._leaves.append(rows.leaf_values(rows.leaf_of(place, len(one.events), stamp), heads))
        return Appended(place.seq, place.hash.hex())

    def put_row(self, row: IncidentRow) -> None:
        """Add a row that follows from the current journal."""
        version, head = self.heads.get(row.id) or (0, chain.genesis(row.id))
        if row.version != version:
            raise Bug(f"the row of {row.id} does not follow from its journal")
        key, heads = self.key(row.id, needed=False), self._vouching(row.id)
        self.rows[row.id] = rows.incident_values(row, head, key, heads)

    def vouch_only(self, incidents: Set[str]) -> None:
        """Vouch for the rows of these incidents only."""
        self._unvouched = self.heads.keys() - incidents

    def _vouching(self, incident: str) -> HeadKey | None:
        return None if incident in self._unvouched else self._heads_key

    def key(self, incident: str, *, needed: bool) -> DataKey | None:
        """Return the data key, made at the first need; raises Sealed if it is needed but shredded."""
        if incident not in self._keys:
            if not needed:
                return None
            wrapped = self._sealer.create_key(incident)
            self._keys[incident] = wrapped
            self._created.append((incident, wrapped))
        found = self._keys[incident]
        if found is None:
            if needed:
                raise encryption.shredded(incident)
            return None
        return self._sealer.key(incident, found)

    def is_shredded(self, incident: str) -> bool:
        """Whether the data key of this incident was destroyed."""
        return incident in self._keys and self._keys[incident] is None

    def write(self, connection: Connection) -> None:
        """Send everything, each kind by one statement; results are read at the pipeline's end.

        Columns are arrays, so that a statement is the same for any number of rows and the server reuses its plan.
        """
        wanted = (
            (_INSERT_KEYS, self._created),
            (_INSERT_EVENTS, self._events),
            (_PUT_ROWS, self.rows.values()),
            (_INSERT_LEAVES, self._leaves),
        )
        for statement, values in wanted:
            if values:
                connection.execute(statement, [list(column) for column in zip(*values, strict=True)])


# Missing rows cannot be locked; the table is small, its changes are rare, and readers do not wait.
_LOCK: LiteralString = "LOCK TABLE tocsin.marks IN EXCLUSIVE MODE"
_SELECT: LiteralString = "SELECT name, body FROM tocsin.marks WHERE starts_with(name, %s) ORDER BY name"
_SELECT_THESE: LiteralString = "SELECT name, body FROM tocsin.marks WHERE name = ANY(%s)"


def read(connection: Connection, prefix: str) -> dict[str, bytes]:
    """Return the marks whose names begin with ``prefix``."""
    return dict(connection.execute(_SELECT, (prefix,), binary=True).fetchall())


def change(
    connection: Connection, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
) -> dict[str, bytes]:
    """Change marks in a transaction of their own."""
    with connection.transaction():
        if not waits:
            connection.execute(UNHURRIED)
        connection.execute(_LOCK)
        before: dict[str, bytes] = dict(
            connection.execute(_SELECT_THESE, ([*names],), binary=True).fetchall()
        )
        after = dict(change(before))
        if gone := [*(before.keys() - after.keys())]:
            connection.execute(DELETE_MARKS, (gone,))
        for name, body in after.items():
            if before.get(name) != body:
                connection.execute(PUT_MARK, (name, body))
    return after
