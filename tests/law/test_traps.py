"""What counsel watches for in the United States, as tables: one row, one trap, one verdict (or one line of a letter)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from tests.holds_for import holds_for
from tests.law.typical import Facts, changed, one, rule

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ASSESSED = {"by": "Ana", "at": "2026-11-02T09:00:00-05:00", "grounds": "returned unread"}
SHOP: Facts = {
    "organisation": {
        "role": ["data_owner"],
        "source_of_breach": True,
        "public_body": False,
        "regulated_as": [],
        "zone": "America/New_York",
        "country": "US",
        "does_business_in": ["US"],
        "sectors": ["retail"],
    },
    "incident": {
        "impact": ["confidentiality"],
        "vector": "hacking",
        "occurred_at": "2026-10-01T09:00:00-04:00",
        "detected_at": "2026-10-02T09:00:00-04:00",
        "discovered_at": "2026-10-05T09:00:00-04:00",
        "aware_at": "2026-10-07T09:00:00-04:00",
        "determined_at": "2026-10-12T09:00:00-04:00",
        "confirmed_at": "2026-10-14T09:00:00-04:00",
        "scope_identified_at": "2026-10-19T09:00:00-04:00",
    },
    "data": {"involved": True, "form": ["electronic"], "with_name": True, "elements": ["ssn"], "encrypted": False},
    "people": {"good_faith_only": False, "kinds": ["customers"]},
    "risk": {"harm": "likely"},
}  # fmt: skip


def judged(name: str, changes: Mapping[str, Any], people: int = 20_000) -> dict[str, DutyStatus]:
    """Judge one regime for a shop with so many customers in its state (in Texas, for federal law); duties by slug."""
    regime = one(name)
    place = {"US": "US-TX"}.get(regime.jurisdictions[0], regime.jurisdictions[0])
    facts = changed(SHOP, {"people.total": people, "people.by_jurisdiction": {place: people}, **changes})
    return {status.id.partition("/")[2]: status for status in assess([regime], facts, NOW)}


def verdict(duty: str, changes: Mapping[str, Any], people: int = 20_000) -> str:
    """Return the verdict on one duty."""
    name, _, slug = duty.partition("/")
    return judged(name, changes, people)[slug].verdict


def met(duty: str, changes: Mapping[str, Any], people: int = 20_000) -> list[str]:
    """Return the exemptions that the facts speak for, of a duty that stands until one of them is claimed."""
    name, _, slug = duty.partition("/")
    found = judged(name, changes, people)[slug]
    assert found.verdict == "applies"
    return [one.ground for one in found.unless if one.met]


def wanting(duty: str, changes: Mapping[str, Any]) -> set[str]:
    """Return the facts that are wanted for an exemption from a duty that stands."""
    name, _, slug = duty.partition("/")
    found = judged(name, changes)[slug]
    assert found.verdict == "applies"
    return {fact for one in found.unless for fact in one.missing}


def states(codes: str) -> list[str]:
    """Return the codes of a row of states."""
    return codes.split()


def state(code: str) -> str:
    """Return the general breach law of a state."""
    return f"us-{code.lower()}-breach"


# ---------------------------------------------------------------------------------------------- thresholds

REGULATOR = {
    "FL": "department_of_legal_affairs",
    "HI": "office_of_consumer_protection",
    "IA": "attorney_general_consumer_protection_director",
    "SC": "department_of_consumer_affairs",
}
BUREAUS = "consumer_reporting_agencies"
MORE_THAN = (
    *((code, REGULATOR.get(code, "attorney_general"), 500) for code in states("CA IL WA DE IA RI PA")),
    *((code, REGULATOR.get(code, "attorney_general"), 1000) for code in states("AL AZ AR HI MO NM SC")),
    *((code, "attorney_general", 250) for code in states("OR ND SD")),
    ("MN", BUREAUS, 500),
    ("PA", BUREAUS, 500),
    ("NY", BUREAUS, 5000),
    ("GA", BUREAUS, 10_000),
    ("TX", BUREAUS, 10_000),
)
AT_LEAST = (
    *((code, REGULATOR.get(code, "attorney_general"), 500) for code in states("CO FL OK UT")),
    ("TX", "attorney_general", 250),
    ("DC", "attorney_general", 50),
    *((code, BUREAUS, 1000) for code in states("MD WI UT")),
)
BROKER = {"organisation.regulated_as": ["information_broker"]}


@pytest.mark.parametrize(("code", "slug", "number"), MORE_THAN)
def test_more_than_a_number_is_not_the_number(code: str, slug: str, number: int) -> None:
    special = BROKER if code == "GA" else {}
    assert verdict(f"{state(code)}/{slug}", special, number) == "not_applicable"
    assert verdict(f"{state(code)}/{slug}", special, number + 1) == "applies"


@pytest.mark.parametrize(("code", "slug", "number"), AT_LEAST)
def test_at_least_a_number_is_the_number(code: str, slug: str, number: int) -> None:
    assert verdict(f"{state(code)}/{slug}", {}, number - 1) == "not_applicable"
    assert verdict(f"{state(code)}/{slug}", {}, number) == "applies"


@pytest.mark.parametrize(
    ("code", "slug"),
    [("CT", "attorney_general"), ("IN", "attorney_general"), ("MA", "attorney_general"), ("MD", "attorney_general"),
     ("MT", "attorney_general"), ("NC", "attorney_general"), ("NE", "attorney_general"), ("NH", "attorney_general"),
     ("NJ", "division_of_state_police"), ("NY", "attorney_general"), ("NY", "department_of_state"),
     ("NY", "division_of_state_police"), ("PR", "department_of_consumer_affairs_daco"), ("SD", BUREAUS),
     ("VT", "attorney_general"), ("VT", "attorney_general_preliminary")],
)  # fmt: skip
def test_one_resident_makes_the_duty_apply(code: str, slug: str) -> None:
    assert verdict(f"{state(code)}/{slug}", {}, 1) == "applies"


@pytest.mark.parametrize(
    ("duty", "people", "wanted"),
    [
        ("us-hipaa-164-400/hhs_secretary", 500, "applies"),
        ("us-hipaa-164-400/hhs_secretary_annual", 500, "not_applicable"),
        ("us-hipaa-164-400/hhs_secretary_annual", 499, "applies"),
        ("us-hipaa-164-400/prominent_media", 500, "not_applicable"),
        ("us-hipaa-164-400/prominent_media", 501, "applies"),
        ("us-ftc-hbnr-318/prominent_media", 500, "applies"),
        ("us-ftc-hbnr-318/prominent_media", 499, "not_applicable"),
        ("us-ftc-safeguards-314-4-j/ftc", 500, "applies"),
        ("us-ftc-safeguards-314-4-j/ftc", 499, "not_applicable"),
    ],
)
def test_federal_numbers(duty: str, people: int, wanted: str) -> None:
    who = {
        "us-hipaa-164-400": "hipaa_covered_entity",
        "us-ftc-hbnr-318": "phr_vendor",
        "us-ftc-safeguards-314-4-j": "ftc_safeguards_institution",
    }[duty.partition("/")[0]]
    facts = {"organisation.regulated_as": [who], "data.elements": ["medical", "ssn"]}
    assert verdict(duty, {**facts, "risk.low_probability_of_compromise": False}, people) == wanted


# --------------------------------------------------------------------------------------------- start events

DISCOVERED, DETERMINED = date(2026, 10, 5), date(2026, 10, 12)
STARTS = (
    *((code, DISCOVERED) for code in states("CT IN LA NM NY VT WA OR SD TN OH MD CA WI")),
    *((code, DETERMINED) for code in states("AL AZ CO DE FL TX")),
    ("RI", date(2026, 10, 14)),  # confirmed
    ("ME", date(2026, 10, 19)),  # aware, and the scope identified
)


@pytest.mark.parametrize(("code", "began"), STARTS)
def test_the_days_of_the_letters_run_from_the_event_that_the_state_names(code: str, began: date) -> None:
    found = judged(state(code), {})["individuals"]
    (limb,) = rule(f"{state(code)}/individuals").clock.limbs
    assert limb.period is not None
    assert found.due_date is not None
    assert (found.due_date - began).days == limb.period.amount


def test_florida_counts_from_reason_to_believe_where_that_is_earlier() -> None:
    early = judged("us-fl-breach", {"incident.reason_to_believe_at": "2026-10-06T09:00:00-04:00"})
    assert early["individuals"].due_date == date(2026, 11, 5)


def test_a_vendors_notice_starts_california_and_maryland() -> None:
    told = {"incident.discovered_at": None, "incident.reported_by_processor_at": "2026-10-06T09:00:00-04:00"}
    assert judged("us-ca-breach", told)["individuals"].due_date == date(2026, 11, 5)
    assert judged("us-md-breach", told)["individuals"].due_date == date(2026, 11, 20)


def test_puerto_rico_has_ten_days_from_detection_for_any_number() -> None:
    found = judged("us-pr-breach", {}, 1)["department_of_consumer_affairs_daco"]
    assert (found.verdict, found.due_date) == ("applies", date(2026, 10, 12))


def test_vermont_has_fourteen_business_days_from_discovery() -> None:
    assert judged("us-vt-breach", {})["attorney_general_preliminary"].due_date == date(2026, 10, 23)


def test_minnesota_has_48_hours_for_the_bureaus() -> None:
    found = judged("us-mn-breach", {}, 501)[BUREAUS]
    assert found.due == datetime(2026, 10, 14, 13, tzinfo=UTC)


def test_texas_requires_the_attorney_general_before_the_people() -> None:
    found = judged("us-tx-breach", {})
    assert found["attorney_general"].due_date == date(2026, 11, 11)
    assert found["individuals"].due_date == date(2026, 12, 11)


def test_the_sec_counts_from_the_determination_of_materiality() -> None:
    listed = {"organisation.regulated_as": ["sec_domestic_filer"]}
    assert verdict("us-sec-8k-105/initial", {**listed, "incident.material": False}) == "not_applicable"
    found = judged("us-sec-8k-105", {**listed, "incident.material": True})["initial"]
    assert (found.verdict, found.due_kind, found.due) == ("applies", "waits_for_event", None)
    told = {**listed, "incident.materiality_determined_at": "2026-10-20T10:00:00-04:00"}
    assert judged("us-sec-8k-105", told)["initial"].due_date == date(2026, 10, 26)


# ------------------------------------------------------------------------------------- elements and credentials

EVERY_STATE = states(
    "AK AL AR AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR"
    " PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY"
)
NO_NAME_NEEDED = states("AZ CA CO CT DC FL IL MD NE NY OR SD VT WA")
NAME_NEEDED = states("AL DE NV NJ PA PR RI WY")
ALONE = {
    "data.enough_for_identity_theft": False,
    "data.usable_without_code": False,
    "data.account_kinds": ["other"],
}


def counts(code: str, elements: list[str], *, name: bool, **more: Any) -> bool:
    """Say whether elements are personal information of a state: whether letters are due there."""
    data = {f"data.{key}": value for key, value in more.items()}
    facts = {**ALONE, "data.elements": elements, "data.with_name": name, **data}
    return verdict(f"{state(code)}/individuals", {**facts, **(BROKER if code == "GA" else {})}) == "applies"


@holds_for("code", EVERY_STATE)
def test_credentials(code: str) -> None:
    opened = {"email_account": True, "credentials_open": ["email", "other"]}
    if code == "RI":
        opened["credentials_open"] = ["medical"]
    with_name = counts(code, ["online_credentials"], name=True, **opened)
    without = counts(code, ["online_credentials"], name=False, **opened)
    assert without is (code in NO_NAME_NEEDED)
    assert with_name is (code in NO_NAME_NEEDED or code in NAME_NEEDED)


def test_credentials_count_in_some_states_by_the_accounts_they_open() -> None:
    assert not counts("MD", ["online_credentials"], name=False, email_account=False)
    assert counts("RI", ["online_credentials"], name=True, credentials_open=["medical"])
    assert counts("NC", ["online_credentials"], name=True, credentials_open=["financial"])
    assert not counts("NC", ["online_credentials"], name=True, credentials_open=["other"])


ELEMENTS = (
    ("full_date_of_birth", "ND WA"),
    ("mothers_maiden_name", "ND"),
    ("work_evaluation", "PR"),
    ("birth_or_marriage_certificate", "WY"),
    ("employer_id_with_code", "ND SD"),
    ("esignature_or_private_key", "AZ NC ND WA"),
    ("alpr", "CA"),
    ("geolocation", "FL"),
)


@pytest.mark.parametrize(("element", "codes"), ELEMENTS)
def test_rare_elements_count_with_a_name_in_few_states(element: str, codes: str) -> None:
    assert [code for code in EVERY_STATE if counts(code, [element], name=True)] == states(codes)


def test_a_bare_social_security_number_counts_in_indiana() -> None:
    """New York counts it as well: there any number that identifies a person takes the place of the name."""
    assert [code for code in EVERY_STATE if counts(code, ["ssn"], name=False)] == ["IN", "NY"]


def test_a_card_number_without_its_code() -> None:
    card = {"account_kinds": ["credit_card"], "usable_without_code": False}
    assert [code for code in EVERY_STATE if counts(code, ["account_number_alone"], name=True, **card)] == [
        "CT", "IL", "IN", "KS", "MA", "NC", "PR", "WI",
    ]  # fmt: skip
    assert not counts("IN", ["account_number_alone"], name=True, account_kinds=["bank_account"])
    usable = states("AK CT DC GA HI IL IN KS MA ME NC NY PR VT WI")
    card["usable_without_code"] = True
    assert [
        code for code in EVERY_STATE if counts(code, ["account_number_alone"], name=True, **card)
    ] == usable


@holds_for("code", EVERY_STATE)
def test_a_social_security_number_with_a_name_counts_everywhere(code: str) -> None:
    assert counts(code, ["ssn"], name=True)


def test_texas_covers_medical_data_without_a_name_and_california_does_not() -> None:
    assert counts("TX", ["medical"], name=False)
    assert not counts("CA", ["medical"], name=False)


# ------------------------------------------------------------------------------------ who is meant, who is exempt


def test_georgia_leaves_out_ordinary_businesses() -> None:
    assert verdict("us-ga-breach/individuals", {}) == "not_applicable"
    assert verdict("us-ga-breach/individuals", BROKER) == "applies"
    assert verdict("us-ga-breach/individuals", {"organisation.public_body": True}) == "applies"


@pytest.mark.parametrize("duty", ["us-id-breach/attorney_general", "us-ky-breach/attorney_general", "us-ky-breach/state_police",
                                  "us-ri-breach/state_police", "us-nj-public-72h/njohsp"])  # fmt: skip
def test_a_law_for_public_agencies_does_not_bind_a_shop(duty: str) -> None:
    assert verdict(duty, {}) == "not_applicable"


def test_regulated_entities_notify_the_department_of_financial_services() -> None:
    duty = "us-ny-breach/department_of_financial_services"
    assert verdict(duty, {}) == "not_applicable"
    assert verdict(duty, {"organisation.regulated_as": ["nydfs_covered_entity"]}) == "applies"


DEEMED = (
    ("CT", "hitech_compliance", "attorney_general"),
    ("DC", "hipaa_compliance", "attorney_general"),
    ("DC", "glba_compliance", "attorney_general"),
    ("MA", "federal_procedures", "attorney_general"),
    ("MA", "federal_procedures", "office_of_consumer_affairs_and_business_regulation"),
    ("NH", "regulator_deemed", "attorney_general"),
    ("NY", "federal_notice_given", "attorney_general"),
    ("OK", "hipaa_deemed", "attorney_general"),
    ("OK", "glba_deemed", "attorney_general"),
    ("OR", "hipaa_exempt", "attorney_general"),
    ("OR", "glba_exempt", "attorney_general"),
    ("WA", "hipaa_deemed", "attorney_general"),
    ("WA", "glba_deemed", "attorney_general"),
)


@pytest.mark.parametrize(("code", "position", "slug"), DEEMED)
def test_deemed_compliance_takes_the_letters_away_and_not_the_regulator(
    code: str, position: str, slug: str
) -> None:
    claim = {
        "regime": state(code),
        "position": position,
        "by": "counsel",
        "grounds": "federal notice was given",
    }
    facts = {**SHOP, "claims": {"one": claim}}
    place = f"US-{code}"
    facts = changed(facts, {"people.total": 20_000, "people.by_jurisdiction": {place: 20_000}})
    found = {status.id: status.verdict for status in assess([one(state(code))], facts, NOW)}
    assert found[f"{state(code)}/individuals"] == "not_applicable"
    assert found[f"{state(code)}/{slug}"] == "applies"


def test_an_illinois_hipaa_entity_always_notifies_the_attorney_general_after_the_secretary() -> None:
    clinic = {"organisation.regulated_as": ["hipaa_covered_entity"], "data.elements": ["medical"],
              "incident.recipient_notified_at": {"hhs_secretary": "2026-10-20T09:00:00-04:00"}}  # fmt: skip
    found = judged("us-il-breach", clinic, 3)["attorney_general_hipaa"]
    assert (found.verdict, found.due_date) == ("applies", date(2026, 10, 27))


@pytest.mark.parametrize("code", ["CA", "TX"])
def test_hipaa_entities_have_no_exemption(code: str) -> None:
    clinic = {"organisation.regulated_as": ["hipaa_covered_entity", "glba_institution"]}
    assert verdict(f"{state(code)}/individuals", clinic) == "applies"
    assert {one_.code for one_ in one(state(code)).versions[0].exemptions} == {
        "encryption_safe_harbour", "good_faith_acquisition",
    }  # fmt: skip


def test_records_of_a_part_2_program_are_reported_to_the_secretary_separately() -> None:
    program = {"organisation.regulated_as": ["part2_program", "hipaa_covered_entity"],
               "data.elements": ["substance_use"], "risk.low_probability_of_compromise": False}  # fmt: skip
    assert verdict("us-42cfr2-16/hhs_secretary", program, 500) == "applies"
    assert verdict("us-hipaa-164-400/hhs_secretary", program, 500) == "applies"


def test_a_payroll_breach_of_virginia_goes_to_the_attorney_general_alone_with_the_employers_number() -> None:
    found = judged("us-va-breach", {"data.with_name": False, "data.elements": ["payroll", "tax_id"]}, 40)
    assert {slug for slug, status in found.items() if status.verdict == "applies"} == {
        "attorney_general_payroll"
    }
    facts = {fact for one_ in rule("us-va-breach/attorney_general_payroll").content for fact in one_.facts}
    assert "organisation.employer_id" in facts


# ------------------------------------------------------------------------------------------------ risk of harm

HARMLESS = {"risk.harm": "none", "risk.harm_assessment": ASSESSED, "incident.exfiltration": "none",
            "law_enforcement.engaged": True}  # fmt: skip
STEPS = (
    ("AK", "attorney_general_no_harm"),
    ("SD", "attorney_general_no_harm"),
    ("FL", "department_of_legal_affairs_no_harm"),
    ("DC", "attorney_general_consultation"),
    ("DC", "federal_law_enforcement_consultation"),
    ("VT", "attorney_general_no_harm"),
)


@pytest.mark.parametrize(("code", "slug"), STEPS)
def test_a_no_harm_decision_requires_a_step_with_the_regulator(code: str, slug: str) -> None:
    found = judged(state(code), HARMLESS)
    assert found[slug].verdict == "applies"
    assert judged(state(code), {})[slug].verdict == "not_applicable"


@pytest.mark.parametrize("code", states("AK DC SD VT"))
def test_a_no_harm_decision_ends_the_letters_only_after_the_regulator_step(code: str) -> None:
    steps = [f"{state(code)}/{slug}" for place, slug in STEPS if place == code]
    letters = f"{state(code)}/individuals"
    told = {**HARMLESS, "incident.stage_submitted_at": dict.fromkeys(steps, "2026-11-02T10:00:00-05:00")}
    assert wanting(letters, HARMLESS) == {f"incident.stage_submitted_at.{step}" for step in steps}
    assert met(letters, told) == ["no_risk_of_harm"]


def test_florida_hears_of_it_within_thirty_days() -> None:
    assert judged("us-fl-breach", HARMLESS)["department_of_legal_affairs_no_harm"].due_date == date(
        2026, 12, 2
    )


@pytest.mark.parametrize("code", states("CA GA IL MN ND NV PR TX VI"))
def test_a_low_risk_of_harm_is_no_exception(code: str) -> None:
    assert (
        verdict(f"{state(code)}/individuals", {**HARMLESS, **(BROKER if code == "GA" else {})}) == "applies"
    )


@pytest.mark.parametrize(
    "code", sorted({*EVERY_STATE} - {*states("CA GA IL MN ND NV PR TX VI NY TN AK DC SD VT")})
)
def test_a_low_risk_of_harm_counts_only_with_a_recorded_assessment(code: str) -> None:
    assert met(f"{state(code)}/individuals", HARMLESS) == ["no_risk_of_harm"]
    nobody = {**HARMLESS, "risk.harm_assessment": None}
    assert wanting(f"{state(code)}/individuals", nobody) == {
        f"risk.harm_assessment.{part}" for part in ("at", "by", "grounds")
    }


def test_new_york_excepts_inadvertent_disclosures_alone() -> None:
    assert met("us-ny-breach/individuals", HARMLESS) == []
    inadvertent = {**HARMLESS, "incident.vector": "misdelivery"}
    assert met("us-ny-breach/individuals", inadvertent) == ["no_risk_of_harm"]
    assert verdict("us-ny-breach/attorney_general_no_harm", inadvertent, 501) == "applies"


def test_massachusetts_has_no_test_of_risk_once_someone_took_the_data() -> None:
    taken = {**HARMLESS, "incident.exfiltration": "confirmed"}
    assert verdict("us-ma-breach/individuals", taken) == "applies"


# ------------------------------------------------------------------------------------- order, holds, forms, offers


@pytest.mark.parametrize(("code", "slug"), [("MD", "attorney_general"), ("NJ", "division_of_state_police")])
def test_the_regulator_is_notified_before_the_people(code: str, slug: str) -> None:
    (order,) = rule(f"{state(code)}/{slug}").ordering
    assert (order.relation, order.duty) == ("before", "individuals")
    sent = {"incident.individual_notice_sent_at": {"*": "2026-10-20T09:00:00-04:00"}}
    found = judged(state(code), sent)[slug]
    assert found.due_date is not None
    assert found.due_date <= date(2026, 10, 20)


def test_louisiana_hears_within_ten_days_of_the_letters_and_gets_the_names() -> None:
    duty = "attorney_general_consumer_protection"
    assert judged("us-la-breach", {})[duty].due_kind == "waits_for_event"
    sent = {"incident.individual_notice_sent_at": {"*": "2026-10-20T09:00:00-04:00"}}
    assert judged("us-la-breach", sent)[duty].due_date == date(2026, 10, 30)
    assert any("NAMES" in one_.item for one_ in rule(f"us-la-breach/{duty}").content)


@pytest.mark.parametrize("code", states("CA DE MD NJ NY"))
def test_letters_about_credentials_never_go_to_the_mailbox_that_was_taken(code: str) -> None:
    delivery = rule(f"{state(code)}/individuals").delivery
    assert delivery is not None
    assert "compromised_mailbox" in delivery.never


@pytest.mark.parametrize("code", states("HI NC VT"))
def test_a_hold_is_written_or_documented_with_officer_and_agency(code: str) -> None:
    hold = rule(f"{state(code)}/individuals").hold
    assert hold is not None
    assert "documented" in hold.text
    assert "officer" in hold.text


MONTHS = (
    ("CT", "ssn", 24),
    ("CT", "tax_id", 24),
    ("CT", "passport", None),
    ("MA", "ssn", 18),
    ("MA", "drivers_license_or_state_id", None),
    ("DC", "ssn", 18),
    ("DC", "tax_id", 18),
    ("DC", "medical", None),
    ("DE", "ssn", 12),
    ("DE", "passport", None),
    ("CA", "ssn", 12),
    ("CA", "medical", None),
    ("PA", "ssn", 12),
    ("PA", "health_insurance", None),
    ("NY", "ssn", None),
)


@pytest.mark.parametrize(("code", "element", "months"), MONTHS)
def test_months_of_credit_monitoring(code: str, element: str, months: int | None) -> None:
    found = judged(state(code), {"data.elements": [element]})["individuals"]
    assert found.verdict == "applies"
    offers = [note for note in found.notes if note.startswith("offer ")]
    assert offers == ([f"offer {months} months of credit monitoring"] if months else [])


def test_california_requires_the_offer_only_from_the_source_of_the_breach() -> None:
    elsewhere = judged("us-ca-breach", {"organisation.source_of_breach": False})["individuals"]
    assert not any(note.startswith("offer ") for note in elsewhere.notes)


def test_a_massachusetts_bureau_sees_its_42_months() -> None:
    found = judged("us-ma-breach", {"organisation.regulated_as": ["credit_bureau"]})["individuals"]
    assert any("42 months" in note for note in found.notes)


# ------------------------------------------------------------------------------------ what a letter says or must not


def parts(code: str, *, forbidden: bool = False) -> set[str]:
    """Return the parts of a letter that a state wants, or does not want."""
    letter = rule(f"{state(code)}/individuals")
    return {one_.part for one_ in (letter.forbidden if forbidden else letter.content) if one_.part}


def test_massachusetts_hides_the_nature_of_the_breach_from_people_and_wants_it_for_itself() -> None:
    assert parts("MA", forbidden=True) == {"nature_of_breach", "number_affected"}
    assert parts("MA") == {
        "police_report",
        "freeze",
        "freeze_free",
        "credit_monitoring",
        "parent_or_affiliate",
    }
    for slug in ("attorney_general", "office_of_consumer_affairs_and_business_regulation"):
        items = [one_.item for one_ in rule(f"us-ma-breach/{slug}").content]
        assert {"nature of the breach", "number of Massachusetts residents"} <= set(items)
        assert any("written information security program" in item for item in items)


def test_illinois_hides_the_number_and_rhode_island_wants_it_with_the_cause() -> None:
    assert parts("IL", forbidden=True) == {"number_affected"}
    assert {"number_affected", "how_it_happened"} <= parts("RI")


def test_no_state_forbids_its_own_required_content() -> None:
    for code in EVERY_STATE:
        assert not parts(code) & parts(code, forbidden=True), code


def test_washington_wants_the_date_of_the_breach_and_the_date_of_discovery() -> None:
    assert {"breach_dates", "discovery_date"} <= parts("WA")


def test_new_mexico_wants_the_rights_of_the_fair_credit_reporting_act() -> None:
    assert "fcra_rights" in parts("NM")


def test_california_wants_its_title_and_headings_and_a_sample_within_fifteen_days() -> None:
    items = " ".join(one_.item for one_ in rule("us-ca-breach/individuals").content)
    for words in ("Notice of Data Breach", "What Happened", "For More Information", "10 point"):
        assert words in items
    sent = {"incident.individual_notice_sent_at": {"*": "2026-10-20T09:00:00-04:00"}}
    assert judged("us-ca-breach", sent, 501)["attorney_general"].due_date == date(2026, 11, 4)


# ------------------------------------------------------------------------------------------- not law, or not yet


def test_the_fccs_rule_of_2024_is_delayed_and_the_one_of_2007_binds_with_its_waiting_period() -> None:
    carrier = {
        "organisation.regulated_as": ["telecom_carrier"],
        "data.elements": ["cpni"],
        "incident.malicious": True,
    }
    assert {status.verdict for status in judged("us-fcc-64-2011-2024", carrier).values()} <= {
        "advisory", "not_applicable",
    }  # fmt: skip
    told = {**carrier, "incident.recipient_notified_at": {"fbi": "2026-10-20T09:00:00-04:00",
                                                          "us_secret_service": "2026-10-20T09:00:00-04:00"}}  # fmt: skip
    found = judged("us-fcc-64-2011-2007", told)
    assert {status.verdict for status in found.values()} == {"applies"}
    assert found["individuals"].not_before is not None


def test_circia_is_advisory() -> None:
    plant = {
        "organisation.sectors": ["energy"],
        "incident.reportable": True,
        "incident.ransom_paid_at": NOW.isoformat(),
    }
    assert {status.verdict for status in judged("us-circia", plant).values()} == {"advisory"}


def test_a_suspicious_activity_report_is_never_mentioned() -> None:
    found = judged("us-sar-fincen", {"organisation.regulated_as": ["bank_occ"], "incident.malicious": True,
                                     "incident.amount_involved": 6000})["fincen"]  # fmt: skip
    assert found.verdict == "applies"
    assert any("never mention it in a letter" in note for note in found.notes)


def test_colorado_says_that_the_shortest_time_controls() -> None:
    assert any("shortest time controls" in trap for trap in one("us-co-breach").traps)


# -------------------------------------------------------------------------------------------------- elsewhere

ABROAD = (
    ("jp-appi-26/preliminary", "JP", 1000, "not_applicable"),
    ("jp-appi-26/preliminary", "JP", 1001, "applies"),
    ("kr-pipa-34/initial", "KR", 999, "not_applicable"),
    ("kr-pipa-34/initial", "KR", 1000, "applies"),
    ("kr-pipa-34/individuals", "KR", 1, "applies"),
    ("sg-pdpa-26d/pdpc", "SG", 499, "not_applicable"),
    ("sg-pdpa-26d/pdpc", "SG", 500, "applies"),
    ("my-pdpa-12b/initial", "MY", 1000, "not_applicable"),
    ("my-pdpa-12b/initial", "MY", 1001, "applies"),
    ("my-pdpa-12b/individuals", "MY", 1, "not_applicable"),
    ("za-popia-22/initial", "ZA", 1, "applies"),
)


@pytest.mark.parametrize(("duty", "country", "people", "wanted"), ABROAD)
def test_numbers_abroad_where_nothing_else_brings_the_duty_about(
    duty: str, country: str, people: int, wanted: str
) -> None:
    quiet = {
        "organisation.role": ["controller"],
        "organisation.country": country,
        "organisation.established_in": [country],
        "organisation.does_business_in": [country],
        "incident.vector": "misdelivery",
        "incident.malicious": False,
        "incident.assessment_done_at": "2026-10-19T09:00:00-04:00",
        "data.elements": ["contact"],
        "data.account_kinds": ["other"],
        "data.key_compromised": False,
        "data.enough_for_identity_theft": False,
        "people.kinds": ["customers"],
        "risk.harm": "unlikely",
        "risk.to_people": "unlikely",
        "risk.harm_assessment": ASSESSED,
    }
    assert verdict(duty, quiet, people) == wanted
