"""A directive binds through the law of each Member State: standing and dates are the State's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.at_desk import AtDesk

WARNING = "eu-nis2-23/early_warning"


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


def warning(
    desk: AtDesk,
    folder: Path,
    organisation: dict[str, Any],
    aware: str,
    at: str = "2026-11-24T12:00:00Z",
    **more: Any,
) -> dict[str, Any]:
    """Judge a significant incident at an essential entity; return the duty of the early warning."""
    facts: dict[str, Any] = {
        "organisation": {"regulated_as": ["nis2_essential"], **organisation},
        "incident": {"significant": True, "aware_at": aware},
        **more,
    }
    file = folder / "facts.yaml"
    file.write_text(yaml.safe_dump({"schema": "tocsin/facts/v1", "source": "t", **facts}), encoding="utf-8")
    said = desk("duties", "--facts", str(file), "--at", at, "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, Any] = next(duty for duty in said.json["duties"] if duty["id"] == WARNING)
    return found


def only(country: str) -> dict[str, Any]:
    """Return an organisation that is in one State alone."""
    return {"country": country, "established_in": [country], "main_establishment": country}


NOV = "2026-11-23T09:00:00+01:00"


@pytest.mark.parametrize(
    ("organisation", "aware", "verdict", "named"),
    [
        (only("BE"), NOV, "applies", ["BE"]),
        (only("DE"), "2025-12-07T09:00:00+01:00", "applies", ["DE"]),
        (only("DE"), "2025-12-05T09:00:00+01:00", "not_applicable", ["DE", "2025-12-06"]),
        (only("NL"), "2026-08-14T09:00:00+02:00", "not_applicable", ["NL", "2026-08-15"]),
        (only("IE"), NOV, "advisory", ["IE", "proposed"]),
        (only("US"), NOV, "not_applicable", []),
        (only("AT"), NOV, "applies", ["AT"]),
        (only("AT"), "2026-09-30T09:00:00+02:00", "not_applicable", ["AT", "2026-10-01"]),
        (only("PL"), "2026-04-02T09:00:00+02:00", "not_applicable", ["PL", "2026-04-03"]),
        (only("EE"), NOV, "unknown", ["EE"]),
        (only("LU"), "2025-01-01T09:00:00+01:00", "unknown", ["LU"]),
        (only("CY"), "2025-04-24T09:00:00+03:00", "unknown", ["CY"]),
        (only("CY"), NOV, "applies", ["CY"]),
        ({**only("EE"), "established_in": ["EE", "BE"]}, NOV, "applies", ["BE"]),
        ({**only("EE"), "established_in": ["EE", "ES"]}, NOV, "unknown", ["EE"]),
        ({"country": "IE"}, NOV, "unknown", []),
        ({**only("IE"), "established_in": ["IE", "BE"]}, NOV, "applies", ["BE"]),
        ({**only("NL"), "established_in": ["NL", "IE"]}, "2026-08-14T09:00:00+02:00", "advisory", ["IE", "proposed"]),
    ],
)  # fmt: skip
def test_the_standing_is_that_of_the_state(
    organisation: dict[str, Any],
    aware: str,
    verdict: str,
    named: list[str],
    nowhere: AtDesk,
    tmp_path: Path,
) -> None:
    """Its reason names the State whose law it is, from when that is in force, or how it stands."""
    duty = warning(nowhere, tmp_path, organisation, aware)
    assert duty["verdict"] == verdict
    (why,) = (one["text"] for one in duty["because"] if one["code"] == "national_law")
    assert re.findall(r"\b[A-Z]{2}\b|\d{4}-\d\d-\d\d|proposed", why) == named


def test_an_unknown_place_is_asked_for(nowhere: AtDesk, tmp_path: Path) -> None:
    duty = warning(nowhere, tmp_path, {}, NOV)
    wanted = {f"organisation.{name}" for name in ("country", "established_in", "main_establishment")}
    assert (duty["verdict"], set(duty["missing_facts"])) == ("unknown", wanted)


def test_a_first_day_that_is_not_confirmed_is_noted_in_the_duty(nowhere: AtDesk, tmp_path: Path) -> None:
    duty = warning(nowhere, tmp_path, only("GR"), NOV)
    assert duty["verdict"] == "applies"
    assert [note for note in duty["notes"] if "GR" in note.split()], duty["notes"]


def claim(position: str) -> dict[str, Any]:
    """Return a position of counsel on the national law."""
    taken = {"id": "c", "regime": "eu-nis2-23", "position": position, "by": "Cleo", "grounds": "gazette read"}
    return {"claims": [taken]}


@pytest.mark.parametrize(
    ("position", "verdict"), [("national_law", "applies"), ("not national_law", "not_applicable")]
)
def test_counsel_is_asked_about_a_state_without_a_day(
    position: str, verdict: str, nowhere: AtDesk, tmp_path: Path
) -> None:
    asked = warning(nowhere, tmp_path, only("EE"), NOV)
    assert (asked["missing_facts"], asked["in_sight"]) == (["claims.national_law.position"], True)
    assert asked["due"] == "2026-11-24T08:00:00Z"
    assert warning(nowhere, tmp_path, only("EE"), NOV, **claim(position))["verdict"] == verdict


def test_a_state_with_a_shorter_period_has_its_own(nowhere: AtDesk, tmp_path: Path) -> None:
    assert warning(nowhere, tmp_path, only("CY"), NOV)["due"] == "2026-11-23T14:00:00Z"
    assert warning(nowhere, tmp_path, only("BE"), NOV)["due"] == "2026-11-24T08:00:00Z"


def test_an_entity_in_a_state_without_a_law_exempts_no_sister(nowhere: AtDesk, tmp_path: Path) -> None:
    entities = [{"id": one, "country": country, "regulated_as": ["nis2_essential"]} for one, country in (("a", "IE"), ("b", "BE"))]  # fmt: skip
    populations = [{"id": "x", "entity": "a"}, {"id": "y", "entity": "b"}]
    duty = warning(nowhere, tmp_path, {"entities": entities}, NOV, populations=populations)
    assert (duty["verdict"], duty["populations"]) == ("applies", ["y"])


def test_a_regime_shows_the_standing_of_each_state(nowhere: AtDesk) -> None:
    scope = nowhere("regime", "show", "eu-nis2-23", "--format", "json").json["scope"]
    states = {one[:2]: one for one in re.findall(r"\b[A-Z]{2}\b[^,]*", scope[0])}
    assert ("2026-01-01" in states["IT"], "proposed" in states["IE"]) == (True, True)


BROKEN = """\
schema: tocsin/regime/v1
id: eu-x
name: X
jurisdictions: [EU]
citation: X
source: {url: "https://example.org", checked: "2026-11-24"}
confidence: unverified
in_force: {from: 2024-10-18}
through_national_law:
  of: [organisation.land]
  states: {BE: {}, Belgium: {standing: perhaps}}
duties:
  - {slug: initial, recipient: csirt, clock: {from: incident.aware_at, amount: 24, unit: hours}}
"""


def test_errors_in_national_law_are_reported_with_their_lines(nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "eu-x.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    said = nowhere("regime", "check", str(file), "--format", "json")
    assert said.code == 1
    assert [(problem["line"], problem["column"], problem["code"]) for problem in said.json["problems"]] == [
        (10, 8, "regime-fact"),
        (11, 20, "regime-place"),
        (11, 40, "regime-choice"),
    ]
