"""Plan of a pinned playbook for the engine: the successors of each step in every body.

Compiling is linear in the number of steps and pure, so every process can repeat it. All data
from outside of the engine (plans, law) is passed to it as one frozen ``Library``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import msgspec

from runner.playbook.format import AnyStep, Bundle, Message, Playbook, Wait


class Body(msgspec.Struct, frozen=True):
    """The steps of one container (or of a playbook's root) by id, and each step's successors."""

    steps: Mapping[str, AnyStep]
    successors: Mapping[str, tuple[str, ...]]


NO_STEPS = Body({}, {})


class Plan(msgspec.Struct, frozen=True):
    """A bundle's bodies by playbook name and container id (empty for the root)."""

    bundle: Bundle
    bodies: Mapping[tuple[str, str], Body]

    def playbook(self, name: str) -> Playbook:
        """Return the playbook itself or one that it includes."""
        if name == self.bundle.playbook.name:
            return self.bundle.playbook
        return self.bundle.includes[name]


def compile_plan(bundle: Bundle) -> Plan:
    """Return the plan of a bundle."""
    bodies: dict[tuple[str, str], Body] = {}
    for playbook in (bundle.playbook, *bundle.includes.values()):
        for container, steps in _containers("", playbook.steps):
            bodies[(playbook.name, container)] = body_of(steps)
    return Plan(bundle, bodies)


def walk(steps: tuple[AnyStep, ...]) -> Iterator[AnyStep]:
    """Yield every step, containers before what they contain."""
    for step in steps:
        yield step
        yield from walk(step.inner)


def _containers(name: str, steps: tuple[AnyStep, ...]) -> Iterator[tuple[str, tuple[AnyStep, ...]]]:
    yield name, steps
    for step in steps:
        if step.inner:
            yield from _containers(step.id, step.inner)


def body_of(steps: Sequence[AnyStep]) -> Body:
    """Return the steps of one body with the successors of each; a missing predecessor is ignored."""
    followers: dict[str, list[str]] = {step.id: [] for step in steps}
    for step in steps:
        for before in step.after.steps:
            if before in followers:
                followers[before].append(step.id)
    return Body(
        {step.id: step for step in steps},
        {step_id: tuple(after) for step_id, after in followers.items()},
    )


def after_message(body: Body, step: str, *, in_rounds: bool) -> timedelta | None:
    """Return the time from a message to the next one: a round of its ``repeat``, else the wait before another; None without a next one."""
    return (_round(body) if in_rounds else _until_another(body, step)) or None


def _round(body: Body) -> timedelta | None:
    """Return the longest chain of waits in a body; None if one of them waits for more than time."""
    waits = [step.wait.duration for step in body.steps.values() if isinstance(step, Wait)]
    if None in waits:
        return None
    known: dict[str, timedelta] = {}
    return max((_chain(body, name, known) for name in body.steps), default=None)


def _chain(body: Body, name: str, known: dict[str, timedelta]) -> timedelta:
    if name not in known:
        step = body.steps[name]
        own = step.wait.duration if isinstance(step, Wait) else None
        before = (_chain(body, name, known) for name in step.after.steps if name in body.steps)
        known[name] = (own or timedelta()) + max(before, default=timedelta())
    return known[name]


def _until_another(body: Body, name: str) -> timedelta | None:
    """Return the shortest wait directly after a message and directly before another."""
    spans = []
    for follower in body.successors.get(name, ()):
        step = body.steps[follower]
        leads = any(
            isinstance(body.steps[successor], Message) for successor in body.successors.get(follower, ())
        )
        if isinstance(step, Wait) and step.wait.duration is not None and leads:
            spans.append(step.wait.duration)
    return min(spans, default=None)
