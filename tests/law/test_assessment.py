"""The three laws that ship, judged on worked cases: which duties arise, for whom, by when, and what is still wanting.

The facts of the published cases are mapped onto the vocabulary here; the expected values are the cases' own.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.law.applicability import Evaluator
from runner.law.assessment import assess, monitoring_months
from runner.law.clock import Clock, Limb, Ordering, Period, Start, Variation
from runner.law.duty import DutiesReport, DutyRecord, DutyStatus
from runner.law.files.regime_file import load_regime
from runner.law.grounds import Condition, Element, Exemption, Meets, PersonalInformation, Threshold
from runner.law.populations import View
from runner.law.regime import CreditMonitoring, DutyRule, Hold, Regime, Remark, Source, Version

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
SHIPPED = ("eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects", "us-ca-breach")


@cache
def shipped(*names: str) -> tuple[Regime, ...]:
    folder = importlib.resources.files("playbooks") / "regimes"
    return tuple(load_regime((folder / f"{name}.yaml").read_bytes(), name) for name in names or SHIPPED)


def judged(
    facts: Mapping[str, Any], now: datetime = NOW, *, names: Sequence[str] = (), **more: Any
) -> dict[str, DutyStatus]:
    return {status.id: status for status in assess(shipped(*names), facts, now, **more)}


def only(regime: Regime, facts: Mapping[str, Any], now: datetime = NOW, **more: Any) -> dict[str, DutyStatus]:
    return {status.id.split("/")[1]: status for status in assess([regime], facts, now, **more)}


CA_IND, CA_AG, CA_OWNER = (
    f"us-ca-breach/{slug}" for slug in ("individuals", "attorney_general", "data_owner")
)
SA, PHASES = "eu-gdpr-33-controller-sa/initial", "eu-gdpr-33-controller-sa/phases"
PEOPLE = "eu-gdpr-34-data-subjects/individuals"

# ------------------------------------------------------------------------- published cases, California's part

RETAILER = {  # US01: private business, data owner, source of the breach; letters sent on day 25
    "organisation": {"role": ["data_owner"], "sectors": ["retail"], "source_of_breach": True, "zone": "America/Los_Angeles"},
    "incident": {
        "discovered_at": "2026-03-02T09:00:00-08:00",
        "determined_at": "2026-03-05T16:00:00-08:00",
        "individual_notice_sent_at": {"*": "2026-03-27T12:00:00-07:00"},
    },
    "data": {"with_name": True, "elements": ["ssn"], "encrypted": False},
    "people": {"by_jurisdiction": {"US-CA": 12400, "US-NY": 3100, "US-TX": 260}},
    "risk": {"harm": "likely"},
}  # fmt: skip
CREDENTIALS = {  # US04: credentials only, no names taken
    "organisation": {"role": ["data_owner"], "sectors": ["online_service"], "source_of_breach": True, "zone": "America/New_York"},
    "incident": {"discovered_at": "2026-04-06T08:00:00-04:00", "determined_at": "2026-04-08T08:00:00-04:00"},
    "data": {"with_name": False, "elements": ["online_credentials"], "encrypted": False},
    "people": {"by_jurisdiction": {"US-CA": 600, "US-FL": 700, "US-MA": 900}},
    "risk": {"harm": "likely"},
}  # fmt: skip
LAPTOP = {  # US13: stolen laptop, full-disk encryption, key safe
    "organisation": {"role": ["data_owner"], "sectors": ["retail"], "source_of_breach": True, "zone": "America/Denver"},
    "incident": {"discovered_at": "2026-09-14T08:00:00-06:00", "determined_at": "2026-09-14T12:00:00-06:00"},
    "data": {"with_name": True, "elements": ["ssn", "medical"], "encrypted": True, "key_compromised": False},
    "people": {"by_jurisdiction": {"US-CO": 900, "US-CA": 900, "US-TX": 900}},
}  # fmt: skip
VENDOR = {  # US16: a cloud vendor discovers a breach of data that its customers own
    "organisation": {
        "role": ["processor", "data_holder"],
        "regulated_as": ["hipaa_business_associate", "reg_sp_service_provider"],
        "zone": "UTC",
    },
    "incident": {"discovered_at": "2026-04-10T00:00:00+00:00"},
    "data": {"with_name": True, "elements": ["ssn", "medical"], "encrypted": False},
    "people": {"by_jurisdiction": {"US-AL": 1, "US-CA": 1, "US-NY": 1}},
}


def test_us01_california_counts_thirty_days_and_the_attorney_general_fifteen_after_the_letters() -> None:
    found = judged(RETAILER)
    assert (found[CA_IND].verdict, found[CA_IND].due_date) == ("applies", date(2026, 4, 1))
    assert (found[CA_AG].verdict, found[CA_AG].due_date) == ("applies", date(2026, 4, 11))
    assert found[CA_OWNER].verdict == "not_applicable"
    assert "offer 12 months of credit monitoring" in found[CA_IND].notes
    assert found[CA_IND].state == "filed"


def test_us04_credentials_need_no_name_and_the_attorney_general_waits_for_the_letters() -> None:
    found = judged(CREDENTIALS, datetime(2026, 4, 10, tzinfo=UTC))
    assert (found[CA_IND].verdict, found[CA_IND].due_date) == ("applies", date(2026, 5, 6))
    assert (found[CA_AG].verdict, found[CA_AG].due, found[CA_AG].due_kind) == (
        "applies",
        None,
        "waits_for_event",
    )
    assert any("e-mail account whose credentials were taken" in note for note in found[CA_IND].notes)
    assert not any("credit monitoring" in note for note in found[CA_IND].notes)


def met(status: DutyStatus) -> list[str]:
    """Return the exemptions that the facts speak for and nobody has claimed."""
    return [one.ground for one in status.unless if one.met]


def test_us13_encryption_with_a_safe_key_is_shown_until_it_is_claimed() -> None:
    laptop = changed(LAPTOP, "incident/impact", ["confidentiality"])
    found = judged(laptop, datetime(2026, 9, 20, tzinfo=UTC), names=["us-ca-breach"])
    assert (found[CA_IND].verdict, met(found[CA_IND])) == ("applies", ["encryption_safe_harbour"])
    assert found[CA_AG].verdict == "applies"


def test_us16_the_vendor_notifies_only_the_owner_at_once() -> None:
    found = judged(VENDOR, datetime(2026, 4, 10, 1, tzinfo=UTC))
    owner = found[CA_OWNER]
    assert (owner.verdict, owner.due, owner.due_kind, owner.recipient) == (
        "applies",
        None,
        "no_number",
        "data_owner",
    )
    assert owner.standard == "immediately following discovery"
    assert owner.confidence == "text"
    assert found[CA_IND].verdict == found[CA_AG].verdict == "not_applicable"


# ------------------------------------------------------------------------------------ California, rule by rule


def changed(facts: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the facts with one path set (``None`` forgets it)."""
    first, _, rest = path.partition("/")
    inner = changed(facts.get(first, {}), rest, value) if rest else value
    return {**facts, first: inner}


