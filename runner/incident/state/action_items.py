"""Items of an action template: their filled requests, and what each of them needs next.

The requests are filled when an approval of them is asked for, and for the last time when the action starts. What was approved is what
runs: an approval binds to the digest of the filled requests, and other items void it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from runner.base.states import TaskState
from runner.facts.expression import Unknown
from runner.facts.expressions.evaluate import evaluate
from runner.facts.expressions.values import merged
from runner.incident.state import events as e
from runner.incident.state.due_times import backoff
from runner.incident.state.expression_view import ScopeView, find_step
from runner.incident.state.incident import ActionItem, Attempt, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.playbook import format as p
from runner.playbook.action_template import (
    MOST,
    ActionTemplate,
    Filled,
    digest_of,
    fill,
    input_problem,
    span,
    values_of,
)
from runner.playbook.checks.action_calls import host_of
from runner.routing.organisation import Acting

RETRY = p.Retry(times=4)
"""How often a throttled or unreachable service is tried, if the step does not say so."""


def filled(incident: Incident, invocation: Invocation, library: Library) -> e.ActionFilled | Unknown:
    """Return the requests of an action as the facts are now; Unknown with the missing facts."""
    step = library.body(incident.runs, incident.scopes[invocation.scope]).steps[invocation.step]
    if not isinstance(step, p.Act):
        return Unknown()
    template = library.action(incident, invocation, step)
    items = _items(incident, invocation, step, library)
    if isinstance(items, Unknown):
        return items
    return _filled(incident, invocation, template, items, library.acting)


def _filled(
    incident: Incident,
    invocation: Invocation,
    template: ActionTemplate,
    items: Sequence[ActionItem],
    acting: Acting,
) -> e.ActionFilled:
    by_hand = not acting.integrates(template.auth, host_of(template.http.url))
    count = 0 if by_hand else len(items)
    checked = tuple(_checked(item, template, acting, count) for item in items)
    requests = [[item, *requests_of(template, item, incident, invocation, acting)] for item in checked]
    digest = digest_of(template, msgspec.to_builtins(requests), by_hand=by_hand)
    return e.ActionFilled(step=invocation.id, digest=digest, items=checked, by_hand=by_hand)


def _items(
    incident: Incident, invocation: Invocation, step: p.Act, library: Library
) -> tuple[ActionItem, ...] | Unknown:
    scope = incident.scopes[invocation.scope]
    view = ScopeView(incident, scope, library)
    names: object = (None,) if step.for_each is None else evaluate(step.for_each, view)
    if isinstance(names, Unknown):
        return names
    if not isinstance(names, tuple):
        return Unknown(("a list",))
    found: list[ActionItem] = []
    missing: list[Unknown] = []
    for name in dict.fromkeys(names):
        own = (
            view
            if name is None
            else ScopeView(incident, msgspec.structs.replace(scope, item=str(name)), library)
        )
        values = {key: evaluate(expression, own) for key, expression in step.inputs.items()}
        missing += [value for value in values.values() if isinstance(value, Unknown)]
        inputs = {key: str(value) for key, value in values.items()}
        found.append(ActionItem(item="" if name is None else str(name), inputs=inputs))
    return merged(missing) if missing else tuple(found)


def _checked(item: ActionItem, template: ActionTemplate, acting: Acting, count: int) -> ActionItem:
    """Return an item with the reason why the action does not run on it."""
    problems = (input_problem(template.expects[key], value) for key, value in item.inputs.items())
    why = next(filter(None, problems), "")
    said = {item.item, *item.inputs.values(), *values_of(template, item.inputs).values()} if not why else ()
    if any(fnmatchcase(one.casefold(), never.casefold()) for one in said for never in acting.never):
        why = "it is on the never-list of the settings"
    if count > MOST:
        why = f"{count} items are more than {MOST} in one run"
    return msgspec.structs.replace(item, refused=why)


def requests_of(
    template: ActionTemplate, item: ActionItem, incident: Incident, invocation: Invocation, acting: Acting
) -> Iterator[Filled]:
    """Yield the requests of one item, with the read that verifies it; nothing for a refused item."""
    if item.refused:
        return
    own = {"incident": incident.id, "step": invocation.step}
    values = {**own, **values_of(template, item.inputs)}
    for _, request in template.requests():
        yield fill(request, values, acting.address(template.auth))


def refilled(incident: Incident, bound: Invocation | None, library: Library) -> e.ActionFilled | None:
    """Return the new requests of an action that has not started; None if nothing changed."""
    if bound is None or bound.kind not in ("act", "task") or bound.state != "waiting":
        return None
    step = library.body(incident.runs, incident.scopes[bound.scope]).steps.get(bound.step)
    if not isinstance(step, p.Act) or not step.use:
        return None
    now = filled(incident, bound, library)
    return None if isinstance(now, Unknown) or now.digest == bound.digest else now


def approved_by(incident: Incident, invocation: Invocation) -> frozenset[str]:
    """Return the persons who approved exactly these requests, in approvals that are done."""
    return frozenset(
        approval.by
        for name in incident.signed
        for gate in (incident.invocations[name],)
        if gate.subject == invocation.step
        and gate.digest == invocation.digest
        and find_step(incident, incident.scopes[gate.scope], gate.subject) == invocation
        for approval in gate.approvals
        if approval.approved and not approval.void and not approval.provisional
        if approval.digest == invocation.digest
    )


def barred(incident: Incident, invocation: Invocation, step: p.Act, library: Library) -> str:
    """Return why the next attempt of an action must not start, or the empty string."""
    template = library.action(incident, invocation, step)
    given = len(approved_by(incident, invocation))
    if given < template.approvers:
        return f"{given} of {template.approvers} approvals of exactly these requests"
    now = _filled(incident, invocation, template, invocation.items, library.acting)
    if now.digest != invocation.digest:
        return "the settings of actions changed since its start: restore them, or do it by hand"
    domain = incident.domains.get(template.depends)
    if domain is not None and domain.state == "compromised" and invocation.retried_at < 0:
        return f"it uses {template.depends}, which is compromised: retry runs it, or do it by hand"
    return ""


class ItemState(msgspec.Struct, frozen=True, kw_only=True):
    """What an item needs next: an attempt ``at`` a time, or nothing."""

    place: int
    name: str
    state: Literal["open", "done", "failed", "unknown"]
    why: str = ""
    at: datetime | None = None
    """When its next attempt may start."""
    verifies: bool = False
    receipt: str = ""


def item_states(
    invocation: Invocation, template: ActionTemplate, step: p.Act, attempts: Sequence[Attempt]
) -> tuple[ItemState, ...]:
    """Return the state of every item after its attempts."""
    retry = RETRY if step.retry == p.Retry() else step.retry
    repeats = template.idempotent or step.on_unknown == "retry"
    return tuple(
        _state(
            place,
            item,
            template,
            retry,
            repeats,
            [a for a in attempts if a.item == place],
            invocation.retried_at,
        )
        for place, item in enumerate(invocation.items)
    )


def _state(
    place: int,
    item: ActionItem,
    template: ActionTemplate,
    retry: p.Retry,
    repeats: bool,
    own: list[Attempt],
    retried_at: int,
) -> ItemState:
    state = ItemState(place=place, name=item.name, state="open")
    done = next((a for a in reversed(own) if a.state == "accepted" and not a.verifies), None)
    if item.refused:
        return msgspec.structs.replace(state, state="failed", why=item.refused)
    if done is not None:
        return _verified(state, template, done, [a for a in own if a.verifies], retried_at)
    tries = [a for a in own if a.n > retried_at and not a.verifies]
    if not tries or tries[-1].state == "sending":
        return state
    last = tries[-1]
    again = (last.ended_at or last.started_at) + backoff(retry, len(tries))
    left = len(tries) <= retry.times or bool(last.resolved_by)
    if last.state == "rejected" or (last.state != "unknown" and not left):
        return msgspec.structs.replace(state, state="failed", why=last.reason)
    if last.state == "unknown" and not (left and repeats):
        return msgspec.structs.replace(state, state="unknown", why=last.reason)
    return msgspec.structs.replace(state, at=last.ended_at if last.resolved_by else again)


def _verified(
    state: ItemState, template: ActionTemplate, done: Attempt, reads: list[Attempt], retried_at: int
) -> ItemState:
    if template.verify is None or any(read.state == "accepted" for read in reads):
        return msgspec.structs.replace(state, state="done")
    since = done.ended_at or done.started_at
    last = (reads[-1].ended_at or reads[-1].started_at) if reads else since
    again = last + span(template.verify.every)
    if again > since + span(template.verify.until) and not (reads and reads[-1].n <= retried_at):
        why = f"accepted, but the effect was not seen{f': {reads[-1].reason}' if reads else ''}"
        return msgspec.structs.replace(state, state="failed", why=why)
    return msgspec.structs.replace(state, at=again, verifies=True, receipt=done.provider_id)


def next_item(states: Sequence[ItemState], now: datetime) -> ItemState | None:
    """Return the item with the next attempt: first those that were never tried, then the longest waiting."""
    ready = [state for state in states if state.state == "open" and (state.at is None or state.at <= now)]
    return min(ready, key=lambda state: (state.at is not None, state.at or now, state.place), default=None)


def key_of(incident: Incident, invocation: Invocation, state: ItemState) -> str:
    """Return the idempotency key of an item: a new one only after a certain refusal."""
    own = [a for a in invocation.attempts if a.item == state.place and not a.verifies]
    anew = sum(
        a.state == "rejected" and not any(b.state == "unknown" and b.key == a.key for b in own) for a in own
    )
    text = f"{incident.id}|{invocation.id}|{state.place}|{anew}|{state.verifies}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def items_outcome(
    incident: Incident,
    invocation: Invocation,
    step: p.Act,
    attempts: Sequence[Attempt],
    now: datetime,
    library: Library,
    pause: timedelta | None,
) -> tuple[TaskState, datetime | None, str]:
    """Return the next state of an action, when it goes on, and for a person the items that are not done.

    A service that asks for a pause gets it for all items.
    """
    states = item_states(invocation, library.action(incident, invocation, step), step, attempts)
    waits = [state.at or now for state in states if state.state == "open"]
    if waits:
        return "active", max(min(waits), now + (pause or timedelta())), ""
    left = [state for state in states if state.state != "done"]
    if not left:
        return completion_state(invocation, now), None, ""
    listed = "; ".join(f"{state.name}: {state.why}" for state in left)
    done = len(states) - len(left)
    why = f"{done} of {len(states)} done. Not done: {listed}" if step.on_failure == "ask" else ""
    return ("outcome_unknown" if any(s.state == "unknown" for s in left) else "failed"), None, why


def replaced(attempts: Sequence[Attempt], n: int, **fields: object) -> tuple[Attempt, ...]:
    """Return the attempts with the outcome of one of them."""
    return tuple(msgspec.structs.replace(a, **fields) if a.n == n else a for a in attempts)
