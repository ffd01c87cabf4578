"""Claims of effects: intents to commit, and the work to perform after the commit.

An attempt is claimed by an ``AttemptStarted`` that is committed, with the version it expects, before its effect
starts; two workers cannot both commit it. Composing and generating have no external effect, so they need no claim: of
two workers that do them at once, one append is stale and dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.incident.messages.deliveries import reached_places, sends
from runner.incident.messages.room_provisioning import awaited, hosting
from runner.incident.state.action_items import action_run
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import Announce, Compose, Recall, Replan
from runner.incident.steps.kinds import KINDS, Claim, claim_act
from runner.incident.steps.readiness import check_readiness
from runner.incident.turn.after_closing import only_clocks
from runner.playbook.format import Act
from runner.routing.rate_limit import OPEN, Quotas


def claims(
    incident: Incident, now: datetime, library: Library, worker: str, rooms: Quotas = OPEN
) -> Iterator[Claim]:
    """Yield the effects to start now in a settled incident, as far as the accounts of its channels have quota."""
    if incident.state == "closed":
        yield from sends(only_clocks(incident), now, worker, rooms)
    if incident.state != "open":
        return
    if incident.replan and (incident.replan_at is None or incident.replan_at <= now):
        yield None, Replan(incident=incident.id)
        return
    for name in sorted(incident.agenda):
        step = library.step(incident, name)
        if (
            isinstance(step, Act)
            and not step.use
            and check_readiness(incident, name, library).verdict == "yes"
        ):
            yield claim_act(incident, incident.invocations[name], step, worker)
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
        claim, step = KINDS[invocation.kind].claim, library.step(incident, name)
        if isinstance(step, Act):
            yield claim_act(incident, invocation, step, worker, action_run(incident, invocation, library))
        elif claim is not None:
            yield claim(incident, invocation, step, worker)
