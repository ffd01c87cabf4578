"""Exemptions and findings that would end a duty that applies, if a person claimed them.

None of these decides directly. Two people claim an exemption with grounds (``tocsin duty decide``); until then the duty applies.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runner.facts.expression import Unknown
from runner.facts.expressions.values import merged
from runner.law.applicability import NOT, Answer, Evaluator, Ground
from runner.law.duty import Evidence, Unless
from runner.law.equivalent_populations import Groups
from runner.law.grounds import Exemption


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
