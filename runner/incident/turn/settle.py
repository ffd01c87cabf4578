"""Automatic consequences: events that are due from the state and the time alone.

``settle`` repeats until nothing more follows: steps become ready, blocked or not applicable; containers open
their bodies and close; quorums are counted; duties are assessed; times pass. Every round reads only the agenda
of changes and the open items, never the whole incident. It never starts an effect: that is ``claims``.

The timers are here as well: due times of steps, the result of a passed due time, and the next wake-up. Legal clocks depend on facts and law; they run while an incident is paused. A due time that depends on a fact, a step or
a duty is computed again whenever those change, so no step is overdue by an old time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from runner.base.states import Held
from runner.errors import Bug
from runner.incident.law.duties import assessment, duty_passed, next_duty_look, with_the_law
from runner.incident.messages.deliveries import delivery_events, next_delivery_look, next_lapse, pop_due
from runner.incident.messages.escalation import lapse_events, message_events
from runner.incident.messages.room_provisioning import awaited, next_hosting
from runner.incident.state import events as e
from runner.incident.state.due_times import due_time
from runner.incident.state.events import AnyEvent, DutiesAssessed, Recorded
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.quorum import Answers
from runner.incident.steps.approvals import void_approvals
from runner.incident.steps.containers import late_items
from runner.incident.steps.kinds import advance
from runner.incident.steps.readiness import check_readiness, late_branches, start_step
from runner.incident.turn.after_closing import next_watch, only_clocks, watched
from runner.incident.turn.fold import fold
from runner.playbook import format as p
from runner.playbook.format import PEOPLE, QUESTIONS
from runner.playbook.parts import DEPUTIES
from runner.routing.rate_limit import OPEN, Quotas


def expire(incident: Incident, now: datetime, library: Library) -> Iterator[e.AnyEvent]:
    """Yield the changes of open steps by time alone: moved due times, overdue marks, reminders."""
    for name in sorted(incident.active):
        invocation = incident.invocations[name]
        step = library.step(incident, name)
        if step.due is not None and (step.due.anchor != "ready" or step.due.hours):
            due = due_time(incident, invocation, step, invocation.ready_at or incident.opened_at)
            if due != invocation.due:
                yield e.StepRescheduled(
                    step=name,
                    due=due,
                    wake_at=invocation.wake_at,
                    reason=f"{'fact' if step.due.hours else step.due.anchor} moved",
                )
                continue
        if invocation.kind in QUESTIONS and invocation.wake_at is not None and invocation.wake_at <= now:
            yield e.StepReminded(step=name, count=invocation.reminders + 1)
            continue
        if invocation.due is None or now < invocation.due:
            continue
        again = _next_reminder(invocation, step)
        if not invocation.overdue:
            rule = step.on_overdue
            tell = rule is not None and step.__struct_config__.tag in PEOPLE
            role = rule.escalate if rule is not None else ""
            if isinstance(step, p.Approve) and role == DEPUTIES:
                role = ""
            yield e.StepOverdue(step=name, escalate_to=role, tell=tell)
        elif again is not None and now >= again:
            yield e.StepReminded(step=name, count=invocation.reminders + 1)


def _next_reminder(invocation: Invocation, step: p.AnyStep) -> datetime | None:
    """Return when the next reminder is due; the intervals double, and they end."""
    rule = step.on_overdue
    if rule is None or rule.remind is None or not invocation.overdue or invocation.reminded_at is None:
        return None
    if step.__struct_config__.tag not in PEOPLE or invocation.reminders > rule.times:
        return None
    return invocation.reminded_at + rule.remind * (1 << max(invocation.reminders - 1, 0))


def next_wakeup(incident: Incident, now: datetime, library: Library, rooms: Quotas = OPEN) -> datetime | None:
    """Return the earliest instant at which time alone changes something, None if only an event can."""
    if incident.state == "cancelled":
        return None
    if incident.state == "closed":
        delivery = next_delivery_look(only_clocks(incident), now, rooms)
        return min((*next_watch(incident, now), *((delivery,) if delivery else ())), default=None)
    paused = incident.state == "paused"
    times: list[datetime | None] = []
    for name in incident.active:
        invocation = incident.invocations[name]
        times.append(None if invocation.overdue else invocation.due)
        times.append(_next_reminder(invocation, library.step(incident, name)))
        if invocation.kind in QUESTIONS or not paused:
            times.append(invocation.wake_at)
    if not paused:
        times.append(next_hosting(incident, now))
        times.append(awaited(incident, now) or next_delivery_look(incident, now, rooms))
        times.extend(next_lapse(incident, name) for name in incident.lapsing)
    if library.regimes:
        times.extend(next_duty_look(duty, now) for duty in incident.duties.values())
    return min((time for time in times if time is not None), default=None)


ROUNDS = 10_000
"""A limit on the rounds of one settling: more means that two rules answer each other for ever."""


def settle(
    incident: Incident, now: datetime, library: Library, held: Held = ""
) -> tuple[Incident, tuple[AnyEvent, ...]]:
    """Return the settled incident, and the new events, in order; ``held`` is what an unconfirmed time must not do."""
    settled: list[AnyEvent] = []
    for _ in range(ROUNDS):
        made = _round(incident, now, library, held)
        events = tuple(one for one in made if not (held and _is_held(incident, now, one, held)))
        if not events:
            return incident, tuple(settled)
        incident = fold(incident, number(incident, now, events), library)
        settled.extend(events)
    raise Bug(f'Incident "{incident.id}" never stops changing.')


def _is_held(incident: Incident, now: datetime, event: AnyEvent, held: Held) -> bool:
    """Tell whether an unconfirmed time alone ends, blocks or alerts: a level that is too old to be sent waits, too."""
    match event:
        case e.StepReminded() | e.DeliveryReminded() | e.CallOwed() | e.DeliveryEnded(state="cancelled"):
            return held == "all"
        case e.LevelFired(message=name):
            message = incident.messages[name]
            return held == "all" or message.at + message.message_class.stale_after <= now
        case e.DeliveryEnded(state=state):
            return state != "satisfied"
        case e.StepOverdue() | e.StepSettled(state="expired"):
            return True
        case e.StepStuck(step=name) | e.StepSettled(step=name, state="failed"):
            return incident.invocations[name].kind == "message"
        case e.StepSettled(step=name):
            step = incident.invocations[name]
            return step.kind == "wait" and step.wake_at is not None and step.wake_at <= now
        case _:
            return False


def number(incident: Incident, now: datetime, events: Iterable[AnyEvent]) -> list[Recorded]:
    """Give events the numbers and the time that they will have in the journal."""
    return [Recorded(incident.version + n, now, event) for n, event in enumerate(events, start=1)]


def _round(incident: Incident, now: datetime, library: Library, held: Held) -> Iterator[AnyEvent]:
    over = incident.state in ("cancelled", "closed")
    by_time = not held or not incident.assessed  # without a change only time can have ended a deadline
    looks = incident.assess or (by_time and (not over or watched(incident)))
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