@pytest.mark.parametrize(("residents", "verdict"), [(500, "not_applicable"), (501, "applies")])
def test_the_attorney_general_hears_of_more_than_five_hundred(residents: int, verdict: str) -> None:
    found = judged(changed(RETAILER, "people/by_jurisdiction", {"US-CA": residents}))
    assert found[CA_AG].verdict == verdict
    assert found[CA_IND].verdict == "applies"


def test_an_estimate_that_straddles_the_threshold_is_unknown_and_names_the_count() -> None:
    people = {"by_jurisdiction": {"US-CA": 480}, "minimum": 400, "maximum": 600}
    found = judged(changed(RETAILER, "people", people))
    assert (found[CA_AG].verdict, found[CA_AG].missing_facts) == (
        "unknown",
        ("people.by_jurisdiction.US-CA",),
    )
    assert found[CA_IND].verdict == "applies"


def test_an_estimate_wholly_above_the_threshold_is_enough() -> None:
    people = {"by_jurisdiction": {"US-CA": 900}, "minimum": 700, "maximum": 2000}
    assert judged(changed(RETAILER, "people", people))[CA_AG].verdict == "applies"


def test_people_not_yet_placed_may_live_in_california() -> None:
    people = {"by_jurisdiction": {"US-NY": 100}, "total": 150}
    found = judged(changed(RETAILER, "people", people))
    assert (found[CA_IND].verdict, found[CA_IND].missing_facts) == (
        "unknown",
        ("people.by_jurisdiction.US-CA",),
    )
    placed = judged(changed(RETAILER, "people", {**people, "total": 100}))
    assert [reason.code for reason in placed[CA_IND].because] == ["no_residents"]


def test_a_count_for_the_country_leaves_the_state_open() -> None:
    found = judged(changed(RETAILER, "people/by_jurisdiction", {"US": 800}))
    assert found[CA_IND].verdict == "unknown"


@pytest.mark.parametrize(("key", "listed"), [(True, []), (None, [("data.key_compromised",)]), (False, [()])])
def test_encryption_protects_only_while_the_key_is_safe(
    key: bool | None, listed: list[tuple[str, ...]]
) -> None:
    data = {"with_name": True, "elements": ["ssn"], "encrypted": True, "key_compromised": key}
    facts = changed(changed(RETAILER, "data", data), "incident/impact", ["confidentiality"])
    found = judged(facts)[CA_IND]
    harbour = [one for one in found.unless if one.ground == "encryption_safe_harbour"]
    assert (found.verdict, [one.missing for one in harbour]) == ("applies", listed)
    assert [one.met for one in harbour] == [one == () for one in listed]
    assert found.missing_facts == (("data.key_compromised",) if key is None else ())


@pytest.mark.parametrize(
    ("elements", "named", "verdict"),
    [
        (["ssn"], True, "applies"),
        (["ssn"], False, "not_applicable"),
        (["ssn"], None, "unknown"),
        (["online_credentials"], None, "applies"),
        (["full_date_of_birth"], True, "not_applicable"),
        (["account_number_alone"], True, "not_applicable"),
        (["alpr"], True, "applies"),
        (None, True, "unknown"),
        (["ssn", "?"], True, "applies"),
        (["contact", "?"], True, "unknown"),
        (["contact", "?"], False, "unknown"),
    ],
)
def test_the_table_of_elements_asks_for_a_name_where_the_statute_does(
    elements: list[str] | None, named: bool | None, verdict: str
) -> None:
    found = judged(changed(RETAILER, "data", {"elements": elements, "with_name": named, "encrypted": False}))
    assert found[CA_IND].verdict == verdict


def test_a_low_risk_of_harm_is_no_exemption_in_california() -> None:
    assessed = {"harm": "none", "harm_assessment": {"by": "A", "at": "2026-03-03T10:00:00Z", "grounds": "x"}}
    assert judged(changed(RETAILER, "risk", assessed))[CA_IND].verdict == "applies"


def test_good_faith_is_an_exemption_only_when_it_is_recorded() -> None:
    people = {"by_jurisdiction": {"US-CA": 900}}
    assert judged(changed(RETAILER, "people", people))[CA_IND].verdict == "applies"
    found = judged(changed(RETAILER, "people", {**people, "good_faith_only": True}))
    assert (found[CA_IND].verdict, met(found[CA_IND])) == ("applies", ["good_faith_acquisition"])


