"""Applicability of a law to an incident, ground by ground, in three values.

Each answer is a ``Ground``: a question, and true, false or the missing facts. A verdict is
their conjunction: one false ground decides it whatever else is unknown, and only if none is false do the
unknown ones keep it open. The organisation's own properties can exempt it: that is scope, the ground "not exempt".
Any other exemption decides nothing until a person claims it, and harm is presumed until a finding denies it. Both are
named beside the duty, which continues to apply.

``unclaimed`` lists the exemptions and findings that would end a duty that applies, if a person claimed them.
None of these decides directly. Two people claim an exemption with grounds (``tocsin duty decide``); until then the duty applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import msgspec

from runner.facts.expression import Unknown, Value
from runner.facts.expressions.evaluate import inverted, merged, settle, truth
from runner.law.duty import Evidence, Reason, Unless
from runner.law.equivalent_populations import Groups, presuming, recorded, wanting
from runner.law.grounds import KEY, Condition, Element, Exemption, Meets, PersonalInformation
from runner.law.populations import View, lives
from runner.law.regime import Version

Answer = bool | Unknown
_NO_CLAIMS: Mapping[str, Reason] = {}
NOT = "not "
"""Prefix of a condition's code: the position that the condition is false."""
_UNASSESSED = "presumed: the finding of no risk has no assessment by a named person"


class Ground(msgspec.Struct, frozen=True):
    """One question and its answer; a quiet ground is named only if it is false or unknown."""

    reason: Reason
    answer: Answer
    quiet: bool = False
    unless: Unless | None = None
    """The finding that would deny it, if it is true only because harm is presumed."""


def conjunction(answers: Iterable[Answer]) -> Answer:
    """Return False if one is false, True if all are true, else all missing facts."""
    return settle(False, answers)


def disjunction(answers: Iterable[Answer]) -> Answer:
    """Return True if one is true, False if all are false, else all missing facts."""
    return settle(True, answers)


def _silence(raw: Unknown) -> str:
    """Return the missing facts in words: further facts can be recorded without a decision."""
    facts = " and ".join(raw.missing[:3]) or "the deciding fact"
    return f"{facts} not known"


def claimed_ground(code: str, claimed: Mapping[str, Reason], *, wanted: bool = True) -> Ground | None:
    """Return counsel's position on a code, or on ``not`` and the code, as a ground."""
    for position, holds in ((code, True), (f"{NOT}{code}", False)):
        if position in claimed:
            return Ground(claimed[position], holds is wanted)
    return None


