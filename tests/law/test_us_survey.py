"""What a survey of US law of 27 and 28 November 2026 corrected: words, starts, kinds of body, and who else must be told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from runner.law.assessment import assess
from tests.documents.at_law import catalog
from tests.holds_for import holds_for
from tests.law.test_traps import EVERY_STATE, SHOP, judged, met, states, verdict
from tests.law.typical import changed, every, one, rule

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

# ------------------------------------------------------------------------------------ who else must be told, K12

CASE: Mapping[str, Any] = {
    "incident.vector": "ransomware",
    "incident.impact": ["confidentiality", "availability"],
    "incident.disruption": True,
    "incident.reportable": True,
    "incident.reason_to_believe_at": "2026-10-05T09:00:00-04:00",
    "data.elements": ["ssn", "medical"],
}
KINDS = ("state_agency", "county", "municipality", "school_district", "public_university")
PUBLIC: Mapping[str, Mapping[str, str]] = {
    "AR": dict.fromkeys(KINDS, "us-ar-10-4-429"),
    "CA": dict.fromkeys(KINDS, "us-ca-civ-1798-29"),
    "FL": {"state_agency": "us-fl-282-318", **dict.fromkeys(("county", "municipality"), "us-fl-282-3185")},
    "GA": dict.fromkeys(KINDS, "us-ga-38-3-22-2 us-ga-breach"),
    "HI": dict.fromkeys(KINDS, "us-hi-487n-4"),
    "ID": dict.fromkeys(KINDS, "us-id-breach"),
    "IN": dict.fromkeys(KINDS[:4], "us-in-4-13-1-2-9"),
    "KY": dict.fromkeys(KINDS, "us-ky-breach"),
    "MD": dict.fromkeys(("county", "school_district"), "us-md-3-5-406"),
    "MN": dict.fromkeys(KINDS, "us-mn-16e-36"),
    "NC": dict.fromkeys(KINDS, "us-nc-143b-1379"),
    "ND": dict.fromkeys(KINDS, "us-nd-54-59-1"),
    "NJ": dict.fromkeys(KINDS, "us-nj-public-72h"),
    "NY": {**dict.fromkeys(("state_agency", "public_university"), "us-ny-stl-208"),
           **dict.fromkeys(("county", "municipality"), "us-ny-gml-995")},
    "OH": dict.fromkeys(("county", "municipality", "school_district"), "us-oh-9-64"),
    "PA": dict.fromkeys(KINDS, "us-pa-breach"),
    "RI": dict.fromkeys(KINDS, "us-ri-breach"),
    "TN": {"state_agency": "us-tn-8-4-119"},
    "TX": dict.fromkeys(KINDS, "us-tx-2054-603"),
    "UT": dict.fromkeys(KINDS, "us-ut-63a-19-405"),
    "VA": dict.fromkeys(KINDS, "us-va-2-2-5514 us-va-32-1-127"),
    "WA": dict.fromkeys(KINDS, "us-wa-42-56-590"),
    "WV": dict.fromkeys(KINDS[:4], "us-wv-5a-6c-3"),
}  # fmt: skip
"""Laws of a state that bind its public bodies beyond a business, by kind of body. A cell that is missing: none is known."""
SECTORS: Mapping[str, tuple[list[str], Mapping[str, str]]] = {
    "hospital": (
        ["hipaa_covered_entity", "ny_hospital", "ca_health_facility"],
        {"CA": "us-ca-hsc-1280-15", "IL": "us-il-breach", "NY": "us-ny-breach us-ny-doh-405-46"},
    ),
    "bank": (["bank_occ"], {"NH": "us-nh-breach"}),
    "mortgagee": (["fha_mortgagee"], {}),
    "water utility": (["water_system"], {"IN": "us-in-13-18-16-5"}),
    "utility": (["utility"], {"GA": "us-ga-38-3-22-2"}),
    "insurer": (
        ["insurance_licensee"],
        {code: f"us-naic-668-{code.lower()}" for code in states(
            "AK AL CT DE HI IA IL IN KY LA MD ME MI MN MO MS ND NE OH OK PA RI SC TN VA VT WI")}
        | {"NH": "us-naic-668-nh us-nh-breach"},
    ),
}  # fmt: skip
"""Kinds of organisations outside of the state's own, with the laws of states that bind them beyond a business."""
FEDERAL = {
    "hospital": "us-hipaa-164-400",
    "bank": "us-bank-36h",
    "mortgagee": "us-hud-ml-2024-23",
    "insurer": "",
    "water utility": "",
    "utility": "",
}
"""The federal law for them; where it is empty, none is in force (CIRCIA is proposed)."""
NONE_CHECKED_ON = date(2026, 11, 28)
"""The cells without a law were looked at in the survey: by search of AL AZ CT ID LA MI MO NE OK OR, from lists for the others."""