def test_an_assumption_from_a_missing_fact_is_stated() -> None:
    texts = [reason.text for reason in judged(RETAILER)[CA_IND].because]
    assert "the data were computerized (assumed: data.form not known)" in texts


def test_only_unknown_facts_are_reported_as_assumed() -> None:
    elsewhere = {"role": ["data_owner"], "does_business_in": ["US-NV"], "established_in": ["US-NV"]}
    texts = [reason.text for reason in judged(changed(RETAILER, "organisation", elsewhere))[CA_IND].because]
    assert "does business in California (assumed: organisation.offers_to not known)" in texts


def test_a_clock_without_a_number_shows_the_start_that_is_known() -> None:
    facts = {
        "organisation": {"role": ["controller"], "established_in": ["DE"]},
        "incident": {"discovered_at": "2026-11-24T08:10:00Z"},
        "data": {"involved": True},
        "risk": {"to_people": "high"},
    }
    clock = judged(facts)["eu-gdpr-34-data-subjects/individuals"].clock
    assert (clock.start_fact, clock.start) == (
        "incident.discovered_at",
        datetime(2026, 11, 24, 8, 10, tzinfo=UTC),
    )


def test_paper_records_are_outside_the_statute() -> None:
    found = judged(changed(RETAILER, "data", {**RETAILER["data"], "form": ["paper"]}))  # type: ignore[dict-item]
    assert [reason.text.endswith(": the data were computerized") for reason in found[CA_IND].because] == [
        True
    ]


@pytest.mark.parametrize(
    ("discovered", "version", "kind"),
    [
        ("2025-12-31T23:00:00-08:00", "2020-01-01", "no_number"),
        ("2026-01-01T00:30:00-08:00", "2026-01-01", "date"),
    ],
)
def test_the_day_of_discovery_decides_the_version(discovered: str, version: str, kind: str) -> None:
    found = judged(changed(RETAILER, "incident", {"discovered_at": discovered}))[CA_IND]
    assert (found.law_version, found.due_kind, found.verdict) == (version, kind, "applies")


def test_a_breach_before_every_version_makes_no_duty_and_says_why() -> None:
    found = judged(changed(RETAILER, "incident", {"discovered_at": "2012-05-01T09:00:00Z"}))
    assert found[CA_IND].because[0].code == "not_in_force_then"
    assert found[SA].verdict == "not_applicable"


def test_without_a_deciding_date_todays_law_is_shown_and_the_note_says_so() -> None:
    found = judged(changed(RETAILER, "incident", {}))[CA_IND]
    assert found.law_version == "2026-01-01"
    assert any("incident.discovered_at decides the version" in note for note in found.notes)
    assert found.missing_facts == ("incident.discovered_at",)


def test_a_law_enforcement_hold_delays_the_letters_until_it_ends() -> None:
    hold = {"agency": "FBI", "form": "written", "from": "2026-03-05T09:00:00-08:00"}
    facts = changed(CREDENTIALS, "law_enforcement", {"hold": hold})
    held = judged(facts, datetime(2026, 5, 20, tzinfo=UTC))[CA_IND]
    assert (held.state, held.due_date) == ("held", date(2026, 5, 6))
    until = "2026-06-01T12:00:00-07:00"
    freed = judged(
        changed(facts, "law_enforcement/hold", {**hold, "until": until}), datetime(2026, 6, 1, tzinfo=UTC)
    )
    assert freed[CA_IND].due == datetime.fromisoformat(until)
    assert freed[CA_IND].state == "held"


# ---------------------------------------------------------------------------------------------------- GDPR

BERLIN = {
    "organisation": {
        "role": ["controller"],
        "country": "DE",
        "established_in": ["DE"],
        "zone": "Europe/Berlin",
    },
    "incident": {"aware_at": "2026-11-24T10:10:00+01:00", "impact": ["confidentiality"]},
    "data": {"involved": True, "encrypted": False},
    "people": {"total": 300, "by_jurisdiction": {"DE": 300}},
    "risk": {"to_people": "risk"},
}
IN_TIME = datetime(2026, 11, 24, 10, tzinfo=UTC)
ASSESSED = {"by": "B. Beispiel", "at": "2026-11-24T12:00:00+01:00", "grounds": "state-of-the-art encryption"}


def test_the_authority_is_notified_within_72_hours_in_the_json_contract() -> None:
    found = judged(BERLIN, IN_TIME, leads={SA: timedelta(hours=4)})[SA]
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "id": SA,
        "regime": "eu-gdpr-33-controller-sa",
        "jurisdiction": "EU",
        "law_version": "2018-05-25",
        "stage": "initial",
        "recipient": "competent_sa",
        "populations": [],
        "verdict": "applies",
        "unless": [],
        "state": "open",
        "due": "2026-11-27T09:10:00Z",
        "due_local": "2026-11-27T10:10:00+01:00",
        "due_date": "2026-11-27",
        "due_kind": "instant",
        "provisional": False,
        "not_before": None,
        "latest_legal": "2026-11-27T10:00:00Z",
        "latest_safe_start": "2026-11-27T05:10:00Z",
        "standard": "without undue delay and, where feasible, not later than 72 hours after having become aware of it",
        "clock": {
            "start_fact": "incident.aware_at",
            "start": "2026-11-24T09:10:00Z",
            "rule": "72 hours, elapsed",
        },
        "missing_facts": [],
        "because": [
            {"code": "role_controller", "text": "organisation.role has controller"},
            {
                "code": "territory",
                "text": "established in the EU or EEA, or offering goods or services to people there (Art. 3)",
            },
            {"code": "personal_data", "text": "personal data are affected"},
            {"code": "breach", "text": "confidentiality, integrity or availability was lost (Art. 4(12))"},
        ],
        "citation": "Regulation (EU) 2016/679 Art. 33(1)",
        "confidence": "text",
        "notes": ["Reg. 1182/71 Art. 3(1), the hour of the event not counted: until 2026-11-27 11:00 CET"],
        "in_sight": True,
        "authority": {"zone": "Europe/Berlin", "place": "DE"},
        "law": "GDPR",
    }


