"""Changes by events about runs, scopes, steps and approvals, and by a migration.

A migration is one event after which a run uses another version of its playbook.
Ended and started steps do not change; only waiting steps get their new definition. ``migrate`` made the lists in the
event, and this module applies them exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from runner.facts.expression import reads_duties
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import Approval, Invocation, Scope
from runner.playbook.format import QUESTIONS, AnyStep, Group
from runner.playbook.plan import Body


def _pinned(draft: IncidentBuilder, event: e.PlaybookPinned, at: datetime, seq: int) -> None:
    draft.table("runs")[event.run.id] = event.run
    _open(
        draft,
        Scope(
            id=f"{event.run.id}:",
            run=event.run.id,
            playbook=event.run.playbook,
            body="",
            prefix=f"{event.run.id}:",
            inputs=event.inputs,
        ),
    )


def _scope_opened(draft: IncidentBuilder, event: e.ScopeOpened, at: datetime, seq: int) -> None:
    draft.index("agenda").discard(event.parent)
    parent = draft.invocation(event.parent)
    draft.change(event.parent, scopes=(*parent.scopes, event.scope), missing=())
    draft.index("blocked").discard(event.parent)
    _open(
        draft,
        Scope(
            id=event.scope,
            run=event.run,
            playbook=event.playbook,
            body=event.body,
            prefix=event.prefix,
            parent=event.parent,
            item=event.item,
            iteration=event.iteration,
            inputs=event.inputs,
        ),
    )


def _task_added(draft: IncidentBuilder, event: e.TaskAdded, at: datetime, seq: int) -> None:
    """Open one more task in the scope of those that were added; the scope has no place in the playbook."""
    step, kind = event.task, str(event.task.__struct_config__.tag)
    new = Scope(
        id=event.scope, run=event.run, playbook=event.playbook, body="+", prefix=event.scope, item=event.item
    )
    scope: Scope = draft.read("scopes").get(event.scope, new)
    scope = msgspec.structs.replace(scope, open=scope.open + 1, added=(*scope.added, step))
    draft.table("scopes")[scope.id] = scope
    opened = draft.open_step(scope, step.id, kind, **step.kept)
    if not step.after.steps:
        draft.index("agenda").add(opened.id)


def _open(draft: IncidentBuilder, scope: Scope) -> None:
    steps = draft.library.body(draft.read("runs"), scope).steps
    draft.table("scopes")[scope.id] = msgspec.structs.replace(scope, open=len(steps))
    for step in steps.values():
        invocation = draft.open_step(scope, step.id, str(step.__struct_config__.tag), **step.kept)
        if not step.after.steps:
            draft.index("agenda").add(invocation.id)


def _ready(draft: IncidentBuilder, event: e.StepReady, at: datetime, seq: int) -> None:
    invocation = draft.activate(
        event.step,
        state=event.state,
        ready_at=at,
        due=event.due,
        wake_at=event.wake_at,
        assignee=event.assignee or draft.invocation(event.step).assignee,
    )
    if invocation.kind == "group":
        step = _definition(draft, invocation)
        if isinstance(step, Group) and step.for_each is not None:
            draft.index("live").add(invocation.id)


def _action_filled(draft: IncidentBuilder, event: e.ActionFilled, at: datetime, seq: int) -> None:
    kind = "task" if event.by_hand else "act"
    draft.change(event.step, digest=event.digest, items=event.items, kind=kind)


def _definition(draft: IncidentBuilder, invocation: Invocation) -> AnyStep:
    body = draft.library.body(draft.read("runs"), draft.read("scopes")[invocation.scope])
    return body.steps[invocation.step]


def _blocked(draft: IncidentBuilder, event: e.StepBlocked, at: datetime, seq: int) -> None:
    draft.index("agenda").discard(event.step)
    blocked = draft.index("blocked")
    blocked.add(event.step) if event.missing else blocked.discard(event.step)
    draft.change(event.step, missing=event.missing)


def _rescheduled(draft: IncidentBuilder, event: e.StepRescheduled, at: datetime, seq: int) -> None:
    before = draft.invocation(event.step)
    overdue = before.overdue and before.due == event.due
    draft.change(event.step, due=event.due, wake_at=event.wake_at, overdue=overdue)


def _started(draft: IncidentBuilder, event: e.StepStarted, at: datetime, seq: int) -> None:
    draft.activate(event.step, state="active", started_by=event.by)


def _checked(draft: IncidentBuilder, event: e.StepChecked, at: datetime, seq: int) -> None:
    before = draft.invocation(event.step)
    at_once = (*before.at_once, event.row) if event.at_once else before.at_once
    draft.change(event.step, checked=tuple(sorted({*before.checked, event.row})), at_once=at_once)


def _unchecked(draft: IncidentBuilder, event: e.StepUnchecked, at: datetime, seq: int) -> None:
    before = draft.invocation(event.step)
    left = {
        name: tuple(r for r in getattr(before, name) if r != event.row) for name in ("checked", "at_once")
    }
    draft.change(event.step, **left)


def _ended(draft: IncidentBuilder, event: e.StepEnded, at: datetime, seq: int) -> None:
    product = {"digest": event.digest} if event.digest else {}
    who = {"ended_by": event.by, "ended_for": event.on_behalf_of}
    draft.end(event.step, at, event.state, reason=event.reason, **who, **product)


def _settled(draft: IncidentBuilder, event: e.StepSettled, at: datetime, seq: int) -> None:
    product = {"digest": event.digest} if event.digest else {}
    draft.end(event.step, at, event.state, reason=event.why, **product)
    invocation = draft.invocation(event.step)
    if event.state == "not_applicable" and reads_duties(_definition(draft, invocation).when):
        draft.index("live").add(event.step)


def _reopened(draft: IncidentBuilder, event: e.StepReopened, at: datetime, seq: int) -> None:
    old = draft.invocation(event.step)
    reopen(draft, event.step, at, late=event.late, voices=old.approvals if event.keeps else ())
    if event.keeps:
        checked = tuple(row for row in old.checked if row not in old.at_once)
        kept = {"checked": checked, "answered": old.answered, "answered_by": old.answered_by}
        draft.change(draft.read("latest")[f"{old.scope}|{old.step}"], **kept)


def reopen(
    draft: IncidentBuilder, name: str, at: datetime, *, late: bool = False, voices: tuple[Approval, ...] = ()
) -> None:
    """Create an invocation in the same scope; ended containers around it run again.

    A group that is reopened for late items keeps its lanes; one that a person reopens starts again. Steps that depend
    on an approval and have not started wait for it again.
    """
    old = draft.invocation(name)
    draft.end(name, at, "cancelled", reason="tried again")
    scope: Scope = draft.read("scopes")[old.scope]
    step = draft.library.body(draft.read("runs"), scope).steps[old.step]
    kind = str(step.__struct_config__.tag)
    invocation = draft.open_step(scope, old.step, kind, scopes=old.scopes if late else (), **step.kept)
    if voices:
        draft.change(invocation.id, approvals=voices)
    draft.open_more(scope.id, 1)
    draft.hold_followers(scope, old.step, ready_too=kind == "approve")
    if draft.joined(scope, step.after):
        draft.index("agenda").add(invocation.id)
    draft.index("live").discard(old.id)
    draft.index("signed").discard(old.id)
    for inner in invocation.scopes:
        lane = draft.read("scopes")[inner]
        draft.table("scopes")[inner] = msgspec.structs.replace(lane, parent=invocation.id)
    if scope.parent and draft.invocation(scope.parent).over:
        _revive(draft, scope.parent)


def _revive(draft: IncidentBuilder, name: str) -> None:
    """Reopen a container because a step inside of it is open again."""
    ended = draft.invocation(name)
    scope: Scope = draft.read("scopes")[ended.scope]
    draft.open_more(scope.id, 1)
    nobody = {"ended_by": "", "ended_for": ""}
    draft.activate(name, state="active", over=False, ended_at=None, reason="reopened inside", **nobody)
    draft.hold_followers(scope, ended.step)
    if scope.parent and draft.invocation(scope.parent).over:
        _revive(draft, scope.parent)


def _assigned(draft: IncidentBuilder, event: e.StepAssigned, at: datetime, seq: int) -> None:
    draft.change(event.step, assignee=event.to)


def _commented(draft: IncidentBuilder, event: e.StepCommented, at: datetime, seq: int) -> None:
    """Change nothing: a remark is only in the journal."""


def _stuck(draft: IncidentBuilder, event: e.StepStuck, at: datetime, seq: int) -> None:
    """Stop everything automatic but the expiry of an approval and the repetition of a question."""
    before = draft.invocation(event.step)
    timed = before.kind in QUESTIONS | {"approve"}
    draft.change(event.step, stuck=event.why, wake_at=before.wake_at if timed else None)


def _retried(draft: IncidentBuilder, event: e.StepRetried, at: datetime, seq: int) -> None:
    """Start the effect again at ``instant``; without an instant, continue the effect that has started."""
    before = draft.invocation(event.step)
    message = before.message if event.wake_at is None else ""
    draft.activate(
        event.step,
        state="active",
        stuck="",
        wake_at=event.wake_at,
        message=message,
        generation=event.generation,
        retried_at=len(before.attempts) if before.items else -1,
        retry_entry=seq if before.items else 0,
    )


def _overdue(draft: IncidentBuilder, event: e.StepOverdue, at: datetime, seq: int) -> None:
    draft.change(
        event.step,
        overdue=True,
        escalated_to=event.escalate_to,
        reminded_at=at,
        reminders=1 if event.tell else 0,
        told=0,
    )


def _deputies(draft: IncidentBuilder, event: e.DeputiesNamed, at: datetime, seq: int) -> None:
    draft.change(event.step, deputies=event.deputies, without_deputy=event.without_deputy)


def _reminded(draft: IncidentBuilder, event: e.StepReminded, at: datetime, seq: int) -> None:
    """Record that a question was repeated."""
    before = draft.invocation(event.step)
    wake_at = None if before.kind in QUESTIONS else before.wake_at
    draft.change(event.step, reminders=event.count, reminded_at=at, wake_at=wake_at)


def _not_reminded(draft: IncidentBuilder, event: e.ReminderFailed, at: datetime, seq: int) -> None:
    """Count a failed reminder as sent, so that only the next one is tried."""
    draft.change(event.step, told=event.count)


def _approval(draft: IncidentBuilder, event: e.ApprovalGiven, at: datetime, seq: int) -> None:
    approval = Approval(
        by=event.by,
        role=event.role,
        digest=event.digest,
        at=at,
        approved=event.approved,
        reason=event.reason,
        os_user=event.os_user,
        proven_by=event.proven_by,
        roles=event.roles,
        recorded_by=event.recorded_by,
        provisional=bool(event.recorded_by),
        seq=seq,
    )
    before = draft.invocation(event.step)
    approvals = tuple(a for a in before.approvals if a.void or a.by != event.by)
    refused = any(not a.approved and not a.void for a in (*approvals, approval))
    draft.change(event.step, approvals=(*approvals, approval), stuck=before.stuck if refused else "")


def _voided(draft: IncidentBuilder, event: e.ApprovalVoided, at: datetime, seq: int) -> None:
    """Keep the old approvals visible; an approval that had ended gets a new, empty invocation."""
    before = draft.invocation(event.step)
    if before.over:
        reopen(draft, event.step, at)
        return
    approvals = tuple(
        msgspec.structs.replace(a, void=True) if a.digest == event.old else a for a in before.approvals
    )
    draft.change(event.step, approvals=approvals, stuck="")


STEPS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.PlaybookPinned: _pinned,
    e.ScopeOpened: _scope_opened,
    e.TaskAdded: _task_added,
    e.StepReady: _ready,
    e.ActionFilled: _action_filled,
    e.StepBlocked: _blocked,
    e.StepRescheduled: _rescheduled,
    e.StepStarted: _started,
    e.StepChecked: _checked,
    e.StepUnchecked: _unchecked,
    e.StepEnded: _ended,
    e.StepSettled: _settled,
    e.StepReopened: _reopened,
    e.StepAssigned: _assigned,
    e.StepCommented: _commented,
    e.StepStuck: _stuck,
    e.StepRetried: _retried,
    e.StepOverdue: _overdue,
    e.DeputiesNamed: _deputies,
    e.StepReminded: _reminded,
    e.ReminderFailed: _not_reminded,
    e.ApprovalGiven: _approval,
    e.ApprovalVoided: _voided,
}


def _migrated(draft: IncidentBuilder, event: e.PlaybookMigrated, at: datetime, seq: int) -> None:
    before = draft.read("runs")[event.run.id]
    reason = "removed by migration" if before.profile == event.run.profile else event.reason
    draft.table("runs")[event.run.id] = event.run
    scopes = newest_scopes(draft.read("scopes"), event.run.id)
    added = frozenset(event.added)
    for scope in scopes:
        _add(draft, scope, draft.library.body(draft.read("runs"), scope), added)
    for name in reversed(event.removed):  # what is inside a container before the container
        draft.end(name, at, "cancelled", reason=reason)
    for name in event.changed:
        step = _step(draft, name)
        if step is not None:
            draft.change(name, **{"sets": "", "subject": "", "fields": (), **step.kept})
    _forget(draft)
    for name in event.reapprove:
        reopen(draft, name, at)
    for scope in scopes:
        _queue(draft, scope)


def newest_scopes(scopes: Mapping[str, Scope], run: str) -> list[Scope]:
    """Return a run's scopes without the iterations and bodies that newer ones replace."""
    return list({scope.prefix: scope for scope in scopes.values() if scope.run == run}.values())