def told(code: str, more: Mapping[str, Any]) -> set[str]:
    """Return the duties of a state's own laws for an organisation of that state after ransomware."""
    here = f"US-{code}"
    at_home = {"organisation.home_state": here, "organisation.established_in": [here],
               "organisation.does_business_in": [here], "people.total": 2000, "people.by_jurisdiction": {here: 2000}}  # fmt: skip
    laws = [law for law in every() if law.jurisdictions[0] == here]
    found = assess(laws, changed(SHOP, {**CASE, **at_home, **more}), NOW)
    return {status.id for status in found if status.verdict != "not_applicable"}


def beyond(code: str, more: Mapping[str, Any]) -> set[str]:
    """Return the laws of a state that bind this organisation beyond a business."""
    return {duty.partition("/")[0] for duty in told(code, more) - told(code, {})}


@holds_for("code", EVERY_STATE)
def test_each_kind_of_public_body_has_its_duties_or_none_is_known(code: str) -> None:
    found = {
        kind: beyond(code, {"organisation.public_body": True, "organisation.public_kind": kind})
        for kind in KINDS
    }
    cells = PUBLIC.get(code, {})
    assert found == {kind: set(cells.get(kind, "").split()) for kind in KINDS}


@holds_for("code", EVERY_STATE)
@holds_for("sector", SECTORS)
def test_each_sector_has_its_duties_in_a_state_or_none_is_known(sector: str, code: str) -> None:
    statuses, cells = SECTORS[sector]
    assert beyond(code, {"organisation.regulated_as": statuses}) == set(cells.get(code, "").split())


@pytest.mark.parametrize("sector", [sector for sector, law in FEDERAL.items() if law])
def test_a_sector_has_its_federal_law(sector: str) -> None:
    facts = {**CASE, "organisation.regulated_as": SECTORS[sector][0], "people.kinds": ["patients"]}
    found = judged(FEDERAL[sector], facts, 2000)
    assert "applies" in {status.verdict for status in found.values()}


def test_an_issuer_of_ginnie_mae_has_48_hours_from_the_detection() -> None:
    found = judged("us-ginnie-apm-24-02", {**CASE, "organisation.regulated_as": ["ginnie_mae_issuer"]})
    assert found["ginnie_mae"].due == datetime(2026, 10, 4, 13, tzinfo=UTC)


def test_a_public_body_of_an_unknown_kind_is_asked_and_never_told_no() -> None:
    city = {**CASE, "organisation.public_body": True, "organisation.home_state": "US-OH"}
    found = judged("us-oh-9-64", city)["auditor_of_state"]
    assert (found.verdict, found.missing_facts) == ("unknown", ("organisation.public_kind",))


def test_an_office_in_the_state_is_enough_while_the_home_state_is_not_recorded() -> None:
    city = {**CASE, "organisation.public_body": True, "organisation.public_kind": "municipality",
            "organisation.established_in": ["US-OH"]}  # fmt: skip
    assert verdict("us-oh-9-64/auditor_of_state", city) == "applies"
    assert (
        verdict("us-oh-9-64/auditor_of_state", {**city, "organisation.home_state": "US-PA"})
        == "not_applicable"
    )


# --------------------------------------------------------------------------------------- clocks by kind of body, K11

