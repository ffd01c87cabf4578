"""Classes of fault about place, time and reach, each checked over all laws: when a law binds, where a day ends, what starts a period."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from runner.app.core.public_holidays import PublicHolidays
from runner.base.jurisdictions import EU_MEMBERS
from runner.law.applicability import Evaluator
from runner.law.assessment import assess
from runner.law.clock import Limb
from runner.law.counting import last_day
from runner.law.duty import DutyStatus
from runner.law.grounds import Condition
from runner.law.populations import View
from runner.law.regime import DutyRule, Regime, Version
from runner.reports.law.duties import running
from runner.reports.law.duty_rows import start_words, time_left
from tests.holds_for import holds_for
from tests.law.typical import Facts, changed, every, one, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3650)
BY_LAW = holds_for("regime", every(), lambda regime: regime.id)
CALENDAR = PublicHolidays()


def judged(regime: Regime, facts: Facts, now: datetime = NOW) -> dict[str, DutyStatus]:
    """Judge one law; duties by slug."""
    return {status.id.partition("/")[2]: status for status in assess([regime], facts, now, calendar=CALENDAR)}


def clocks(regime: Regime) -> Iterator[tuple[DutyRule, Limb]]:
    """Return each limb of each duty, with its duty."""
    for rule in regime.versions[0].duties:
        for limb in rule.clock.limbs:
            yield rule, limb


# ----------------------------------------------------------------------------------------- when a law binds, K13


@BY_LAW
def test_no_law_is_in_force_without_its_first_day_or_the_reason_why_it_has_none(regime: Regime) -> None:
    for version in regime.versions:
        assert version.standing != "in_force" or version.from_date or version.until or regime.effective_note


@BY_LAW
def test_each_state_of_a_directive_has_a_day_and_a_source_or_is_not_confirmed(regime: Regime) -> None:
    for version in regime.versions:
        if version.national is None:
            continue
        assert {state.place for state in version.national.states} == EU_MEMBERS
        for state in version.national.states:
            assert state.source or not state.confirmed, state.place
            assert state.from_date or not state.confirmed or state.standing != "in_force", state.place


# -------------------------------------------------------------------------------------- never late if it does not bind, K14


def not_binding(regime: Regime) -> bool:
    """Whether the newest version is proposed, adopted, delayed or advisory, or begins later."""
    newest = regime.versions[0]
    return newest.standing != "in_force" or bool(newest.from_date and newest.from_date > NOW.date())


NOT_BINDING = [regime for regime in every() if not_binding(regime)]


@pytest.mark.parametrize("regime", NOT_BINDING, ids=lambda regime: regime.id)
def test_a_law_that_does_not_bind_is_never_late_and_in_no_list_of_deadlines(regime: Regime) -> None:
    filed = {f"{regime.id}/{rule.slug}": LATER.isoformat() for rule in regime.versions[0].duties}
    day = "2026-11-20T09:00:00+00:00"
    for facts in (typical(regime), changed(typical(regime), {"incident.stage_submitted_at": filed})):
        facts = changed(facts, {"incident.ransom_paid_at": day})
        for now in (NOW, LATER) if regime.versions[0].standing != "in_force" else (NOW,):
            found = [
                one_
                for one_ in judged(regime, facts, now).values()
                if one_.law_version == regime.versions[0].label
            ]
            for status in found:
                assert status.verdict in ("advisory", "not_applicable"), status.id
                assert status.state in ("open", "filed"), status.id
                assert time_left(status, now).tone != "alarm"
                assert not start_words(status, now)
                assert not [note for note in status.notes if note.startswith("overdue")]
            assert not running(found, now)


def test_there_are_laws_that_do_not_bind() -> None:
    names = {regime.id for regime in NOT_BINDING}
    assert {
        "us-circia",
        "uk-csr-bill",
        "tw-pdpa-12-2025",
        "au-wa-pris",
        "in-dpdp-7",
        "uk-fca-pra-2027",
    } <= names


# --------------------------------------------------------------------------------------------- where a day ends, K15


@BY_LAW
def test_each_law_of_a_place_has_the_zone_where_its_days_end(regime: Regime) -> None:
    assert bool(regime.zone) is ("EU" not in regime.jurisdictions)
    if regime.zone:
        ZoneInfo(regime.zone)


@BY_LAW
def test_days_end_in_the_zone_of_the_recipient_or_at_its_closing_time(regime: Regime) -> None:
    facts = changed(typical(regime), {"organisation.zone": "Asia/Tokyo"})
    found = judged(regime, facts)
    for rule in regime.versions[0].duties:
        status = found.get(rule.slug)
        if status is None or status.due is None or status.due_kind not in ("date", "instant"):
            continue
        cut = rule.clock.cut_off
        zone = ZoneInfo(cut.zone if cut else rule.clock.zone or regime.zone or "Asia/Tokyo")
        ends = status.due.astimezone(zone)
        if cut is not None:
            assert (ends.time(), status.due_kind) == (time.fromisoformat(cut.time), "instant")
        elif status.due_kind == "date":
            assert (ends.time(), ends.date()) == (time(23, 59, 59), status.due_date)


def test_ten_at_night_in_san_francisco_counts_there_and_ends_in_tallahassee() -> None:
    known = "2026-03-02T22:00:00-08:00"
    facts = changed(
        typical(one("us-fl-breach")),
        {
            "organisation.zone": "America/Los_Angeles",
            **{
                f"incident.{name}": known
                for name in ("determined_at", "reason_to_believe_at", "discovered_at")
            },
        },
    )
    due = judged(one("us-fl-breach"), facts, datetime(2026, 3, 5, tzinfo=UTC))["individuals"].due
    assert due == datetime(2026, 4, 1, 23, 59, 59, tzinfo=ZoneInfo("America/New_York"))


# ------------------------------------------------------------------------------------------- holidays by place, K16

NATIONAL = {
    "US": "federal holidays: one of a state alone could only move the day later",
    "BR": "Res. CD/ANPD 1/2021 Art. 8: national holidays",
    "CO": "holidays are national",
    "EC": "holidays are national",
    "JP": "holidays are national",
}
"""Countries whose calendar needs no subdivision, with the reason."""


@BY_LAW
def test_working_days_name_a_calendar_of_the_place_that_counts(regime: Regime) -> None:
    for rule, limb in clocks(regime):
        if limb.period is not None and "business" in limb.period.unit:
            place = rule.clock.holidays
            assert place, rule.slug
            assert place in NATIONAL or "-" in place, rule.slug


@pytest.mark.parametrize(
    ("start", "ends"),
    [(date(2026, 12, 24), date(2026, 12, 29)), (date(2027, 12, 24), date(2027, 12, 29))],
)
def test_substitute_holidays_of_a_state_are_no_working_days(start: date, ends: date) -> None:
    assert one("au-apra-cps234").versions[0].duties[1].clock.holidays == "AU-NSW"
    assert last_day(start, 1, "business_days", "BUS-EXCL", CALENDAR, "AU-NSW") == ends


# ---------------------------------------------------------------------------------------- the start as written, K17

STARTS = {
    r"\bdiscover": {"incident.discovered_at", "incident.reported_by_processor_at"},
    r"\bdetect": {"incident.detected_at"},
    r"\bidentif": {"incident.scope_identified_at", "incident.discovered_at", "incident.detected_at"},
    r"\bdetermin|\bconclud|\bdecides that": {
        "incident.determined_at",
        "incident.materiality_determined_at",
        "incident.classified_at",
        "incident.assessment_done_at",
        "incident.new_information_at",
        "risk.harm_assessment.at",
    },
    r"\baware|\bknowing\b|\bknowledge|\blearn": {"incident.aware_at", "incident.discovered_at"},
    r"\bbeliev|reasonable (basis|grounds)|the belief": {
        "incident.reason_to_believe_at",
        "incident.classified_at",
    },
    r"\bconfirm(ation|ing|ed that)": {"incident.confirmed_at", "incident.new_information_at"},
    r"\boccurrence|of (it|the breach) occurring": {"incident.occurred_at"},
    r"\bpayment|\bpaid": {"incident.ransom_paid_at", "incident.new_information_at"},
    r"\bclassif": {"incident.classified_at"},
    r"on request|\brequested": {"incident.requested_at"},
    r"\bsuspicion|\bsuspect|credible grounds": {"incident.suspicion_at", "incident.reason_to_believe_at"},
    r"\bresol|\bhandling|\beradicat|\bclosure": {
        "incident.resolved_at",
        "incident.recovered_at",
        "incident.new_information_at",
    },
}
"""Words of a law that name the start of its period → the facts that may be that start."""


@BY_LAW
def test_each_period_starts_with_the_fact_that_its_words_name(regime: Regime) -> None:
    for version in regime.versions:
        for rule in version.duties:
            facts = {fact for limb in rule.clock.limbs for fact in limb.start.facts}
            words = rule.clock.standard.lower()
            named = [starts for pattern, starts in STARTS.items() if re.search(pattern, words)]
            if facts and named:
                assert facts & set().union(*named), (rule.slug, words, facts)


# -------------------------------------------------------------------------------------- which losses a law knows, K9

VERBS = re.compile(r"acquir|acquisition|access|disclos|use\b|used|obtain|breach of system security")
"""What a definition says that knows of confidentiality alone."""


def impacts(regime: Regime, condition: Condition) -> set[str]:
    """Return the impacts with which a condition on them can hold."""
    facts = {"incident.vector": "hacking", "incident.malicious": False}
    return {
        lost
        for lost in ("confidentiality", "integrity", "availability")
        if Evaluator(View(changed(typical(regime), {**facts, "incident.impact": [lost]}))).raw(condition)
        is not False
    }


def about_impact(version: Version) -> Iterator[Condition]:
    """Return the conditions that ask what was lost."""
    for condition in (*version.scope, *(each for rule in version.duties for each in rule.only_if)):
        if "incident.impact" in condition.facts:
            yield condition


@BY_LAW
def test_a_law_that_knows_confidentiality_alone_says_so_in_its_own_verbs(regime: Regime) -> None:
    for condition in about_impact(regime.versions[0]):
        if impacts(regime, condition) == {"confidentiality"}:
            assert VERBS.search(condition.text), condition.text


@pytest.mark.parametrize(
    ("name", "known", "verbs"),
    [
        ("za-popia-22", {"confidentiality"}, ("accessed", "acquired")),
        ("ke-dpa-43", {"confidentiality"}, ("accessed", "acquired")),
        ("ph-dpa-16-03", {"confidentiality"}, ("acquired",)),
        ("tr-kvkk-12", {"confidentiality"}, ("obtained",)),
        ("ug-dppa-23", {"confidentiality"}, ("accessed", "acquired")),
        ("kr-pipa-34", {"confidentiality", "integrity", "availability"}, ("forgery", "alteration", "damage")),
    ],
)  # fmt: skip
def test_the_definition_of_a_breach_is_quoted_beside_the_scope(
    name: str, known: set[str], verbs: tuple[str, ...]
) -> None:
    regime = one(name)
    found = [
        each for each in about_impact(regime.versions[0]) if set(verbs) <= set(re.findall(r"\w+", each.text))
    ]
    assert found
    assert impacts(regime, found[0]) == known


# ------------------------------------------------------------------------------------------------ displacement, K19


@pytest.mark.parametrize(
    ("record", "ndb", "mhr"),
    [
        ("only", "not_applicable", "applies"),
        ("also", "applies", "applies"),
        ("none", "applies", "not_applicable"),
    ],
)
def test_a_notice_under_the_my_health_records_act_takes_the_other_away(
    record: str, ndb: str, mhr: str
) -> None:
    facts = changed(
        typical(one("au-ndb")),
        {"incident.my_health_record": record, "organisation.regulated_as": ["my_health_record_participant"]},
    )
    assert judged(one("au-ndb"), facts)["initial"].verdict == ndb
    assert judged(one("au-mhr-75"), facts)["system_operator"].verdict == mhr


def test_a_state_authority_tells_the_system_operator_alone() -> None:
    facts = changed(
        typical(one("au-mhr-75")),
        {
            "organisation.regulated_as": ["my_health_record_participant", "nsw_public_agency"],
            "data.elements": ["medical"],
        },
    )
    found = judged(one("au-mhr-75"), facts)
    assert (found["system_operator"].verdict, found["information_commissioner"].verdict) == (
        "applies",
        "not_applicable",
    )
    assert judged(one("au-ndb"), facts)["initial"].verdict == "not_applicable"
    assert judged(one("au-nsw-ppip-6a"), facts)["commissioner"].verdict == "applies"
