"""Screening of all laws by the index: verdict and relevance of each duty, without dates and reasons.

Theory. ``runner.law.assessment`` computes everything about a duty; this module has the same logic for verdicts only.
The answer of a conjunction does not depend on the order of its parts, so the scope of a law is asked first, and the rest
only if the law may apply. Each condition is answered once for each population, whatever number of laws ask it.
An answer is a number here, so that hundreds of conjunctions are fast: 0 is true, -1 is false, and any other is a set of
bits, one for each missing fact. A test checks that both modules agree for all shipped laws and any facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from runner.base.states import Verdict
from runner.facts.expression import Unknown
from runner.facts.expressions.evaluate import inverted
from runner.law.applicability import Answer, Evaluator
from runner.law.equivalent_populations import Asked, Groups, Populations, asked
from runner.law.populations import View, lives, met
from runner.law.relevance import depends_on_location, depends_on_profile, places
from runner.law.screening_index import Outline, RuleOutline, VersionOutline
from runner.law.transposition import applicable_states
from runner.law.versions import deciding, deciding_day


class ScreeningResult(msgspec.Struct, frozen=True):
    """The verdict on one duty; ``missing`` are the facts that would settle it, sorted."""

    duty: str
    verdict: Verdict
    in_sight: bool
    missing: tuple[str, ...] = ()


def screen(
    outline: Outline, facts: Mapping[str, Any], now: datetime, zone: tzinfo
) -> Iterator[tuple[ScreeningResult, ...]]:
    """Yield the verdicts on the duties of each law, in the outline's order. Positions of counsel count for nothing.

    ``facts`` are nested plain facts; ``zone`` is the zone of dates, and of ``now`` only the day counts.
    """
    whole, known, wants = View(facts), places(facts), _Wants()
    people, judging = Populations(facts), dict[str, _Reader]()
    for law in outline.laws:
        version, barred, advisory, _ = deciding(law.decided_by, law.versions, whole, now, zone)
        groups = people.groups(_asked(version, outline))
        for view in groups.firsts:
            if view.id not in judging:
                judging[view.id] = _Reader(Evaluator(view), outline, wants)
        readers = [judging[view.id] for view in groups.firsts]
        scopes = [] if barred is not None else [reader.scope(version) for reader in readers]
        if scopes and version.national is not None:
            day = deciding_day(law.decided_by, whole, now, zone)
            states, coming = applicable_states(version.national, [reader.view for reader in readers], day)
            advisory = advisory or coming
            missing = (wants.number(state.answer) for state in states)
            scopes = [_all(both) for both in zip(missing, scopes, strict=True)]
        lies_there = not known.isdisjoint(law.jurisdictions)
        results = _of_law(
            law.id, version, readers, scopes, wants, groups, advisory=advisory, there=lies_there
        )
        yield tuple(results)


def _asked(version: VersionOutline, outline: Outline) -> Asked:
    rules, tables = version.rules, () if version.table is None else (outline.tables[version.table],)
    numbers = {*version.scope, *(number for rule in rules for number in (*rule.only_if, *rule.unless))}
    exempt = {
        exemption for rule in rules for exemption in rule.exemptions if outline.exemptions[exemption].about_us
    }
    return asked(
        (outline.conditions[number] for number in numbers),
        (outline.exemptions[exemption] for exemption in exempt),
        tables,
        version.residents_of,
    )


HOLDS, FAILS = 0, -1


def _all(answers: Iterable[int]) -> int:
    """Return the conjunction: false if one is false, else all missing facts."""
    found = HOLDS
    for answer in answers:
        if answer < 0:
            return FAILS
        found |= answer
    return found


class _Wants:
    """A bit for each fact that can be missing, and the bits of questions that make duties relevant."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._unknowns: dict[int, Unknown] = {}
        self._what = self._where = 0

    def number(self, answer: Answer) -> int:
        """Return an answer as a number."""
        if not isinstance(answer, Unknown):
            return HOLDS if answer else FAILS
        wanted = [("missing", name) for name in answer.missing] + [
            ("problem", name) for name in answer.problems
        ]
        places = [self._place(missing) for missing in wanted or [("problem", "")]]
        # One step for each name; building a number bit by bit would copy it each time.
        bits = bytearray(max(places) // 8 + 1)
        for place in places:
            bits[place // 8] |= 1 << place % 8
        return int.from_bytes(bits, "little")

    def _place(self, wanted: tuple[str, str]) -> int:
        place = self._places.get(wanted)
        if place is None:
            place = self._places[wanted] = len(self._names)
            self._names.append(wanted)
            kind, name = wanted
            self._what |= 1 << place if kind == "missing" and depends_on_profile(name) else 0
            self._where |= 1 << place if kind == "missing" and depends_on_location(name) else 0
        return place

    def unknown(self, number: int) -> Unknown:
        """Return the unknown value of a set of bits."""
        answer = self._unknowns.get(number)
        if answer is None:
            names = sorted(self._of(number))
            missing = tuple(name for kind, name in names if kind == "missing")
            problems = tuple(name for kind, name in names if kind == "problem" and name)
            answer = self._unknowns[number] = Unknown(missing, problems)
        return answer

    def _of(self, number: int) -> Iterator[tuple[str, str]]:
        bits = f"{number:b}"[::-1]
        place = bits.find("1")
        while place >= 0:
            yield self._names[place]
            place = bits.find("1", place + 1)

    def in_sight(self, number: int, *, there: bool) -> bool:
        """Return the result of ``runner.law.relevance.is_relevant``; ``there`` is whether a recorded fact is in its place."""
        return number <= 0 or (not number & self._what and (there or not number & self._where))


class _Answers(dict[int, int]):
    """Answers by the number of the question, each computed once."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, number: int) -> int:
        self[number] = found = self._answer(number)
        return found


class _Reader:
    """Answers by number, for one population."""

    def __init__(self, judge: Evaluator, outline: Outline, wants: _Wants) -> None:
        self.view = judge.view
        self._judge = judge
        self._outline = outline
        self._wants = wants
        self.holds = _Answers(lambda number: self._binds(number, wanted=True))
        self.holds_not = _Answers(lambda number: self._binds(number, wanted=False))
        self.not_exempt = _Answers(self._not_exempt)
        self.elements = _Answers(lambda number: wants.number(judge.elements(outline.tables[number])))
        self._rules: dict[tuple[tuple[int, ...], ...], int] = {}

    def _binds(self, number: int, *, wanted: bool) -> int:
        return self._wants.number(self._judge.binds(self._outline.conditions[number], wanted=wanted))

    def _not_exempt(self, number: int) -> int:
        able = self._outline.exemptions[number]  # only old outlines contain an exemption that must be claimed
        return self._wants.number(inverted(self._judge.exempt(able) if able.about_us else False))

    def scope(self, version: VersionOutline) -> int:
        return _all(self._scope(version))

    def _scope(self, version: VersionOutline) -> Iterator[int]:
        if version.residents_of:
            yield self._wants.number(lives(self.view, version.residents_of))
        yield from map(self.holds.__getitem__, version.scope)
        if version.table is not None:
            yield self.elements[version.table]

    def rule(self, rule: RuleOutline, scope: int) -> int:
        if scope < 0:
            return FAILS
        asked = rule.only_if, rule.unless, rule.exemptions
        answer = self._rules.get(asked)
        if answer is None:
            answer = self._rules[asked] = _all(self._rule(rule))
        return FAILS if answer < 0 else scope | answer

    def _rule(self, rule: RuleOutline) -> Iterator[int]:
        yield from map(self.holds.__getitem__, rule.only_if)
        yield from map(self.holds_not.__getitem__, rule.unless)
        yield from map(self.not_exempt.__getitem__, rule.exemptions)


def _of_law(
    law: str,
    version: VersionOutline,
    readers: Sequence[_Reader],
    scopes: Sequence[int],
    wants: _Wants,
    groups: Groups,
    *,
    advisory: bool,
    there: bool,
) -> Iterator[ScreeningResult]:
    """Yield the verdicts under one law."""
    nobody = all(scope < 0 for scope in scopes)
    for rule in version.rules:
        answer = FAILS if nobody else _arises(rule, readers, scopes, wants, groups)
        identity = f"{law}/{rule.slug}"
        if answer < 0:
            yield ScreeningResult(identity, "not_applicable", True)
            continue
        verdict: Verdict = "unknown" if answer else "applies"
        if advisory or rule.voluntary:
            verdict = "advisory"
        missing = wants.unknown(answer).missing if answer else ()
        yield ScreeningResult(identity, verdict, wants.in_sight(answer, there=there), missing)


def _arises(
    rule: RuleOutline, readers: Sequence[_Reader], scopes: Sequence[int], wants: _Wants, groups: Groups
) -> int:
    """Return whether the duty applies to at least one group, and the thresholds are met over all such groups."""
    answers = [reader.rule(rule, scope) for reader, scope in zip(readers, scopes, strict=True)]
    within = HOLDS
    if HOLDS not in answers:
        open_ = [answer for answer in answers if answer > 0]
        within = wants.number(groups.spread(wants.unknown(_all(open_)))) if open_ else FAILS
    if within < 0 or not rule.thresholds:
        return within
    wide = [groups.spread(wants.unknown(answer)) if answer > 0 else answer == HOLDS for answer in answers]
    each = list(groups.each(wide))
    owed = [view for view, answer in each if answer is True]
    perhaps = [(view, answer) for view, answer in each if isinstance(answer, Unknown)]
    return _all((within, *(wants.number(met(threshold, owed, perhaps)) for threshold in rule.thresholds)))
