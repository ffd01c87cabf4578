"""Bodies of steps inside steps: a group's lanes, a loop's iterations, a called playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.engine.conditions import evaluate, truth
from runner.engine.plan import Library
from runner.engine.view import ScopeView
from runner.model import events as e
from runner.model import playbook as p
from runner.model.expressions import Expression, Unknown
from runner.model.incident import Incident, Invocation, Scope

Plain = str | int | float | bool | None


def open_bodies(
    incident: Incident, invocation: Invocation, step: p.AnyStep, now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield what a container that begins opens at once; lanes of a ``for_each`` follow one by one."""
    scope = incident.scopes[invocation.scope]
    match step:
        case p.Group(for_each=None):
            yield _body(scope, invocation, step.id)
        case p.Group(for_each=Expression()):
            yield from new_lanes(incident, invocation, step)
        case p.Repeat():
            yield _iteration(scope, invocation, step, 1)
        case p.Call():
            yield _called(incident, scope, invocation, step, library)
        case _:
            return


def new_lanes(incident: Incident, invocation: Invocation, step: p.Group) -> Iterator[e.AnyEvent]:
    """Yield a body for every item that has none yet, or name the facts without which the items are unknown."""
    scope = incident.scopes[invocation.scope]
    items = () if step.for_each is None else evaluate(step.for_each, ScopeView(incident, scope))
    missing = items.missing if isinstance(items, Unknown) else _unknown_items(items)
    if missing or not isinstance(items, tuple):
        if invocation.missing != missing:
            yield e.StepBlocked(step=invocation.id, missing=missing)
        return
    have = {incident.scopes[inner].item for inner in invocation.scopes}
    for item in dict.fromkeys(str(item) for item in items):
        if item not in have:
            yield _body(scope, invocation, step.id, item=item)


def _unknown_items(items: object) -> tuple[str, ...]:
    if not isinstance(items, tuple):
        return ("a list",)
    return tuple(name for item in items if isinstance(item, Unknown) for name in item.missing)


def keep_open(
    incident: Incident, invocation: Invocation, step: p.AnyStep, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield what a running container does when its bodies have ended or its items have changed."""
    match step:
        case p.Group(for_each=Expression()):
            lanes = tuple(new_lanes(incident, invocation, step))
            yield from lanes
            if not lanes and not invocation.missing and _all_ended(incident, invocation):
                yield e.StepSettled(step=invocation.id, state="done", why="all lanes ended")
        case p.Group() | p.Call() if _all_ended(incident, invocation):
            yield e.StepSettled(step=invocation.id, state="done", why="all steps ended")
        case p.Repeat() if _all_ended(incident, invocation):
            yield from _next_iteration(incident, invocation, step)
        case _:
            return


def late_items(incident: Incident, invocation: Invocation, step: p.Group) -> Iterator[e.AnyEvent]:
    """Yield the reopening of an ended ``for_each`` for which a new item has come up."""
    found = tuple(new_lanes(incident, invocation, step))
    late = [event.item for event in found if isinstance(event, e.ScopeOpened) and event.item]
    if late:
        yield e.StepReopened(step=invocation.id, reason=f"came up late: {', '.join(late)}")


def _all_ended(incident: Incident, invocation: Invocation) -> bool:
    return all(incident.scopes[inner].open == 0 for inner in invocation.scopes)


def _next_iteration(incident: Incident, invocation: Invocation, step: p.Repeat) -> Iterator[e.AnyEvent]:
    last = incident.scopes[invocation.scopes[-1]]
    match truth(step.until, ScopeView(incident, last)):
        case Unknown(missing, _):
            if invocation.missing != missing:
                yield e.StepBlocked(step=invocation.id, missing=missing)
        case True:
            yield e.StepSettled(
                step=invocation.id, state="done", why=f"{last.iteration} times, until {step.until.source}"
            )
        case _ if last.iteration >= step.at_most:
            if not invocation.stuck:
                yield e.StepStuck(
                    step=invocation.id, why=f"done {last.iteration} times and still not: {step.until.source}"
                )
        case _:
            outer = incident.scopes[invocation.scope]
            yield _iteration(outer, invocation, step, last.iteration + 1)


def _body(scope: Scope, invocation: Invocation, body: str, item: str | None = None) -> e.ScopeOpened:
    lane = f"{invocation.step}." if item is None else f"{invocation.step}[{item}]."
    return e.ScopeOpened(
        scope=f"{scope.prefix}{lane}" if item else f"{scope.prefix}{lane}{invocation.n}",
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
        playbook=step.playbook.partition("@")[0],
        body="",
        prefix=f"{scope.prefix}{step.id}.",
        parent=invocation.id,
        inputs=_inputs(incident, scope, step.inputs),
    )


def _inputs(incident: Incident, scope: Scope, inputs: Mapping[str, Expression]) -> dict[str, Plain]:
    view = ScopeView(incident, scope)
    found = {name: evaluate(expression, view) for name, expression in inputs.items()}
    return {name: v if isinstance(v, str | int | float | bool) else None for name, v in found.items()}