OHIO = ("us-oh-9-64", {"organisation.public_kind": "county"})
FLORIDA = ("us-fl-282-3185", {"organisation.public_kind": "municipality"})
DUE: tuple[tuple[str, Mapping[str, Any], str, str], ...] = (
    (*OHIO, "ohio_cyber_integration_center", "2026-10-12"),
    (*OHIO, "auditor_of_state", "2026-11-04"),
    (*FLORIDA, "sheriff", "2026-10-05T21:00-04:00"),
    (*FLORIDA, "fdle_cybercrime_office", "2026-10-05T21:00-04:00"),
    ("us-fl-282-3185", {"organisation.public_kind": "county", "incident.vector": "hacking"}, "sheriff", "2026-10-07T09:00-04:00"),
    ("us-fl-282-318", {"organisation.public_kind": "state_agency"}, "fl_cybersecurity_operations_center", "2026-10-05T21:00-04:00"),
    ("us-tx-2054-603", {}, "texas_dir_or_cyber_command", "2026-10-07T09:00-04:00"),
    ("us-tx-2054-603", {"incident.recovered_at": "2026-10-20T09:00:00-05:00"}, "details", "2026-11-03"),
    ("us-mn-16e-36", {}, "bureau_of_criminal_apprehension", "2026-10-08T09:00-04:00"),
    ("us-in-4-13-1-2-9", {"organisation.public_kind": "school_district"}, "indiana_office_of_technology", "2026-10-07"),
    ("us-wv-5a-6c-3", {"organisation.public_kind": "county"}, "wv_cybersecurity_office", "2026-10-22"),
    ("us-va-2-2-5514", {}, "virginia_fusion_intelligence_center", "2026-10-06T09:00-04:00"),
    ("us-nc-143b-1379", {}, "nc_department_of_information_technology", "2026-10-15T09:00-04:00"),
    ("us-hi-487n-4", {}, "legislature", "2026-10-25"),
    ("us-ar-10-4-429", {}, "legislative_auditor", "2026-10-12"),
    ("us-ut-63a-19-405", {}, "utah_cyber_center", "2026-10-10"),
    ("us-pa-breach", {"organisation.public_kind": "county"}, "individuals_public", "2026-10-21"),
    ("us-pa-breach", {"organisation.public_kind": "county"}, "district_attorney", "2026-10-15"),
    ("us-pa-breach", {"organisation.public_kind": "state_agency"}, "office_of_administration", "2026-10-15"),
    ("us-pa-breach", {"organisation.public_kind": "state_agency"}, "attorney_general_public", "2026-10-21"),
    ("us-ri-breach", {}, "individuals", "2026-11-13"),
    ("us-wa-42-56-590", {}, "individuals", "2026-11-04"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "more", "slug", "due"), DUE)
def test_a_public_body_has_the_clock_of_its_own_law(
    name: str, more: Mapping[str, Any], slug: str, due: str
) -> None:
    home = {"organisation.public_body": True, "organisation.home_state": one(name).jurisdictions[0]}
    found = judged(name, {**CASE, **home, **more})[slug]
    assert found.verdict == "applies"
    if "T" in due:
        assert found.due == datetime.fromisoformat(due)
    else:
        assert found.due_date == date.fromisoformat(due)


WATER = {**CASE, "organisation.regulated_as": ["water_system"], "organisation.home_state": "US-IN"}


def test_water_in_indiana_has_24_hours_unless_operations_are_known_to_go_on() -> None:
    for disrupted, slug in ((True, "indiana_office_of_technology"), (None, "indiana_office_of_technology"),
                            (False, "operations_not_affected")):  # fmt: skip
        found = judged("us-in-13-18-16-5", {**WATER, "incident.disruption": disrupted})
        assert [name for name, status in found.items() if status.verdict == "applies"] == [slug]


def test_georgia_gets_what_the_federal_government_got_within_two_hours() -> None:
    agency = {**CASE, "organisation.public_body": True, "organisation.home_state": "US-GA",
              "incident.recipient_notified_at": {"cisa": "2026-10-06T09:00:00-04:00"}}  # fmt: skip
    found = judged("us-ga-38-3-22-2", agency)["same_information"]
    assert found.due == datetime(2026, 10, 6, 15, tzinfo=UTC)