def test_a_report_encodes_with_its_schema() -> None:
    report = DutiesReport(as_of=IN_TIME, duties=assess(shipped(), BERLIN, IN_TIME))
    told = msgspec.json.decode(msgspec.json.encode(report))
    assert told["schema"] == "tocsin/duties/v1"
    assert told["as_of"] == "2026-11-24T10:00:00Z"
    assert msgspec.json.decode(msgspec.json.encode(report), type=DutiesReport) == report


@pytest.mark.parametrize(
    ("risk", "sa", "people", "missing"),
    [
        ({}, "applies", "applies", ("risk.to_people",)),
        ({"to_people": "risk"}, "applies", "not_applicable", ()),
        ({"to_people": "high"}, "applies", "applies", ()),
        (
            {"to_people": "unlikely"},
            "applies",
            "applies",
            ("risk.harm_assessment.at", "risk.harm_assessment.by", "risk.harm_assessment.grounds"),
        ),
        ({"to_people": "unlikely", "harm_assessment": ASSESSED}, "applies", "not_applicable", ()),
    ],
)
def test_the_risk_decides_and_unlikely_needs_a_recorded_assessment(
    risk: dict[str, Any], sa: str, people: str, missing: tuple[str, ...]
) -> None:
    found = judged(changed(BERLIN, "risk", risk), IN_TIME)
    assert (found[SA].verdict, found[PEOPLE].verdict) == (sa, people)
    assert found[SA].missing_facts == missing
    assert met(found[SA]) == (["risk_unlikely"] if "harm_assessment" in risk else [])
    listed = {one.ground: one.missing for one in found[PEOPLE].unless if one.ground.startswith("not ")}
    assert listed == ({"not high_risk": missing} if missing else {})


def test_unintelligible_data_spare_the_people_and_not_the_authority() -> None:
    facts = changed(changed(BERLIN, "risk", {"to_people": "high"}), "incident/impact", ["confidentiality"])
    found = judged(
        changed(facts, "data", {"involved": True, "encrypted": True, "key_compromised": False}), IN_TIME
    )
    assert (met(found[SA]), met(found[PEOPLE])) == ([], ["unintelligible"])
    assert {found[SA].verdict, found[PEOPLE].verdict} == {"applies"}


def test_a_position_of_counsel_changes_the_verdict_and_is_shown_with_its_grounds() -> None:
    claim = {
        "id": "c1",
        "regime": "eu-gdpr-34-data-subjects",
        "position": "risk_removed",
        "by": "C. Counsel",
        "grounds": "reset",
    }
    facts = {**changed(BERLIN, "risk", {"to_people": "high"}), "claims": [claim]}
    found = judged(facts, IN_TIME)[PEOPLE]
    assert found.verdict == "not_applicable"
    assert [(reason.code, reason.text) for reason in found.because] == [
        ("claim", "position taken by C. Counsel: risk_removed (reset)")
    ]
    without = {**facts, "claims": [{**claim, "grounds": ""}]}
    assert judged(without, IN_TIME)[PEOPLE].verdict == "applies"


def test_without_facts_every_duty_is_unknown_and_decisive_facts_come_first() -> None:
    found = judged({}, IN_TIME)
    assert {status.verdict for status in found.values()} == {"unknown"}
    assert set(found[SA].missing_facts[:2]) == {"data.involved", "organisation.country"}
    assert set(found[SA].missing_facts) == {
        "organisation.role",
        "organisation.country",
        "organisation.established_in",
        "organisation.main_establishment",
        "organisation.offers_to",
        "data.involved",
    }


def test_without_personal_data_no_duty_stays_unknown() -> None:
    found = judged({"data": {"involved": False}}, IN_TIME)
    assert {status.verdict for status in found.values()} == {"not_applicable"}
    all_the_same = judged({"data": {"involved": False, "elements": ["ssn"]}}, IN_TIME)
    assert {status.verdict for status in all_the_same.values()} == {"unknown"}


def test_a_role_that_is_not_all_of_the_story_leaves_the_other_roles_open() -> None:
    found = judged(changed(BERLIN, "organisation/role", ["processor", "?"]), IN_TIME)[SA]
    assert (found.verdict, found.missing_facts) == ("unknown", ("organisation.role",))


def test_one_false_ground_decides_whatever_else_is_unknown() -> None:
    found = judged({"organisation": {"role": ["processor"]}}, IN_TIME)
    assert (found[SA].verdict, found[SA].missing_facts) == ("not_applicable", ())
    assert found[SA].because[0].text.endswith(": organisation.role has controller")


def test_before_awareness_is_fixed_the_clock_runs_provisionally_from_the_first_discovery() -> None:
    incident = {
        "impact": ["confidentiality"],
        "detected_at": "2026-11-23T22:00:00Z",
        "discovered_at": "2026-11-24T07:00:00Z",
    }
    found = judged(changed(BERLIN, "incident", incident), IN_TIME)[SA]
    assert (found.verdict, found.provisional) == ("applies", True)
    assert found.due == datetime(2026, 11, 26, 22, tzinfo=UTC)
    assert found.missing_facts == ("incident.aware_at",)
    assert found.clock.start_fact == "incident.aware_at"
    assert any({"incident.detected_at", "incident.aware_at"} <= set(note.split()) for note in found.notes), (
        "the note names both facts"
    )


