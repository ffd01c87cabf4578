"""An unclaimed exemption ends no duty, in any law; it is shown beside the duty."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.law.applicability import Evaluator
from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from runner.law.populations import View
from tests.holds_for import holds_for
from tests.law.typical import AT, Facts, changed, every, one, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = [regime.id for regime in every()]
SILENT: Facts = dict.fromkeys(
    (
        "risk.harm",
        "risk.to_people",
        "risk.people_must_know",
        "risk.low_probability_of_compromise",
        "data.encrypted",
        "data.key_compromised",
        "data.retrieved",
        "people.good_faith_only",
    )
)
"""Nothing is known that an exemption could rest on."""
EXEMPT: Facts = {
    "risk.harm": "none",
    "risk.low_probability_of_compromise": True,
    "risk.harm_assessment": {"by": "Ana Adler", "at": AT, "grounds": "came back unread"},
    "data.encrypted": True,
    "data.key_compromised": False,
    "data.retrieved": True,
    "people.good_faith_only": True,
    "incident.impact": ["confidentiality"],
    "incident.exfiltration": "none",
    "law_enforcement.engaged": True,
}
"""Everything speaks for every exemption; only that harm is a condition of a law itself is left to another test."""


def judged(name: str, changes: dict[str, Any]) -> dict[str, DutyStatus]:
    """Judge one law for an entity that is all it asks for, in some ways changed; duties by slug."""
    statuses = assess([one(name)], changed(typical(one(name)), changes), NOW)
    return {status.id.partition("/")[2]: status for status in statuses}


@holds_for("name", NAMES)
def test_without_harm_facts_duties_apply_as_at_the_greatest_harm(name: str) -> None:
    severe, silent = judged(name, {}), judged(name, SILENT)
    assert {slug: one.verdict for slug, one in silent.items()} == {
        slug: one.verdict for slug, one in severe.items()
    }


@holds_for("name", NAMES)
def test_an_unclaimed_exemption_ends_no_duty(name: str) -> None:
    likely = {path: value for path, value in EXEMPT.items() if path != "risk.harm"}
    severe, exempt = judged(name, {"incident.impact": ["confidentiality"]}), judged(name, likely)
    fell = [slug for slug, one in severe.items() if one.verdict == "applies" != exempt[slug].verdict]
    assert not fell


@holds_for("name", NAMES)
def test_every_exemption_that_facts_can_meet_is_met_by_these(name: str) -> None:
    """Otherwise the test above would say nothing."""
    law = one(name)
    told = {f"{name}/{rule.slug}": AT for rule in law.versions[0].duties}
    steps = {
        "incident.stage_submitted_at": told,
        "incident.vector": "misdelivery",
        "risk.to_people": "unlikely",
    }
    facts = changed(typical(law), {**EXEMPT, **steps, "organisation.regulated_as": []})
    judge = Evaluator(View(facts))
    able = [
        exemption
        for exemption in law.versions[0].exemptions
        if exemption.condition is not None and not exemption.about_us
    ]
    assert not [exemption.code for exemption in able if judge.exempt(exemption) is not True]


@pytest.mark.parametrize("path", ["organisation.role", "data.involved", "organisation.country"])
def test_a_missing_fact_of_scope_still_gives_unknown(path: str) -> None:
    law = "eu-gdpr-33-controller-sa"
    nothing = {**SILENT, path: None, "data.elements": None}
    if path == "organisation.country":
        nothing |= dict.fromkeys(
            f"organisation.{key}" for key in ("established_in", "main_establishment", "offers_to")
        )
    found = judged(law, nothing)["initial"]
    assert (found.verdict, found.unless) == ("unknown", ())
    assert "risk.to_people" not in found.missing_facts


def test_an_exemption_that_is_met_for_some_people_alone_names_them() -> None:
    staff = {"id": "staff", "data": {"elements": ["ssn"], "with_name": True, "encrypted": True, "key_compromised": False},
             "people": {"by_jurisdiction": {"US-CA": 300}}}  # fmt: skip
    plain = {"elements": ["ssn"], "with_name": True, "encrypted": False}
    users = {**staff, "id": "users", "data": plain}
    base = changed(typical(one("us-ca-breach")), {"incident.impact": ["confidentiality"]})
    facts = {key: part for key, part in base.items() if key not in ("data", "people")}
    [letters, *_] = assess([one("us-ca-breach")], {**facts, "populations": [staff, users]}, NOW)
    [harbour] = [each for each in letters.unless if each.ground == "encryption_safe_harbour"]
    assert (harbour.met, harbour.populations, letters.populations) == (False, ("staff",), ("staff", "users"))
    [letters, *_] = assess([one("us-ca-breach")], {**facts, "populations": [staff]}, NOW)
    assert [(each.ground, each.populations) for each in letters.unless if each.met] == [
        ("encryption_safe_harbour", ())
    ]
