"""Judge all laws by their outline: which duty arises, and whether it is in sight, without a date and without a reason.

Theory. ``runner.engine.duties`` says everything about a duty; here stands the same logic on what decides verdicts alone.
The answer of a conjunction does not hang on the order of its parts, so whom a law is for is asked first, and the rest
only of those that it may be for. Each condition is answered once for each population, whatever number of laws ask it.
An answer is a number here, so that hundreds of conjunctions cost nothing: 0 holds, -1 fails, and any other is a set of
bits, one for each fact that is wanting. That both ways agree, for all that ships and any facts, is a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from runner.engine.national import bound
from runner.engine.populations import View, met, residents, views
from runner.engine.scope import Answer, Judge, negation
from runner.engine.sight import asks_where, is_far, places
from runner.engine.versions import deciding, deciding_day
from runner.model.expressions import Unknown
from runner.model.outline import Outline, RuleOutline, VersionOutline
from runner.model.states import Verdict


class Gist(msgspec.Struct, frozen=True):
    """The verdict on one duty; ``missing`` are the facts that would settle it, sorted."""

    duty: str
    verdict: Verdict
    in_sight: bool
    missing: tuple[str, ...] = ()


def gists(
    outline: Outline, facts: Mapping[str, Any], now: datetime, zone: tzinfo
) -> Iterator[tuple[Gist, ...]]:
    """Yield the verdicts on the duties of each law, in the outline's order. Positions of counsel count for nothing.

    ``facts`` are nested plain facts; ``zone`` ends the days.
    """
    whole, known, wants = View(facts), places(facts), _Wants()
    readers = tuple(_Reader(Judge(view), outline, wants) for view in views(facts))
    for law in outline.laws:
        version, barred, advisory, _ = deciding(law.decided_by, law.versions, whole, now, zone)
        scopes = [] if barred is not None else [reader.scope(version) for reader in readers]
        if scopes and version.national is not None:
            day = deciding_day(law.decided_by, whole, now, zone)
            states, coming = bound(version.national, [reader.view for reader in readers], day)
            advisory = advisory or coming
            told = (wants.number(state.answer) for state in states)
            scopes = [_all(both) for both in zip(told, scopes, strict=True)]
        lies_there = not known.isdisjoint(law.jurisdictions)
        yield tuple(_of_law(law.id, version, readers, scopes, wants, advisory=advisory, there=lies_there))


HOLDS, FAILS = 0, -1


def _all(answers: Iterable[int]) -> int:
    """Return the conjunction: one that fails settles it, else all that is wanting is."""
    found = HOLDS
    for answer in answers:
        if answer < 0:
            return FAILS
        found |= answer
    return found


class _Wants:
    """A bit for everything that can be wanting, and which of these are questions that bring duties into sight."""

    def __init__(self) -> None:
        self._bits: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._unknowns: dict[int, Unknown] = {}
        self._what = self._where = 0

    def number(self, answer: Answer) -> int:
        """Return an answer as a number."""
        if not isinstance(answer, Unknown):
            return HOLDS if answer else FAILS
        found = 0
        for name in answer.missing:
            found |= self._bit(("missing", name))
        for name in answer.problems:
            found |= self._bit(("problem", name))
        return found or self._bit(("problem", ""))

    def _bit(self, wanted: tuple[str, str]) -> int:
        bit = self._bits.get(wanted)
        if bit is None:
            bit = self._bits[wanted] = 1 << len(self._bits)
            self._names.append(wanted)
            kind, name = wanted
            self._what |= bit if kind == "missing" and is_far(name) else 0
            self._where |= bit if kind == "missing" and asks_where(name) else 0
        return bit

    def unknown(self, number: int) -> Unknown:
        """Return what a set of bits stands for."""
        found = self._unknowns.get(number)
        if found is None:
            names = sorted(self._of(number))
            missing = tuple(name for kind, name in names if kind == "missing")
            problems = tuple(name for kind, name in names if kind == "problem" and name)
            found = self._unknowns[number] = Unknown(missing, problems)
        return found

    def _of(self, number: int) -> Iterator[tuple[str, str]]:
        while number:
            lowest = number & -number
            yield self._names[lowest.bit_length() - 1]
            number ^= lowest

    def in_sight(self, number: int, *, there: bool) -> bool:
        """Say what ``runner.engine.sight.in_sight`` says; ``there`` is whether something recorded lies in its place."""
        return number <= 0 or (not number & self._what and (there or not number & self._where))


class _Reader:
    """Answers by number, for one population."""

    def __init__(self, judge: Judge, outline: Outline, wants: _Wants) -> None:
        self.view = judge.view
        self._judge = judge
        self._outline = outline
        self._wants = wants
        self._wanted: list[int | None] = [None] * len(outline.conditions)
        self._unwanted: list[int | None] = [None] * len(outline.conditions)
        self._exemptions: list[int | None] = [None] * len(outline.exemptions)
        self._tables: list[int | None] = [None] * len(outline.tables)
        self._rules: dict[tuple[tuple[int, ...], ...], int] = {}

    def holds(self, number: int) -> int:
        answer = self._wanted[number]
        if answer is None:
            found = self._judge.binds(self._outline.conditions[number])
            answer = self._wanted[number] = self._wants.number(found)
        return answer

    def holds_not(self, number: int) -> int:
        answer = self._unwanted[number]
        if answer is None:
            found = self._judge.binds(self._outline.conditions[number], wanted=False)
            answer = self._unwanted[number] = self._wants.number(found)
        return answer

    def not_exempt(self, number: int) -> int:
        answer = self._exemptions[number]
        if answer is None:
            exempt = self._judge.exempt(self._outline.exemptions[number])
            answer = self._exemptions[number] = self._wants.number(negation(exempt))
        return answer

    def elements(self, number: int) -> int:
        answer = self._tables[number]
        if answer is None:
            found = self._judge.elements(self._outline.tables[number])
            answer = self._tables[number] = self._wants.number(found)
        return answer

    def scope(self, version: VersionOutline) -> int:
        return _all(self._scope(version))

    def _scope(self, version: VersionOutline) -> Iterator[int]:
        if version.residents_of:
            yield self._wants.number(_live_there(version.residents_of, self.view))
        yield from map(self.holds, version.scope)
        if version.table is not None:
            yield self.elements(version.table)

    def rule(self, rule: RuleOutline, scope: int) -> int:
        if scope < 0:
            return FAILS
        asked = rule.only_if, rule.unless, rule.exemptions
        answer = self._rules.get(asked)
        if answer is None:
            answer = self._rules[asked] = _all(self._rule(rule))
        return FAILS if answer < 0 else scope | answer

    def _rule(self, rule: RuleOutline) -> Iterator[int]:
        yield from map(self.holds, rule.only_if)
        yield from map(self.holds_not, rule.unless)
        yield from map(self.not_exempt, rule.exemptions)


def _live_there(place: str, view: View) -> Answer:
    count = residents(view, place)
    if isinstance(count, Unknown):
        return count
    if count.low > 0 or count.high == 0:
        return count.low > 0
    return Unknown((view.named(f"people.by_jurisdiction.{place}"),))


def _of_law(
    law: str,
    version: VersionOutline,
    readers: Sequence[_Reader],
    scopes: Sequence[int],
    wants: _Wants,
    *,
    advisory: bool,
    there: bool,
) -> Iterator[Gist]:
    """Yield the verdicts under one law."""
    nobody = all(scope < 0 for scope in scopes)
    for rule in version.rules:
        answer = FAILS if nobody else _arises(rule, readers, scopes, wants)
        identity = f"{law}/{rule.slug}"
        if answer < 0:
            yield Gist(identity, "not_applicable", True)
            continue
        verdict: Verdict = "unknown" if answer else "applies"
        if advisory or rule.voluntary:
            verdict = "advisory"
        missing = wants.unknown(answer).missing if answer else ()
        yield Gist(identity, verdict, wants.in_sight(answer, there=there), missing)


def _arises(rule: RuleOutline, readers: Sequence[_Reader], scopes: Sequence[int], wants: _Wants) -> int:
    """Say whether at least one population is owed it and the thresholds are met over all that are."""
    if len(readers) == 1 and not rule.thresholds:
        return readers[0].rule(rule, scopes[0])
    told = [(reader, reader.rule(rule, scope)) for reader, scope in zip(readers, scopes, strict=True)]
    within = HOLDS
    if not any(answer == HOLDS for _, answer in told):
        open_ = [answer for _, answer in told if answer > 0]
        within = _all(open_) if open_ else FAILS
    if within < 0 or not rule.thresholds:
        return within
    owed = [reader.view for reader, answer in told if answer == HOLDS]
    perhaps = [(reader.view, wants.unknown(answer)) for reader, answer in told if answer > 0]
    return _all((within, *(wants.number(met(one, owed, perhaps)) for one in rule.thresholds)))
