"""The standards of the laws: what a harm test asks, where harm is deemed, which impacts count, and where harm is no question."""

from __future__ import annotations

from typing import Any

import pytest

from runner.law.applicability import Evaluator
from runner.law.grounds import Exemption
from runner.law.populations import View
from runner.law.regime import Regime
from tests.holds_for import holds_for
from tests.law.test_unless import judged
from tests.law.typical import AT, changed, every, one, typical

ASSESSED = {"by": "Ana Adler", "at": AT, "grounds": "came back unread"}
HARM_TESTS = [
    (regime, exemption)
    for regime in every()
    for version in regime.versions
    for exemption in version.exemptions
    if exemption.condition is not None and "risk.harm" in exemption.condition.facts
]
NOT_POSSIBLE = {
    "us-nj-breach": "is not reasonably possible",
    "us-vt-breach": "is not reasonably possible",
    "us-me-breach": "is not reasonably possible",
    "us-glba-interagency-guidance": "is not reasonably possible",
    "us-in-breach": "could result",
    "cn-pipl-57": "effectively avoid harm",
}
"""Laws to which a harm that is merely unlikely is still a harm, with the words."""


@holds_for("regime,exemption", HARM_TESTS, lambda regime, exemption: f"{regime.id} {exemption.code}")
def test_not_possible_is_not_unlikely(regime: Regime, exemption: Exemption) -> None:
    told = {f"{regime.id}/{rule.slug}": AT for rule in regime.versions[0].duties}
    facts = {
        "incident.stage_submitted_at": told,
        "incident.vector": "misdelivery",
        "incident.exfiltration": "none",
        "law_enforcement.engaged": True,
        "data.retrieved": True,
        "organisation.regulated_as": [],
        "risk.harm_assessment": ASSESSED,
    }
    answers = {
        harm: Evaluator(View(changed(typical(regime), {**facts, "risk.harm": harm}))).exempt(exemption)
        for harm in ("none", "unlikely", "likely")
    }
    words = NOT_POSSIBLE.get(regime.id, "")
    assert answers == {"none": True, "unlikely": not words, "likely": False}
    assert words in exemption.text
    assert ("reasonably possible" in exemption.text) is ("possible" in words)


def test_vermonts_notice_of_the_finding_follows_the_same_standard() -> None:
    for harm, verdict in (("unlikely", "not_applicable"), ("none", "applies")):
        found = judged("us-vt-breach", {"risk.harm": harm, "risk.harm_assessment": ASSESSED})
        assert found["attorney_general_no_harm"].verdict == verdict


# --------------------------------------------------------------------------------------------------- deemed harm

QUIET = {"risk.harm": "unlikely", "risk.harm_assessment": ASSESSED, "people.total": 20, "people.by_jurisdiction": {"SG": 20}}  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "named", "verdict"),
    [
        (["payroll"], True, "applies"),
        (["financial"], True, "applies"),
        (["account_number_alone"], True, "applies"),
        (["medical"], True, "applies"),
        (["online_credentials"], False, "applies"),
        (["payroll"], False, "not_applicable"),
        (["payroll"], None, "unknown"),
        (["contact"], True, "not_applicable"),
    ],
)
def test_singapore_deems_harm_before_anybody_assesses_it(
    elements: list[str], named: bool | None, verdict: str
) -> None:
    found = judged("sg-pdpa-26d", {**QUIET, "data.elements": elements, "data.with_name": named})
    assert (found["pdpc"].verdict, found["individuals"].verdict) == (verdict, verdict)
    if verdict == "applies":
        grounds = {slug: {each.ground: each.met for each in found[slug].unless} for slug in found}
        assert "not_of_the_schedule" in grounds["pdpc"]
        assert "harm_made_unlikely" not in grounds["pdpc"], "s. 26D(5) frees from telling people alone"
        assert grounds["individuals"]["harm_made_unlikely"]


# ------------------------------------------------------------------------------------------ the impacts that count


@pytest.mark.parametrize("impact", [["integrity"], ["availability"]])
def test_korea_counts_forgery_alteration_and_damage_since_the_eleventh_of_september_2026(
    impact: list[str],
) -> None:
    breach = {"incident.impact": impact, "incident.vector": "hacking"}
    days: dict[str, Any] = {
        "2026-09-10T12:00:00+09:00": "not_applicable",
        "2026-09-11T12:00:00+09:00": "applies",
    }
    for day, verdict in days.items():
        found = judged("kr-pipa-34", {**breach, "incident.aware_at": day})
        assert {found[slug].verdict for slug in ("individuals", "initial")} == {verdict}, day
    assert (
        judged("kr-pipa-34", {"incident.impact": [], "incident.vector": "ransomware"})["initial"].verdict
        == "applies"
    )


# --------------------------------------------------------------------------------------- where harm is no question

WITHOUT = [f"us-{code}-breach" for code in ("ca", "ga", "il", "mn", "nd", "nv", "pr", "tx", "vi")]
WITHOUT += ["us-hipaa-164-400", "us-hipaa-164-410", "us-42cfr2-16"]


@pytest.mark.parametrize("name", WITHOUT)
def test_harm_is_not_asked_where_the_law_has_no_test_of_it(name: str) -> None:
    version = one(name).versions[0]
    asked = [*version.scope, *(each.condition for each in version.exemptions if each.condition is not None)]
    asked += [each for rule in version.duties for each in (*rule.only_if, *rule.unless)]
    assert not [each.code for each in asked if "risk.harm" in each.facts]


def test_new_york_asks_for_the_harm_within_its_narrow_exception_alone() -> None:
    silent = {"risk.harm": None, "data.encrypted": False}
    for vector, asked in (("hacking", False), ("misdelivery", True)):
        found = judged("us-ny-breach", {**silent, "incident.vector": vector})["individuals"]
        assert (found.verdict, "risk.harm" in found.missing_facts) == ("applies", asked)
