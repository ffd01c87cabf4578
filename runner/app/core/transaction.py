"""From journal to incident and back: fold what is stored, and prepare what is to be appended.

``prepare`` is one turn of the engine: decide the commands, settle what follows, claim what can start. All of its
events go into one append, so that a command and all it brings about are there together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from typing import get_args

import msgspec

from runner.base.actor import VIA, Actor
from runner.decoding import from_json
from runner.errors import NotFound, Refused, Sealed, StoreCorrupt, StoreError, StoreTooNew
from runner.incident.state.commands import AnyCommand
from runner.incident.state.events import (
    ActedOnBehalf,
    AnyEvent,
    DocumentRendered,
    PlaybookMigrated,
    PlaybookPinned,
    Recorded,
    SecondPersonAsked,
    StepEnded,
    decode,
    encode,
)
from runner.incident.state.exercise_time import time_in, wall_time
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import AnyWork
from runner.incident.turn.claims import claims
from runner.incident.turn.decide import decide
from runner.incident.turn.fold import begin, fold
from runner.incident.turn.settle import number, settle
from runner.incident.turn.timers import next_wakeup
from runner.routing.rate_limit import OPEN, Quotas
from runner.store.port import Append, IncidentRow, NewEvent, Store


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One prepared turn: the append, the incident after it, and the work that may start once it is committed."""

    append: Append | None
    incident: Incident
    work: tuple[AnyWork, ...] = ()
    more: bool = False
    """There is more that could start, but no room for it now."""


Libraries = Callable[[Incident], Library]


def load_incident(store: Store, name: str, libraries: Libraries) -> Incident:
    """Return an incident from its journal; raises NotFound, or Sealed when it was shredded."""
    with whole(store, name):
        last = store.head(name).version
        rows = store.read_payloads(name)
        first = next(rows, None)
        if first is None and not last:
            raise NotFound(f'Incident "{name}" does not exist.', hint="tocsin list", code="unknown_incident")
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
        raise Sealed("The personal data of the incident was erased. It cannot be read.", code="shredded")
    try:
        return Recorded(seq, at, decode(payload))
    except msgspec.ValidationError as error:
        if not _is_unknown_type(payload):
            raise _damaged(incident, seq) from error
        raise StoreTooNew(
            f"Entry {seq} of the incident is from a later version of Tocsin.",
            hint="Install the later version of Tocsin.",
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
        f'Entry {seq} of incident "{incident}" {what}.',
        hint="Copy the database. Restore a backup beside it. Run: tocsin audit verify",
        code=code,
    )


def _is_unknown_type(payload: bytes) -> bool:
    """Does a well-formed event name a type that this version does not know?"""
    found = from_json(payload)
    known = {kind.__struct_config__.tag for kind in get_args(AnyEvent)}
    return isinstance(found, dict) and isinstance(kind := found.get("type"), str) and kind not in known


def prepare(
    incident: Incident,
    commands: Sequence[AnyCommand],
    now: datetime,
    library: Library,
    actor: Actor,
    worker: str = "",
    birth: AnyEvent | None = None,
    room: int | None = None,
    rooms: Quotas = OPEN,
) -> Transaction:
    """Return one turn; raises Refused when a command may not be done. Without ``worker`` nothing is claimed.

    ``room`` bounds how many effects are claimed; None does not. ``rooms`` is what the accounts of the channels let through.

    ``birth`` is the event that made the incident, where it has no journal yet. ``now`` is the wall's time: an exercise
    decides by its own, and its journal has both.
    """
    wall, now = now, time_in(incident, now)
    base = 0 if birth is not None else incident.version
    said: list[AnyEvent] = [] if birth is None else [birth]
    for command in commands:
        decided = _for_whom(decide(incident, command, now, library), actor)
        incident = fold(incident, number(incident, now, decided), library)
        said.extend(decided)
    if said and actor.represented:
        said.append(_on_behalf(base + 1, said, actor))
        incident = fold(incident, number(incident, now, said[-1:]), library)
    after = time_in(incident, wall)
    incident, followed = settle(incident, after, library)
    intents, work, more = _claimed(incident, after, library, worker, room, rooms)
    incident = fold(incident, number(incident, after, intents), library) if intents else incident
    if not said and not followed and not intents:
        return Transaction(append=None, incident=incident, work=work, more=more)
    mine = Actor(claimed="tocsin", host=actor.host, os_user=actor.os_user)
    played = incident.drill is not None
    events = [
        *(entry(event, wall, actor, now if played else None) for event in said),
        *(entry(event, wall, mine, after if played else None) for event in chain(followed, intents)),
    ]
    append = Append(
        incident=incident.id,
        expected_version=base,
        events=events,
        row=row_of(
            incident,
            wall,
            library,
            has_work=bool(incident.sending or work or more) if worker else None,
            rooms=rooms,
        ),
    )
    return Transaction(append=append, incident=incident, work=work, more=more)


