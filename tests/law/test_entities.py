"""Several legal entities in one incident: each is judged by its own role, country and regulation."""

from __future__ import annotations

import importlib.resources
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.facts.vocabulary.register import Fact, nested
from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from runner.law.files.regime_file import load_regime

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FOLDER = importlib.resources.files("playbooks") / "regimes"


def judged(facts: dict[str, Any], *names: str) -> dict[str, DutyStatus]:
    regimes = [load_regime((FOLDER / f"{name}.yaml").read_bytes(), name) for name in names]
    return {status.id: status for status in assess(regimes, facts, NOW)}


def group(**entities: dict[str, Any]) -> dict[str, Any]:
    """A group that is a controller in Germany, with one population for each entity."""
    return {
        "organisation": {
            "role": ["controller"],
            "country": "DE",
            "established_in": ["DE"],
            "regulated_as": [],
            "offers_to": [],
            "entities": entities,
        },
        "incident": {"aware_at": "2026-11-24T09:00:00Z", "impact": ["confidentiality"]},
        "risk": {"to_people": "risk"},
        "populations": {
            name: {"entity": name, "data": {"involved": True}, "people": {"total": 10}} for name in entities
        },
    }


def test_recorded_entities_are_assessed_individually() -> None:
    values = {
        "organisation.role": ["controller"],
        "organisation.country": "DE",
        "organisation.entities.shop.country": "FR",
        "organisation.entities.shop.role": "controller",
        "organisation.entities.host.country": "FR",
        "organisation.entities.host.role": "processor",
        "populations.buyers.entity": "shop",
        "populations.buyers.data.involved": True,
        "populations.guests.entity": "host",
        "populations.guests.data.involved": True,
        "incident.aware_at": "2026-11-24T09:00:00Z",
        "incident.impact": ["confidentiality"],
        "risk.to_people": "risk",
    }
    facts = nested({key: Fact(key=key, value=value, source="test", at=NOW) for key, value in values.items()})
    status = judged(facts, GDPR)[f"{GDPR}/initial"]
    assert (status.verdict, status.populations) == ("applies", ("buyers",))


GDPR = "eu-gdpr-33-controller-sa"


def test_an_entity_that_is_a_processor_owes_nothing_of_the_controller_s() -> None:
    facts = group(
        shop={"name": "Shop GmbH", "country": "DE", "role": "controller"},
        host={"name": "Host GmbH", "country": "DE", "role": "processor"},
    )
    status = judged(facts, GDPR)[f"{GDPR}/initial"]
    assert (status.verdict, status.populations) == ("applies", ("shop",))


def test_two_controllers_owe_the_same_notification_each() -> None:
    facts = group(
        shop={"country": "DE", "role": "controller"},
        bank={"country": "FR", "role": "controller"},
    )
    status = judged(facts, GDPR)[f"{GDPR}/initial"]
    assert status.populations == ("shop", "bank")
    assert any(note.endswith(": shop, bank") for note in status.notes)


def test_the_country_is_that_of_the_entity_and_not_of_the_group() -> None:
    facts = group(inc={"country": "US", "role": "controller"})
    assert judged(facts, GDPR)[f"{GDPR}/initial"].verdict == "not_applicable"


@pytest.mark.parametrize("wanting", ["role", "country"])
def test_a_missing_fact_of_an_entity_is_unknown_and_named(wanting: str) -> None:
    known = {"country": "DE", "role": "controller"}
    del known[wanting]
    status = judged(group(shop=known), GDPR)[f"{GDPR}/initial"]
    assert status.verdict == "unknown"
    assert f"organisation.entities.shop.{wanting}" in status.missing_facts
