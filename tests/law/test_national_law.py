"""A directive binds through the law of each Member State: standing and dates are the State's own."""

from __future__ import annotations

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
    ("organisation", "aware", "verdict", "told"),
    [
        (only("BE"), NOV, "applies", "the national law of BE is in force"),
        (only("DE"), "2025-12-07T09:00:00+01:00", "applies", "the national law of DE is in force"),
        (only("DE"), "2025-12-05T09:00:00+01:00", "not_applicable", "the national law of DE is in force only from 2025-12-06"),
        (only("NL"), "2026-08-14T09:00:00+02:00", "not_applicable", "in force only from 2026-08-15"),
        (only("IE"), NOV, "advisory", "the national law of IE is not in force (proposed)"),
        (only("US"), NOV, "not_applicable", "no establishment in a Member State"),
        ({"country": "IE"}, NOV, "unknown", "in a Member State whose national law is in force"),
        ({**only("IE"), "established_in": ["IE", "BE"]}, NOV, "applies", "the national law of BE is in force"),
        ({**only("NL"), "established_in": ["NL", "IE"]}, "2026-08-14T09:00:00+02:00", "advisory", "of IE is not in force"),
    ],
)  # fmt: skip
def test_the_standing_is_that_of_the_state(
    organisation: dict[str, Any], aware: str, verdict: str, told: str, nowhere: AtDesk, tmp_path: Path
) -> None:
    duty = warning(nowhere, tmp_path, organisation, aware)
    assert duty["verdict"] == verdict
    assert any(told in text for text in [*(one["text"] for one in duty["because"]), *duty["notes"]]), duty


def test_an_unknown_place_is_asked_for(nowhere: AtDesk, tmp_path: Path) -> None:
    duty = warning(nowhere, tmp_path, {}, NOV)
    wanted = {f"organisation.{name}" for name in ("country", "established_in", "main_establishment")}
    assert (duty["verdict"], set(duty["missing_facts"])) == ("unknown", wanted)


def test_what_was_not_confirmed_of_a_state_is_told(nowhere: AtDesk, tmp_path: Path) -> None:
    duty = warning(nowhere, tmp_path, only("AT"), NOV)
    assert duty["verdict"] == "applies"
    assert "unverified: whether the national law of AT is in force was not confirmed" in duty["notes"]


def test_one_entity_in_a_state_without_a_law_does_not_free_its_sister(
    nowhere: AtDesk, tmp_path: Path
) -> None:
    entities = [{"id": one, "country": country, "regulated_as": ["nis2_essential"]} for one, country in (("a", "IE"), ("b", "BE"))]  # fmt: skip
    populations = [{"id": "x", "entity": "a"}, {"id": "y", "entity": "b"}]
    duty = warning(nowhere, tmp_path, {"entities": entities}, NOV, populations=populations)
    assert (duty["verdict"], duty["populations"]) == ("applies", ["y"])


def test_a_regime_shows_the_standing_of_each_state(nowhere: AtDesk) -> None:
    shown = nowhere.done("regime", "show", "eu-nis2-23")
    assert "IT from 2026-01-01" in shown
    assert "IE proposed" in shown


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


def test_mistakes_in_it_are_told_with_their_lines(nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "eu-x.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    said = nowhere("regime", "check", str(file))
    assert said.code == 1
    told = " ".join(said.out.split())
    assert "there is no fact 'organisation.land'" in told
    assert "this is no jurisdiction" in told
    assert "'perhaps' is not possible here" in told
