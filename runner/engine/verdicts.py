"""Judge all laws by their outline: which duty arises, and whether it is in sight, without a date and without a reason.

Theory. ``runner.engine.duties`` says everything about a duty; here stands the same logic on what decides verdicts alone.
The answer of a conjunction does not hang on the order of its parts, so whom a law is for is asked first, and the rest
only of those that it may be for. Each condition is answered once for each population, whatever number of laws ask it.
That both ways agree, for all that ships and any facts, is a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from runner.engine.populations import View, met, residents, views
from runner.engine.scope import Answer, Judge, conjunction, negation
from runner.engine.sight import in_sight, places
from runner.engine.values import merged
from runner.engine.versions import deciding
from runner.model.expressions import Unknown
from runner.model.outline import LawOutline, Outline, RuleOutline, VersionOutline
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
    whole, known = View(facts), places(facts)
    readers = tuple(_Reader(Judge(view), outline) for view in views(facts))
    for law in outline.laws:
        version, barred, advisory, _ = deciding(law.decided_by, law.versions, whole, now, zone)
        scopes = [] if barred is not None else [reader.scope(version) for reader in readers]
        yield tuple(_gist(law, rule, readers, scopes, known, advisory) for rule in version.rules)


class _Reader:
    """Answers by number, for one population."""

    def __init__(self, judge: Judge, outline: Outline) -> None:
        self.view = judge.view
        self._judge = judge
        self._outline = outline
        self._conditions: list[Answer | None] = [None] * len(outline.conditions)
        self._exemptions: list[Answer | None] = [None] * len(outline.exemptions)

    def holds(self, number: int) -> Answer:
        answer = self._conditions[number]
        if answer is None:
            answer = self._conditions[number] = self._judge.holds(self._outline.conditions[number])
        return answer

    def not_exempt(self, number: int) -> Answer:
        answer = self._exemptions[number]
        if answer is None:
            exempt = self._judge.exempt(self._outline.exemptions[number])
            answer = self._exemptions[number] = negation(exempt)
        return answer

    def scope(self, version: VersionOutline) -> Answer:
        return conjunction(self._scope(version))

    def _scope(self, version: VersionOutline) -> Iterator[Answer]:
        if version.residents_of:
            yield _live_there(version.residents_of, self.view)
        yield from map(self.holds, version.scope)
        if version.table is not None:
            yield self._judge.elements(self._outline.tables[version.table])

    def rule(self, rule: RuleOutline, scope: Answer) -> Answer:
        if scope is False:
            return False
        return conjunction(self._rule(rule, scope))

    def _rule(self, rule: RuleOutline, scope: Answer) -> Iterator[Answer]:
        yield from map(self.holds, rule.only_if)
        yield from (negation(self.holds(number)) for number in rule.unless)
        yield from map(self.not_exempt, rule.exemptions)
        yield scope


def _live_there(place: str, view: View) -> Answer:
    count = residents(view, place)
    if isinstance(count, Unknown):
        return count
    if count.low > 0 or count.high == 0:
        return count.low > 0
    return Unknown((view.named(f"people.by_jurisdiction.{place}"),))


def _gist(
    law: LawOutline,
    rule: RuleOutline,
    readers: Sequence[_Reader],
    scopes: Sequence[Answer],
    known: frozenset[str],
    advisory: bool,
) -> Gist:
    answers = [reader.rule(rule, scope) for reader, scope in zip(readers, scopes, strict=False)]
    answer = _arises(rule, readers, answers)
    identity = f"{law.id}/{rule.slug}"
    if answer is False:
        return Gist(identity, "not_applicable", True)
    seen = in_sight(answer, law.jurisdictions, known)
    missing = answer.missing if isinstance(answer, Unknown) else ()
    if advisory or rule.voluntary:
        return Gist(identity, "advisory", seen, missing)
    return Gist(identity, "applies" if answer is True else "unknown", seen, missing)


def _arises(rule: RuleOutline, readers: Sequence[_Reader], answers: Sequence[Answer]) -> Answer:
    """Say whether at least one population is owed it and the thresholds are met over all that are."""
    told = tuple(zip(readers, answers, strict=False))
    owed = [reader.view for reader, answer in told if answer is True]
    open_ = [(reader.view, answer) for reader, answer in told if isinstance(answer, Unknown)]
    if not owed and not open_:
        return False
    within: Answer = True if owed else merged(unknown for _, unknown in open_)
    if not rule.thresholds:
        return within
    return conjunction((within, *(met(threshold, owed, open_) for threshold in rule.thresholds)))
