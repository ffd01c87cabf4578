"""A law-enforcement hold delays the duties it was asked for, where the law hears the one who asked, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.at_desk import AtDesk
from tests.law.test_traps import SHOP
from tests.law.typical import changed

FROM = {"agency": "FBI", "officer": "A. Agent", "form": "written", "from": "2026-10-20T09:00:00-04:00"}
CA, NY, AL = (f"us-{state}-breach/individuals" for state in ("ca", "ny", "al"))
EU = "eu-gdpr-34-data-subjects/individuals"


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


def held(desk: AtDesk, folder: Path, hold: dict[str, Any]) -> dict[str, Any]:
    """Judge a shop with customers in three states and in Germany, long after every deadline; duties by id."""
    facts = changed(
        SHOP,
        {
            "organisation.role": ["data_owner", "controller"],
            "organisation.offers_to": ["DE"],
            "people.by_jurisdiction": {"US-CA": 900, "US-NY": 900, "US-AL": 900, "DE": 900},
            "risk.to_people": "high",
            "law_enforcement.hold": {**FROM, **hold},
        },
    )
    file = folder / "facts.yaml"
    file.write_text(yaml.safe_dump({"schema": "tocsin/facts/v1", "source": "t", **facts}), encoding="utf-8")
    said = desk("duties", "--facts", str(file), "--at", "2027-03-01T12:00:00Z", "--format", "json")
    assert said.code == 0, said.err
    return {duty["id"]: duty for duty in said.json["duties"]}


@pytest.mark.parametrize(
    ("hold", "duties"),
    [
        ({}, {CA, NY, EU}),
        ({"authority": "federal"}, {CA, NY, AL, EU}),
        ({"authority": "local"}, {CA, NY, EU}),
        ({"authority": "federal", "country": "US"}, {CA, NY, AL}),
        ({"country": "DE"}, {EU}),
        ({"only_for": ["us-ca-breach"]}, {CA}),
        ({"only_for": ["us-ny-breach/individuals", "us-ca-breach"]}, {CA, NY}),
    ],
)
def test_a_hold_delays_only_its_requested_duties_of_a_recognised_authority(
    hold: dict[str, Any], duties: set[str], nowhere: AtDesk, tmp_path: Path
) -> None:
    found = held(nowhere, tmp_path, hold)
    assert {duty for duty in (CA, NY, AL, EU) if found[duty]["state"] == "held"} == duties


def test_a_duty_outside_a_hold_states_the_reason(nowhere: AtDesk, tmp_path: Path) -> None:
    notes = held(nowhere, tmp_path, {"authority": "local", "country": "US", "only_for": ["us-al-breach"]})
    told = {duty: [note for note in notes[duty]["notes"] if "FBI" in note] for duty in (CA, AL, EU)}
    assert [note.endswith(" us-al-breach") for note in (*told[CA], *told[EU])] == [True, True]
    assert [set(re.findall(r"\w+", note)) >= {"federal", "state", "local"} for note in told[AL]] == [True]
    unknown = held(nowhere, tmp_path, {})[AL]["notes"]
    assert any("(law_enforcement.hold.authority)" in note for note in unknown)
    abroad = held(nowhere, tmp_path, {"country": "US"})[EU]["notes"]
    assert any("authority of US" in note for note in abroad)
