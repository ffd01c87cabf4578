"""Automatic consequences: events that are due from the state and the time alone.

``settle`` repeats until nothing more follows: steps become ready, blocked or not applicable; containers open
their bodies and close; quorums are counted; duties are assessed; times pass. Every round reads only the agenda
of changes and the open items, never the whole incident. It never starts an effect: that is ``claims``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from runner.errors import Bug
from runner.incident.law.duties import assessment, duty_passed, with_the_law
from runner.incident.messages.deliveries import delivery_events, pop_due
from runner.incident.messages.escalation import lapse_events, message_events
from runner.incident.state.events import AnyEvent, DutiesAssessed, Recorded
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.quorum import Answers
from runner.incident.steps.approvals import void_approvals
from runner.incident.steps.containers import late_items
from runner.incident.steps.kinds import advance
from runner.incident.steps.readiness import check_readiness, late_branches, start_step
from runner.incident.turn.after_closing import only_clocks, watched
from runner.incident.turn.fold import fold
from runner.incident.turn.timers import expire

ROUNDS = 10_000
"""A limit on the rounds of one settling: more means that two rules answer each other for ever."""


def settle(incident: Incident, now: datetime, library: Library) -> tuple[Incident, tuple[AnyEvent, ...]]:
    """Return the settled incident, and the new events, in order."""
    settled: list[AnyEvent] = []
    for _ in range(ROUNDS):
        events = tuple(_round(incident, now, library))
        if not events:
            return incident, tuple(settled)
        incident = fold(incident, number(incident, now, events), library)
        settled.extend(events)
    raise Bug(f'Incident "{incident.id}" never stops changing.')


def number(incident: Incident, now: datetime, events: Iterable[AnyEvent]) -> list[Recorded]:
    """Give events the numbers and the time that they will have in the journal."""
    return [Recorded(incident.version + n, now, event) for n, event in enumerate(events, start=1)]


def _round(incident: Incident, now: datetime, library: Library) -> Iterator[AnyEvent]:
    over = incident.state in ("cancelled", "closed")
    looks = incident.assess or not over or watched(incident)
    looked = _assessed(incident, now, library) if looks else None
    if looked is not None:
        yield looked
        if not over:
            yield from with_the_law(incident, looked)
        return
    if incident.state == "closed":
        yield from _deliveries(only_clocks(incident), now)
    if over:
        return
    yield from expire(incident, now, library)
    if incident.state == "paused":
        return
    late = (*late_items(incident, library), *late_branches(incident, library))
    reopened = (*void_approvals(incident, library), *late)
    yield from reopened or _onward(incident, now, library)


def _assessed(incident: Incident, now: datetime, library: Library) -> DutiesAssessed | None:
    """Return a new assessment of the law if facts or records changed, or a due time passed with an effect."""
    if not library.regimes:
        return None
    if incident.assess or not incident.assessed:
        return assessment(incident, now, library)
    if duty_passed(incident, now):
        assessed = assessment(incident, now, library)
        return assessed if assessed.changes else None
    return None


def _onward(incident: Incident, now: datetime, library: Library) -> Iterator[AnyEvent]:
    """Yield the next steps; never in one round with a reopening, or a container could close over a reopened step."""
    for name in sorted((incident.agenda | incident.blocked) - incident.active):
        answer = check_readiness(incident, name, library)
        yield from start_step(incident, name, answer, now, library)
    for name in sorted(incident.active):
        yield from advance(incident, name, now, library)
    yield from _deliveries(incident, now)
    answers = Answers(incident)
    for name in sorted(incident.calling):
        yield from message_events(incident, name, now, answers)
    for name in sorted(incident.lapsing):
        yield from lapse_events(incident, name, now)


def _deliveries(incident: Incident, now: datetime) -> Iterator[AnyEvent]:
    answers = Answers(incident)
    for name in pop_due(incident.looks, now):
        yield from delivery_events(incident, name, now, answers)
