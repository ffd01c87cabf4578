"""Affected people as the law counts them: by group, with ranges, each person once.

Theory. Each population has its own data and its own people, and each is judged by itself: the customers whose
passwords were taken may need no notice while employees whose tax numbers were taken need a letter. A
threshold counts the residents of a place over the populations to notify. Counts are ranges: an estimate
has a range, people without a known place may live anywhere, and populations that may overlap count at least as the
larger and at most as the sum.

A population of one of several legal entities is judged as that entity's: its role, its country and what it is
regulated as are the entity's own, and facts not recorded for the entity are unknown, whatever the group's facts.

A recorded ``by_jurisdiction`` counts as complete unless the total is different: then the difference may
live anywhere, and a place without an entry is unknown rather than empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, assert_never

import msgspec

from runner.base.instants import parse_instant
from runner.facts.expression import Unknown, Value
from runner.facts.expressions.evaluate import NothingKnown
from runner.facts.vocabulary.populations import INHERITED
from runner.facts.vocabulary.register import OPEN
from runner.law.grounds import Threshold


class Span(msgspec.Struct, frozen=True):
    """A count between two bounds, both inclusive; ``high`` None is unbounded."""

    low: int
    high: int | None


_OF_ENTITY: Mapping[str, tuple[str, bool]] = {
    "organisation.name": ("name", False),
    "organisation.role": ("role", True),
    "organisation.country": ("country", False),
    "organisation.established_in": ("country", True),
    "organisation.main_establishment": ("country", False),
    "organisation.regulated_as": ("regulated_as", True),
}
"""Facts of the organisation → the fact of a legal entity that replaces it, and whether it is a set."""


class View(NothingKnown):
    """The facts of one population. A law cannot depend on steps, names, or the state of other duties.

    ``data.…`` and ``people.…`` are the population's own, and a fact that is missing is named by its full path.
    """

    def __init__(self, facts: Mapping[str, Any], population: Mapping[str, Any] | None = None) -> None:
        """Read nested plain facts; without a population, the short form on the top level."""
        self.facts = facts
        self.population = population or {}
        self.id = str(self.population.get("id", ""))
        self.entity = str(self.population.get("entity") or "")
        self._prefix = f"populations.{self.id}." if population is not None else ""
        self._seen: dict[str, Value] = {}
        self.counted: dict[str, Span | Unknown] = {}

    def instead(self, values: Mapping[str, Value]) -> View:
        """Return the same view with some facts replaced, by path."""
        other = View(self.facts, self.population if self._prefix else None)
        other._seen.update(values)
        return other

    def fact(self, path: str) -> Value:  # type: ignore[explicit-override]
        """Return the value at a dotted path; cached, because many laws read the same paths."""
        if path not in self._seen:
            self._seen[path] = self._found(path)
        return self._seen[path]

    def _found(self, path: str) -> Value:
        root = path.partition(".")[0]
        if self._prefix and root in ("data", "people"):
            own = _walk(self.population, path)
            if own is not None:
                return _value(own, self._prefix + path)
            inherited = _walk(self.facts, path) if path in INHERITED else None
            return Unknown((self._prefix + path,)) if inherited is None else _value(inherited, path)
        if self.entity and path in _OF_ENTITY:
            return self._of_entity(path)
        value = _walk(self.facts, path)
        return Unknown((path,)) if value is None else _value(value, path)

    def _of_entity(self, path: str) -> Value:
        """Return a fact of the population's legal entity; a set of one member if the group has a set."""
        own, many = _OF_ENTITY[path]
        there = f"organisation.entities.{self.entity}.{own}"
        found = _walk(self.facts, there)
        if found is None:
            return Unknown((there,))
        value = _value(found, there)
        return (value,) if many and not isinstance(value, tuple) else value

    @cached_property
    def census(self) -> tuple[Mapping[str, int], int, int, int] | None:
        """Return the residents by place, their sum, and the range of all people; None if no place is recorded."""
        by_place = self.fact("people.by_jurisdiction")
        if not isinstance(by_place, Mapping):
            return None
        counts = {key: count for key, count in by_place.items() if isinstance(count, int)}
        placed = sum(counts.values())
        return counts, placed, *_total(self, placed)

    def named(self, path: str) -> str:
        """Return the full path by which a person records a fact of this population."""
        return self._prefix + path


