"""How a migration changes an incident: one event, after which a run goes on with another version of its playbook.

What has ended, and what has begun, stays as it is; only waiting steps take their new definition. The lists in the
event were made by ``migrate`` and are followed to the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from runner.engine.draft import Draft
from runner.engine.evolve_steps import about, reopen
from runner.engine.plan import Body
from runner.model import events as e
from runner.model.incident import Scope
from runner.model.playbook import AnyStep, Approve, Group


def _migrated(draft: Draft, event: e.PlaybookMigrated, at: datetime, seq: int) -> None:
    draft.table("runs")[event.run.id] = event.run
    bodies = draft.library.plans[event.run.bundle].bodies
    scopes = newest_scopes(draft.read("scopes"), event.run.id)
    added = frozenset(event.added)
    for scope in scopes:
        body = bodies.get((scope.playbook, scope.body))
        if body is not None:
            _add(draft, scope, body, added)
    for name in event.removed:
        draft.end(name, at, "cancelled", reason="removed by migration")
    for name in event.changed:
        invocation = draft.invocation(name)
        if not invocation.over:
            step = bodies[_place(draft, name)].steps[invocation.step]
            draft.change(name, **{"sets": "", "subject": "", **about(step)})
    _forget(draft, event.run.id)
    for name in event.reapprove:
        reopen(draft, name, at)
    for scope in scopes:
        _queue(draft, scope)


def newest_scopes(scopes: Mapping[str, Scope], run: str) -> list[Scope]:
    """Return a run's scopes without the iterations and bodies that a newer one has taken the place of."""
    return list({scope.prefix: scope for scope in scopes.values() if scope.run == run}.values())


def _add(draft: Draft, scope: Scope, body: Body, added: frozenset[str]) -> None:
    """Open the steps that the plan adds to this scope; their place in the count names them."""
    for step in body.steps.values():
        n = draft.read("counts").get(scope.prefix + step.id, 0) + 1
        if f"{scope.prefix}{step.id}#{n}" in added:
            draft.open_step(scope, step.id, str(step.__struct_config__.tag), **about(step))
            draft.open_more(scope.id, 1)


def _place(draft: Draft, name: str) -> tuple[str, str]:
    scope: Scope = draft.read("scopes")[draft.invocation(name).scope]
    return scope.playbook, scope.body


def _step(draft: Draft, name: str) -> AnyStep | None:
    invocation = draft.invocation(name)
    scope: Scope = draft.read("scopes")[invocation.scope]
    plan = draft.library.plans[draft.read("runs")[scope.run].bundle]
    body = plan.bodies.get((scope.playbook, scope.body))
    return None if body is None else body.steps.get(invocation.step)


def _forget(draft: Draft, run: str) -> None:
    """Watch no longer what is on record only: groups and approvals that the new version does not have."""
    for name in list(draft.read("live")):
        step = _step(draft, name)
        if not isinstance(step, Group) or step.for_each is None:
            draft.index("live").discard(name)
    for name in list(draft.read("signed")):
        if not isinstance(_step(draft, name), Approve):
            draft.index("signed").discard(name)


def _queue(draft: Draft, scope: Scope) -> None:
    """Look anew at what waits in a scope: before it may stand other steps now."""
    for name in _waiting(draft, scope):
        step = _step(draft, name)
        draft.hold(name)
        if step is not None and draft.joined(scope, step.after):
            draft.index("agenda").add(name)


def _waiting(draft: Draft, scope: Scope) -> list[str]:
    body = draft.library.plans[draft.read("runs")[scope.run].bundle].bodies.get((scope.playbook, scope.body))
    latest = draft.read("latest")
    names = [latest.get(f"{scope.id}|{step}") for step in body.steps] if body is not None else []
    return [name for name in names if name is not None and draft.invocation(name).state == "waiting"]


MIGRATION: dict[type[e.AnyEvent], Callable[[Draft, Any, datetime, int], None]] = {
    e.PlaybookMigrated: _migrated,
}
