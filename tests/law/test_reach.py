"""Each law applies to its own addressees only: no duty is dead, and no foreign law is relevant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.base.jurisdictions import EU_MEMBERS
from runner.facts.vocabulary.lookup import fact_type
from runner.law.assessment import assess
from runner.law.regime import Regime
from tests.holds_for import holds_for
from tests.law.typical import AT, Facts, asked_of, changed, every, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHOP: Facts = {
    "organisation": {
        "role": ["controller", "data_owner"],
        "source_of_breach": True,
        "public_body": False,
        "regulated_as": [],
        "sectors": ["retail"],
        "zone": "America/Chicago",
        "country": "US",
        "established_in": ["US"],
        "offers_to": [],
        "does_business_in": ["US"],
    },
    "incident": {
        "impact": ["confidentiality"],
        "vector": "hacking",
        "malicious": True,
        "discovered_at": AT,
        "determined_at": AT,
        "aware_at": AT,
    },
    "data": {
        "involved": True,
        "form": ["electronic"],
        "with_name": True,
        "elements": ["ssn", "financial", "contact"],
        "encrypted": False,
    },
    "people": {
        "total": 3000,
        "by_jurisdiction": {"US-CA": 1000, "US-NY": 1000, "US-TX": 1000},
        "kinds": ["customers"],
        "good_faith_only": False,
    },
    "risk": {"harm": "likely", "to_people": "high"},
}
GERMAN = changed(
    SHOP,
    {
        "organisation.zone": "Europe/Berlin",
        "organisation.country": "DE",
        "organisation.main_establishment": "DE",
        "organisation.established_in": ["DE"],
        "organisation.does_business_in": ["DE"],
        "people.by_jurisdiction": {"DE": 3000},
    },
)
SECTORS = fact_type("organisation.sectors")
BRIEF = {
    "organisation.established_in": None,
    "organisation.offers_to": None,
    "organisation.role": ["controller"],
}


def reached(facts: Facts) -> set[str]:
    """Return the laws of which a duty applies, or may apply and has something recorded that points to it."""
    return {
        duty.regime
        for duty in assess(every(), facts, NOW)
        if duty.in_sight and duty.verdict in ("applies", "unknown")
    }


@pytest.mark.parametrize("less", [{}, BRIEF], ids=["described", "in brief"])
def test_a_shop_of_the_united_states_sees_the_law_of_its_customers_states_alone(
    less: Mapping[str, Any],
) -> None:
    assert reached(changed(SHOP, less)) == {"us-ca-breach", "us-ny-breach", "us-tx-breach"}


@pytest.mark.parametrize("less", [{}, BRIEF], ids=["described", "in brief"])
def test_a_german_controller_sees_the_law_of_the_union_alone(less: Mapping[str, Any]) -> None:
    assert reached(changed(GERMAN, less)) == {"eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects"}


@pytest.mark.parametrize("sector", SECTORS.choices if SECTORS else ())
def test_a_german_of_any_sector_sees_no_law_of_the_united_states_proposed_or_in_force(sector: str) -> None:
    facts = changed(GERMAN, {"organisation.sectors": [sector], "incident.disruption": True,
                             "incident.reportable": True, "incident.vector": "ransomware",
                             "incident.ransom_paid_at": AT, "incident.reason_to_believe_at": AT})  # fmt: skip
    seen = {duty.regime for duty in assess(every(), facts, NOW) if duty.verdict != "not_applicable"}
    assert not [name for name in seen if name.startswith("us-")]


@pytest.mark.parametrize("where", [{"organisation.country": "US"}, {"organisation.established_in": ["DE", "US-MI"]},
                                   {"organisation.does_business_in": ["DE", "US"]}])  # fmt: skip
def test_a_manufacturer_with_us_business_sees_the_proposed_law(
    where: Mapping[str, Any],
) -> None:
    facts = changed(
        changed(GERMAN, {"organisation.sectors": ["manufacturing"], "incident.disruption": True}), where
    )
    assert "us-circia" in {duty.regime for duty in assess(every(), facts, NOW) if duty.verdict == "advisory"}


def test_the_business_states_of_a_manufacturer_are_asked_when_unknown() -> None:
    facts = changed(GERMAN, {"organisation.sectors": ["manufacturing"], "organisation.does_business_in": None,
                             "incident.disruption": True})  # fmt: skip
    asked = [duty.missing_facts for duty in assess(every(), facts, NOW) if duty.id == "us-circia/incident"]
    assert asked == [("organisation.does_business_in",)]


def test_a_shop_that_is_asked_everything_is_left_without_a_doubt() -> None:
    facts = changed(SHOP, {"organisation.main_establishment": "US"})
    assert not [duty.id for duty in assess(every(), facts, NOW) if duty.verdict == "unknown"]


@pytest.mark.parametrize("country", ["CA", "CH", "TR", "JP", "AU", "SG", "GB", "BR", "IN", "KR"])
def test_an_office_abroad_brings_the_law_of_that_country_and_of_no_third(country: str) -> None:
    facts = changed(
        SHOP, {"organisation.established_in": ["US", country], "organisation.main_establishment": "US"}
    )
    extra = reached(facts) - reached(SHOP)
    homes = {regime.id: {place.partition("-")[0] for place in regime.jurisdictions} for regime in every()}
    assert extra
    assert all(country in homes[name] for name in extra), extra


@pytest.mark.parametrize("country", sorted(EU_MEMBERS))
def test_every_member_state_brings_the_regulation(country: str) -> None:
    facts = changed(GERMAN, {"organisation.established_in": [country], "organisation.main_establishment": country,
                             "organisation.country": country, "organisation.does_business_in": [country],
                             "people.by_jurisdiction": {country: 10}})  # fmt: skip
    assert {"eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects"} <= reached(facts)


# ----------------------------------------------------------------------------------------- no duty is dead

OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "a holder": {
        "organisation.role": ["processor", "data_holder"],
        "organisation.owner_regulated_as": ["information_broker"],
        "organisation.owner_public_body": True,
        "organisation.serves_provider": True,
    },
    "a holder for a business": {
        "organisation.role": ["data_holder"],
        "organisation.owner_public_body": False,
    },
    "a public body": {"organisation.public_body": True},
    "few people": {"people.total": 10, "people.by_jurisdiction": "few"},
    "no harm": {
        "risk.harm": "none",
        "risk.to_people": "unlikely",
        "risk.harm_assessment": {"by": "Ana", "at": AT, "grounds": "the data were public"},
        "risk.low_probability_of_compromise": True,
        "incident.exfiltration": "none",
    },
    "few people, no harm": {
        "people.total": 10,
        "people.by_jurisdiction": "few",
        "risk.harm": "none",
        "incident.vector": "misdelivery",
    },
    "no disruption": {
        "incident.disruption": False,
        "incident.impact": ["integrity"],
        "incident.malicious": False,
        "incident.vector": "misdelivery",
        "incident.reason_to_believe_at": None,
    },
    "only an outage": {
        "incident.impact": ["availability"],
        "incident.malicious": False,
        "incident.vector": "outage",
    },
    "no trust services": {"incident.trust_services_affected": False},
    "an attempt": {"incident.attempt_only": True},
    "still going on": {"incident.ongoing_at_final_report": True},
    "at home elsewhere": {
        "organisation.home_state": "US-NY",
        "risk.harm": "unlikely",
        "incident.disruption": False,
    },
    "four hours": {"incident.nrc_class": "four_hours"},
    "eight hours": {"incident.nrc_class": "eight_hours"},
    "a SIM": {"incident.vector": "sim_swap"},
    "inadvertent": {"risk.harm": "none", "incident.vector": "misdelivery"},
    "nothing special": {"organisation.regulated_as": []},
    "an office of the state": {"organisation.regulated_as": [], "organisation.public_body": True},
}
"""How an entity and a breach can be otherwise: each duty applies under one of these."""

SPECIAL: Mapping[str, Mapping[str, Any]] = {
    "us-circia": {"organisation.sectors": ["energy"]},
    "us-ftc-safeguards-314-4-j": {"organisation.regulated_as": ["ftc_safeguards_institution"]},
    "us-ny-doh-405-46": {"organisation.regulated_as": ["ny_hospital"]},
    "eu-eidas-19a-24": {"organisation.regulated_as": ["trust_service_provider"]},
}
"""What a regime asks in an expression, where the typical entity cannot be read off its lists."""


def others(regime: Regime) -> list[Facts]:
    """Return the typical entity of a regime and all that it can be otherwise."""
    base = typical(regime)
    (place,) = base["people"]["by_jurisdiction"]
    every_way = []
    kinds = [{"organisation.public_kind": kind, "organisation.public_body": True} for kind in asked_of(regime, "organisation.public_kind")]  # fmt: skip
    for special in ({}, SPECIAL.get(regime.id, {}), *kinds):
        for changes in OTHERWISE.values():
            few = {key: {place: 10} if value == "few" else value for key, value in changes.items()}
            every_way.append(changed(changed(base, special), few))
    return every_way


@holds_for("regime", every(), lambda regime: regime.id)
def test_no_duty_is_dead(regime: Regime) -> None:
    standing = regime.versions[0].standing
    answers: dict[str, set[str]] = {}
    for facts in others(regime):
        for duty in assess([regime], facts, NOW):
            answers.setdefault(duty.id, set()).add(duty.verdict)
    wanted = {"applies", "advisory"} if standing == "in_force" else {"advisory"}
    assert not [duty for duty, seen in answers.items() if not seen & wanted]


@holds_for("regime", every(), lambda regime: regime.id)
def test_a_law_without_a_connection_to_its_place_does_not_apply(regime: Regime) -> None:
    """The typical entity, but at home in a place that nothing else names, with its people there."""
    nowhere = {"organisation.country": "AQ", "organisation.main_establishment": "AQ", "organisation.home_state": "AQ",
               "organisation.established_in": ["AQ"], "organisation.offers_to": ["AQ"],
               "organisation.does_business_in": ["AQ"], "organisation.regulated_as": [],
               "people.by_jurisdiction": {"AQ": 2_000_000}}  # fmt: skip
    statuses = assess([regime], changed(typical(regime), nowhere), NOW)
    assert {duty.verdict for duty in statuses} == {"not_applicable"}, regime.id
