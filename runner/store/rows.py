"""Conversion of events and incidents to rows and back, with the same columns in both stores.

events     incident, seq, header, salt, payload, hash
incidents  id, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private, mac
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from runner.errors import Bug, Sealed
from runner.store import chain, encryption
from runner.store.heads import UNVOUCHED, HeadKey, Leaf
from runner.store.port import Append, IncidentRow, Link, NewEvent
from runner.vault.keys import DataKey


class Stamp(NamedTuple):
    """Data that all events of a batch share, and the source of their salts."""

    recorded: datetime
    clock_offset_ms: int | None
    chance: Callable[[int], bytes]


def text(instant: datetime) -> str:
    """Return an instant in the form of both stores: UTC, always with microseconds, comparable as text."""
    return chain.utc(instant).isoformat(timespec="microseconds")


def matches(one: Append) -> None:
    """Refuse an append whose row does not follow from its events: a bug of the caller."""
    if one.row.id != one.incident or one.row.version != one.expected_version + len(one.events):
        raise Bug(f"the row of {one.incident} does not follow from the events appended with it")


def is_personal(events: Sequence[NewEvent]) -> bool:
    """Whether any of these needs a data key."""
    return any(event.personal for event in events)


def event_rows(
    place: chain.Place, events: Sequence[NewEvent], stamp: Stamp, key: DataKey | None
) -> tuple[list[tuple[Any, ...]], chain.Place]:
    """Chain ``events`` after ``place``; return the columns of their rows and the new end of the chain."""
    out: list[tuple[Any, ...]] = []
    incident, seq, head = place
    for event in events:
        salt: bytes | None = stamp.chance(chain.SALT_BYTES)
        header, head = chain.append_link(chain.Place(incident, seq, head), event, stamp, salt or b"")
        seq += 1
        payload = event.payload
        if event.personal:
            if key is None:
                raise Bug("a personal payload reached the store without a data key")
            payload, salt = encryption.seal_payload(key, incident, seq, salt or b"", payload), None
        out.append((incident, seq, header.decode(), salt, payload, head))
    return out, chain.Place(incident, seq, head)


def link_of(key: DataKey | None, incident: str, row: Sequence[Any]) -> Link:
    """Return ``seq, header, salt, payload, hash`` of a stored event as a link.

    A payload encrypted with a missing key is omitted. A payload that does not decrypt is not an error but a
    finding: ``unsealed`` is False.
    """
    seq, header, salt, payload, head = row
    if salt is not None:
        return Link(seq=seq, header=header, hash=head, salt=salt, payload=payload)
    if key is None:
        return Link(seq=seq, header=header, hash=head)
    try:
        salt, payload = encryption.open_payload(key, incident, seq, payload)
    except Sealed:
        return Link(seq=seq, header=header, hash=head, unsealed=False)
    return Link(seq=seq, header=header, hash=head, salt=salt, payload=payload)


def private_column(row: IncidentRow, key: DataKey | None) -> bytes:
    """Return title and summary for the row: encrypted if there is a key."""
    private = encryption.private_of(row)
    return private if key is None else key.seal(private, encryption.row_context(row.id))


def incident_values(
    row: IncidentRow, head: bytes, key: DataKey | None, heads: HeadKey | None, private: bytes | None = None
) -> tuple[Any, ...]:
    """Return the columns of an incident's row; ``private`` is its column if known already.

    Without ``heads`` the row is not vouched for: the one before it was changed without the key.
    """
    values = (
        row.id,
        row.version,
        head,
        row.state,
        row.has_work,
        None if row.next_due is None else text(row.next_due),
        row.kind,
        text(row.opened_at),
        row.codename,
        key is not None,
        private_column(row, key) if private is None else private,
    )
    return (*values, UNVOUCHED if heads is None else heads.row(values))


def leaf_of(place: chain.Place, entries: int, stamp: Stamp) -> Leaf:
    """Return the leaf of an append of ``entries`` events that ends at ``place``."""
    salt = stamp.chance(chain.SALT_BYTES)
    return Leaf(place.incident, entries, place.seq, place.hash, text(stamp.recorded), salt)


def leaf_values(leaf: Leaf, heads: HeadKey | None) -> tuple[Any, ...]:
    """Return the columns of a leaf of the log of heads, without its place and number."""
    return (*leaf, UNVOUCHED if heads is None else heads.leaf(leaf))


def incident_row(sealer: encryption.Sealer, values: Sequence[Any], wrapped: bytes | None) -> IncidentRow:
    """Return the row of an incident from its columns, decrypted with the incident's wrapped data key."""
    incident, version, _head, state, has_work, next_due, kind, opened_at, codename, sealed, private = values
    unread, title, summary = False, "", b""
    try:
        title, summary = encryption.open_row(sealer, incident, bool(sealed), private, wrapped)
    except Sealed:
        unread = True  # the rest of the row is plain: a list without the key still shows the open incidents
    return IncidentRow(
        id=incident,
        codename=codename,
        title=title,
        kind=kind,
        state=state,
        opened_at=datetime.fromisoformat(opened_at),
        version=version,
        next_due=None if next_due is None else datetime.fromisoformat(next_due),
        has_work=bool(has_work),
        summary=summary,
        unread=unread,
    )
