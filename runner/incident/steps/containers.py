"""Bodies of steps inside steps: a group's lanes, a loop's iterations, a called playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.facts.expression import Expression, Unknown
from runner.facts.expressions.evaluate import evaluate, truth
from runner.incident.state import events as e
from runner.incident.state.expression_view import ScopeView
from runner.incident.state.incident import Incident, Invocation, Scope
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.playbook import format as p

Plain = str | int | float | bool | None


def open_bodies(
    incident: Incident, invocation: Invocation, step: p.Group | p.Repeat | p.Call, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield the bodies that a starting container opens at once; lanes of a ``for_each`` follow one by one."""
    scope = incident.scopes[invocation.scope]
    match step:
        case p.Group():
            one = step.for_each is None
            lanes = new_lanes(incident, invocation, step, library)
            yield from [_body(scope, invocation, step.id)] if one else lanes
        case p.Repeat():
            yield _iteration(scope, invocation, step, 1)
        case p.Call() if shared(incident, invocation, step, library) is None:
            yield _called(incident, scope, invocation, step, library)


def shared(incident: Incident, invocation: Invocation, step: p.Call, library: Library) -> Invocation | None:
    """Return the call of another run that runs the same playbook with the same inputs.

    What runs in an incident already is not begun twice: a call without a body of its own ends with that one.
    """
    own = incident.scopes[invocation.scope]
    inputs = _inputs(ScopeView(incident, own, library), step.inputs)
    for scope in incident.scopes.values():
        other = incident.invocations.get(scope.parent)
        same = (scope.playbook, scope.body, scope.inputs) == (step.name, "", inputs) and scope.run != own.run
        if other is not None and same and other.state in ("active", "done", "done_late"):
            return other
    return None


