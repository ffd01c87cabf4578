"""The log of heads of a store: its key, its checkpoints, and the check of rows, leaves and checkpoints. The same for both databases.

A writer adds its leaf without a number and waits for nobody. A checkpoint numbers the new leaves in one transaction, adds them to the
tree, and signs its root.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any, LiteralString, Protocol

from runner.errors import Invalid, Sealed, StoreCorrupt
from runner.proof.merkle import HASH_BYTES, Frontier, path
from runner.proof.note import Checkpoint, NoteKey, parse_checkpoint, verify_note
from runner.store.chain import Place, event_of
from runner.store.encryption import Sealer
from runner.store.heads import ROOT, HeadKey, Leaf
from runner.store.moving import Select
from runner.store.port import Covered, HeadFault, HeadFaultCode, HeadsCheck, KeptCheckpoint, Link
from runner.store.rows import Stamp, leaf_of, leaf_values, text
from runner.store.upgrades import KEYED

_PAGE = 5000
_ROWS: LiteralString = """
SELECT id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac
FROM tocsin.incidents"""
_CURRENT = _ROWS + " WHERE NOT EXISTS (SELECT 1 FROM tocsin.events WHERE incident = id AND seq > version)"  # noqa: S608  # written here
_TAILS: LiteralString = """
SELECT e.incident, e.seq, e.hash FROM tocsin.events e
JOIN (SELECT incident, max(seq) AS last FROM tocsin.events GROUP BY incident) t
ON t.incident = e.incident AND t.last = e.seq ORDER BY e.incident"""
_HEADER: LiteralString = "SELECT header FROM tocsin.events WHERE incident = %s AND seq = %s"
_INSERT: LiteralString = """
INSERT INTO tocsin.head_log (incident, entries, seq, head, recorded, salt, mac)
VALUES (%s, %s, %s, %s, %s, %s, %s)"""
_LEAVES: LiteralString = (
    "SELECT n, place, incident, entries, seq, head, recorded, salt, mac FROM tocsin.head_log"
)
_NEW = _LEAVES + " WHERE n IS NULL ORDER BY place"
_NEXT: LiteralString = "SELECT coalesce(max(n) + 1, 0) FROM tocsin.head_log WHERE n IS NOT NULL"
_NUMBERED = _LEAVES + " WHERE n >= %s AND n < %s ORDER BY n, place"
_CHECKPOINTS: LiteralString = "SELECT size, note, recorded, token FROM tocsin.checkpoints"
_NEWEST: LiteralString = "SELECT recorded FROM tocsin.head_log ORDER BY place DESC LIMIT 1"
_LATEST: LiteralString = "SELECT recorded FROM tocsin.head_log ORDER BY recorded DESC LIMIT 1"
_USED: tuple[LiteralString, ...] = (
    "SELECT 1 FROM tocsin.events LIMIT 1",
    "SELECT 1 FROM tocsin.head_log LIMIT 1",
    "SELECT 1 FROM tocsin.checkpoints LIMIT 1",
    "SELECT 1 FROM tocsin.incidents WHERE mac IS NOT NULL LIMIT 1",
)
"""What a store does not have before its first key: an upgrade makes one for the entries of an older store."""
_DIFFERENT: LiteralString = """
SELECT l.incident, l.seq FROM tocsin.head_log l LEFT JOIN tocsin.events e ON e.incident = l.incident AND e.seq = l.seq
WHERE e.hash IS NULL OR e.hash <> l.head ORDER BY l.place"""


class Changing(Protocol):
    """Opens a transaction; ``alone`` keeps all appends out of it."""

    def __call__(self, *, alone: bool = False) -> AbstractContextManager[Select]:
        """Yield what runs a statement in the transaction."""


class HeadLog:
    """The log of heads of one store: see ``port.Log``. ``still`` opens a transaction that reads one state, whatever others write."""

    def __init__(
        self,
        sealer: Sealer,
        select: Select,
        changing: Changing,
        still: Callable[[], AbstractContextManager[Select]],
        schema: Callable[[], int],
    ) -> None:
        self._sealer, self._select, self._changing, self._schema = sealer, select, changing, schema
        self._still = still
        self._key: HeadKey | None = None

    def key(self) -> HeadKey:
        """Return the key of the MACs; the first writer makes it. Raises Sealed without the master key."""
        if self._key is None:
            self._key = self._present(self._select) or self._made()
        return self._key

    def _present(self, run: Select) -> HeadKey | None:
        """Return the existing key; one without a root if leaves show that it is gone; None before the first append."""
        found = run("SELECT wrapped FROM tocsin.keys WHERE incident = %s", (ROOT,))
        if found and found[0][0] is not None:
            return HeadKey(self._sealer.key(ROOT, found[0][0]))
        return HeadKey(None) if found or any(run(query, ()) for query in _USED) else None

    def _made(self) -> HeadKey:
        with self._changing(alone=True) as run:
            return self._present(run) or self._create(run)

    def _create(self, run: Select) -> HeadKey:
        wrapped = self._sealer.create_key(ROOT)
        run("INSERT INTO tocsin.keys (incident, wrapped) VALUES (%s, %s)", (ROOT, wrapped))
        return HeadKey(self._sealer.key(ROOT, wrapped))

    def adopt(self, run: Select, chance: Callable[[int], bytes]) -> None:
        """Record the heads of an older store in the transaction of its upgrade; raises Sealed without the master key.

        A store with entries and without this record is one whose record was removed.
        """
        tails = run(_TAILS, ())
        if not tails or run("SELECT 1 FROM tocsin.keys WHERE incident = %s", (ROOT,)):
            return
        key = self._create(run)
        for row in run(_ROWS, ()):
            run("UPDATE tocsin.incidents SET mac = %s WHERE id = %s", (key.row(row), row[0]))
        for name, seq, head in tails:
            [(header,)] = run(_HEADER, (name, seq))
            stamp = Stamp(_recorded(header), None, chance)
            run(_INSERT, leaf_values(leaf_of(Place(name, seq, head), 0, stamp), key))

    def rebuilding(self, run: Select) -> tuple[HeadKey | None, frozenset[str]]:
        """Return the key, and the incidents whose row, or without one whose newest leaf, was written with it."""
        key = self._present(run)
        if key is None:
            return None, frozenset()
        rows = {row[0]: key.vouches(row) for row in run(_ROWS, ())}
        ends = {name: (seq, bytes(head)) for name, seq, head in run(_TAILS, ())}
        for _n, _place, *columns, mac in run(_LEAVES + " ORDER BY place", ()):
            leaf = Leaf(*columns)
            if leaf.incident not in rows and ends.get(leaf.incident) == (leaf.seq, leaf.head):
                rows[leaf.incident] = key.leaf(leaf) == mac
        return key, frozenset(name for name, vouched in rows.items() if vouched)

    def vouched(self) -> frozenset[str]:
        if self._schema() < KEYED:
            return frozenset(name for (name,) in self._select("SELECT id FROM tocsin.incidents", ()))
        key = self._present(self._select)
        return frozenset(row[0] for row in self._select(_CURRENT, ()) if key and key.vouches(row))

    # --- checkpoints -------------------------------------------------------------------------------------

    def newest(self, size: int | None = None) -> KeptCheckpoint | None:
        if self._schema() < KEYED:
            return None
        found = (
            self._select(_CHECKPOINTS + " ORDER BY size DESC LIMIT 1", ())
            if size is None
            else self._select(_CHECKPOINTS + " WHERE size = %s", (size,))
        )
        return _kept(found[0]) if found else None

    def recorded(self, *, latest: bool = False) -> datetime | None:
        if self._schema() < KEYED:
            return None
        found = self._select(_LATEST if latest else _NEWEST, ())
        return datetime.fromisoformat(found[0][0]) if found else None

    def checkpoint(self, recorded: datetime, signed: Callable[[int, bytes], str]) -> KeptCheckpoint | None:
        with self._changing() as run:
            _number(run, recorded, signed)
        return self.newest()

    def covering(self, incident: str, seq: int, by: NoteKey) -> Covered | None:
        signature = f"%\n\u2014 {by.name} {b64encode(by.id).decode()[:5]}%"
        with self._still() as run:
            found = run(_LEAVES + " WHERE incident = %s AND seq = %s AND n IS NOT NULL", (incident, seq))
            if not found:
                return None
            number, _place, *columns, _mac = found[0]
            later = _CHECKPOINTS + " WHERE size > %s AND note LIKE %s"
            kept = run(later + " AND token IS NOT NULL ORDER BY size LIMIT 1", (number, signature)) or run(
                later + " ORDER BY size LIMIT 1", (number, signature)
            )
            if not kept:
                return None
            newest = _kept(kept[0])
            hashes = [Leaf(*row[2:8]).hash for row in run(_NUMBERED, (0, newest.size))]
        return Covered(number, Leaf(*columns), path(number, hashes), newest)

    def keep_token(self, size: int, token: bytes) -> None:
        with self._changing() as run:
            run("UPDATE tocsin.checkpoints SET token = %s WHERE size = %s", (token, size))

    # --- the check ---------------------------------------------------------------------------------------

    def check(
        self, keys: Iterable[NoteKey], remembered: Sequence[Checkpoint] = (), incident: str | None = None
    ) -> HeadsCheck:
        if self._schema() < KEYED:
            walk = _Walk(_Findings(incident), None, [("rolled_back", one) for one in remembered])
            walk.end()
            return HeadsCheck(leaves=0, size=0, keyed=False, faults=walk.found.all())
        with self._still() as run:
            return self._checked(run, keys, remembered, _Findings(incident))

    def _checked(
        self, run: Select, keys: Iterable[NoteKey], remembered: Sequence[Checkpoint], found: _Findings
    ) -> HeadsCheck:
        key = None
        try:
            key = self._present(run)
        except Sealed as error:
            if error.code == "seal_broken":
                found.add("root_key_missing", "", 0, "the root key of the home was changed")
        if key is not None and key.is_gone:
            found.add("root_key_missing", "", 0, "the root key of the home is missing")
            key = None
        signed = _signed(run, found, tuple(keys))
        walk = _Walk(found, key, [*signed, *(("rolled_back", one) for one in remembered)])
        for n, _place, *columns, mac in _all_leaves(run):
            walk.pass_leaf(n, Leaf(*columns), mac)
        walk.end()
        for name, seq in run(_DIFFERENT, ()):
            found.add("head_differs", name, seq, "the entry differs from its head in the log, or is missing")
        _check_ends(run, found, walk.ends, key)
        kept = run(_CHECKPOINTS + " ORDER BY size DESC LIMIT 1", ())
        size = kept[0][0] if kept else 0
        if walk.numbered > size:
            why = f"the checkpoint of {walk.numbered} heads is missing; the newest has {size}"
            found.add("checkpoint_missing", "", 0, why)
        return HeadsCheck(
            leaves=walk.leaves,
            size=size,
            uncovered_since=walk.since,
            keyed=key is not None,
            older=tuple(sorted(walk.older.items())),
            faults=found.all(),
        )


def _number(run: Select, recorded: datetime, signed: Callable[[int, bytes], str]) -> None:
    """Number the new leaves and add the checkpoint of all, if there is anything new."""
    found = run("SELECT size, peaks FROM tocsin.checkpoints ORDER BY size DESC LIMIT 1", ())
    size, peaks = found[0] if found else (0, b"")
    [(numbered,)], leaves = run(_NEXT, ()), run(_NEW, ())
    if not leaves and numbered <= size:
        return
    hashes = [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
    edge = _rebuilt(run, numbered) if numbered > size else Frontier(size, hashes)
    for _n, place, *columns, _mac in leaves:
        run("UPDATE tocsin.head_log SET n = %s WHERE place = %s", (edge.size, place))
        edge.add(Leaf(*columns).hash)
    values = (edge.size, text(recorded), b"".join(edge.peaks), signed(edge.size, edge.root()))
    run("INSERT INTO tocsin.checkpoints (size, recorded, peaks, note) VALUES (%s, %s, %s, %s)", values)


def _rebuilt(run: Select, numbered: int) -> Frontier:
    """Return the tree of the numbered leaves from the leaves themselves; raises StoreCorrupt if some are missing."""
    # Somebody removed checkpoints: without new ones, later changes would not be found.
    edge = Frontier()
    for _n, _place, *columns, _mac in run(_NUMBERED, (0, numbered)):
        edge.add(Leaf(*columns).hash)
    if edge.size != numbered:
        raise StoreCorrupt(
            "The log of heads was changed: heads are missing.",
            hint="Run: tocsin audit verify",
            code="log_changed",
        )
    return edge


class _Findings:
    """The first fault of each kind, and how many follow it."""

    def __init__(self, only: str | None) -> None:
        self._only, self._counts = only, Counter[str]()
        self._first: dict[str, HeadFault] = {}

    def add(self, code: HeadFaultCode, incident: str, seq: int, why: str) -> None:
        if incident and self._only not in (None, incident):
            return
        self._counts[code] += 1
        self._first.setdefault(code, HeadFault(code=code, incident=incident, seq=seq, why=why))

    def all(self) -> tuple[HeadFault, ...]:
        return tuple(
            HeadFault(
                code=one.code, incident=one.incident, seq=one.seq, why=one.why, more=self._counts[code] - 1
            )
            for code, one in self._first.items()
        )


class _Walk:
    """What is known of the log while its leaves pass, first the numbered ones."""

    def __init__(
        self, found: _Findings, key: HeadKey | None, wanted: Iterable[tuple[HeadFaultCode, Checkpoint]]
    ) -> None:
        self.found, self._key, self._edge = found, key, Frontier()
        self.leaves, self.ends, self.older = 0, dict[str, int](), dict[str, int]()
        self.numbered = 0
        self.since: datetime | None = None
        self._wanted: dict[int, list[tuple[HeadFaultCode, Checkpoint]]] = {}
        for code, one in wanted:
            self._wanted.setdefault(one.size, []).append((code, one))

    def pass_leaf(self, n: int | None, leaf: Leaf, mac: bytes) -> None:
        """Take the next leaf; ``n`` is None if no checkpoint has numbered it."""
        name, before = leaf.incident, self.ends.get(leaf.incident, 0)
        if leaf.entries == 0 and not before:
            self.older[name] = leaf.seq
        elif leaf.seq != before + leaf.entries:
            self.found.add("log_gap", name, before + 1, f"the log has no head after entry {before}")
        if self._key is not None and self._key.leaf(leaf) != mac:
            self.found.add("leaf_changed", name, leaf.seq, "the head in the log was not written with the key")
        self.leaves, self.ends[name] = self.leaves + 1, leaf.seq
        if n is None:
            with suppress(ValueError):  # what somebody changed is a fault already
                self.since = self.since or datetime.fromisoformat(leaf.recorded)
            return
        self.numbered = n + 1
        if n != self._edge.size:
            self.found.add("log_gap", "", 0, f"head {self._edge.size} of the log is missing")
        self._edge.add(leaf.hash)
        for code, one in self._wanted.pop(self._edge.size, ()):
            if one.root != self._edge.root()[: len(one.root)]:
                self._differs(code, one)

    def end(self) -> None:
        """Report the checkpoints that the log does not reach."""
        for _size, ones in sorted(self._wanted.items()):
            for code, one in ones:
                self._differs(code, one)

    def _differs(self, code: HeadFaultCode, one: Checkpoint) -> None:
        if code == "rolled_back":
            root = one.root.hex()[:32]  # as in a footer
            why = f"checkpoint {one.size}:{root}, seen before or named now, is not in this log of {self.leaves} heads"
        else:
            why = f"the log differs from its signed checkpoint of {one.size} heads"
        self.found.add(code, "", 0, why)


def _signed(
    run: Select, found: _Findings, known: Sequence[NoteKey]
) -> Iterator[tuple[HeadFaultCode, Checkpoint]]:
    for size, note, *_ in run(_CHECKPOINTS + " ORDER BY size", ()):
        try:
            text, by = verify_note(note.encode(), known)
            said = parse_checkpoint(text.text)
            if by is None or said.size != size:
                raise Invalid("", code="note_forged")
            yield "log_rewritten", said
        except Invalid:
            why = f"checkpoint {size} is not signed by this home folder"
            found.add("checkpoint_forged", "", 0, why)


def _all_leaves(run: Select) -> Iterator[tuple[Any, ...]]:
    start = 0
    while page := run(_NUMBERED, (start, start + _PAGE)):
        yield from page
        start += _PAGE
    yield from run(_NEW, ())


def _check_ends(run: Select, found: _Findings, ends: Mapping[str, int], key: HeadKey | None) -> None:
    """Compare the log with the end of each journal, and check the MACs of the rows."""
    if not ends:
        return
    for name, seq, _ in run(_TAILS, ()):
        if seq > ends.get(name, 0):
            found.add("unlogged", name, ends.get(name, 0) + 1, "the log has no head of the entry")
    for row in run(_ROWS, ()):
        if key is not None and not key.vouches(row):
            found.add("row_changed", row[0], row[1], "the row was not written with the key")


def _recorded(header: str) -> datetime:
    """Return when an entry was written; the epoch if its envelope was damaged, because an upgrade does not stop for it."""
    with suppress(StoreCorrupt):
        return event_of(Link(seq=0, header=header.encode(), hash=b"")).recorded
    return datetime.fromtimestamp(0, UTC)


def _kept(row: Sequence[Any]) -> KeptCheckpoint:
    return KeptCheckpoint(size=row[0], recorded=datetime.fromisoformat(row[2]), note=row[1], token=row[3])