def views(facts: Mapping[str, Any]) -> tuple[View, ...]:
    """Return one view for each population, or one for the short form if none is recorded."""
    fact = facts.get("populations") or ()
    if isinstance(fact, Mapping):
        fact = [{"id": key, **member} for key, member in fact.items()]
    return tuple(View(facts, population) for population in fact) or (View(facts),)


def residents(view: View, place: str) -> Span | Unknown:
    """Return the number of affected residents of a place in a population; cached, because many laws read it."""
    if place not in view.counted:
        view.counted[place] = _residents(view, place)
    return view.counted[place]


def _residents(view: View, place: str) -> Span | Unknown:
    here = view.named(f"people.by_jurisdiction.{place}")
    if view.census is None:
        total = _number(view.fact("people.total"))
        return Span(0, 0) if total == 0 else Unknown((here,))
    counts, all_, low, high = view.census
    exact = counts.get(place)
    loose = inside = 0
    for key, count in counts.items():
        if key[:2] == place[:2]:  # others are in another country
            loose += count if place.startswith(f"{key}-") else 0
            inside += count if key.startswith(f"{place}-") else 0
    base = (exact or 0) + inside
    slack_down, slack_up = all_ - low, high - all_
    if exact is None and not inside and loose + max(slack_up, 0) > 0:
        return Unknown((here,))
    return Span(max(0, base - max(slack_down, 0)), base + loose + max(slack_up, 0))


def lives(view: View, place: str) -> bool | Unknown:
    """Return whether a person of a group lives in a place."""
    count = residents(view, place)
    if isinstance(count, Unknown):
        return count
    if count.low > 0 or count.high == 0:
        return count.low > 0
    return Unknown((view.named(f"people.by_jurisdiction.{place}"),))


def everyone(view: View) -> Span | Unknown:
    """Return the number of people of a population."""
    counts: Mapping[str, int] = {}
    placed = 0
    if view.census is not None:
        counts, placed, *_ = view.census
    known = [view.fact(f"people.{part}") for part in ("total", "minimum", "maximum")]
    if not counts and all(isinstance(value, Unknown) for value in known):
        return Unknown((view.named("people.total"),))
    low, high = _total(view, placed)
    if not counts and isinstance(known[0], Unknown):
        return Span(low, None if isinstance(known[2], Unknown) else high)
    return Span(low, high)


def _total(view: View, placed: int) -> tuple[int, int]:
    total = _number(view.fact("people.total"))
    minimum, maximum = _number(view.fact("people.minimum")), _number(view.fact("people.maximum"))
    middle = placed if total is None else max(total, placed)
    return middle if minimum is None else minimum, max(middle, minimum or 0, maximum or 0)


def met(threshold: Threshold, owed: Sequence[View], open_: Sequence[tuple[View, Unknown]]) -> bool | Unknown:
    """Return whether there are enough people to notify: ``owed`` certain, ``open_`` possible (with the missing facts).

    If the threshold is within the range of the count, the answer is unknown and names the counts.
    """
    if threshold.count == "residents_of_one_state":
        return _in_one_state(threshold, owed, open_)
    sure = [(view, _counted(threshold, view)) for view in owed]
    maybe = [(view, _counted(threshold, view)) for view, _ in open_]
    low, high = _bounds(sure)
    if maybe and not sure:  # no duty without one of them
        low = min(_bounds([one])[0] for one in maybe)
    reach = _bounds(sure + maybe)[1]
    high = None if high is None or reach is None else reach
    least, most = _holds(threshold, low), _holds(threshold, high)
    if least == most:
        return least
    missing = [name for _, span in sure + maybe if isinstance(span, Unknown) for name in span.missing]
    once = {id(unknown): unknown for _, unknown in open_}  # a group of populations has one
    missing += [name for unknown in once.values() for name in unknown.missing]
    by_place = threshold.count == "residents_notified"
    path = f"people.by_jurisdiction.{threshold.place}" if by_place else "people.total"
    return Unknown(tuple(dict.fromkeys(missing or [view.named(path) for view, _ in sure])))


