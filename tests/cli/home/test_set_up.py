"""What the settings should know before an incident is asked by doctor, never in the first minutes of an incident."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import ORGANISATION, T0, AtDesk

KNOWN = {
    "established_in": ["DE"],
    "offers_to": [],
    "does_business_in": ["DE"],
    "regulated_as": [],
}
CONTAINED = """\
schema: tocsin/playbook/v1
name: contained
version: 1.0.0
title: Contained
roles: {commander: {title: Incident commander}}
steps:
  - {id: look, task: Look, role: commander, due: 1h}
  - {id: stop, task: Stop it, role: commander, phase: containment, after: [look], due: 1h}
  - {id: laws, duties: [all], after: [look]}
"""
CODES = {"setup_missing", "insurance_missing"}


def asked_by_doctor(desk: AtDesk) -> dict[str, str]:
    found = desk("doctor", "--offline", "--format", "json").json["findings"]
    return {one["code"]: one["hint"] for one in found if one["code"] in CODES}


def test_doctor_asks_for_the_organisation_and_the_insurance_with_the_lines_to_write(tocsin: AtDesk) -> None:
    asked = asked_by_doctor(tocsin)
    assert set(asked) == CODES
    assert [key in asked["setup_missing"] for key in (*KNOWN, "role")] == [True] * 4 + [False]
    tocsin.settings(organisation={**ORGANISATION["organisation"], **KNOWN}, insurance={"policy": "none"})
    assert asked_by_doctor(tocsin) == {}


def test_the_insurance_of_the_settings_becomes_facts_of_an_incident(tocsin: AtDesk, playbook: Path) -> None:
    insurance = {
        "hotline": "+49 30 5550100",
        "policy": "P-1",
        "notice_hours": 24,
        "panel": ["Example Forensics"],
    }
    tocsin.settings(insurance=insurance)
    tocsin.done("open", str(playbook), "--yes")
    facts = {one["key"]: one["value"] for one in tocsin("fact", "show", "--format", "json").json["facts"]}
    assert {key: facts[f"organisation.insurance.{key}"] for key in insurance} == insurance
    assert set(asked_by_doctor(tocsin)) == {"setup_missing"}


def test_a_home_in_which_nobody_can_be_reached_has_an_error(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(insurance={"policy": "none"}, people={"maria": {"name": "Maria Muster"}})
    report = tocsin("doctor", "--offline", "--format", "json")
    found = [one["severity"] for one in report.json["findings"] if one["code"] == "nobody_reached"]
    assert (report.code, report.json["ok"], found) == (4, False, ["error"])
    faults = sum(one["severity"] == "error" for one in report.json["findings"])
    tocsin.done("open", str(playbook), "--yes")
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    waits = sum(one["area"] == "do now" and one["severity"] == "error" for one in found)
    last = tocsin("doctor", "--offline").out.splitlines()[-1]
    assert (waits > 0, re.findall(r"\d+", last)) == (True, [str(faults), str(waits)])


INSURER = """\
schema: tocsin/playbook/v1
name: insurer
version: 1.0.0
title: Insurer
roles: {commander: {title: Incident commander}}
steps:
  - {id: call, task: Call the insurer, role: commander, due: {hours: organisation.insurance.notice_hours, else: 4h}}
"""


def test_the_hours_of_the_policy_are_the_due_time_of_the_call(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "insurer.yaml"
    path.write_text(INSURER, encoding="utf-8")
    tocsin.settings(insurance={"hotline": "+49 30 5550100", "notice_hours": 24})
    tocsin.done("open", str(path), "--yes")

    def due() -> datetime:
        return datetime.fromisoformat(tocsin("task", "show", "call", "--format", "json").json["task"]["due"])

    assert due() == T0 + timedelta(hours=24)
    tocsin.done("fact", "set", "organisation.insurance.notice_hours=48", "--source", "policy")
    assert due() == T0 + timedelta(hours=48)
    assert "organisation.insurance.notice_hours" in tocsin.done("playbook", "card", str(path))


@pytest.mark.parametrize(
    "insurance", [{"hotline": "call Bob"}, {"notice_hours": 0}, {"notice_hours": "soon"}, {"broker": "Bob"}]
)
def test_an_invalid_insurance_is_refused(tocsin: AtDesk, insurance: dict[str, Any]) -> None:
    tocsin.settings(insurance=insurance)
    assert tocsin("status").error == "bad_settings"


DUTCH = {
    "name": "Example B.V.",
    "country": "NL",
    "zone": "Europe/Amsterdam",
    "established_in": ["NL"],
    "offers_to": [],
    "does_business_in": [],
    "regulated_as": [],
    "public_body": False,
    "role": ["controller"],
}


def questions(desk: AtDesk) -> set[str]:
    wanted = desk("status", "--format", "json").json["needs_attention"]
    told = {one["ref"] for one in desk("next", "--format", "json").json["next"]}
    return {one["ref"] for one in wanted if one["kind"] == "fact_missing"} | {
        ref for ref in told if ref.startswith("organisation.")
    }


@pytest.fixture
def contained(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident of an organisation whose settings do not say what it is."""
    (tmp_path / "contained.yaml").write_text(CONTAINED, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "contained.yaml"), "--yes")
    return tocsin


def test_set_up_questions_are_hidden_until_containment_is_done(contained: AtDesk) -> None:
    contained.done("task", "done", "look")
    assert not any(ref.startswith("organisation.") for ref in questions(contained))
    contained.done("task", "done", "stop")
    assert "organisation.regulated_as" in questions(contained)


def test_set_up_questions_are_hidden_for_four_hours_at_most(contained: AtDesk) -> None:
    contained.done("task", "done", "look")
    contained.clock.advance(timedelta(hours=4))
    assert "organisation.regulated_as" in questions(contained)


def test_a_firm_of_one_country_is_asked_about_places_and_not_about_a_law_elsewhere(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    tocsin.settings(organisation=DUTCH)
    (tmp_path / "contained.yaml").write_text(CONTAINED, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "contained.yaml"), "--yes")

    def asked() -> list[Any]:
        found = tocsin("fact", "missing", "--format", "json").json["missing"]
        return [one for one in found if "by_jurisdiction" in one["key"]]

    def undetermined() -> set[str]:
        duties = tocsin("duties", "--format", "json").json["duties"]
        return {one["jurisdiction"] for one in duties if one["verdict"] == "unknown"}

    (one,) = asked()
    assert "us-" not in str(one["holds_up"])
    assert "US-AK" in undetermined(), "not known is not no"
    tocsin.done("fact", "set", "people.by_jurisdiction.NL=120", "people.total=120", "--source", "list")
    assert (asked(), "US-AK" in undetermined()) == ([], False)
    tocsin.done("fact", "set", "people.total=150", "--source", "list")
    assert ([len(asked())], "US-AK" in undetermined()) == ([1], True), "30 people can live anywhere"
