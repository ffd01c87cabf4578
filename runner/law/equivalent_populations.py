"""Affected groups with the same facts for a law, assessed together.

Theory. A list of clients, stores or systems easily makes thousands of populations, and hundreds of duties ask each of
them. One law asks little: some facts of the data, whether people live in one place, seldom a number. Populations that
answer all of this alike are one group. A condition that reads a number is answered for every population separately, and
its answer counts instead of the number. Thresholds still count all populations, each by its own numbers.

Harm of a breach: presumed unless a finding denies it, and a finding of no risk needs its assessment.

"Unlikely to result in a risk" is the finding that saves work, so people may record it in a
hurry. A condition about harm without an answer, or denied only by such a finding without its assessor, time and
grounds, is answered as at the greatest harm. So the duty applies, and the necessary finding is named
beside it. A finding of a risk has effect at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

import msgspec

from runner.facts.expression import Expression, Unknown, Value
from runner.facts.expressions.evaluate import truth
from runner.law.duty import Reason
from runner.law.grounds import Condition, Exemption, PersonalInformation
from runner.law.populations import View, lives, views

ASSESSMENT: tuple[str, ...] = (
    "risk.harm_assessment.at",
    "risk.harm_assessment.by",
    "risk.harm_assessment.grounds",
)
"""Facts that must be recorded beside a finding of no risk."""
_NO_RISK: Mapping[str, tuple[Value, ...]] = {
    "risk.to_people": ("unlikely",),
    "risk.harm": ("none", "unlikely"),
    "risk.low_probability_of_compromise": (True,),
    "risk.people_must_know": (False,),
}
PRESUMED: Mapping[str, Value] = {
    "risk.to_people": "high",
    "risk.harm": "likely",
    "risk.low_probability_of_compromise": False,
    "risk.people_must_know": True,
}
"""Presumed facts about harm."""


def recorded(view: View, path: str) -> bool | Unknown:
    """Return True if a fact is recorded, else the missing fact."""
    value = view.fact(path)
    return value if isinstance(value, Unknown) else True


def wanting(view: View) -> Mapping[str, tuple[str, ...]]:
    """Return the presumed facts about harm, each with the facts that would replace it."""
    absent = tuple(path for path in ASSESSMENT if recorded(view, path) is not True)
    silent = {path: (path,) for path in PRESUMED if isinstance(view.fact(path), Unknown)}
    doubted = {path: absent for path, values in _NO_RISK.items() if absent and view.fact(path) in values}
    return silent | doubted


def presuming(view: View) -> View | None:
    """Return the view in which harm is presumed unless a finding counts; None if all harm facts are found."""
    answer = wanting(view)
    return view.instead({path: PRESUMED[path] for path in answer}) if answer else None


T = TypeVar("T")
_TABLE = ("elements", "involved", "with_name")
"""The questions of a statute's table of elements about the data."""
_NUMBER = object()


class Asked(msgspec.Struct, frozen=True):
    """All questions of a law about a population, without thresholds."""

    expressions: tuple[Expression, ...]
    paths: tuple[str, ...]
    """Facts that are read without an expression."""
    place: str
    """The required place of residence; empty without such a question."""


def asked(
    conditions: Iterable[Condition],
    exemptions: Iterable[Exemption],
    tables: Iterable[PersonalInformation],
    place: str,
) -> Asked:
    """Return the questions of these."""
    able, all_tables = tuple(exemptions), tuple(tables)
    elements = (element for table in all_tables for element in (*table.with_name, *table.without_name))
    maybe = (*(exemption.condition for exemption in able), *(element.condition for element in elements))
    every = [*conditions, *(condition for condition in maybe if condition is not None)]
    return Asked(
        tuple(condition.expression for condition in every if condition.expression is not None),
        (
            *(meets.fact for condition in every for meets in (*condition.any_of, *condition.none_of)),
            *(path for exemption in able for path in exemption.grounds),
            *(_TABLE if all_tables else ()),
        ),
        place,
    )


