"""Of many laws, those that something recorded points to are in sight; the others are asked about together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from runner.facts.expression import Unknown
from runner.law.relevance import ELSEWHERE, is_relevant, nearness, places, questions


@pytest.mark.parametrize(
    ("missing", "jurisdictions", "seen"),
    [
        (("risk.to_people",), ("EU",), True),
        (("data.elements", "risk.harm"), ("US-CA",), True),
        (("organisation.regulated_as",), ("EU",), False),
        (("organisation.entities.bank.regulated_as",), ("EU",), False),
        (("organisation.sectors", "risk.to_people"), ("EU",), False),
        (("people.by_jurisdiction.US-CA",), ("US-CA",), False),
        (("populations.staff.people.by_jurisdiction.NL",), ("NL",), False),
        (("organisation.country",), ("EU",), True),
        (("organisation.entities.shop.country",), ("EU",), True),
        (("organisation.country", "organisation.offers_to"), ("JP",), False),
    ],
)
def test_a_duty_without_a_connection_is_not_relevant(
    missing: tuple[str, ...], jurisdictions: Sequence[str], seen: bool
) -> None:
    assert is_relevant(Unknown(missing), jurisdictions, frozenset({"NL", "EU"})) is seen


@pytest.mark.parametrize("answer", [True, False])
def test_a_duty_with_a_known_verdict_is_relevant(answer: bool) -> None:
    assert is_relevant(answer, ("JP",), frozenset())


def test_places_come_from_offices_markets_entities_and_residents_with_their_country_and_union() -> None:
    facts = {
        "organisation": {
            "country": "DE",
            "offers_to": ["JP"],
            "does_business_in": ["US"],
            "entities": {"bank": {"country": "CH"}},
        },
        "people": {"by_jurisdiction": {"US-CA": 3, "CA-QC": 1, "KR": 0}},
        "populations": [{"id": "staff", "people": {"by_jurisdiction": {"NZ": 2}}}],
    }
    assert places(facts) == {"DE", "EU", "JP", "US", "CH", "US-CA", "CA", "CA-QC", "NZ"}
    assert places({}) == frozenset()


NEAR, LATER = (0, datetime(2026, 11, 28, tzinfo=UTC)), (1, datetime(2026, 11, 27, tzinfo=UTC))


def test_residence_is_one_question_and_states_are_asked_when_they_matter() -> None:
    missing = {
        "insurer": ("organisation.regulated_as", "risk.harm", "organisation.home_state"),
        "seller": ("people.by_jurisdiction.US-AK", "risk.harm"),
        "shop": ("people.by_jurisdiction.US-CA",),
    }
    assert questions((duty, facts, NEAR) for duty, facts in missing.items()) == {
        "people.by_jurisdiction.PLACE": ["seller", "shop"],
        "organisation.regulated_as": ["insurer"],
    }
    insurer = [("insurer", ("organisation.home_state",), NEAR)]
    assert questions(insurer) == {"organisation.home_state": ["insurer"]}
    apart = ("organisation.entities.bank.regulated_as", "organisation.entities.fund.home_state")
    assert list(questions([("two", apart, NEAR)])) == list(apart)


def test_the_laws_of_the_home_ask_first_and_those_of_unnamed_places_do_not_ask() -> None:
    far = (ELSEWHERE, NEAR[1])
    duties = [
        ("china", ("organisation.established_in",), far),
        ("china, again", ("organisation.established_in",), far),
        ("brazil", ("people.by_jurisdiction.BR",), far),
        ("california", ("organisation.public_body",), LATER),
        ("federal", ("organisation.regulated_as",), NEAR),
    ]
    asked = ["organisation.regulated_as", "organisation.public_body", "people.by_jurisdiction.PLACE"]
    assert list(questions(duties)) == asked


def test_nearness_is_counted_from_the_home_and_the_named_places() -> None:
    near = nearness({"organisation": {"country": "DE"}, "people": {"by_jurisdiction": {"US-CA": 3}}})
    places = (["DE"], ["EU", "NO"], ["US-CA"], ["US"], ["US-NY"], ["CN"])
    assert [near(each) for each in places] == [0, 0, 1, 1, 2, 3]
    assert nearness({})(["CN"]) == 2