def test_without_any_discovery_the_clock_runs_from_the_opening_of_the_incident() -> None:
    facts = changed(BERLIN, "incident", {"impact": ["confidentiality"]})
    opened = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert judged(facts, IN_TIME, first_known=opened)[SA].due == opened + timedelta(hours=72)
    assert judged(facts, IN_TIME)[SA].due is None


def test_a_controller_from_outside_the_eu_notifies_every_authority() -> None:
    outside = {
        "role": ["controller"],
        "country": "US",
        "established_in": ["US"],
        "main_establishment": "US",
        "offers_to": ["DE", "FR"],
    }
    notes = judged(changed(BERLIN, "organisation", outside), IN_TIME)[SA].notes
    assert any("EVERY authority" in note for note in notes)
    assert not any("EVERY authority" in note for note in judged(BERLIN, IN_TIME)[SA].notes)


def filed(at: str, **more: Any) -> DutyRecord:
    return DutyRecord(kind="filed", by="dpo", at=datetime.fromisoformat(at), **more)


def test_the_later_phase_waits_until_the_first_notification_is_filed() -> None:
    assert judged(BERLIN, IN_TIME)[PHASES].due_kind == "waits_for_event"
    found = judged(BERLIN, IN_TIME, records={SA: filed("2026-11-24T09:50:00+00:00")})
    assert found[SA].state == "filed"
    assert (found[PHASES].due_kind, found[PHASES].state) == ("no_number", "open")


@pytest.mark.parametrize(
    ("record", "now", "state"),
    [
        (None, "2026-11-27T09:10:00+00:00", "open"),
        (None, "2026-11-27T09:10:01+00:00", "overdue"),
        (filed("2026-11-27T09:10:00+00:00"), "2026-11-28T00:00:00+00:00", "filed"),
        (filed("2026-11-27T09:30:00+00:00"), "2026-11-28T00:00:00+00:00", "filed_late"),
        (DutyRecord(kind="waived", by="x", at=IN_TIME), "2026-11-28T00:00:00+00:00", "waived"),
        (
            DutyRecord(kind="decided_not_to_notify", by="x", at=IN_TIME, reason="y"),
            "2026-11-28T00:00:00+00:00",
            "decided_not_to_notify",
        ),
    ],
)
def test_a_duty_is_open_until_an_action_is_recorded(record: DutyRecord | None, now: str, state: str) -> None:
    records = {SA: record} if record else {}
    assert judged(BERLIN, datetime.fromisoformat(now), records=records)[SA].state == state


def test_late_means_that_the_reasons_are_asked_for() -> None:
    notes = judged(BERLIN, datetime(2026, 11, 30, tzinfo=UTC))[SA].notes
    assert any(note.endswith("(Art. 33(1) second sentence)") for note in notes)


def test_a_stage_that_the_facts_say_was_submitted_counts_as_filed() -> None:
    incident = {**BERLIN["incident"], "stage_submitted_at": {SA: "2026-11-25T10:00:00+01:00"}}  # type: ignore[dict-item]
    assert judged(changed(BERLIN, "incident", incident), IN_TIME)[SA].state == "filed"


def test_days_end_in_the_zone_of_the_residents_wherever_the_organisation_is() -> None:
    organisation = {"role": ["data_owner"]}
    in_california = datetime(2026, 4, 2, 6, 59, 59, tzinfo=UTC)
    assert judged(changed(RETAILER, "organisation", organisation))[CA_IND].due == in_california
    given_zone = judged(changed(RETAILER, "organisation", organisation), zone=ZoneInfo("America/New_York"))
    assert given_zone[CA_IND].due == in_california


# --------------------------------------------------------------------------------------- several populations

CUSTOMERS = {
    "id": "customers",
    "data": {"elements": ["contact"], "with_name": True},
    "people": {"by_jurisdiction": {"US-CA": 9000}},
}
EMPLOYEES = {
    "id": "employees",
    "data": {"elements": ["ssn"], "with_name": True},
    "people": {"by_jurisdiction": {"US-CA": 400}},
}


def populated(*populations: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in RETAILER.items() if key not in ("data", "people")}
    return {**rest, "data": {"encrypted": False}, "populations": list(populations)}


def test_only_the_population_with_relevant_data_is_notified_and_counted() -> None:
    found = judged(populated(CUSTOMERS, EMPLOYEES))
    assert (found[CA_IND].verdict, found[CA_IND].populations) == ("applies", ("employees",))
    assert found[CA_AG].verdict == "not_applicable"
    assert found[CA_AG].because[-1].code == "threshold_not_met"


def test_two_populations_reach_the_threshold_together_unless_they_may_be_the_same_people() -> None:
    applicants = {**EMPLOYEES, "id": "applicants", "people": {"by_jurisdiction": {"US-CA": 200}}}
    assert judged(populated(EMPLOYEES, applicants))[CA_AG].verdict == "applies"
    same = judged(populated(EMPLOYEES, {**applicants, "overlaps": ["employees"]}))[CA_AG]
    assert same.verdict == "unknown"
    assert same.missing_facts[0].startswith("populations.")


def test_a_missing_fact_of_a_population_has_its_own_path() -> None:
    unknown = {**EMPLOYEES, "data": {"elements": ["ssn"]}}
    found = judged(populated(unknown))[CA_IND]
    assert (found.verdict, found.missing_facts, found.populations) == (
        "unknown",
        ("populations.employees.data.with_name",),
        ("employees",),
    )


