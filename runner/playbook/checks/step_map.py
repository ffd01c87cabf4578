"""Map of a playbook's steps: the position of each, and the steps that have ended before it starts.

Order exists only among the steps of one body; the steps of a group start after all steps before the group,
and a step that waits for the group waits for all of its steps. Sets of steps are bit masks, so that two hundred steps
are fast.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from functools import reduce

import msgspec

from runner.base.states import Profile
from runner.errors import Problem
from runner.facts.expression import Expression
from runner.playbook.format import AnyStep, Playbook
from runner.playbook.profiles import playbook_of_profile
from runner.yamlfile.source import Source, Where


class Place(msgspec.Struct, frozen=True, eq=False):
    """One step, its path in the file, and its container."""

    step: AnyStep
    where: Where
    parent: Place | None
    bit: int
    """Its own bit in masks."""

    @property
    def around(self) -> Iterator[Place]:
        """Yield its containers, innermost first."""
        place = self.parent
        while place is not None:
            yield place
            place = place.parent


class Findings(msgspec.Struct):
    """The problems of one file, as checks find them."""

    source: Source
    problems: list[Problem] = []
    inherited: Mapping[Where, Where] = {}

    def error(
        self, where: Where, code: str, message: str, hint: str = "", *, key: bool = False, offset: int = 0
    ) -> None:
        """Add an error."""
        where = self._written(where)
        self.problems.append(self.source.problem(where, code, message, hint=hint, key=key, offset=offset))

    def warn(self, where: Where, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """Add a warning: a probable mistake, or a part that cannot be checked here."""
        where = self._written(where)
        problem = self.source.problem(where, code, message, hint=hint, key=key, severity="warning")
        self.problems.append(problem)

    def _written(self, where: Where) -> Where:
        """Return where a value is written: a key of a step can come from ``defaults``."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.inherited:
                return self.inherited[where[:length]] + where[length:]
        return where


class Map:
    """All steps of one playbook, in the order of the file."""

    def __init__(
        self, playbook: Playbook, guessed: frozenset[Where] = frozenset(), profile: Profile | None = None
    ) -> None:
        """Walk once and compute the order of each body. ``guessed`` steps replace malformed ones.

        With a profile, only the steps that exist in it; their paths remain those of the whole file.
        """
        self.playbook = playbook_of_profile(playbook, profile) if profile else playbook
        self.profile = profile
        self.guessed = guessed
        self.places: list[Place] = []
        self.bodies: dict[Place | None, list[Place]] = {}
        self._walk(self.playbook.steps, playbook.steps, ("steps",), None)
        self.siblings: Mapping[Place | None, Mapping[str, Place]] = {
            body: {place.step.id: place for place in reversed(places)} for body, places in self.bodies.items()
        }
        self.order: list[Place] = []
        """Steps in dependency order, without steps in or after a dependency cycle."""
        self.circles: list[list[Place]] = []
        self.stuck: list[tuple[Place, Place]] = []
        """Steps that wait for a dependency cycle, with the step that they wait for."""
        self._surely: dict[Place, int] = {}
        self._perhaps: dict[Place, int] = {}
        self._inner: dict[Place, int] = {}
        for place in reversed(self.places):
            self._inner[place] = place.bit | sum(self._inner[body] for body in self.bodies.get(place, ()))
        for body in list(self.bodies):
            self._order(body)

    def _walk(
        self, steps: tuple[AnyStep, ...], written: tuple[AnyStep, ...], where: Where, parent: Place | None
    ) -> None:
        self.bodies[parent] = []
        index = -1
        for step in steps:
            index += 1
            while (written[index].id, written[index].profile) != (step.id, step.profile):
                index += 1
            place = Place(step, (*where, index), parent, 1 << len(self.places))
            self.places.append(place)
            self.bodies[parent].append(place)
            if step.inner:
                self._walk(step.inner, written[index].inner, (*place.where, "steps"), place)

    def _order(self, body: Place | None) -> None:
        """Compute which steps end before others; a step in or after a dependency cycle never begins."""
        waiting = {place: self._predecessors(place) for place in self.bodies[body]}
        followers: dict[Place, list[Place]] = {}
        for place, before in waiting.items():
            for earlier in before:
                followers.setdefault(earlier, []).append(place)
        left = {place: len(before) for place, before in waiting.items()}
        free = [place for place, count in left.items() if not count]
        for place in free:
            self._settle(place, waiting[place])
            for follower in followers.get(place, ()):
                left[follower] -= 1
                if not left[follower]:
                    free.append(follower)
        held = {place: waiting[place] for place in waiting if left[place]}
        self._circles(held)

    def _predecessors(self, place: Place) -> list[Place]:
        siblings = self.siblings[place.parent]
        return [siblings[name] for name in dict.fromkeys(place.step.after.steps) if name in siblings]

    def _settle(self, place: Place, before: list[Place]) -> None:
        surely = [self._inner[place] | self._surely[place] for place in before]
        perhaps = [self._inner[place] | self._perhaps[place] for place in before]
        self.order.append(place)
        outer = place.parent
        start = self._surely.get(outer, 0) if outer else 0
        maybe = self._perhaps.get(outer, 0) if outer else 0
        joined = operator.and_ if place.step.after.join == "any" else operator.or_
        self._surely[place] = start | (reduce(joined, surely) if surely else 0)
        self._perhaps[place] = reduce(operator.or_, perhaps, maybe)

    def _circles(self, held: Mapping[Place, list[Place]]) -> None:
        """Follow each blocked step backwards to a dependency cycle: its own, or one that it waits for."""
        on_circle: set[Place] = set()
        for place in held:
            path: dict[Place, None] = {}
            one = place
            while one not in path and one not in on_circle:
                path[one] = None
                one = next(before for before in held[one] if before in held)
            if one not in on_circle:
                steps = list(path)
                circle = steps[steps.index(one) :]
                self.circles.append(list(reversed(circle)))
                on_circle.update(circle)
        for place in held:
            self._surely.setdefault(place, 0)
            self._perhaps.setdefault(place, 0)
            if place not in on_circle:
                self.stuck.append((place, next(before for before in held[place] if before in held)))

    def surely_before(self, place: Place, other: Place) -> bool:
        """Return whether ``place`` has always ended when ``other`` begins."""
        return bool(self._surely[other] & place.bit)

    def perhaps_before(self, place: Place, other: Place) -> bool:
        """Return whether a branch leads from ``place`` to ``other``."""
        return bool(self._perhaps[other] & place.bit)

    def inside(self, place: Place, container: Place) -> bool:
        """Return whether ``place`` is inside ``container``, or equal to it."""
        return bool(self._inner[container] & place.bit)

    def find(self, name: str, at: Place) -> Place | None:
        """Return the step of a name at a place: of the same body, or of a surrounding one."""
        for body in (at.parent, *(place.parent for place in at.around)):
            if name in self.siblings[body]:
                return self.siblings[body][name]
        return None

    def elsewhere(self, name: str) -> Place | None:
        """Return any step of that name."""
        return next((place for place in self.places if place.step.id == name), None)

    def expressions(self) -> Iterator[tuple[Place, Where, Expression]]:
        """Yield every condition with its step and its place in the file."""
        for place in self.places:
            for keys, expression in place.step.conditions():
                yield place, (*place.where, *keys), expression
