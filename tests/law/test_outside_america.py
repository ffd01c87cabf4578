"""Laws outside of the United States: their standing, their numbers, and whom they reach, as tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.app.core.public_holidays import PublicHolidays
from runner.law.assessment import assess
from runner.law.duty import DutyRecord, DutyStatus
from tests.law.typical import changed, one, rule, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALENDAR = PublicHolidays()


def judged(
    name: str, changes: dict[str, Any], now: datetime = NOW, filed: dict[str, str] | None = None
) -> dict[str, DutyStatus]:
    """Judge one law for an entity that is all it asks for, in some ways changed; duties by slug."""
    records = {
        f"{name}/{slug}": DutyRecord(kind="filed", by="ana", at=datetime.fromisoformat(at), reference="1")
        for slug, at in (filed or {}).items()
    }
    found = assess([one(name)], changed(typical(one(name)), changes), now, records, calendar=CALENDAR)
    return {status.id.partition("/")[2]: status for status in found}


# ------------------------------------------------------------------------------------------------------ standing


@pytest.mark.parametrize(
    ("name", "standing", "since"),
    [
        ("cl-21719-14sexies", "in_force", date(2026, 12, 1)),
        ("eu-cra-14-incident", "in_force", date(2026, 9, 11)),
        ("eu-cra-14-vulnerability", "in_force", date(2026, 9, 11)),
        ("in-dpdp-7", "in_force", date(2027, 5, 13)),
        ("kr-pipa-34", "in_force", date(2026, 9, 11)),
        ("uk-fca-pra-2027", "in_force", date(2027, 3, 18)),
        ("uk-pecr-5a", "in_force", date(2025, 8, 20)),
        ("au-wa-pris", "in_force", date(2027, 1, 1)),
        ("eu-gdpr-33-omnibus-proposal", "proposed", None),
        ("uk-csr-bill", "proposed", None),
        ("us-circia", "proposed", None),
        ("tw-pdpa-12-2025", "adopted", None),
    ],
)
def test_each_law_stands_as_it_did_in_november_2026(name: str, standing: str, since: date | None) -> None:
    newest = one(name).versions[0]
    assert (newest.standing, newest.from_date) == (standing, since)
    coming = standing != "in_force" or (since is not None and since > NOW.date())
    verdicts = {status.verdict for status in judged(name, {}).values() if status.law_version == newest.label}
    assert not coming or verdicts <= {"advisory", "not_applicable"}


@pytest.mark.parametrize(
    ("duty", "amount", "unit"),
    [
        ("cn-incident-measures-2025/initial_cii", 1, "hours"),
        ("cn-incident-measures-2025/initial_state_organ", 2, "hours"),
        ("cn-incident-measures-2025/initial", 4, "hours"),
        ("cn-incident-measures-2025/summary", 30, "calendar_days"),
        ("cn-network-data-790/product_danger", 24, "hours"),
        ("eu-cra-14-incident/early_warning", 24, "hours"),
        ("eu-cra-14-incident/notification", 72, "hours"),
        ("eu-cra-14-vulnerability/final", 14, "calendar_days"),
        ("eu-gdpr-33-omnibus-proposal/initial", 96, "hours"),
        ("kr-pipa-34/possibility", 72, "hours"),
        ("uk-pecr-5a/initial", 72, "hours"),
        ("au-nsw-ppip-6a/assessment", 30, "calendar_days"),
        ("au-qld-ip-3a/assessment", 30, "calendar_days"),
    ],
)
def test_each_period_is_the_one_of_the_law(duty: str, amount: int, unit: str) -> None:
    (period,) = [limb.period for limb in rule(duty).clock.limbs]
    assert period is not None
    assert (period.amount, period.unit) == (amount, unit)


# ------------------------------------------------------------------------------------------- numbers that were wrong


@pytest.mark.parametrize(
    ("small", "due"), [([], date(2026, 12, 18)), (["br_small_agent"], date(2027, 1, 19))]
)
def test_a_small_agent_in_brazil_has_forty_days_for_the_supplement(small: list[str], due: date) -> None:
    found = judged(
        "br-lgpd-48", {"organisation.regulated_as": small}, filed={"initial": "2026-11-19T12:00:00-03:00"}
    )
    assert found["supplement"].due_date == due


def test_the_declaration_of_a_small_agent_in_brazil_is_not_doubled() -> None:
    (period,) = [limb.period for limb in rule("br-lgpd-48/declaration").clock.limbs]
    assert period is not None
    assert [period.amount - 3, *(each.amount - 6 for each in period.variations)] == [3, 3]


def test_a_possible_leak_in_korea_runs_from_learning_of_the_access() -> None:
    found = judged(
        "kr-pipa-34",
        {
            "incident.leak_possible": True,
            "incident.impact": ["integrity"],
            "incident.vector": "hacking",
            "incident.discovered_at": "2026-11-20T09:00:00+09:00",
            "incident.aware_at": "2026-11-21T09:00:00+09:00",
        },
    )["possibility"]
    assert (found.verdict, found.due) == ("applies", datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Asia/Seoul")))


@pytest.mark.parametrize(
    ("records", "verdict"), [(99, "not_applicable"), (100, "advisory"), (101, "advisory")]
)
def test_a_hundred_records_are_enough_in_taiwans_draft(records: int, verdict: str) -> None:
    changes = {"data.records": records, "data.elements": ["contact"], "data.large_scale": False}
    assert judged("tw-pdpa-12-2025", changes)["initial"].verdict == verdict


def test_days_at_the_end_of_the_year_are_counted_by_the_calendar_of_a_state() -> None:
    here = {"organisation.zone": "Australia/Sydney", "incident.determined_at": None}
    changes = {**here, "incident.aware_at": "2026-12-18T09:00:00+11:00"}
    assert judged("au-apra-cps234", changes)["control_weakness"].due_date == date(2027, 1, 6)


@pytest.mark.parametrize("name", ["eu-eprivacy-611", "uk-pecr-5a"])
@pytest.mark.parametrize(("shown", "met"), [(True, True), (False, None), (None, False)])
def test_protection_frees_a_provider_only_if_the_authority_is_satisfied(
    name: str, shown: bool | None, met: bool | None
) -> None:
    changes = {
        "data.encrypted": True,
        "incident.impact": ["confidentiality"],
        "incident.protection_shown": shown,
        "incident.aware_at": "2026-11-20T09:00:00+01:00",
    }
    found = judged(name, changes)["individuals"]
    listed = {each.ground: each for each in found.unless}
    assert found.verdict == "applies"
    assert (listed["unintelligible"].met if "unintelligible" in listed else None) is met
    assert shown is not None or listed["unintelligible"].missing == ("incident.protection_shown",)


# ------------------------------------------------------------------------------------------------ laws of this survey


@pytest.mark.parametrize(
    ("vector", "case", "verdict"),
    [
        ("theft", False, "applies"),
        ("insider", False, "applies"),
        ("ransomware", False, "applies"),
        ("misdelivery", False, "not_applicable"),
        ("misdelivery", True, "applies"),
        ("misdelivery", None, "unknown"),
    ],
)
def test_ontarios_commissioner_hears_of_the_seven_cases_alone(
    vector: str, case: bool | None, verdict: str
) -> None:
    found = judged("ca-on-phipa-12", {"incident.vector": vector, "incident.commissioner_case": case})
    assert (found["individuals"].verdict, found["commissioner"].verdict) == ("applies", verdict)


def test_ontarios_statistics_are_due_on_the_first_of_march() -> None:
    known = {
        "incident.discovered_at": "2026-11-20T09:00:00-05:00",
        "incident.aware_at": "2026-11-20T09:00:00-05:00",
    }
    assert judged("ca-on-phipa-12", known)["annual"].due_date == date(2027, 3, 1)


@pytest.mark.parametrize(
    ("status", "aware", "verdict"),
    [
        ("queensland_agency", "2025-07-02T09:00:00+10:00", "applies"),
        ("queensland_council", "2025-07-02T09:00:00+10:00", "not_applicable"),
        ("queensland_council", "2026-07-01T09:00:00+10:00", "applies"),
        ("queensland_agency", "2025-06-30T09:00:00+10:00", "not_applicable"),
    ],
)
def test_queenslands_councils_came_a_year_after_its_agencies(status: str, aware: str, verdict: str) -> None:
    changes = {f"incident.{name}": aware for name in ("suspicion_at", "aware_at", "reason_to_believe_at")}
    changes["organisation.zone"] = "Australia/Brisbane"
    found = judged("au-qld-ip-3a", {"organisation.regulated_as": [status], **changes})
    assert found["commissioner"].verdict == verdict


@pytest.mark.parametrize(
    ("name", "status", "duties"),
    [
        ("ca-ab-hia-60-1", "alberta_health_custodian", {"commissioner", "minister", "individuals"}),
        ("ca-on-fippa-40-1", "ontario_institution", {"commissioner", "individuals"}),
        ("ca-bc-foippa-36-3", "bc_public_body", {"commissioner", "individuals"}),
        ("ca-nb-phipaa-49", "new_brunswick_health_custodian", {"commissioner", "individuals"}),
        ("ca-nl-phia-15", "newfoundland_health_custodian", {"commissioner", "individuals"}),
        ("au-nsw-ppip-6a", "nsw_public_agency", {"assessment", "commissioner", "individuals"}),
    ],
)
def test_a_law_for_one_kind_of_body_reaches_that_kind_alone(name: str, status: str, duties: set[str]) -> None:
    reached = judged(name, {"organisation.regulated_as": [status]})
    assert {slug for slug, found in reached.items() if found.verdict == "applies"} == duties
    assert {found.verdict for found in judged(name, {"organisation.regulated_as": []}).values()} == {
        "not_applicable"
    }
    asked = judged(name, {"organisation.regulated_as": None})
    assert {found.verdict for found in asked.values() if found.stage != "processor"} == {"unknown"}


@pytest.mark.parametrize(
    ("danger", "verdict"), [(True, "applies"), (False, "not_applicable"), (None, "not_applicable")]
)
def test_a_dangerous_defect_in_china_has_its_day(danger: bool | None, verdict: str) -> None:
    found = judged("cn-network-data-790", {"incident.product_danger": danger})
    assert (found["initial"].verdict, found["product_danger"].verdict) == ("applies", verdict)
    assert judged("cn-dsl-29", {})["users"].verdict == "applies"