def test_a_settled_population_is_enough_and_the_other_is_noted() -> None:
    other = {"id": "visitors", "data": {"elements": ["ssn"]}, "people": {"by_jurisdiction": {"US-CA": 50}}}
    found = judged(populated(EMPLOYEES, other))
    assert (found[CA_IND].verdict, found[CA_IND].populations) == ("applies", ("employees",))
    assert any(note.endswith(": visitors") for note in found[CA_IND].notes)
    assert found[CA_AG].verdict == "not_applicable"


def test_an_unsettled_population_can_keep_the_threshold_open() -> None:
    other = {"id": "visitors", "data": {"elements": ["ssn"]}, "people": {"by_jurisdiction": {"US-CA": 150}}}
    found = judged(populated(EMPLOYEES, other))[CA_AG]
    assert (found.verdict, found.missing_facts) == ("unknown", ("populations.visitors.data.with_name",))


def test_populations_may_be_a_mapping_by_id() -> None:
    facts = populated()
    facts["populations"] = {"employees": {key: value for key, value in EMPLOYEES.items() if key != "id"}}
    assert judged(facts)[CA_IND].populations == ("employees",)


# ------------------------------------------------------------------------- what later laws need of the engine


def law(*duties: DutyRule, **version: Any) -> Regime:
    text = {"label": "2026", "citation": "Test Act 1", **version}
    return Regime(
        id="xx-test",
        name="Test Act",
        jurisdictions=("US-XX",),
        source=Source(url=""),
        versions=(Version(duties=duties, **text),),
        decided_by=("incident.discovered_at",),
    )


def rule(slug: str = "one", recipient: str = "authority", amount: int | None = 30, **more: Any) -> DutyRule:
    period = Period(amount=amount, unit="calendar_days", counting="CAL-EXCL") if amount is not None else None
    clock = Clock(limbs=(Limb(start=Start(facts=("incident.discovered_at",)), period=period),))
    return DutyRule(**{"slug": slug, "recipient": recipient, "clock": clock, **more})


NEW_YORK = {  # US01, New York's part: three authorities, "without delaying" the individuals
    **RETAILER,
    "incident": {"discovered_at": "2026-03-02T09:00:00-08:00", "individual_notice_sent_at": {"US-XX": "2026-03-27T12:00:00-07:00"}},
}  # fmt: skip


def test_a_relative_duty_is_due_at_the_earlier_of_its_number_and_the_letters() -> None:
    order = (Ordering(relation="without_delaying", duty="letters"),)
    regime = law(
        rule("letters", "individuals"), rule("ag", amount=None, ordering=order), rule("dfs", ordering=order)
    )
    found = only(regime, NEW_YORK)
    assert found["letters"].due_date == date(2026, 4, 1)
    assert found["ag"].due_date == found["dfs"].due_date == date(2026, 3, 27)
    early = only(regime, {**NEW_YORK, "incident": {"discovered_at": "2026-03-02T09:00:00-08:00"}})
    assert (early["ag"].due, early["ag"].due_kind) == (None, "no_number")
    assert early["dfs"].due_date == date(2026, 4, 1)


def test_letters_sent_late_do_not_give_a_relative_duty_more_time() -> None:
    order = (Ordering(relation="with", duty="letters"),)
    regime = law(rule("letters", "individuals"), rule("ag", ordering=order))
    late = {
        "discovered_at": "2026-03-02T09:00:00-08:00",
        "individual_notice_sent_at": {"*": "2026-05-27T12:00:00-07:00"},
    }
    found = only(regime, {**NEW_YORK, "incident": late})
    assert found["letters"].state == "filed_late"
    assert found["ag"].due_date == date(2026, 4, 1)


def test_an_authority_that_comes_before_the_letters_is_due_when_they_went_out() -> None:
    order = (Ordering(relation="before", duty="letters"),)
    found = only(law(rule("letters", "individuals"), rule("ag", amount=None, ordering=order)), NEW_YORK)
    assert found["ag"].due == datetime(2026, 3, 27, 19, tzinfo=UTC)


@pytest.mark.parametrize("standing", ["proposed", "adopted", "delayed", "advisory"])
def test_a_law_not_in_force_is_advisory_and_never_overdue(standing: str) -> None:
    found = only(law(rule(), standing=standing), NEW_YORK, datetime(2027, 1, 1, tzinfo=UTC))["one"]
    assert (found.verdict, found.state) == ("advisory", "open")
    assert f"{standing}: not a duty" in found.notes


def test_a_law_of_tomorrow_is_advisory_and_a_repealed_one_is_none() -> None:
    assert only(law(rule(), from_date=date(2027, 1, 1)), NEW_YORK)["one"].verdict == "advisory"
    repealed = only(law(rule(), until=date(2025, 12, 31)), NEW_YORK)["one"]
    assert repealed.because[0].code == "no_longer_in_force"


def test_a_voluntary_report_is_advisory() -> None:
    assert only(law(rule(voluntary=True)), NEW_YORK)["one"].verdict == "advisory"


def test_an_unless_takes_the_duty_away_and_says_so() -> None:
    bank = Condition(code="bank", text="a bank", any_of=(Meets("organisation.regulated_as", ("bank_occ",)),))
    regime = law(rule(unless=(bank,)))
    found = only(regime, {"organisation": {"regulated_as": ["bank_occ"]}})["one"]
    assert (found.verdict, found.because[0].text) == ("not_applicable", "a bank")
    assert only(regime, {"organisation": {"regulated_as": ["msb"]}})["one"].verdict == "applies"
    assert only(regime, {})["one"].missing_facts == ("organisation.regulated_as",)


