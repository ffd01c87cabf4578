"""Approvals: M distinct persons on one digest, never the author, void as soon as the bytes change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.engine.view import find_step
from runner.model import events as e
from runner.model import playbook as p
from runner.model.incident import Approval, Incident, Invocation
from runner.model.states import TaskState


def subject(incident: Incident, invocation: Invocation, step: p.Approve) -> Invocation | None:
    """Return the invocation whose product is approved: the newest one of the named step."""
    return find_step(incident, incident.scopes[invocation.scope], step.approve)


def counted(invocation: Invocation, digest: str) -> tuple[Approval, ...]:
    """Return the approvals that bind exactly these bytes."""
    return tuple(a for a in invocation.approvals if a.digest == digest and a.approved)


def reached(step: p.Approve, given: tuple[Approval, ...]) -> bool:
    """Tell whether distinct persons, in the roles asked for, make the quorum."""
    persons = {a.by for a in given}
    roles = {a.role for a in given}
    if step.by.every_role and not roles.issuperset(step.by.roles):
        return False
    return len(persons) >= step.by.distinct


def quorum_events(
    incident: Incident, invocation: Invocation, step: p.Approve, now: datetime
) -> Iterator[e.AnyEvent]:
    """Yield the end of an approval: reached, refused (a person decides what next), or expired."""
    bound = subject(incident, invocation, step)
    digest = bound.digest if bound is not None else ""
    given = counted(invocation, digest)
    refused = [a for a in invocation.approvals if a.digest == digest and not a.approved]
    if refused:
        if not invocation.stuck:
            yield e.StepStuck(step=invocation.id, why=f"rejected by {refused[-1].by}")
    elif digest and reached(step, given):
        late = invocation.due is not None and now > invocation.due
        state: TaskState = "done_late" if late else "done"
        why = f"approved by {', '.join(sorted(a.by for a in given))}"
        yield e.StepSettled(step=invocation.id, state=state, why=why, digest=digest)
    elif invocation.wake_at is not None and invocation.wake_at <= now:
        yield e.StepSettled(step=invocation.id, state="expired", why="no quorum before it expired")


def void_approvals(incident: Incident) -> Iterator[e.AnyEvent]:
    """Yield the reopening of every approval whose subject has other bytes than were approved."""
    for name in sorted(incident.signed):
        invocation = incident.invocations[name]
        scope = incident.scopes[invocation.scope]
        if incident.latest.get(f"{scope.id}|{invocation.step}") != name or not invocation.subject:
            continue
        now = find_step(incident, scope, invocation.subject)
        if now is not None and now.digest and now.digest != invocation.digest:
            yield e.ApprovalVoided(step=name, old=invocation.digest, new=now.digest)
