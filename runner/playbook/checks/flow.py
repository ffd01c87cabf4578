"""Checks of the flow of a playbook: facts known in time, approved documents, loops that end, valid actions."""

from __future__ import annotations

from runner.base.text import near_hint
from runner.facts.expression import Apply, Expression, FactRef, walk
from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import Act, Approve
from runner.yamlfile.source import Where


def check_flow(steps: Map, found: Findings) -> None:
    """Report due times without effect, and conditions on facts or steps that are not known by then."""
    for place in steps.places:
        _times(place, steps, found)
    asks = _asks(steps)
    for place, where, expression in steps.expressions():
        _known_by_then(place, where, expression, asks, steps, found)


def _times(place: Place, steps: Map, found: Findings) -> None:
    step, where = place.step, place.where
    if step.on_overdue is not None and step.due is None:
        text = "`on_overdue` has no effect: the step has no due time."
        found.error((*where, "on_overdue"), "overdue-without-due", text, "Add `due:`.", key=True)
    if step.timeout is not None and not isinstance(step, Act):
        text = "`timeout` has no effect here: only actions have a timeout."
        hint = (
            "Write `expires:`." if isinstance(step, Approve) else "Write `due:` and `on_overdue:` for people."
        )
        found.error((*where, "timeout"), "timeout-without-action", text, hint, key=True)
    if step.due is not None and step.due.anchor == "step":
        other = steps.find(step.due.ref, place)
        if other is not None and (other is place or steps.perhaps_before(place, other)):
            text = f'The step is due after step "{step.due.ref}", which does not end before this step.'
            found.error((*where, "due"), "due-after-later-step", text)


def _asks(steps: Map) -> dict[str, list[Place]]:
    """Return the steps that set each fact."""
    asks: dict[str, list[Place]] = {}
    for place in steps.places:
        for field in place.step.asks:
            asks.setdefault(field.fact, []).append(place)
    return asks


def _known_by_then(
    place: Place,
    where: Where,
    expression: Expression,
    asks: dict[str, list[Place]],
    steps: Map,
    found: Findings,
) -> None:
    """Report a condition on a step that has not ended, or on a fact that only a later step asks for."""
    until = where[-1] == "until"
    for name in expression.steps:
        other = steps.find(name, place)
        if until and other is None:
            other = steps.siblings.get(place, {}).get(name)
        if other is None:
            _unseen(name, where, steps, found)
        elif not (steps.perhaps_before(other, place) or (until and steps.inside(other, place))):
            text = f'Step "{name}" may still be open when this condition is read.'
            found.error(where, "read-too-early", text, f'Add "{name}" to `after`.')
    for path in _needed(expression) if not until else ():
        setters = asks.get(path, ())
        # The condition of a field may read the fact of a field above it.
        *_, key, index, _ = where
        if key == "fields" and path in [field.fact for field in place.step.asks[: int(index)]]:
            continue
        if setters and all(setter is place or steps.surely_before(place, setter) for setter in setters):
            names = ", ".join(setter.step.id for setter in setters)
            text = f'Step "{names}" asks for {path} only after this step.'
            found.error(where, "read-too-early", text, "Ask earlier, or start this step after the answer.")


def _unseen(name: str, where: Where, steps: Map, found: Findings) -> None:
    hidden = steps.elsewhere(name)
    if hidden is not None and hidden.parent is not None:
        container = hidden.parent.step.id
        found.error(
            where, "other-body", f'Step "{name}" is inside step "{container}".', f"Read step('{container}')."
        )
        return
    hint = near_hint(name, [place.step.id for place in steps.places])
    found.error(where, "unknown-step", f'Step "{name}" does not exist.', hint)


def _needed(expression: Expression) -> list[str]:
    """Return the facts that an answer needs, without those that are only tested for being known."""
    optional = {
        inner.path
        for node in walk(expression.tree)
        if isinstance(node, Apply) and node.function in ("known", "default")
        for inner in walk(node)
        if isinstance(inner, FactRef)
    }
    return [path for path in expression.facts if path not in optional]