def _add(draft: IncidentBuilder, scope: Scope, body: Body, added: frozenset[str]) -> None:
    """Open the steps that the plan adds to this scope; their place in the count names them."""
    for step in body.steps.values():
        n = draft.read("counts").get(scope.prefix + step.id, 0) + 1
        if f"{scope.prefix}{step.id}#{n}" in added:
            draft.open_step(scope, step.id, str(step.__struct_config__.tag), **step.kept)
            draft.open_more(scope.id, 1)


def _step(draft: IncidentBuilder, name: str) -> AnyStep | None:
    invocation = draft.invocation(name)
    scope: Scope = draft.read("scopes")[invocation.scope]
    return draft.library.body(draft.read("runs"), scope).steps.get(invocation.step)


def _forget(draft: IncidentBuilder) -> None:
    """Stop watching invocations that exist only in the journal: groups and approvals that the new version does not have."""
    tables = draft.read("runs"), draft.read("scopes"), draft.read("invocations")
    for index in ("live", "signed"):
        for name in list(draft.read(index)):
            step = _step(draft, name)
            one_body = isinstance(step, Group) and step.for_each is None and not reads_duties(step.when)
            if one_body or not draft.library.stands(*tables, name):
                draft.index(index).discard(name)


def _queue(draft: IncidentBuilder, scope: Scope) -> None:
    """Check the waiting steps of a scope again: other steps can precede them now."""
    for step in draft.library.body(draft.read("runs"), scope).steps.values():
        name = draft.read("latest").get(f"{scope.id}|{step.id}")
        if name is None or draft.invocation(name).state != "waiting":
            continue
        draft.hold(name)
        if draft.joined(scope, step.after):
            draft.index("agenda").add(name)


MIGRATION: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.PlaybookMigrated: _migrated,
}
