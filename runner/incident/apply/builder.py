"""Builder of the next state of an incident: each table is copied once, on its first change.

Folding twenty thousand events must not copy the incident twenty thousand times. A draft lives inside one call
of ``evolve`` and never leaves it, so that from outside an incident stays frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.state.incident import FELL_AWAY, PASSED, Delivery, Incident, Invocation, Scope
from runner.incident.state.library import Library
from runner.playbook.format import After
from runner.playbook.plan import Body

_TABLES = (
    "runs",
    "scopes",
    "invocations",
    "latest",
    "counts",
    "facts",
    "fact_events",
    "superseded",
    "roles",
    "messages",
    "deliveries",
    "documents",
    "evidence",
    "duties",
    "domains",
    "overrides",
    "streams",
    "errands",
    "campaigns",
)


class IncidentBuilder:
    """The incident's tables and index sets, readable as attributes, writable through ``table`` and ``index``."""

    def __init__(self, base: Incident, library: Library) -> None:
        """Start from a frozen incident; nothing is copied yet."""
        self.base = base
        self.library = library
        self.changed: dict[str, Any] = {}
        self.at = base.opened_at
        """The time of the event that is being applied."""
        self.stirred: dict[str, datetime] = {}
        """Deliveries that an event changed, or whose conditions it changed, and when."""

    def table(self, name: str) -> dict[Any, Any]:
        """Return a table to write into."""
        copied = self.changed.get(name)
        if copied is None:
            copied = self.changed[name] = dict(getattr(self.base, name))
        return copied

    def index(self, name: str) -> set[str]:
        """Return an index set to write into."""
        copied = self.changed.get(name)
        if copied is None:
            copied = self.changed[name] = set(getattr(self.base, name))
        return copied

    def read(self, name: str) -> Any:
        """Return a field in its present state, without copying it."""
        return self.changed[name] if name in self.changed else getattr(self.base, name)

    def put(self, **fields: Any) -> None:
        """Set plain fields."""
        self.changed.update(fields)

    def drop(self, index: str, name: str) -> None:
        """Remove a name from an index set, which is copied only if the name is in it."""
        copied = self.changed.get(index)
        if copied is not None:
            copied.discard(name)
        elif name in getattr(self.base, index):
            self.index(index).remove(name)

    def stir(self, deliveries: Iterable[str]) -> None:
        """Mark deliveries for which the delivery schedule must be computed again."""
        self.stirred |= dict.fromkeys(deliveries, self.at)

    def freeze(self, version: int) -> Incident:
        """Return the new incident; the draft must not be used again."""
        changed = self.changed
        for name, value in changed.items():
            if type(value) is set:
                changed[name] = frozenset(value)
        return msgspec.structs.replace(self.base, version=version, **changed)

    def invocation(self, name: str) -> Invocation:
        """Return an invocation in its present state."""
        return self.read("invocations")[name]  # type: ignore[no-any-return]

    def change(self, name: str, **fields: Any) -> Invocation:
        """Replace fields of an invocation and return it."""
        table = self.table("invocations")
        invocation: Invocation = msgspec.structs.replace(table[name], **fields)
        table[name] = invocation
        if self.read("moving") and ("over" in fields or "message" in fields):
            self.stir(event for event in self.read("moving") if self.read("deliveries")[event].step == name)
        return invocation

    def change_delivery(self, name: str, **fields: Any) -> Delivery:
        """Replace fields of a delivery and return it."""
        table = self.table("deliveries")
        delivery: Delivery = msgspec.structs.replace(table[name], **fields)
        table[name] = delivery
        self.stir((name,))
        return delivery

    def activate(self, name: str, **fields: Any) -> Invocation:
        """Make an invocation ready or active: from now on, time and people can change it."""
        self.drop("agenda", name)
        self.drop("blocked", name)
        self.index("active").add(name)
        return self.change(name, missing=(), **fields)

    def end(self, name: str, at: datetime, state: str, **fields: Any) -> None:
        """End an invocation, and add the steps that can continue to the agenda.

        A failure that the playbook does not ignore is not an end: it waits for a person. So does every
        approval that was refused or expired. The end of a container cancels the steps in it. An ended
        invocation does not end again.
        """
        before = self.invocation(name)
        if before.over:
            return
        scope: Scope = self.read("scopes")[before.scope]
        body = self.library.body(self.read("runs"), scope)
        over = state in PASSED or (
            before.kind != "approve" and body.steps[before.step].on_failure == "continue"
        )
        self.drop("agenda", name)
        self.drop("blocked", name)
        fields = {"missing": (), "wake_at": None, **fields}
        if not over:
            self.index("active").add(name)
            self.change(name, state=state, stuck=fields.get("reason") or state, **fields)
            return
        for inner in before.scopes:
            self._call_off(inner, at)
        self.drop("active", name)
        ended = self.change(name, state=state, over=True, ended_at=at, stuck="", **fields)
        if ended.kind == "approve" and state in ("done", "done_late"):
            self.index("signed").add(name)
        if state in ("skipped", "cancelled"):
            self.drop("live", name)
        self.open_more(scope.id, -1)
        self._let_followers_on(ended, scope, body)

    def _call_off(self, scope: str, at: datetime) -> None:
        """Cancel the open steps in a body whose container ends."""
        body: Scope = self.read("scopes")[scope]
        if body.open == 0:
            return
        for step in self.library.body(self.read("runs"), body).steps:
            name = self.read("latest").get(f"{scope}|{step}")
            if name is not None:
                self.end(name, at, "cancelled", reason="the surrounding step has ended")

    def open_more(self, scope: str, count: int) -> None:
        """Count the invocations that became live in a scope, or (negative) ended there."""
        body: Scope = self.read("scopes")[scope]
        self.table("scopes")[scope] = msgspec.structs.replace(body, open=body.open + count)

    def open_step(self, scope: Scope, step: str, kind: str, **fields: Any) -> Invocation:
        """Create the next invocation of a step in a scope, waiting."""
        counts = self.table("counts")
        n = counts[scope.prefix + step] = counts.get(scope.prefix + step, 0) + 1
        invocation = Invocation(
            id=f"{scope.prefix}{step}#{n}", step=step, scope=scope.id, n=n, kind=kind, **fields
        )
        self.table("invocations")[invocation.id] = invocation
        self.table("latest")[f"{scope.id}|{step}"] = invocation.id
        return invocation

    def _let_followers_on(self, ended: Invocation, scope: Scope, body: Body) -> None:
        followers = body.successors.get(ended.step)
        if not followers:
            return
        latest, invocations = self.read("latest"), self.read("invocations")
        for follower in followers:
            name = latest.get(f"{scope.id}|{follower}")
            if name is None or invocations[name].state != "waiting" or name in self.read("blocked"):
                continue
            if self.joined(scope, body.steps[follower].after):
                self.index("agenda").add(name)

    def hold_followers(self, scope: Scope, step: str, *, ready_too: bool = False) -> None:
        """Remove the followers of a reopened step from the agenda, and on request those that are ready but not started."""
        body = self.library.body(self.read("runs"), scope)
        held = ("waiting", "ready") if ready_too else ("waiting",)
        for follower in body.successors.get(step, ()):
            name = self.read("latest").get(f"{scope.id}|{follower}")
            if name is None or self.invocation(name).state not in held:
                continue
            if not self.joined(scope, body.steps[follower].after):
                self.hold(name)

    def hold(self, name: str) -> None:
        """Remove an invocation that has not started from the agenda: a step before it is open."""
        for index in ("agenda", "blocked", "active"):
            self.drop(index, name)
        if self.invocation(name).state == "ready":
            self.change(name, state="waiting", ready_at=None, due=None, wake_at=None, overdue=False)
        self.change(name, missing=())

    def joined(self, scope: Scope, after: After) -> bool:
        """Tell whether the condition ``after`` of a step is met; for "any", a skipped or cancelled branch does not count.

        A migration can add a step to a body that has ended. Such a step was never opened, so nothing waits for it.
        """
        latest, invocations = self.read("latest"), self.read("invocations")
        every = True
        for step in after.steps:
            name = latest.get(f"{scope.id}|{step}")
            if name is None:
                continue
            before = invocations[name]
            if not before.over:
                every = False
            elif after.join == "any" and before.state not in FELL_AWAY:
                return True
        return every
