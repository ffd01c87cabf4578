"""Checks of the profiles: what a profile may never leave out, and the order without the removed steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from runner.base.states import Profile
from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import AnyStep, Approve, Call, Duties, File
from runner.playbook.lookup import Known
from runner.playbook.plan import walk
from runner.playbook.profiles import MixedJoin, joined

Need = tuple[Literal["fact", "step"], str, str]
"""A part that no profile may leave out: a fact that starts a clock, or a step of a playbook with its kind."""


def check_profiles(whole: Map, maps: Mapping[Profile, Map], known: Known, found: Findings) -> None:
    """Report steps that a profile may not leave out, steps of no profile, and orders that cannot be joined."""
    needs = _Needs(whole.playbook.name, known)
    for profile, steps in maps.items():
        kept = {place.where for place in steps.places}
        there = needs.of(step for step in steps.playbook.steps)
        if not kept:
            text = f"The {profile} profile has no step."
            found.error(("steps",), "profile-empty", text, "Remove `profile` from a step.", key=True)
        for place in whole.places:
            if place.where not in kept and (place.parent is None or place.parent.where in kept):
                _left_out(place, profile, needs.of([place.step]) - there, found)
        for place in whole.places:
            if place.where in kept:
                _order(place, whole.bodies[place.parent], kept, profile, found)
    everywhere = {place.where for steps in maps.values() for place in steps.places}
    for place in whole.places:
        if place.where not in everywhere:
            text = f'Step "{place.step.id}" exists in no profile.'
            found.error(
                place.where,
                "profile-never",
                text,
                "Remove `profile` from the step or from the step around it.",
            )


def _left_out(place: Place, profile: Profile, missing: Collection[Need], found: Findings) -> None:
    for kind, name, what in sorted(missing):
        reason = f"it sets {name}, which starts a legal clock" if kind == "fact" else f'"{name}" is {what}'
        text = f'The {profile} profile leaves out step "{place.step.id}": {reason}.'
        hint = "Remove `profile`, or add a step for the other profile."
        found.error((*place.where, "profile"), "profile-required", text, hint)


def _order(
    place: Place, body: list[Place], kept: Collection[object], profile: Profile, found: Findings
) -> None:
    there = {other.step.id for other in body if other.where in kept}
    removed = {other.step.id: other.step.after for other in body if other.step.id not in there}
    try:
        joined(place.step.after, removed)
    except MixedJoin as error:
        text = (
            f'The {profile} profile leaves out step "{error.removed}". Then step "{place.step.id}" would start'
            " after all of some steps and any of others."
        )
        hint = "Write the step twice, with `profile: small` and `profile: large`, each with its own `after`."
        found.error((*place.where, "after"), "profile-order", text, hint)


class _Needs:
    """Parts of steps that no profile may leave out, also in the playbooks that they run."""

    def __init__(self, playbook: str, known: Known) -> None:
        self.playbook = playbook
        self.known = known

    def of(self, steps: Iterable[AnyStep]) -> set[Need]:
        """Return the needs of steps and of everything inside them."""
        found: set[Need] = set()
        queue = [(self.playbook, step) for step in walk(tuple(steps))]
        called: set[str] = set()
        for playbook, step in queue:
            found.update(self._of_step(playbook, step))
            if isinstance(step, Call) and step.playbook not in called:
                called.add(step.playbook)
                inner = self.known.playbook(step.playbook)
                queue += [(step.name, one) for one in walk(inner.steps)] if inner else []
        return found

    def _of_step(self, playbook: str, step: AnyStep) -> Iterable[Need]:
        if step.required:
            yield "step", f"{playbook}.{step.id}", "required"
        if isinstance(step, Approve | File | Duties):
            yield "step", f"{playbook}.{step.id}", f"of kind {step.__struct_config__.tag}"
        if step.asks:
            starts = self.known.clock_starts()
            yield from (("fact", field.fact, "") for field in step.asks if field.fact in starts)
