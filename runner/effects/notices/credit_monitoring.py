"""Credit monitoring that a law requires, offered in a notice only after a fact records the purchase.

A letter that promises what nobody has ordered is a false statement to every reader and to the attorney general. What
the law asks for is a gap until provider, months and enrolment are recorded; fewer months than the law wants are a gap
as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.documents.notice import Item
from runner.documents.template.values import Kept
from runner.facts.expression import Unknown
from runner.law.applicability import Evaluator, conjunction, disjunction
from runner.law.assessment import monitoring_months
from runner.law.regime import DutyRule, Version

MONTHS = "risk.monitoring.months"
BOUGHT = (
    "risk.monitoring.provider",
    MONTHS,
    ("risk.monitoring.enrolment", "risk.monitoring.code"),
)
"""What has to be known of monitoring that was bought: who gives it, for how long, how people get it."""


def offers(rule: DutyRule, version: Version) -> tuple[DutyRule, ...]:
    """Return the duties whose offer of monitoring counts: its own, for an authority those towards the people."""
    if rule.credit_monitoring is not None:
        return (rule,)
    return tuple(duty for duty in version.duties if duty.recipient == "individuals")


def owed_months(rules: Iterable[DutyRule], judges: Sequence[Evaluator]) -> int:
    """Return for how many months the law wants monitoring offered, 0 where it does not."""
    return max((monitoring_months(rule, judge) or 0 for rule in rules for judge in judges), default=0)


def bought_months(judges: Sequence[Evaluator], owed: int) -> Kept:
    """Return the months that were bought; unknown while they are fewer than the law wants."""
    found = _recorded(judges)
    return Kept(MONTHS, found if found is not None and found >= owed else None)


def monitoring_items(rule: DutyRule, judges: Sequence[Evaluator]) -> Iterator[Item]:
    """Return what has to stand in a notice to people where the law owes them monitoring."""
    offer = rule.credit_monitoring
    if offer is None:
        return
    owed = disjunction(
        conjunction(judge.holds(condition) for condition in offer.conditions) for judge in judges
    )
    if owed is False:
        return
    found = _recorded(judges)
    few = f"; {found} months are recorded" if found is not None and found < offer.months else ""
    yield Item(
        ref="monitoring",
        item=f"credit monitoring that was bought, for at least {offer.months} months: by whom, how to enrol{few}",
        facts=BOUGHT,
        unsure=owed.missing if isinstance(owed, Unknown) else (),
        of_law=True,
    )


def _recorded(judges: Sequence[Evaluator]) -> int | None:
    value = judges[0].view.fact(MONTHS) if judges else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