def test_a_service_provider_in_louisiana_reports_what_hits_a_public_body() -> None:
    provider = {**CASE, "organisation.role": ["processor"], "organisation.home_state": "US-LA"}
    assert verdict("us-la-51-2114/louisiana_fusion_center", provider) == "unknown"
    served = {**provider, "organisation.owner_public_body": True}
    found = judged("us-la-51-2114", served)["louisiana_fusion_center"]
    assert (found.verdict, found.due) == ("applies", datetime(2026, 10, 6, 13, tzinfo=UTC))
    assert [each.ground for each in found.unless] == ["contract_without_the_chapter"]


@pytest.mark.parametrize(("kind", "days"), [("msb", 30), ("bank_occ", 60)])
def test_a_money_services_business_never_gets_the_second_thirty_days(kind: str, days: int) -> None:
    facts = {"organisation.regulated_as": [kind], "incident.malicious": True, "incident.amount_involved": 6000,
             "incident.suspect_identified": False, "incident.discovered_at": None}  # fmt: skip
    found = judged("us-sar-fincen", facts)["fincen"]
    assert found.due_date is not None
    assert (found.due_date - date(2026, 10, 2)).days == days


def test_the_law_before_act_151_of_pennsylvania_has_no_clock_for_public_bodies() -> None:
    city = {"organisation.public_body": True, "organisation.home_state": "US-PA",
            "organisation.public_kind": "municipality"}  # fmt: skip
    for day, seen in (("2023-05-01", False), ("2023-05-02", True)):
        found = judged("us-pa-breach", {**city, "incident.discovered_at": f"{day}T09:00:00-04:00"})
        assert ("district_attorney" in found) is seen


@pytest.mark.parametrize(
    "kind", ["ca_licensed_clinic", "ca_health_facility", "ca_home_health_agency", "ca_hospice"]
)
def test_each_facility_that_california_licenses_has_fifteen_business_days(kind: str) -> None:
    facts = {"organisation.regulated_as": [kind], "data.elements": ["medical"]}
    assert judged("us-ca-hsc-1280-15", facts)["cdph"].due_date == date(2026, 10, 23)


# -------------------------------------------------------------------------------------- words of the vendors' duties, K18

IMMEDIATELY = "immediately following discovery"
VENDORS = {
    **dict.fromkeys(states("AK AR CA CO CT GU HI IA ID IL IN MA ME MI MN MO MT NC ND NE NH NJ NV OH OK PA PR RI SC SD TX UT VI"
                           " VT WA WI WY"), IMMEDIATELY),
    "AL": "as expeditiously as possible and without unreasonable delay, within 10 days",
    "AZ": "as soon as practicable",
    "DC": "in the most expedient time possible following discovery",
    "DE": "immediately following determination of the breach",
    "FL": "as expeditiously as practicable, not later than 10 days",
    "GA": "within 24 hours following discovery",
    "KS": "following discovery",
    "KY": "as soon as reasonably practicable following discovery",
    "LA": "immediately following discovery, not later than 60 days",
    "MD": "as soon as reasonably practicable, not later than 10 days",
    "MS": "as soon as practicable following discovery",
    "NM": "not later than 45 calendar days",
    "NY": "immediately following discovery, and not later than 30 days",
    "OR": "as soon as practicable, but not later than 10 days",
    "TN": "no later than 45 days",
    "VA": "without unreasonable delay",
    "WV": "as soon as practicable following discovery",
}  # fmt: skip
"""How fast a vendor tells the owner, in the statute's words: no state's words are copied to the next."""


@holds_for("code", EVERY_STATE)
def test_a_vendor_tells_the_owner_in_the_words_of_the_state(code: str) -> None:
    standard = rule(f"us-{code.lower()}-breach/data_owner").clock.standard
    assert standard == VENDORS[code] if VENDORS[code] == IMMEDIATELY else standard.startswith(VENDORS[code])


