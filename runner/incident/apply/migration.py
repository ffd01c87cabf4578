"""Changes by a migration: one event after which a run uses another version of its playbook.

Ended and started steps do not change; only waiting steps get their new definition. ``migrate`` made the lists in the
event, and this module applies them exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from runner.facts.expression import reads_duties
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.apply.steps import reopen
from runner.incident.state import events as e
from runner.incident.state.incident import Scope
from runner.playbook.format import AnyStep, Group
from runner.playbook.plan import Body


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