def test_maryland_gives_seven_days_after_the_hold() -> None:
    facts = {
        "organisation": {"zone": "America/New_York"},
        "incident": {"discovered_at": "2026-03-02T09:00:00-05:00"},
        "law_enforcement": {
            "hold": {"from": "2026-03-10T09:00:00-04:00", "until": "2026-05-04T09:00:00-04:00"}
        },
    }
    clock = Clock(
        limbs=(
            Limb(
                start=Start(facts=("incident.discovered_at",)),
                period=Period(amount=45, unit="calendar_days", counting="CAL-EXCL"),
            ),
        )
    )
    regime = law(rule(clock=clock, hold=Hold(amount=7)))
    assert only(regime, facts)["one"].due_date == date(2026, 5, 11)


@pytest.mark.parametrize(
    ("hold", "state"),
    [
        (Hold(forms=("written",)), "overdue"),
        (Hold(oral_limit_days=30), "overdue"),
        (Hold(), "held"),
        (None, "overdue"),
    ],
)
def test_an_oral_hold_counts_only_where_and_as_long_as_the_law_lets_it(hold: Hold | None, state: str) -> None:
    facts = changed(
        NEW_YORK, "law_enforcement", {"hold": {"form": "oral", "from": "2026-03-10T09:00:00-04:00"}}
    )
    assert only(law(rule(hold=hold)), facts, datetime(2026, 6, 1, tzinfo=UTC))["one"].state == state


def test_a_hold_that_ends_before_the_deadline_changes_nothing_and_a_waiting_duty_keeps_waiting() -> None:
    hold = {"from": "2026-03-05T09:00:00-08:00", "until": "2026-03-10T09:00:00-08:00"}
    found = judged(changed(CREDENTIALS, "law_enforcement", {"hold": hold}), datetime(2026, 4, 10, tzinfo=UTC))
    assert found[CA_IND].due_date == date(2026, 5, 6)
    assert found[CA_AG].due_kind == "waits_for_event"


def test_a_period_may_depend_on_the_organisation() -> None:
    small = Condition(code="small", text="small", any_of=(Meets("organisation.sectors", ("retail",)),))
    doubled = Variation(condition=small, amount=60, unit="calendar_days")
    period = Period(amount=30, unit="calendar_days", counting="CAL-EXCL", variations=(doubled,))
    clock = Clock(limbs=(Limb(start=Start(facts=("incident.discovered_at",)), period=period),))
    assert only(law(rule(clock=clock)), NEW_YORK)["one"].due_date == date(2026, 5, 1)


def test_an_estimate_that_includes_zero_leaves_residents_unknown() -> None:
    people = {"by_jurisdiction": {"US-CA": 10}, "minimum": 0, "maximum": 50}
    found = judged(changed(RETAILER, "people", people))[CA_IND]
    assert (found.verdict, found.missing_facts) == ("unknown", ("people.by_jurisdiction.US-CA",))


def test_an_invalid_instant_starts_no_clock() -> None:
    found = judged(changed(BERLIN, "incident/aware_at", "2026-13-45T25:00:00Z"), IN_TIME)[SA]
    assert (found.due, found.provisional, found.missing_facts) == (None, True, ("incident.aware_at",))


def test_a_hold_without_its_beginning_holds_nothing() -> None:
    facts = changed(NEW_YORK, "law_enforcement", {"hold": {"agency": "FBI"}})
    assert only(law(rule(hold=Hold())), facts)["one"].state == "open"


@pytest.mark.parametrize(
    ("op", "n", "verdict"),
    [
        (">", 700, "not_applicable"),
        (">=", 700, "applies"),
        ("<", 700, "not_applicable"),
        ("<=", 700, "applies"),
    ],
)
def test_more_than_and_at_least_are_kept_apart(op: Any, n: int, verdict: str) -> None:
    regime = law(rule(thresholds=(Threshold(count="persons_notified", op=op, n=n),)))
    people = {"people": {"by_jurisdiction": {"US-FL": 300, "US-NY": 400}}}
    assert only(regime, {**NEW_YORK, **people})["one"].verdict == verdict


@pytest.mark.parametrize(
    ("people", "verdict"),
    [
        ({"US-FL": 501, "US-NY": 10}, "applies"),
        ({"US-FL": 400, "US-NY": 400}, "not_applicable"),
        (None, "unknown"),
    ],
)
def test_the_media_are_notified_where_one_state_alone_reaches_the_number(people: Any, verdict: str) -> None:
    one_state = Threshold(count="residents_of_one_state", op=">", n=500, place="US")
    facts = {**NEW_YORK, "people": {"by_jurisdiction": people}}
    assert only(law(rule(thresholds=(one_state,))), facts)["one"].verdict == verdict


@pytest.mark.parametrize(
    ("people", "verdict", "missing"),
    [
        ({"minimum": 600}, "applies", ()),
        ({"minimum": 100}, "unknown", ("people.total",)),
        ({"maximum": 400}, "not_applicable", ()),
        ({}, "unknown", ("people.total",)),
    ],
)
def test_an_estimated_range_decides_where_it_can(people: Any, verdict: str, missing: tuple[str, ...]) -> None:
    regime = law(rule(thresholds=(Threshold(count="individuals_total", op=">=", n=500),)))
    found = only(regime, {**NEW_YORK, "people": people})["one"]
    assert (found.verdict, found.missing_facts) == (verdict, missing)


def test_an_element_may_count_only_under_a_condition() -> None:
    usable = Condition(
        code="card", text="a card number", any_of=(Meets("organisation.sectors", ("retail",)),)
    )
    table = PersonalInformation(without_name=(Element(element="account_number_alone", condition=usable),))
    regime = law(rule(), personal_information=table)
    facts = changed(NEW_YORK, "data", {"elements": ["account_number_alone"]})
    assert only(regime, facts)["one"].verdict == "applies"
    assert (
        only(regime, changed(facts, "organisation", {"sectors": ["health"]}))["one"].verdict
        == "not_applicable"
    )
    assert only(regime, changed(facts, "organisation", {}))["one"].missing_facts == ("organisation.sectors",)