def _for_whom(events: Sequence[AnyEvent], actor: Actor) -> tuple[AnyEvent, ...]:
    """Put the person for whom somebody acted to what was made: it is theirs as well, and neither approves it.

    What needs two people says which system user asked for it, and nobody asks for it in the name of another.
    """
    person = actor.represented
    if person and any(isinstance(event, SecondPersonAsked) for event in events):
        raise Refused(
            "You cannot ask for a second person on behalf of another person.",
            hint="Remove --on-behalf-of",
            code="on_behalf",
        )
    events = [_by_user(event, actor) for event in events]
    if not person:
        return tuple(events)
    return tuple(
        msgspec.structs.replace(event, on_behalf_of=person)
        if isinstance(event, StepEnded | DocumentRendered)
        else event
        for event in events
    )


def _by_user(event: AnyEvent, actor: Actor) -> AnyEvent:
    if not isinstance(event, SecondPersonAsked):
        return event
    act = msgspec.structs.replace(event.act, os_user=actor.os_user, proven_by=actor.proven_by or "")
    return msgspec.structs.replace(event, act=act)


def _on_behalf(first: int, events: Sequence[AnyEvent], actor: Actor) -> ActedOnBehalf:
    """Say for whom the entries from ``first`` on were made: that person is to confirm them."""
    steps = dict.fromkeys(str(getattr(event, "step", "")) for event in events)
    steps.pop("", None)
    person, _, via = (actor.on_behalf_of or "").partition(VIA)
    return ActedOnBehalf(first=first, person=person, by=actor.claimed, via=via, steps=tuple(steps))


def _claimed(
    incident: Incident, now: datetime, library: Library, worker: str, room: int | None, rooms: Quotas
) -> tuple[list[AnyEvent], tuple[AnyWork, ...], bool]:
    """Return the intents to commit, the work that follows them, and whether some had to be left."""
    if not worker:
        return [], (), False
    every = claims(incident, now, library, worker, rooms)
    found = list(islice(every, room))
    more = room is not None and next(every, None) is not None
    return [intent for intent, _ in found if intent is not None], tuple(work for _, work in found), more


def entry(event: AnyEvent, wall: datetime, actor: Actor, exercise_at: datetime | None) -> NewEvent:
    """Return an event as the store takes it."""
    return NewEvent(
        type=type(event).__name__,
        at=wall,
        exercise_at=exercise_at,
        actor=actor,
        payload=encode(event),
        stream=event.stream,
        personal=event.personal,
    )


def row_of(
    incident: Incident,
    now: datetime,
    library: Library,
    has_work: bool | None = None,
    rooms: Quotas = OPEN,
) -> IncidentRow:
    """Return what lists and workers need of an incident; ``has_work`` None has it found out.

    ``now``, and when to look again, are times of the wall.
    """
    now = time_in(incident, now)
    if has_work is None:
        has_work = bool(incident.sending) or next(claims(incident, now, library, ""), None) is not None
    return IncidentRow(
        id=incident.id,
        codename=incident.codename,
        title=incident.title,
        kind=incident.kind,
        state=incident.state,
        opened_at=incident.opened_at,
        version=incident.version,
        summary=incident.severity.encode(),
        next_due=wall_time(incident, next_wakeup(incident, now, library, rooms)),
        has_work=has_work,
    )