class Evaluator:
    """Answers conditions for one population and caches the answers, because regimes repeat questions."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._answers: dict[str, Answer] = {}
        self._asked: dict[int, tuple[Condition, Answer]] = {}
        self._wanting = wanting(view)
        self._doubtful = any(absent != (path,) for path, absent in self._wanting.items())

    @cached_property
    def _presuming(self) -> Evaluator | None:
        presumed = presuming(self.view)
        return None if presumed is None else Evaluator(presumed)

    def raw(self, condition: Condition) -> Answer:
        """Answer a condition, without its author's rule for unknown answers."""
        known = self._asked.get(id(condition))  # stored with its condition, which keeps the id in use
        if known is None:
            known = self._asked[id(condition)] = condition, conjunction(self._parts(condition))
        return known[1]

    def holds(self, condition: Condition) -> Answer:
        """Answer a condition, with its author's rule for unknown answers."""
        answer = self.raw(condition)
        if isinstance(answer, Unknown) and condition.when_silent != "ask":
            return condition.when_silent == "holds"
        return answer

    def binds(self, condition: Condition, *, wanted: bool = True) -> Answer:
        """Answer a condition of a duty: it must be true, or false if ``wanted`` is False.

        Harm is presumed unless a finding denies it, and a finding of no risk without an assessment denies nothing.
        """
        answer = self.holds(condition)
        if answer is not wanted and self._presuming is not None and self._is_presumed(condition, answer):
            answer = self._presuming.holds(condition)
        return answer if wanted else inverted(answer)

    def _is_presumed(self, condition: Condition, answer: Answer) -> bool:
        if isinstance(answer, Unknown):
            return not self._wanting.keys().isdisjoint(answer.missing)
        return self._doubtful and not isinstance(self.raw(condition), Unknown)

    def _against(self, condition: Condition, wanted: bool) -> Unless:
        """Return the finding that would deny a condition that is true only because harm is presumed."""
        missing = dict.fromkeys(
            wanted for path in sorted(condition.facts) for wanted in self._wanting.get(path, ())
        )
        return Unless(
            ground=f"{NOT}{condition.code}" if wanted else condition.code,
            text=f"condition not met: {condition.text}" if wanted else condition.text,
            missing=tuple(missing),
        )

    def _parts(self, condition: Condition) -> Iterable[Answer]:
        if condition.in_words:
            yield Unknown((f"claims.{condition.code}.position",))
        if condition.expression is not None:
            source = condition.expression.source
            if source not in self._answers:
                self._answers[source] = truth(condition.expression, self.view)
            yield self._answers[source]
        if condition.any_of:
            yield disjunction(self._meets(meets) for meets in condition.any_of)
        if condition.none_of:
            yield inverted(disjunction(self._meets(meets) for meets in condition.none_of))

    def _meets(self, meets: Meets) -> Answer:
        value = self.view.fact(meets.fact)
        if isinstance(value, str):
            return value in meets.values
        if isinstance(value, Unknown):
            return value
        members = value if isinstance(value, tuple) else (value,)
        return disjunction(item if isinstance(item, Unknown) else item in meets.values for item in members)

    def ground(
        self, condition: Condition, claimed: Mapping[str, Reason] = _NO_CLAIMS, *, wanted: bool = True
    ) -> Ground:
        """Answer a condition as a ground; ``wanted`` False negates it (``unless``).

        Counsel's position on the condition's code, or on ``not`` and the code, is the answer.
        """
        position = claimed_ground(condition.code, claimed, wanted=wanted)
        if position is not None:
            return position
        binds = self.binds(condition, wanted=wanted)
        reason = Reason(condition.code, self._words(condition, binds, wanted))
        presumed = binds is True and self.holds(condition) is not wanted
        return Ground(reason, binds, not wanted, self._against(condition, wanted) if presumed else None)

    def _words(self, condition: Condition, binds: Answer, wanted: bool) -> str:
        """Return a condition in words: assumed, false, or open for a special reason."""
        raw, answer = self.raw(condition), self.holds(condition)
        if isinstance(raw, Unknown) and not isinstance(answer, Unknown):
            return f"{condition.text} ({'assumed' if answer else 'assumed false'}: {_silence(raw)})"
        if wanted and binds is True and answer is not True:
            doubt = f"presumed: {_silence(raw)}" if isinstance(raw, Unknown) else _UNASSESSED
            return f"{condition.text} ({doubt})"
        if condition.in_words:
            return f"{condition.text} (in words only: counsel decides)"
        return f"condition not met: {condition.text}" if wanted and binds is False else condition.text

    def exempt(self, exemption: Exemption) -> Answer:
        """Return whether an exemption applies: its condition, and the recorded grounds that it needs."""
        if exemption.condition is None:
            return False
        answer = conjunction((self._reaches(exemption), self.holds(exemption.condition)))
        if answer is not True:
            return answer
        return conjunction(recorded(self.view, path) for path in exemption.grounds)

    def refutes(self, exemption: Exemption) -> bool:
        """Return whether recorded facts, not only missing ones, deny an exemption."""
        if exemption.condition is None:
            return False
        return conjunction((self._reaches(exemption), self.raw(exemption.condition))) is False

    def _reaches(self, exemption: Exemption) -> Answer:
        """Return whether encryption can exempt: the key is safe, and only encrypted data are lost."""
        if not exemption.by_encryption:
            return True
        taken, impact = self.view.fact(KEY), self.view.fact("incident.impact")
        if not exemption.names_key or taken is True:
            return False
        lost = impact if isinstance(impact, tuple) else (impact,)
        return conjunction(
            element if isinstance(element, Unknown) else element in exemption.covers for element in lost
        )

    def elements(self, table: PersonalInformation) -> Answer:
        """Return whether the data are personal information by a statute's table.

        "No personal data are affected" answers for all elements, unless elements are recorded.
        """
        recorded = self.view.fact("data.elements")
        if isinstance(recorded, Unknown) and self.view.fact("data.involved") is False:
            return False
        if isinstance(recorded, Unknown) or not isinstance(recorded, tuple):
            return recorded if isinstance(recorded, Unknown) else False
        alone = disjunction(self._counts(element, recorded) for element in table.without_name)
        if alone is True:
            return True
        paired = disjunction(self._counts(element, recorded) for element in table.with_name)
        if paired is not False:
            named = self.view.fact("data.with_name")
            paired = conjunction((paired, named if isinstance(named, bool | Unknown) else False))
        return disjunction((alone, paired))

    def _counts(self, element: Element, recorded: tuple[Value, ...]) -> Answer:
        """Return whether an element is recorded (open sets can have further elements) and counts here."""
        if element.element not in recorded:
            return disjunction(item if isinstance(item, Unknown) else False for item in recorded)
        return True if element.condition is None else self.holds(element.condition)