class Groups:
    """All affected groups in order, by class; the first view of a class represents it."""

    def __init__(self, every: Sequence[View], keys: Iterable[Any]) -> None:
        """Group the views by their keys."""
        self._views = every
        known: dict[Any, int] = {}
        self._groups = [known.setdefault(key, len(known)) for key in keys]
        first: dict[int, View] = {}
        for view, group in zip(every, self._groups, strict=True):
            first.setdefault(group, view)
        self.firsts = tuple(first.values())
        self._spread: dict[Unknown, Unknown] = {}

    def each(self, by_group: Sequence[T]) -> Iterator[tuple[View, T]]:
        """Yield every population with the value of its group."""
        return zip(self._views, (by_group[group] for group in self._groups), strict=True)

    @cached_property
    def _others(self) -> Mapping[str, list[str]]:
        """Return the fact prefix of each representative with the prefixes of the others in its group."""
        others: dict[str, list[str]] = {first.named(""): [] for first in self.firsts}
        for view, first in self.each(self.firsts):
            if view is not first:
                others[first.named("")].append(view.named(""))
        return others

    def spread(self, wanted: Unknown) -> Unknown:
        """Return the missing facts of the representatives together with those of the others."""
        if len(self.firsts) == len(self._views):
            return wanted
        if wanted not in self._spread:
            self._spread[wanted] = self._with_others(wanted)
        return self._spread[wanted]

    def _with_others(self, wanted: Unknown) -> Unknown:
        missing = set(wanted.missing)
        for name in wanted.missing:
            prefix = ".".join(name.split(".", 2)[:2]) + "."
            missing.update(other + name[len(prefix) :] for other in self._others.get(prefix, ()))
        return Unknown(tuple(sorted(missing)), wanted.problems)

    def told(self, by_group: Sequence[Sequence[Reason]]) -> Iterator[Reason]:
        """Yield the reasons of every population, each with that population's own facts."""
        own = [
            [reason for reason in each if view.id and view.named("") in reason.text]
            for view, each in zip(self.firsts, by_group, strict=True)
        ]
        if not any(own):
            yield from chain.from_iterable(by_group)
            return
        for view, group in zip(self._views, self._groups, strict=True):
            first = self.firsts[group]
            if view is first:
                yield from by_group[group]
                continue
            for number in own[group]:
                yield Reason(number.code, number.text.replace(first.named(""), view.named("")))


class Populations:
    """The populations of an incident, and their groups by law."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.views = views(facts)
        self._numbers: set[str] = set()
        self._facts = [self._known(view.population) for view in self.views]
        self._names = {name for each in self._facts for name in each}
        self._answers: dict[tuple[str, int], Any] = {}
        self._presuming: dict[int, View | None] = {}
        self._found: dict[tuple[Any, ...], Groups] = {}
        self._alone = Groups(self.views[:1], [()])

    def groups(self, law: Asked) -> Groups:
        """Return the populations grouped by a law's questions; laws with the same questions share the result."""
        if len(self.views) == 1:
            return self._alone
        own = {
            expression.source: expression
            for expression in law.expressions
            if any(word in expression.source for word in self._numbers)
        }
        asks = (
            *law.paths,
            *(expression.source for expression in law.expressions if expression.source not in own),
        )
        names = frozenset(name for name in self._names if any(name in text for text in asks))
        name = (names, law.place, *sorted(own))
        if name not in self._found:
            keys = (tuple(self._key(n, names, law.place, own.values())) for n in range(len(self.views)))
            self._found[name] = Groups(self.views, keys)
        return self._found[name]

    def _key(self, n: int, names: frozenset[str], place: str, own: Iterable[Expression]) -> Iterator[Any]:
        view, facts = self.views[n], self._facts[n]
        yield view.entity, "data" in view.population, "people" in view.population
        yield from (facts.get(name) for name in names)
        if place:
            answer = lives(view, place)
            yield None if isinstance(answer, Unknown) else answer
        for expression in own:
            key = expression.source, n
            if key not in self._answers:
                presumed = self._presumed(n) if "risk." in expression.source else None
                self._answers[key] = tuple(
                    _own_answer(expression, reading) for reading in (view, presumed) if reading is not None
                )
            yield self._answers[key]

    def _presumed(self, n: int) -> View | None:
        """Return the view in which harm is presumed, for a judge."""
        if n not in self._presuming:
            self._presuming[n] = presuming(self.views[n])
        return self._presuming[n]

    def _known(self, population: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts of a population by name, with a placeholder for every number; note populations with numbers."""
        return {
            name: self._plain(value, name)
            for root in ("data", "people")
            for name, value in (population.get(root) or {}).items()
        }

    def _plain(self, value: Any, name: str) -> Any:
        match value:
            case bool() | str() | None:
                return value
            case int() | float():
                self._numbers.add(name)
                return _NUMBER
            case Mapping():
                return tuple((key, self._plain(one, name)) for key, one in value.items())
            case list() | tuple() | set() | frozenset():
                return tuple(self._plain(member, name) for member in value)
            case _:
                return str(value)


def _own_answer(expression: Expression, view: View) -> Any:
    """Return an answer without the population's name in it."""
    answer = truth(expression, view)
    if not isinstance(answer, Unknown):
        return answer
    return tuple(name.removeprefix(view.named("")) for name in answer.missing), answer.problems