def new_lanes(
    incident: Incident, invocation: Invocation, step: p.Group, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield a body for every item that has none yet, or the facts that are needed to know the items."""
    items = _items(ScopeView(incident, incident.scopes[invocation.scope], library), step)
    missing = items if isinstance(items, Unknown) else Unknown()
    if invocation.missing != missing.missing:
        yield e.StepBlocked(step=invocation.id, missing=missing.missing)
    if isinstance(items, Unknown):
        return
    have = {incident.scopes[inner].item for inner in invocation.scopes}
    for item in items:
        if item not in have:
            yield _body(incident.scopes[invocation.scope], invocation, step.id, item=item)


def _items(view: ScopeView, step: p.Group) -> tuple[str, ...] | Unknown:
    """Return the items of a ``for_each``, each once; ``Unknown`` always names the missing facts."""
    items = () if step.for_each is None else evaluate(step.for_each, view)
    if isinstance(items, Unknown):
        return Unknown(items.missing or items.problems)
    if not isinstance(items, tuple):
        return Unknown(("a list",))
    unknown = tuple(name for item in items if isinstance(item, Unknown) for name in item.missing)
    return Unknown(unknown) if unknown else tuple(dict.fromkeys(map(_item, items)))


def _item(item: object) -> str:
    """Return the name of a lane: the item itself, or the id of a member of a list such as ``populations``."""
    return str(item["id"]) if isinstance(item, Mapping) and "id" in item else str(item)


def keep_open(
    incident: Incident, invocation: Invocation, step: p.AnyStep, now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield the changes of a running container whose bodies have ended or whose items have changed."""
    match step:
        case p.Group(for_each=Expression()):
            news = tuple(new_lanes(incident, invocation, step, library))
            yield from news
            if not news and not invocation.missing and _all_ended(incident, invocation):
                yield _done(invocation, now, "all lanes ended")
        case p.Call() if not invocation.scopes:
            other = shared(incident, invocation, step, library)
            if other is None:
                yield _called(incident, incident.scopes[invocation.scope], invocation, step, library)
            elif other.over:
                yield _done(invocation, now, f"shared with {other.id}")
        case p.Group() | p.Call() if _all_ended(incident, invocation):
            yield _done(invocation, now, "all steps ended")
        case p.Repeat() if _all_ended(incident, invocation):
            yield from _next_iteration(incident, invocation, step, now, library)
        case _:
            return


def _done(invocation: Invocation, now: datetime, why: str) -> e.StepSettled:
    return e.StepSettled(step=invocation.id, state=completion_state(invocation, now), why=why)


def late_items(incident: Incident, library: Library) -> Iterator[e.AnyEvent]:
    """Yield the reopening of every ended ``for_each`` that has a new item."""
    for name in sorted(incident.live - incident.active):
        invocation, step = incident.invocations[name], library.step(incident, name)
        ended = invocation.over and invocation.state != "not_applicable"
        if not ended or not isinstance(step, p.Group) or superseded(incident, invocation):
            continue
        events = new_lanes(incident, invocation, step, library)
        lanes = [event for event in events if isinstance(event, e.ScopeOpened)]
        if lanes:
            late = ", ".join(str(lane.item) for lane in lanes)
            yield e.StepReopened(step=name, reason=f"added later: {late}", late=True)


def superseded(incident: Incident, invocation: Invocation) -> bool:
    """Tell whether a newer invocation, iteration or lane replaced this one or its container."""
    scope = incident.scopes[invocation.scope]
    if incident.latest[f"{scope.id}|{invocation.step}"] != invocation.id:
        return True
    if not scope.parent:
        return False
    container = incident.invocations[scope.parent]
    if container.kind == "repeat" and container.scopes[-1] != scope.id:
        return True
    return superseded(incident, container)


def _all_ended(incident: Incident, invocation: Invocation) -> bool:
    return all(incident.scopes[inner].open == 0 for inner in invocation.scopes)


def _next_iteration(
    incident: Incident, invocation: Invocation, step: p.Repeat, now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    last = incident.scopes[invocation.scopes[-1]]
    match truth(step.until, ScopeView(incident, last, library)):
        case Unknown(missing, problems):
            if invocation.missing != (missing or problems):
                yield e.StepBlocked(step=invocation.id, missing=missing or problems)
        case True:
            yield _done(invocation, now, f"done after {last.iteration} rounds: {step.until.source}")
        case _ if last.iteration >= step.at_most:
            if not invocation.stuck:
                yield e.StepStuck(
                    step=invocation.id, why=f"not met after {last.iteration} rounds: {step.until.source}"
                )
        case _:
            outer = incident.scopes[invocation.scope]
            yield _iteration(outer, invocation, step, last.iteration + 1)


def _body(scope: Scope, invocation: Invocation, body: str, item: str | None = None) -> e.ScopeOpened:
    lane = f"{invocation.step}." if item is None else f"{invocation.step}[{item}]."
    return e.ScopeOpened(
        scope=f"{scope.prefix}{lane}{invocation.n}",
        run=scope.run,
        playbook=scope.playbook,
        body=body,
        prefix=f"{scope.prefix}{lane}",
        parent=invocation.id,
        item=item,
    )


def _iteration(scope: Scope, invocation: Invocation, step: p.Repeat, n: int) -> e.ScopeOpened:
    return e.ScopeOpened(
        scope=f"{scope.prefix}{step.id}.{invocation.n}@{n}",
        run=scope.run,
        playbook=scope.playbook,
        body=step.id,
        prefix=f"{scope.prefix}{step.id}.",
        parent=invocation.id,
        iteration=n,
    )


def _called(
    incident: Incident, scope: Scope, invocation: Invocation, step: p.Call, library: Library
) -> e.ScopeOpened:
    return e.ScopeOpened(
        scope=f"{scope.prefix}{step.id}.{invocation.n}",
        run=scope.run,
        playbook=step.name,
        body="",
        prefix=f"{scope.prefix}{step.id}.",
        parent=invocation.id,
        inputs=_inputs(ScopeView(incident, scope, library), step.inputs),
    )


def _inputs(view: ScopeView, inputs: Mapping[str, Expression]) -> dict[str, Plain]:
    values = {name: evaluate(expression, view) for name, expression in inputs.items()}
    return {name: v if isinstance(v, str | int | float | bool) else None for name, v in values.items()}