def test_an_exemption_may_remove_one_duty_and_leave_the_other() -> None:
    no_harm = Exemption(
        code="no_harm",
        text="no harm",
        condition=Condition(code="no_harm", text="no harm", any_of=(Meets("risk.harm", ("none",)),)),
        removes=("letters",),
    )
    regime = law(rule("letters", "individuals"), rule("ag"), exemptions=(no_harm,))
    found = only(regime, changed(NEW_YORK, "risk", {"harm": "none"}))
    assert (met(found["letters"]), met(found["ag"])) == (["no_harm"], [])
    assert {one.verdict for one in found.values()} == {"applies"}


def test_remarks_are_shown_always_or_under_their_condition() -> None:
    retail = Condition(code="r", text="r", any_of=(Meets("organisation.sectors", ("retail",)),))
    regime = law(
        rule(
            remarks=(Remark(text="always"), Remark(text="retail only", condition=retail)),
            confidence_note="why",
        )
    )
    assert only(regime, NEW_YORK)["one"].notes == ("always", "retail only", "unverified: why")


def test_credit_monitoring_is_required_only_under_its_conditions() -> None:
    source = Condition(code="s", text="s", any_of=(Meets("organisation.sectors", ("retail",)),))
    owed = rule(credit_monitoring=CreditMonitoring(months=18, conditions=(source,)))
    assert monitoring_months(owed, Evaluator(View(NEW_YORK))) == 18
    assert monitoring_months(owed, Evaluator(View({}))) is None
    assert monitoring_months(rule(), Evaluator(View({}))) is None


def test_a_regime_cannot_read_steps_duties_or_loop_names() -> None:
    view = View({})
    asked = (view.step("a"), view.duty("b"), view.duties("applies"), view.name("item"))
    assert [unknown.missing for unknown in asked] == [
        ("step('a')",),
        ("duty('b')",),
        ("duties('applies')",),
        ("item",),
    ]


# ------------------------------------------------------------------------------------------------ properties

LEAVES: dict[str, list[Any]] = {
    "organisation/role": [["data_owner"], ["controller"], ["processor"], ["controller", "data_holder"]],
    "organisation/country": ["DE", "US"],
    "organisation/established_in": [["DE"], ["US"]],
    "organisation/main_establishment": ["DE", "US"],
    "organisation/offers_to": [["FR"], ["US"], []],
    "organisation/zone": ["Europe/Berlin", "America/Los_Angeles"],
    "incident/discovered_at": ["2026-03-02T09:00:00-08:00", "2025-06-02T09:00:00-07:00"],
    "incident/aware_at": ["2026-03-03T09:00:00-08:00"],
    "data/involved": [True, False],
    "data/elements": [["ssn"], ["online_credentials"], ["contact"], ["ssn", "medical"]],
    "data/with_name": [True, False],
    "data/encrypted": [True, False],
    "data/key_compromised": [True, False],
    "people/by_jurisdiction": [{"US-CA": 600}, {"US-CA": 500}, {"DE": 10}],
    "risk/to_people": ["unlikely", "risk", "high"],
    "risk/harm_assessment": [ASSESSED],
}


@st.composite
def recorded(draw: st.DrawFn) -> dict[str, Any]:
    return {path: draw(st.sampled_from(values)) for path, values in LEAVES.items() if draw(st.booleans())}


def tree(leaves: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for path, value in leaves.items():
        group, _, name = path.partition("/")
        facts.setdefault(group, {})[name] = value
    return facts


@given(recorded(), st.randoms(use_true_random=False))
def test_the_order_of_facts_never_matters(leaves: dict[str, Any], random: Any) -> None:
    shuffled = list(leaves.items())
    random.shuffle(shuffled)
    assert assess(shipped(), tree(leaves), NOW) == assess(shipped(), tree(dict(shuffled)), NOW)


@given(recorded(), st.sampled_from(sorted(LEAVES)), st.data())
def test_an_additional_fact_never_reverses_a_definite_verdict(
    leaves: dict[str, Any], path: str, data: st.DataObject
) -> None:
    """The date that picks the version is kept: another law may well answer differently.

    Nor is it one more fact, but a correction, to name elements of data after the answer that no data are affected.
    """
    assume((path, leaves.get("data/involved")) != ("data/elements", False))
    fixed = {
        "incident/discovered_at": "2026-03-02T09:00:00-08:00",
        **leaves,
        "incident/aware_at": "2026-03-03T09:00:00-08:00",
    }
    more = fixed if path in fixed else {**fixed, path: data.draw(st.sampled_from(LEAVES[path]))}
    # Harm is presumed until a finding denies it: that duty may end.
    before = {
        status.id: "unknown"
        if any(one.ground.startswith("not ") for one in status.unless)
        else status.verdict
        for status in assess(shipped(), tree(fixed), NOW)
    }
    after = {status.id: status.verdict for status in assess(shipped(), tree(more), NOW)}
    for duty, verdict in before.items():
        assert verdict == "unknown" or after[duty] == verdict


@given(recorded())
def test_an_unknown_verdict_names_facts_and_giving_one_of_each_settles_it(leaves: dict[str, Any]) -> None:
    for status in assess(shipped(), tree(leaves), NOW):
        assert (status.verdict == "unknown") <= bool(status.missing_facts)
        assert all(path.replace(".", "/", 1) not in leaves for path in status.missing_facts)
