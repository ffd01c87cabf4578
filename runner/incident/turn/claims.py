"""Claims of effects: intents to commit, and the work to perform after the commit.

An attempt is claimed by an ``AttemptStarted`` that is committed, with the version it expects, before the world is
touched; two workers cannot both commit it. Composing and rendering change nothing outside, so they need no claim: of
two workers that do them at once, one append is stale and dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.incident.messages.deliveries import reached_places, sends
from runner.incident.messages.room_provisioning import awaited, hosting
from runner.incident.state.events import AnyEvent, AttemptStarted
from runner.incident.state.expression_view import item_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.work import Announce, AnyWork, Compose, DoAct, Recall, Render, Replan
from runner.incident.steps.readiness import check_readiness
from runner.incident.turn.after_closing import only_clocks
from runner.playbook.format import Act, AnyStep, Message, Notice
from runner.routing.rate_limit import OPEN, Quotas

ACT_LIMIT = timedelta(seconds=60)
"""How long an automatic action may take when its step says nothing."""

Claim = tuple[AnyEvent | None, AnyWork]
"""An intent, if one has to be committed first, and the work that follows it."""


def claims(
    incident: Incident, now: datetime, library: Library, worker: str, rooms: Quotas = OPEN
) -> Iterator[Claim]:
    """Yield what to start now in an incident at rest, as far as the accounts of its channels have room."""
    if incident.state == "closed":
        yield from sends(only_clocks(incident), now, worker, rooms)
    if incident.state != "open":
        return
    if incident.replan and (incident.replan_at is None or incident.replan_at <= now):
        yield None, Replan(incident=incident.id)
        return
    for name in sorted(incident.agenda):
        step = library.step(incident, name)
        if isinstance(step, Act) and check_readiness(incident, name, library).verdict == "yes":
            yield _act(incident, incident.invocations[name], step, worker)
    for name in sorted(incident.active):
        yield from _step(incident, name, now, library, worker)
    yield from _after_answers(incident)
    yield from hosting(incident, now, worker)
    if not incident.replan and awaited(incident, now) is None:
        yield from sends(incident, now, worker, rooms)


def _after_answers(incident: Incident) -> Iterator[Claim]:
    for name in sorted(incident.announcing):
        if reached_places(incident, name):
            yield None, Announce(incident=incident.id, message=name)
    for name in sorted(incident.recalling):
        for attempt in incident.deliveries[name].ringing:
            yield None, Recall(incident=incident.id, delivery=name, n=attempt.n)


def _step(incident: Incident, name: str, now: datetime, library: Library, worker: str) -> Iterator[Claim]:
    invocation = incident.invocations[name]
    if invocation.stuck or any(a.state == "sending" for a in invocation.attempts):
        return
    if invocation.reminders > invocation.told:
        yield None, Compose(incident=incident.id, step=name, template="", reminder=True)
    if invocation.wake_at is not None and invocation.wake_at <= now:
        yield from _active(incident, invocation, library.step(incident, name), worker)


def _active(incident: Incident, invocation: Invocation, step: AnyStep, worker: str) -> Iterator[Claim]:
    match step:
        case Act():
            yield _act(incident, invocation, step, worker)
        case Message():
            yield (
                None,
                Compose(incident=incident.id, step=invocation.id, template=step.message, to=step.to),
            )
        case Notice():
            scope = incident.scopes[invocation.scope]
            yield (
                None,
                Render(
                    incident=incident.id,
                    step=invocation.id,
                    notice=step.notice,
                    duty=item_of(incident, scope, step.duty),
                    formats=step.formats,
                ),
            )
        case _:
            return


def _key(incident: Incident, invocation: Invocation) -> str:
    """Return the idempotency key of an action: a new one only after a person retried a refused action."""
    anew = f"|{invocation.generation}" if invocation.generation else ""
    return hashlib.sha256(f"{incident.id}|{invocation.id}{anew}".encode()).hexdigest()[:32]


def _act(incident: Incident, invocation: Invocation, step: Act, worker: str) -> Claim:
    n = len(invocation.attempts) + 1
    key = _key(incident, invocation)
    claim = AttemptStarted(effect=invocation.id, n=n, key=key, worker=worker)
    limit = step.timeout if step.timeout is not None else ACT_LIMIT
    return claim, DoAct(incident=incident.id, step=invocation.id, n=n, key=key, action=step, time_limit=limit)