def test_delawares_vendor_counts_from_the_determination() -> None:
    (limb,) = rule("us-de-breach/data_owner").clock.limbs
    assert limb.start.facts == ("incident.determined_at",)


# ------------------------------------------------------------------------------------------------- single corrections


def test_encryption_does_not_reach_the_second_trigger_of_massachusetts() -> None:
    safe = {"data.encrypted": True, "data.key_compromised": False, "risk.harm": "likely"}
    assert met("us-ma-breach/individuals", {**safe, "incident.exfiltration": "none"}) == [
        "encryption_safe_harbour"
    ]
    taken = {**safe, "incident.exfiltration": "confirmed"}
    assert met("us-ma-breach/individuals", taken) == []
    grounds = {each.ground for each in judged("us-ma-breach", taken)["individuals"].unless}
    assert "encrypted_data_not_acquired" in grounds


def test_a_request_of_the_police_does_not_delay_the_authorities_of_massachusetts() -> None:
    held = {"law_enforcement.hold": {"from": "2026-10-20T09:00:00-04:00", "agency": "FBI", "form": "written"}}
    found = judged("us-ma-breach", held)
    assert {slug for slug, status in found.items() if status.state == "held"} == {
        "individuals",
        "agencies_named_by_ocabr_director",
    }


def test_new_york_takes_one_form_for_three_offices_and_names_both_agencies_in_the_letter() -> None:
    slugs = ("attorney_general", "department_of_state", "division_of_state_police")
    first, *others = ({remark.text for remark in rule(f"us-ny-breach/{slug}").remarks} for slug in slugs)
    assert all(first & each for each in others)
    offices = [office for office in catalog().regime("us-ny-breach").authorities if office.place == "US-NY"]
    assert len([office for office in offices if office.address and office.phone]) >= 2


def test_one_letter_to_the_bureaus_serves_all_states_and_counts_the_persons_notified() -> None:
    slug = "consumer_reporting_agencies"
    rules = [each for law in every() for each in law.versions[0].duties if each.slug == slug]
    assert len(rules) > 30
    assert not [
        each.citation for each in rules if not any("One letter" in remark.text for remark in each.remarks)
    ]
    everywhere = {"people.total": 12_000}
    for code in ("TX", "FL", "VA", "MN"):
        here = {**everywhere, "people.by_jurisdiction": {f"US-{code}": 5, "US-OH": 11_995}}
        assert verdict(f"us-{code.lower()}-breach/{slug}", here) == "applies"


def test_california_names_the_missing_answer_that_decides_on_the_monitoring() -> None:
    found = judged("us-ca-breach", {"organisation.source_of_breach": None})["individuals"]
    assert (found.verdict, "organisation.source_of_breach" in found.missing_facts) == ("applies", True)
    contact = judged("us-ca-breach", {"organisation.source_of_breach": None, "data.elements": ["medical"]})
    assert "organisation.source_of_breach" not in contact["individuals"].missing_facts


def test_an_agency_of_washington_has_one_law_and_a_shop_the_other() -> None:
    agency = {"organisation.public_body": True, "organisation.home_state": "US-WA"}
    for more, law in (({}, "us-wa-breach"), (agency, "us-wa-42-56-590")):
        found = {
            name
            for name in ("us-wa-breach", "us-wa-42-56-590")
            if verdict(f"{name}/individuals", more) == "applies"
        }
        assert found == {law}


# ------------------------------------------------------------------------------------------- bans on paying, K20

BANS = {
    "us-fl-282-3185": "282.3186",
    "us-fl-282-318": "282.3186",
    "us-nc-143b-1379": "143-800",
    "us-oh-9-64": "resolution",
}


@pytest.mark.parametrize(("name", "words"), BANS.items())
def test_a_ban_on_paying_stands_beside_the_duties_after_ransomware(name: str, words: str) -> None:
    kind = "state_agency" if name == "us-fl-282-318" else "county"
    body = {**CASE, "organisation.public_body": True, "organisation.home_state": one(name).jurisdictions[0],
            "organisation.public_kind": kind}  # fmt: skip
    noted = [note for status in judged(name, body).values() for note in status.notes]
    assert any(words in note for note in noted)
