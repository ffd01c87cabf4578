"""Check of filing paths against legal clocks: the longest path, and its longest step.

Each step has the time that its author set: its ``due`` from ready, an approval's expiry, a wait. A step
that is due before the duty's own deadline fits by construction, and uses the remaining time. The path counts from the
clock's start: from the step that asks for the start fact, if there is one, else from the beginning.
"""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import (
    Approve,
    Duties,
    File,
    Group,
    Message,
    Repeat,
    Step,
    Wait,
)
from runner.playbook.lookup import Known, hours
from runner.playbook.plan import after_message, body_of

_HOUR = 3600.0


class _Way(msgspec.Struct, frozen=True):
    """Hours from the clock's start to the end of a step, and the steps of the path."""

    hours: float = 0.0
    steps: tuple[tuple[str, float], ...] = ()

    def then(self, name: str, more: float) -> _Way:
        """Return the path with one more step."""
        return _Way(self.hours + more, (*self.steps, (name, more))) if more else self


def check_clocks(steps: Map, known: Known, found: Findings) -> None:
    """Report filings whose path is longer than the legal deadline."""
    for place in steps.places:
        if isinstance(place.step, File) and place.step.duty:
            tight = [limit for duty in _meant(place.step.duty, steps) if (limit := _limit(duty, known))]
            for duty, allowed, starts in sorted(tight, key=lambda one: one[1])[:1]:
                _fits(place, duty, allowed, starts, steps, found)


def _meant(duty: str, steps: Map) -> list[str]:
    """Return the possible duties of a filing; in a lane, all duties that the playbook names."""
    if duty != "item":
        return [duty]
    named = {duty for _, _, expression in steps.expressions() for duty in expression.duties}
    for place in steps.places:
        if isinstance(place.step, Duties):
            named.update(place.step.duties)
        if place.step.due is not None and place.step.due.anchor == "duty":
            named.add(place.step.due.ref)
    return sorted(named - {"item", "all"})


def _limit(duty: str, known: Known) -> tuple[str, float, frozenset[str]] | None:
    """Return the tightest clock of a duty, or of a regime's duties, with the facts that start it."""
    regime, slash, slug = duty.partition("/")
    rules = known.rules(regime)
    clocks = []
    for name, rule in rules.items():
        allowed = hours(rule)
        if allowed is not None and (not slash or name == slug):
            starts = frozenset(path for limb in rule.clock.limbs for path in limb.start.facts)
            clocks.append((f"{regime}/{name}", allowed, starts))
    return min(clocks, key=lambda one: one[1], default=None)


def _fits(
    place: Place, duty: str, allowed: float, starts: frozenset[str], steps: Map, found: Findings
) -> None:
    way = _Path(steps, starts, allowed).end(place)
    if way.hours <= allowed or not way.steps:
        return
    name, longest = max(way.steps, key=lambda one: one[1])
    text = f'The filing of duty "{duty}" needs {_told(way.hours)} h. The deadline allows {_told(allowed)} h.'
    hint = f'Shorten step "{name}" ({_told(longest)} h), the longest step of: {" → ".join(one for one, _ in way.steps)}.'
    found.error(place.where, "clock-too-short", text, hint)


def _told(number: float) -> str:
    return f"{round(number, 1):g}"


class _Path:
    """The longest paths through one playbook, for one clock."""

    def __init__(self, steps: Map, starts: frozenset[str], allowed: float) -> None:
        self.steps = steps
        self.starts = starts
        self.allowed = allowed
        self.ends: dict[Place, _Way] = {}
        for place in steps.order:
            self.end(place)

    def begin(self, place: Place) -> _Way:
        """Return the path to the start of a step."""
        siblings = self.steps.siblings[place.parent]
        before = [
            self.ends.get(siblings[name], _Way()) for name in place.step.after.steps if name in siblings
        ]
        if not before:
            return self.begin(place.parent) if place.parent else _Way()
        choose = min if place.step.after.join == "any" else max
        return choose(before, key=lambda way: way.hours)

    def end(self, place: Place) -> _Way:
        """Return the path to the end of a step."""
        if place not in self.ends:
            self.ends[place] = self._after(place, self.begin(place))
        return self.ends[place]

    def _after(self, place: Place, way: _Way) -> _Way:
        step = place.step
        if any(field.fact in self.starts for field in step.asks):
            return _Way()
        if isinstance(step, Group | Repeat):
            inner = [self.end(body) for body in self.steps.bodies[place]]
            return max(inner, key=lambda one: one.hours, default=way)
        fixed = _fixed(step, self.starts, self.allowed)
        if fixed is not None:
            return way.then(step.id, max(0.0, fixed - way.hours))
        return way.then(step.id, _takes(step))


def _fixed(step: Step, starts: frozenset[str], allowed: float) -> float | None:
    """Return the hour of the clock at which a step is due, if its due time names one."""
    if step.due is None:
        return None
    offset = step.due.offset.total_seconds() / _HOUR
    match step.due.anchor:
        case "fact" if step.due.ref in starts:
            return offset
        case "duty":
            return allowed + offset
        case "opened":
            return offset
        case _:
            return None


def _takes(step: Step) -> float:
    """Return the author's time for a step from ready, in hours."""
    span = step.due.offset if step.due is not None and step.due.anchor == "ready" else None
    if span is None and isinstance(step, Approve):
        span = step.expires
    if isinstance(step, Wait) and step.wait.duration is not None:
        span = step.wait.duration
    return span.total_seconds() / _HOUR if span is not None else 0.0


_PROMISE = re.compile(r"\bnext_update\b")
_HEDGED = re.compile(r"\bnext_update is (not )?known\b")
_HINT = "Put the step into a `repeat` with a `wait`, or add a `wait` and another message after the step."


def check_cadence(steps: Map, found: Findings) -> None:
    """Report promised updates without a repeat and without a wait; steps in a dependency cycle are ignored."""
    if steps.circles:
        return
    for name, template in steps.playbook.messages.items():
        senders = [
            place for place in steps.places if isinstance(place.step, Message) and place.step.message == name
        ]
        texts = (text for text in (template.subject, template.text) if "{" in text)
        if not senders or not any(map(_PROMISE.search, texts)):
            continue
        alone = [sender for sender in senders if not _again(sender, steps)]
        if len(alone) == len(senders):
            text = "The message promises the next update. No step that sends the message is repeated."
            found.warn(("messages", name, "text"), "no-next-update", text, _HINT)
        elif not _HEDGED.search(template.text):
            for standing in alone:
                text = f'Message "{name}" promises the next update. No later step sends an update.'
                hint = "Write {% if next_update is known %}…{% endif %} around the promise."
                found.warn((*standing.where, "message"), "no-next-update", text, hint)


def _again(place: Place, steps: Map) -> timedelta | None:
    """Return the time from a message to the next one, None without a next one."""
    around = place.parent.step if place.parent is not None else None
    if isinstance(around, Repeat) and around.at_most < 2:
        return None
    beside = [sibling.step for sibling in steps.siblings[place.parent].values()]
    return after_message(body_of(beside), place.step.id, in_rounds=isinstance(around, Repeat))