def _counted(threshold: Threshold, view: View) -> Span | Unknown:
    if threshold.count == "residents_notified":
        return residents(view, threshold.place)
    return everyone(view)


def _in_one_state(
    threshold: Threshold, owed: Sequence[View], open_: Sequence[tuple[View, Unknown]]
) -> bool | Unknown:
    """Evaluate the question for each state of the country separately; one state that reaches the number is enough."""
    states = {
        key
        for view in [*owed, *(view for view, _ in open_)]
        if isinstance(placed := view.fact("people.by_jurisdiction"), Mapping)
        for key in placed
        if key.startswith(f"{threshold.place}-")
    }
    asked = Threshold(count="residents_notified", op=threshold.op, n=threshold.n)
    answers = [met(msgspec.structs.replace(asked, place=state), owed, open_) for state in sorted(states)]
    if True in answers:
        return True
    missing = [name for answer in answers if isinstance(answer, Unknown) for name in answer.missing]
    if not states:
        missing = [view.named("people.by_jurisdiction") for view in owed]
    return Unknown(tuple(dict.fromkeys(missing))) if missing else False


def _holds(threshold: Threshold, count: int | None) -> bool:
    """Compare one end of the range; an unbounded end is larger than every number."""
    match threshold.op:
        case ">":
            return count is None or count > threshold.n
        case ">=":
            return count is None or count >= threshold.n
        case "<":
            return count is not None and count < threshold.n
        case "<=":
            return count is not None and count <= threshold.n
        case _:
            assert_never(threshold.op)


def _bounds(counted: Sequence[tuple[View, Span | Unknown]]) -> tuple[int, int | None]:
    """Add up, overlapping populations at least as the largest of them and at most as their sum."""
    spans = {view.id: span if isinstance(span, Span) else Span(0, None) for view, span in counted}
    groups = _overlapping([view for view, _ in counted])
    low = sum(max(spans[number].low for number in group) for group in groups)
    highs = [span.high for span in spans.values()]
    return low, None if None in highs else sum(high for high in highs if high is not None)


def _overlapping(owed: Sequence[View]) -> Iterable[Sequence[str]]:
    """Return the populations in groups that may have the same persons."""
    group = {view.id: [view.id] for view in owed}
    for view in owed:
        others = view.population.get("overlaps")
        for other in set(map(str, others)) if isinstance(others, list | tuple | set | frozenset) else ():
            few, many = sorted((group[view.id], group.get(other, [])), key=len)
            if few and few is not many:
                many.extend(few)
                group.update(dict.fromkeys(few, many))
    return {id(each): each for each in group.values()}.values()


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _walk(tree: Mapping[str, Any], path: str) -> Any:
    node: Any = tree
    for part in path.split("."):
        if isinstance(
            node, list | tuple
        ):  # legal entities and populations are lists of members with their id
            node = next(
                (member for member in node if isinstance(member, Mapping) and member.get("id") == part), None
            )
        elif isinstance(node, Mapping):
            node = node.get(part)
        else:
            return None
    return node


def _value(found: Any, path: str) -> Value:
    """Turn plain JSON into the values of expressions: lists are tuples, RFC 3339 text is an instant.

    The member that marks an open set becomes an unknown member, so that absence is not claimed.
    """
    if isinstance(found, str) and found[10:11] == "T":
        return instant(found) or found
    if isinstance(found, list | tuple | set | frozenset):
        return tuple(Unknown((path,)) if item == OPEN else _value(item, path) for item in found)
    if isinstance(found, Mapping):
        return {str(key): _value(value, f"{path}.{key}") for key, value in found.items() if value is not None}
    typed: Value = found
    return typed


def instant(value: Any) -> datetime | None:
    """Return an aware datetime from a datetime or RFC 3339 text, None from anything else."""
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
