"""The hash chain: the contents that each event commits to, and the search for a break. Pure.

    genesis = SHA-256( {"chain":"tocsin/journal/v1","incident":…} )
    digest  = SHA-256( salt | payload )                                salt: 16 random bytes
    header  = canonical JSON of the event's envelope, with the digest in it
    hash n  = SHA-256( hash n-1 | header n )

The chain commits to the digest, not to the payload, so a payload can be withheld (export without it) or
shredded (its key destroyed) and the chain still verifies. The salt prevents guessing of the digest: it
is stored with a plain payload and *inside* a sealed one, so it is lost with the key. A chain shows that the
events agree with one another. A person with write access to the store can write a whole new chain: the keyed heads
(``head_log``) show that, and with the master key only a head or checkpoint stored elsewhere, as in the footer of what is sent.

Headers are stored and hashed as the original bytes, never encoded again, so a later version can add
fields. Field names are declared in alphabetical order, which makes the encoding canonical (RFC 8785).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import msgspec

from runner.base.actor import Actor
from runner.decoding import json_reader
from runner.errors import Bug, StoreCorrupt
from runner.store.port import BreakKind, Broken, Head, Link, NewEvent, StoredEvent, Stream, Verification

SALT_BYTES = 16
CHAIN = "tocsin/journal/v1"


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The envelope of an event; absent means the default."""

    actor: Actor
    at: datetime
    incident: str
    payload_digest: str
    recorded: datetime
    seq: int
    stream: Stream
    type: str
    clock_offset_ms: int | None = None
    exercise_at: datetime | None = None
    personal: bool = False


class Place(NamedTuple):
    """The end of a chain, after which the next event is added."""

    incident: str
    seq: int
    hash: bytes


class Stamped(Protocol):
    """Store data about the moment of writing; ``recorded`` is in UTC already."""

    @property
    def recorded(self) -> datetime:
        """Time of the write."""

    @property
    def clock_offset_ms(self) -> int | None:
        """How far this machine's clock is ahead, if known."""


class _Promise(msgspec.Struct, frozen=True):
    incident: str
    payload_digest: str
    seq: int


class _Instant(msgspec.Struct, frozen=True):
    at: datetime
    exercise_at: datetime | None = None


_encode = msgspec.json.Encoder(order="sorted").encode
_decode_header = json_reader(Header)
_decode_promise = json_reader(_Promise)
_decode_instant = json_reader(_Instant)
_sha256 = hashlib.sha256
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)


def genesis(incident: str) -> bytes:
    """Return the hash before the first event: it binds a chain to its incident and to this format."""
    return _sha256(_encode({"chain": CHAIN, "incident": incident})).digest()


def utc(instant: datetime) -> datetime:
    """Return the same instant in UTC; a naive one is a bug of the caller."""
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise Bug("an instant without a time zone reached the store")
    return instant.astimezone(UTC)


def append_link(place: Place, event: NewEvent, stamp: Stamped, salt: bytes) -> tuple[bytes, bytes]:
    """Chain one event after ``place``; return its header and its hash."""
    header = _encode(
        Header(
            event.actor,
            utc(event.at),
            place.incident,
            _sha256(salt + event.payload).hexdigest(),
            stamp.recorded,
            place.seq + 1,
            event.stream,
            event.type,
            stamp.clock_offset_ms,
            None if event.exercise_at is None else utc(event.exercise_at),
            event.personal,
        )
    )
    return header, _sha256(place.hash + header).digest()


def instant_of(header: bytes) -> datetime:
    """Return the incident time of a header without decoding the rest; raises StoreCorrupt."""
    try:
        found = _decode_instant(header)
        return found.exercise_at or found.at
    except _UNREADABLE as error:
        raise _unreadable() from error


def event_of(link: Link) -> StoredEvent:
    """Return the unverified event of a link; raises StoreCorrupt if the link is invalid."""
    try:
        header = _decode_header(link.header)
    except _UNREADABLE as error:
        raise _unreadable() from error
    return StoredEvent(
        incident=header.incident,
        seq=header.seq,
        type=header.type,
        stream=header.stream,
        at=header.at,
        exercise_at=header.exercise_at,
        recorded=header.recorded,
        clock_offset_ms=header.clock_offset_ms,
        actor=header.actor,
        payload=link.payload,
        personal=header.personal,
        hash=link.hash.hex(),
    )


def _unreadable() -> StoreCorrupt:
    return StoreCorrupt(
        "The envelope of an entry cannot be read.", hint="Find the entry: tocsin audit verify"
    )


def check(
    incident: str, links: Iterable[Link], *, witness: Head | None = None, anchor: Head | None = None
) -> Verification:
    """Verify one incident's chain and name the first invalid event.

    ``witness`` is the head in the incident's row, ``anchor`` a head known from outside the store.
    """
    walk = iter(links)
    place = Place(incident, 0, genesis(incident))
    unread = 0
    for link in walk:
        why = _fault(place, link)
        if why is not None:
            return _broken(place, _classify(place, link, walk, why), unread)
        place = Place(incident, link.seq, link.hash)
        unread += link.payload is None
        if anchor is not None and anchor.version == link.seq and anchor.hash != link.hash.hex():
            return _broken(place, _rewritten(place, "the head from another source"), unread)
    broken = _end(place, witness)
    if broken is None and anchor is not None and anchor.version > place.seq:
        broken = _short(place, anchor, "a head from another source")
    return _broken(place, broken, unread)