def scope_grounds(version: Version, judge: Evaluator, claimed: Mapping[str, Reason]) -> tuple[Ground, ...]:
    """Return the grounds common to all duties of a regime: scope, residents, personal information."""
    grounds = [judge.ground(condition, claimed) for condition in version.scope]
    if version.residents_of:
        grounds.append(_residents(version.residents_of, judge.view))
    if version.personal_information is not None:
        table = version.personal_information
        answer = judge.elements(table)
        text = f"no {table.text}" if answer is False else table.text
        grounds.append(Ground(Reason("personal_information", text), answer))
    return tuple(grounds)


def _residents(place: str, view: View) -> Ground:
    answer = lives(view, place)
    if answer is False:
        return Ground(Reason("no_residents", f"no affected resident of {place} is recorded"), False)
    return Ground(Reason("residents", f"affected people live in {place}"), answer)


def exemption_grounds(
    exemptions: Iterable[Exemption], judge: Evaluator, claimed: Mapping[str, Reason]
) -> tuple[Ground, ...]:
    """Return "not exempt" for each deciding exemption: by the organisation's properties, and by claim.

    ``claimed`` are counsel's positions in this regime, by the exemption's code.
    """
    grounds = []
    for exemption in exemptions:
        if exemption.code in claimed:
            grounds.append(Ground(claimed[exemption.code], False))
        elif exemption.about_us:
            exempt = judge.exempt(exemption)
            grounds.append(Ground(Reason(exemption.code, exemption.text), inverted(exempt), quiet=True))
    return tuple(grounds)


def reasons(grounds: Sequence[Ground], answer: Answer) -> tuple[Reason, ...]:
    """Return the grounds of a verdict: the false ones, else the unknown ones, else the true ones."""
    if answer is False:
        return tuple(ground.reason for ground in grounds if ground.answer is False)
    held = [ground.reason for ground in grounds if ground.answer is True and not ground.quiet]
    open_ = [
        Reason(ground.reason.code, f"{ground.reason.text}: unknown")
        for ground in grounds
        if isinstance(ground.answer, Unknown)
    ]
    return tuple(dict.fromkeys(held + open_))


class Standing(msgspec.Struct, frozen=True):
    """A duty that applies, by groups of populations: their judges, their grounds, and the groups to notify."""

    judges: Sequence[Evaluator]
    grounds: Sequence[Sequence[Ground]]
    answers: Sequence[Answer]
    groups: Groups

    def owed(self) -> list[int]:
        """Return the numbers of the groups to notify."""
        return [number for number, answer in enumerate(self.answers) if answer is True]


def unclaimed(exemptions: Sequence[Exemption], duty: Standing) -> tuple[Unless, ...]:
    """Return the unclaimed exemptions that the facts do not rule out."""
    presumed = (ground.unless for number in duty.owed() for ground in duty.grounds[number])
    listed = (*presumed, *(_exemption(exemption, duty) for exemption in exemptions if not exemption.about_us))
    return tuple(dict.fromkeys(unless for unless in listed if unless is not None))


def _exemption(exemption: Exemption, duty: Standing) -> Unless | None:
    verdicts = {number: duty.judges[number].exempt(exemption) for number in duty.owed()}
    met = {number for number, answer in verdicts.items() if answer is True}
    open_ = [answer for answer in verdicts.values() if isinstance(answer, Unknown)]
    if not met and not open_ and exemption.condition is not None:
        return None
    among = duty.groups.each([number in met for number in range(len(duty.judges))])
    everyone = len(met) == len(verdicts)
    return Unless(
        ground=exemption.code,
        text=exemption.text,
        citation=exemption.citation,
        missing=duty.groups.spread(merged(open_)).missing if open_ else (),
        met=everyone,
        populations=() if everyone or not met else tuple(view.id for view, holds in among if holds),
    )


def evidence(
    ground: str, exemptions: Sequence[Exemption], unless: Sequence[Unless], duty: Standing
) -> Evidence:
    """Return whether facts support the ground of a decision not to notify."""
    listed = next((exemption for exemption in unless if exemption.ground == ground), None)
    if listed is not None:
        return "for" if listed.met else "open"
    named = next((exemption for exemption in exemptions if exemption.code == ground), None)
    if named is None:
        return "against" if ground.startswith(NOT) else "open"
    return "against" if all(duty.judges[view].refutes(named) for view in duty.owed()) else "open"
