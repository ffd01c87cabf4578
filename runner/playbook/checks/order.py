"""Checks of the order of steps: ids, ``after``, dependency cycles, and branches that are skipped unexpectedly."""

from __future__ import annotations

from collections.abc import Mapping

from runner.base.text import near_hint
from runner.facts.expression import Apply, Expression, walk
from runner.facts.expressions.evaluate import NothingKnown, truth
from runner.playbook.checks.step_map import Findings, Map, Place


def always(expression: Expression) -> bool | None:
    """Return the constant value of a condition, None if it depends on facts (also on whether a fact is known)."""
    if any(
        isinstance(node, Apply) and node.function in ("known", "default") for node in walk(expression.tree)
    ):
        return None
    answer = truth(expression, NothingKnown())
    return answer if isinstance(answer, bool) else None


def check_order(steps: Map, found: Findings) -> None:
    """Report duplicate ids, unknown steps, dependency cycles, and steps that can never start."""
    _ids(steps, found)
    for place in steps.places:
        _after(place, steps, found)
    for circle in steps.circles:
        ring = " → ".join(place.step.id for place in [*circle, circle[0]])
        text = (
            "The step waits for itself."
            if len(circle) == 1
            else f"The steps form a dependency cycle: {ring}."
        )
        found.error((*circle[0].where, "after"), "circle", text, "Remove one of the steps from an `after`.")
    for place, held_by in steps.stuck:
        text = f'Step "{place.step.id}" can never start. It waits for step "{held_by.step.id}", which never ends.'
        found.error((*place.where, "after"), "unreachable", text, "Remove the dependency cycle first.")
    _never_taken(steps, found)


def _ids(steps: Map, found: Findings) -> None:
    first: dict[str, Place] = {}
    for place in steps.places:
        earlier = first.setdefault(place.step.id, place)
        if earlier is not place and place.step.id:
            line, _ = found.source.position((*earlier.where, "id"))
            text = f'The step id "{place.step.id}" is used twice.'
            found.error(
                (*place.where, "id"),
                "duplicate-id",
                text,
                f"Choose another id than the step of line {line}.",
            )


def _after(place: Place, steps: Map, found: Findings) -> None:
    authored = (*place.where, "after")
    if place.step.after.join == "any" or isinstance(_at(found, authored), dict):
        authored = (*authored, place.step.after.join)
    written = _at(found, authored)
    names = written if isinstance(written, list) else []
    for name in place.step.after.steps:
        if name in steps.siblings[place.parent]:
            continue
        here = (*authored, names.index(name)) if name in names else authored
        other = steps.elsewhere(name)
        if other is None:
            hint = near_hint(name, steps.siblings[place.parent])
            found.error(here, "unknown-step", f'Step "{name}" does not exist.', hint)
        elif steps.find(name, place) is not None:
            around = next(iter(place.around)).step.id
            text = f'Step "{name}" is outside step "{around}".'
            found.error(here, "other-body", text, f'Add the name to `after` of "{around}".')
        else:
            container = other.parent.step.id if other.parent else ""
            found.error(
                here,
                "other-body",
                f'Step "{name}" is inside step "{container}".',
                f'Write "{container}" in `after`.',
            )


def _at(found: Findings, where: tuple[str | int, ...]) -> object:
    value = found.source.data
    for part in where:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _never_taken(steps: Map, found: Findings) -> None:
    """Report conditions that are never true, the steps that depend on them, and joins that may be skipped as a whole."""
    never: set[Place] = set()
    conditional: dict[Place, frozenset[str]] = {}
    for place in steps.order:
        step, before = place.step, [steps.siblings[place.parent].get(name) for name in place.step.after.steps]
        known = [earlier for earlier in before if earlier is not None]
        if step.when is not None and always(step.when) is False:
            never.add(place)
            found.error(
                (*place.where, "when"),
                "never-true",
                "This condition is never true.",
                "Change the condition, or delete the step.",
            )
        elif known and len(known) == len(before) and all(earlier in never for earlier in known):
            never.add(place)
            text = f'Step "{step.id}" can never start: no step before it can start.'
            found.error((*place.where, "after"), "unreachable", text)
        if step.when is not None and always(step.when) is None:
            conditional[place] = frozenset({step.when.source})
        elif known and all(earlier in conditional for earlier in known):
            conditional[place] = frozenset().union(*(conditional[earlier] for earlier in known))
            _may_fall_away(place, known, conditional, found)


def _may_fall_away(
    place: Place, before: list[Place], conditional: Mapping[Place, frozenset[str]], found: Findings
) -> None:
    """Warn of a join after branches that can all be skipped, unless the branches are opposites."""
    branches = {conditional[place] for place in before}
    sources = [next(iter(branch)).strip() for branch in branches if len(branch) == 1]
    opposite = any(f"not ({source})" in sources or f"not {source}" in sources for source in sources)
    if len(branches) > 1 and not opposite and place.step.when is None:
        names = ", ".join(place.step.id for place in before)
        found.warn(
            (*place.where, "after"),
            "may-fall-away",
            f'If none of {names} is needed, step "{place.step.id}" is skipped too.',
            "Add a step that always runs to `after`, or add a `when` to this step.",
        )