SEEN_AT_ONCE = 200
"""Number of events between two progress reports."""


def told(links: Iterable[Link], seen: Callable[[int], None] | None) -> Iterable[Link]:
    """Pass links on, and report the progress of a long verification."""
    return links if seen is None else _told(links, seen)


def _told(links: Iterable[Link], seen: Callable[[int], None]) -> Iterator[Link]:
    since = 0
    for link in links:
        yield link
        since += 1
        if since == SEEN_AT_ONCE:
            seen(since)
            since = 0
    seen(since)


def check_store(
    links: Callable[[str], Iterable[Link]],
    journals: Set[str],
    witnesses: Mapping[str, Head],
    anchors: Mapping[str, Head],
) -> Verification:
    """Verify every journal of a store, in the order of incident ids, and combine the results."""
    events = unread = 0
    breaks: list[Broken] = []
    heads = _sha256()
    for incident in sorted(journals | witnesses.keys() | anchors.keys()):
        verification = check(
            incident, links(incident), witness=witnesses.get(incident), anchor=anchors.get(incident)
        )
        events += verification.events
        unread += verification.unread
        breaks += [verification.broken] if verification.broken is not None else []
        heads.update(_encode([incident, verification.events, verification.head]))
    return Verification(
        events=events,
        head=heads.hexdigest(),
        broken=breaks[0] if breaks else None,
        others=tuple(breaks[1:]),
        unread=unread,
        unwitnessed=tuple(sorted(journals - witnesses.keys())),
    )


def _broken(place: Place, broken: Broken | None, unread: int) -> Verification:
    return Verification(events=place.seq, head=place.hash.hex(), broken=broken, unread=unread)


def _fault(place: Place, link: Link) -> str | None:
    """Return why ``link`` is not the next event after ``place``, or None."""
    if link.seq != place.seq + 1:
        return "gap"
    if _sha256(place.hash + link.header).digest() != link.hash:
        return "the envelope or the hash differs from the stored one"
    try:
        promise = _decode_promise(link.header)
    except _UNREADABLE:
        return "the envelope is not valid"
    if promise.seq != link.seq or promise.incident != place.incident:
        return f"the envelope names entry {promise.seq} of {promise.incident}"
    if not link.unsealed:
        return "the encrypted payload differs from its digest"
    if link.payload is not None and promise.payload_digest != _digest(link):
        return "the payload differs from its digest"
    return None


def _digest(link: Link) -> str:
    return _sha256((link.salt or b"") + (link.payload or b"")).hexdigest()


def _classify(place: Place, link: Link, rest: Iterator[Link], why: str) -> Broken:
    """Distinguish an edit from removed or moved events by a search for the true next event."""
    due = place.seq + 1
    later = list(rest)
    for other in [link, *later]:
        if other.seq != due and _sha256(place.hash + other.header).digest() == other.hash:
            return _named(place, due, "reordered", f"entry {due} is at place {other.seq}")
    if link.seq > due:
        gone = f"entry {due} is" if link.seq == due + 1 else f"entries {due} to {link.seq - 1} are"
        return _named(place, due, "removed", f"{gone} missing")
    said, next_said = _promised(link), _promised(later[0]) if later else None
    if said is not None and said > due and next_said in (None, said + 1):
        return _named(place, due, "removed", f"entry {due} is missing: entry {said} is at its place")
    if later and _sha256(link.hash + later[0].header).digest() == later[0].hash:
        return _named(place, due, "edited", f"entry {due} was changed: {why}")
    return _named(place, due, "edited", f"entry {due} was changed, or earlier entries were removed: {why}")


def _promised(link: Link) -> int | None:
    try:
        return _decode_promise(link.header).seq
    except _UNREADABLE:
        return None


def _end(place: Place, witness: Head | None) -> Broken | None:
    """Compare the end of the chain with the head in the incident's row."""
    if witness is None or (witness.version == place.seq and witness.hash == place.hash.hex()):
        return None
    if witness.version > place.seq:
        return _short(place, witness, "the row of the incident")
    if witness.version < place.seq:
        why = f"the row of the incident has {witness.version} entries, the journal has {place.seq}"
        return _named(place, witness.version + 1, "added", why)
    return _rewritten(place, "the head in the row of the incident")


def _short(place: Place, known: Head, source: str) -> Broken:
    first, last = place.seq + 1, known.version
    gone = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return _named(place, first, "truncated", f"{gone} missing from the end: {source} has {last} entries")


def _rewritten(place: Place, source: str) -> Broken:
    why = f"entry {place.seq} or an earlier one was rewritten: {source} differs"
    return _named(place, place.seq, "edited", why)


def _named(place: Place, seq: int, kind: BreakKind, why: str) -> Broken:
    return Broken(incident=place.incident, seq=seq, kind=kind, why=why)
