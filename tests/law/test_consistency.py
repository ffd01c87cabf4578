"""All laws are written alike: one name for one thing, silence meaning the same everywhere, every duty executable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations

from runner.law.assessment import assess
from runner.law.grounds import Condition
from runner.law.regime import DutyRule, Regime, Version
from tests.holds_for import holds_for
from tests.law.typical import every, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WHERE = {
    "organisation.country",
    "organisation.established_in",
    "organisation.main_establishment",
    "organisation.offers_to",
    "organisation.does_business_in",
}
BY_LAW = holds_for("regime", every(), lambda regime: regime.id)


def asked(condition: Condition) -> set[str]:
    """Return the facts that a condition reads."""
    facts = {meets.fact for meets in (*condition.any_of, *condition.none_of)}
    return facts | (set(condition.expression.facts) if condition.expression else set())


def conditions(version: Version) -> Iterator[Condition]:
    """Return every condition that decides about a duty."""
    yield from version.scope
    for exemption in version.exemptions:
        if exemption.condition is not None:
            yield exemption.condition
    for duty in version.duties:
        yield from duty.only_if
        yield from duty.unless


@BY_LAW
def test_every_condition_can_be_answered_with_facts(regime: Regime) -> None:
    assert not [
        condition.code
        for version in regime.versions
        for condition in conditions(version)
        if condition.in_words
    ]


@BY_LAW
def test_a_missing_fact_never_makes_an_organisation_regulated(regime: Regime) -> None:
    for version in regime.versions:
        for condition in version.scope:
            if "organisation.regulated_as" in asked(condition):
                assert condition.when_silent == "ask", condition.code


@BY_LAW
def test_a_territory_is_asked_for_unless_the_law_protects_residents_or_binds_licensees(
    regime: Regime,
) -> None:
    for version in regime.versions:
        licensed = any("organisation.regulated_as" in asked(condition) for condition in version.scope)
        for condition in version.scope:
            if asked(condition) & WHERE and not version.residents_of and not licensed:
                assert condition.when_silent == "ask", condition.code


@BY_LAW
def test_an_exemption_is_never_taken_to_hold_by_silence(regime: Regime) -> None:
    for version in regime.versions:
        for exemption in version.exemptions:
            assert exemption.condition is None or exemption.condition.when_silent != "holds", exemption.code


@BY_LAW
def test_a_low_risk_needs_its_recorded_assessment(regime: Regime) -> None:
    for version in regime.versions:
        for exemption in version.exemptions:
            if exemption.condition is not None and asked(exemption.condition) & {
                "risk.harm",
                "risk.to_people",
            }:
                assert "risk.harm_assessment.grounds" in exemption.grounds, exemption.code


@BY_LAW
def test_every_fact_that_removes_or_orders_names_a_duty_of_the_same_law(regime: Regime) -> None:
    version = regime.versions[0]
    slugs = {duty.slug for duty in version.duties}
    named = {slug for exemption in version.exemptions for slug in exemption.removes}
    named |= {order.duty for duty in version.duties for order in duty.ordering}
    named |= {limb.start.duty for duty in version.duties for limb in duty.clock.limbs if limb.start.duty}
    assert named <= slugs


@BY_LAW
def test_the_answer_that_no_personal_data_are_affected_leaves_no_doubt(regime: Regime) -> None:
    version = regime.versions[0]
    about_data = version.personal_information or any(
        "data.involved" in asked(condition) for condition in version.scope
    )
    facts = typical(regime)
    facts["data"], facts["people"] = {"involved": False}, {"total": 0}
    statuses = assess([regime], facts, NOW)
    assert not about_data or not [duty.id for duty in statuses if duty.verdict == "unknown"]


# ------------------------------------------------------------------------------------------------- recipients

OTHER_NAMES = {
    "ag",
    "affected_individuals",
    "affected_persons",
    "consumers",
    "residents",
    "owner",
    "licensee",
    "credit_bureaus",
    "cra",
    "media",
    "hhs",
    "dpa",
    "supervisory_authority",
    "commissioner",
    "secretary",
    "police",
}
"""What the statutes call those for whom we have a name already, or a word that leaves open who is meant."""


def folded(name: str) -> frozenset[str]:
    """Return a name's words without order, plural and little words."""
    return frozenset(word.rstrip("s") for word in name.split("_") if word not in ("of", "or", "the", "and"))


def test_each_recipient_has_one_name() -> None:
    names = {duty.recipient for regime in every() for version in regime.versions for duty in version.duties}
    assert not names & OTHER_NAMES
    for one, other in combinations(sorted(names), 2):
        assert folded(one) != folded(other), (one, other)


@BY_LAW
def test_recipients_and_slugs_are_written_alike(regime: Regime) -> None:
    for version in regime.versions:
        for duty in version.duties:
            for name in (duty.recipient, duty.slug, duty.stage):
                assert name.replace("_", "").isalnum(), name
                assert name == name.lower()


# --------------------------------------------------------------------------------------------------- letters

LETTERS = [
    duty
    for regime in every()
    if regime.id.startswith("us-")
    for duty in regime.versions[0].duties
    if duty.recipient == "individuals" and (duty.content or duty.forbidden)
]


@holds_for("duty", LETTERS, lambda duty: duty.citation)
def test_each_content_of_an_american_letter_has_a_part_or_a_fact_that_says_it(duty: DutyRule) -> None:
    bare = [content.item for content in duty.content if not content.part and not content.facts]
    assert all(item.startswith("the title") for item in bare), bare
    assert not [content.item for content in duty.forbidden if not content.part or not content.facts]
