"""The events to append to the journal of an incident.

``make_transaction`` is one turn of the engine: decide the commands, settle the consequences, claim the effects that can start.
All of its events go into one append, so that a command and its consequences are stored together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import msgspec

from runner.app.core.repository import Append, IncidentRow, NewEvent, summary_of
from runner.base.actor import Actor, Principal
from runner.base.states import Held
from runner.errors import Refused
from runner.incident.state.commands import AnyCommand
from runner.incident.state.events import (
    ActedOnBehalf,
    AnyEvent,
    DocumentRendered,
    FactsRecorded,
    Recorded,
    SecondPersonAsked,
    StepEnded,
    encode,
)
from runner.incident.state.exercise_time import time_in, wall_time
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import AnyWork
from runner.incident.turn.claims import claims
from runner.incident.turn.decide import decide
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import next_wakeup, number, settle
from runner.routing.rate_limit import OPEN, Quotas


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One prepared turn: the append, the incident after it, and the work that may start once it is committed."""

    append: Append | None
    incident: Incident
    events: tuple[Recorded, ...] = ()
    work: tuple[AnyWork, ...] = ()
    more: bool = False
    """More effects could start, but there is no quota for them now."""


def make_transaction(
    incident: Incident,
    commands: Sequence[AnyCommand],
    now: datetime,
    library: Library,
    principal: Principal,
    worker: str = "",
    birth: AnyEvent | None = None,
    room: int | None = None,
    rooms: Quotas = OPEN,
    held: Held = "",
) -> Transaction:
    """Return one turn; raises Refused if a command is not permitted. Without ``worker`` nothing is claimed.

    ``room`` limits how many effects are claimed; None does not. ``rooms`` is the quota of the channels' accounts.

    ``birth`` is the event that creates an incident without a journal. ``now`` is the real time: an exercise
    decides by its own, and its journal has both. ``held`` is what an unconfirmed time must not do.
    """
    wall, now = now, time_in(incident, now)
    base = 0 if birth is not None else incident.version
    said: list[Recorded] = [] if birth is None else [Recorded(1, now, birth)]
    for command in commands:
        made = _for_whom(decide(incident, command, principal, now, library), principal)
        decided = number(incident, now, made)
        incident = fold(incident, decided, library)
        said.extend(decided)
    if said and principal.on_behalf_of:
        said.extend(behalf := number(incident, now, [_on_behalf(said, principal)]))
        incident = fold(incident, behalf, library)
    after, decided_on = time_in(incident, wall), incident
    incident, settled = settle(incident, after, library, held)
    followed = number(decided_on, after, settled)
    incident, claimed, work, more = _claimed(incident, after, library, worker, room, rooms)
    followed.extend(claimed)
    if not said and not followed:
        return Transaction(append=None, incident=incident, work=work, more=more)
    actor, program = principal.actor, principal.program().actor
    played = incident.drill is not None
    events = [
        *(entry(one.event, wall, actor, one.at if played else None) for one in said),
        *(entry(one.event, wall, program, one.at if played else None) for one in followed),
    ]
    has_work = bool(incident.sending or work or more) if worker else None
    row = row_of(incident, wall, library, has_work, rooms)
    if held and row.next_due is not None:  # what is held is due as soon as the time is confirmed
        row = msgspec.structs.replace(row, next_due=incident.opened_at)
    append = Append(incident=incident.id, expected_version=base, events=events, row=row)
    return Transaction(append=append, incident=incident, events=(*said, *followed), work=work, more=more)


def _for_whom(events: Sequence[AnyEvent], principal: Principal) -> tuple[AnyEvent, ...]:
    """Add the person on whose behalf somebody acted to the results: both are authors, and neither can approve them.

    A request for a second person records the requesting system user, and nobody requests it in the name of another.
    """
    person = principal.on_behalf_of
    asked = any(isinstance(event, SecondPersonAsked) for event in events)
    if person and asked:
        raise Refused(
            "You cannot ask for a second person on behalf of another person.",
            hint="Remove --on-behalf-of",
            code="on_behalf",
        )
    if asked:
        events = [_by_user(event, principal) for event in events]
    if not person:
        return tuple(events)
    return tuple(
        msgspec.structs.replace(event, on_behalf_of=person)
        if isinstance(event, StepEnded | DocumentRendered)
        or (isinstance(event, FactsRecorded) and (event.step or event.answers))
        else event
        for event in events
    )


def _by_user(event: AnyEvent, principal: Principal) -> AnyEvent:
    if not isinstance(event, SecondPersonAsked):
        return event
    act = msgspec.structs.replace(event.act, os_user=principal.os_user, proven_by=principal.proven_by or "")
    return msgspec.structs.replace(event, act=act)


def _on_behalf(said: Sequence[Recorded], principal: Principal) -> ActedOnBehalf:
    """Record on whose behalf these entries were made: that person has to confirm them."""
    first = said[0].seq
    steps = dict.fromkeys(str(getattr(entry.event, "step", "")) for entry in said)
    steps.pop("", None)
    person, by, via = principal.on_behalf_of, principal.person, principal.via
    return ActedOnBehalf(first=first, person=person, by=by, via=via, steps=tuple(steps))


def _claimed(
    incident: Incident, now: datetime, library: Library, worker: str, room: int | None, rooms: Quotas
) -> tuple[Incident, list[Recorded], tuple[AnyWork, ...], bool]:
    """Return the incident after its intents, these, the resulting work, and whether some intents were left out."""
    if not worker:
        return incident, [], (), False
    every = claims(incident, now, library, worker, rooms)
    claimed = list(islice(every, room))
    more = room is not None and next(every, None) is not None
    intents = number(incident, now, [intent for intent, _ in claimed if intent is not None])
    after = fold(incident, intents, library) if intents else incident
    return after, intents, tuple(work for _, work in claimed), more


def entry(event: AnyEvent, wall: datetime, actor: Actor, exercise_at: datetime | None) -> NewEvent:
    """Return an event in the form of the store."""
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
    """Return the row of an incident for lists and workers; if ``has_work`` is None, it is computed.

    ``now`` and the time of the next check are real times.
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
        summary=summary_of(incident),
        next_due=wall_time(incident, next_wakeup(incident, now, library, rooms)),
        has_work=has_work,
    )
