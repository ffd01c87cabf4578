"""No duty ends by a bare "no risk" or by silence: harm is presumed until it is assessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from tests.cli.at_desk import AtDesk
from tests.holds_for import holds_for
from tests.law.typical import AT, Facts, changed, every, one, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASSESSMENT = {"risk.harm_assessment.at", "risk.harm_assessment.by", "risk.harm_assessment.grounds"}
ASSESSED = {"by": "Ana Adler", "at": AT, "grounds": "the only copy came back unread"}
SEVERE = {"risk.to_people": "high", "risk.harm": "likely", "risk.low_probability_of_compromise": False}
LOW = {
    "risk.to_people": "unlikely",
    "risk.harm": "none",
    "risk.low_probability_of_compromise": True,
    "risk.people_must_know": False,
}


def judged(name: str, facts: Facts) -> dict[str, DutyStatus]:
    """Judge one law; duties by slug."""
    return {one_.id.partition("/")[2]: one_ for one_ in assess([one(name)], facts, NOW)}


def of(name: str, changes: dict[str, Any]) -> dict[str, DutyStatus]:
    """Judge one law for an entity that is all it asks for, in some ways changed."""
    return judged(name, changed(typical(one(name)), {"risk.harm_assessment": None, **changes}))


@holds_for("name", [regime.id for regime in every()])
def test_a_high_risk_duty_does_not_end_at_an_unassessed_low_risk(name: str) -> None:
    severe, low = of(name, SEVERE), of(name, LOW)
    fell = [
        slug
        for slug, status in low.items()
        if status.verdict == "not_applicable" and severe[slug].verdict == "applies"
    ]
    assert not fell


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


def through_the_command(desk: AtDesk, folder: Path, facts: Facts) -> dict[str, Any]:
    """Judge facts as a person does; duties by id."""
    file = folder / "facts.yaml"
    where = {f"organisation.{key}": ["DE"] for key in ("established_in", "offers_to", "does_business_in")}
    facts = changed(
        facts, {path: here for path, here in where.items() if "EU" in facts["organisation"]["offers_to"]}
    )
    file.write_text(
        yaml.safe_dump({"schema": "tocsin/facts/v1", "source": "test", **facts}), encoding="utf-8"
    )
    said = desk("duties", "--facts", str(file), "--at", "2026-11-24T12:00:00Z", "--format", "json")
    assert said.code == 0, said.err
    return {duty["id"]: duty for duty in said.json["duties"]}


FALLS = [
    ("eu-gdpr-34-data-subjects/individuals", {"risk.to_people": "unlikely"}),
    ("uk-gdpr-33-34/individuals", {"risk.to_people": "unlikely"}),
    ("br-lgpd-48/initial", {"risk.to_people": "unlikely"}),
    ("ca-pipeda-10-1/individuals", {"risk.harm": "unlikely"}),
    ("au-ndb/individuals", {"risk.harm": "none"}),
    ("ch-fadp-24/individuals", {"risk.people_must_know": False}),
]


@pytest.mark.parametrize(("duty", "low"), FALLS)
def test_a_low_risk_counts_only_with_the_name_the_time_and_the_grounds(
    duty: str, low: dict[str, Any], nowhere: AtDesk, tmp_path: Path
) -> None:
    facts = changed(typical(one(duty.partition("/")[0])), {"risk.harm_assessment": None, **low})
    found = through_the_command(nowhere, tmp_path, facts)[duty]
    assert (found["verdict"], set(found["missing_facts"])) == ("applies", ASSESSMENT)
    [presumed] = [one for one in found["unless"] if one["ground"].startswith("not ")]
    assert (set(presumed["missing"]), presumed["met"]) == (ASSESSMENT, False)
    assert any("no assessment by a named person" in reason["text"] for reason in found["because"])
    half = changed(facts, {"risk.harm_assessment": {key: ASSESSED[key] for key in ("by", "at")}})
    assert set(through_the_command(nowhere, tmp_path, half)[duty]["missing_facts"]) == {
        "risk.harm_assessment.grounds"
    }
    whole = changed(facts, {"risk.harm_assessment": ASSESSED})
    assert through_the_command(nowhere, tmp_path, whole)[duty]["verdict"] == "not_applicable"


def test_a_position_of_counsel_is_an_assessment_as_well(nowhere: AtDesk, tmp_path: Path) -> None:
    duty = "eu-gdpr-34-data-subjects/individuals"
    facts = changed(typical(one("eu-gdpr-34-data-subjects")), {"risk.harm_assessment": None, **LOW})
    claim = {
        "regime": "eu-gdpr-34-data-subjects",
        "position": "not high_risk",
        "by": "J. Jansen",
        "grounds": "x",
    }
    found = through_the_command(nowhere, tmp_path, {**facts, "claims": [{"id": "c", **claim}]})[duty]
    assert found["verdict"] == "not_applicable"


def test_an_existing_risk_is_no_exemption_and_needs_no_assessment() -> None:
    found = of("eu-gdpr-34-data-subjects", {"risk.to_people": "risk"})["individuals"]
    assert (found.verdict, found.missing_facts) == ("not_applicable", ())


def test_a_duty_because_of_low_risk_applies_without_an_assessment() -> None:
    assert of("us-sd-breach", {"risk.harm": "none"})["attorney_general_no_harm"].verdict == "applies"
