"""Populations that are judged together get what each of them gets when it is judged alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from runner.law.screening import screen
from runner.law.screening_index import outline
from tests.law.typical import Facts, every

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAWS = every()
ALONE = {
    (f"{law.id}/{rule.slug}", version.label)
    for law in LAWS
    for version in law.versions
    for rule in version.duties
    if version.national is None and not rule.thresholds and not rule.voluntary
}
"""Duties of versions for which no population bears on another."""
PLACES = ("US-CA", "US-NY", "US-TX", "DE", "JP", "KR", "SG", "US")
NUMBERS = (0, 1, 499, 500, 501, 1001, 1_000_001)


def population(name: str, chance: Random) -> Facts:
    """Draw a population of which some is not known."""
    data: dict[str, Any] = {
        "elements": chance.choice((["ssn"], ["ssn", "?"], ["online_credentials"], ["medical"])),
        "encrypted": chance.choice((True, False)),
        "with_name": chance.choice((True, False)),
        "records": chance.choice((5, 100, 101)),
    }
    people: dict[str, Any] = {
        "by_jurisdiction": {place: chance.choice(NUMBERS) for place in chance.sample(PLACES, 2)},
        "total": chance.choice(NUMBERS),
        "minimum": chance.choice(NUMBERS),
        "kinds": chance.choice((["minors"], ["customers", "?"])),
    }
    told: Facts = {"id": name, "entity": chance.choice(("a", "b", ""))}
    for root, facts in (("data", data), ("people", people)):
        told[root] = {key: value for key, value in facts.items() if chance.random() < 0.6}
    return told


def incident(populations: Iterable[Facts], chance: Random) -> Facts:
    entities = [{"id": "a", "country": "NL", "role": "controller"}, {"id": "b", "country": "US"}]
    organisation = {"country": "US", "does_business_in": ["US-CA"], "entities": entities}
    return {
        "organisation": organisation,
        "incident": {"discovered_at": "2026-11-23T08:00:00Z"},
        "risk": {"harm": chance.choice(("none", "likely")), "to_people": chance.choice(("unlikely", "high"))},
        "populations": list(populations),
    }


def others(found: Facts, name: str, chance: Random) -> Facts:
    """Return a population that differs in its numbers alone."""
    people = dict(found["people"])
    for key in people.keys() & {"total", "minimum"}:
        people[key] = chance.choice(NUMBERS)
    if "by_jurisdiction" in people:
        people["by_jurisdiction"] = {place: chance.choice(NUMBERS) for place in people["by_jurisdiction"]}
    return {**found, "id": name, "people": people}


@pytest.mark.parametrize("seed", range(3))
def test_each_population_gets_the_same_verdicts_as_alone(seed: int) -> None:
    chance = Random(seed)
    drawn = [population(f"p{n}", chance) for n in range(4)]
    drawn += [others(chance.choice(drawn), f"q{n}", chance) for n in range(5)]
    facts = incident(drawn, chance)
    alone = [assess(LAWS, {**facts, "populations": [one]}, NOW) for one in drawn]
    together = assess(LAWS, facts, NOW)
    for status, *each in zip(together, *alone, strict=True):
        if (status.id, status.law_version) in ALONE and status.verdict != "advisory":
            agrees(status, each)


def agrees(status: DutyStatus, each: list[DutyStatus]) -> None:
    """Compare one duty of all with the same duty of each alone."""
    deciding = [one for one in each if one.verdict == status.verdict]
    best = next(
        v for v in ("applies", "unknown", "not_applicable") if any(status.verdict == v for status in each)
    )
    assert status.verdict == best
    assert set(status.because) == {reason for status in deciding for reason in status.because}, status.id
    assert status.populations == tuple(name for status in deciding for name in status.populations), status.id
    if status.verdict == "unknown":
        assert set(status.missing_facts) == {name for status in deciding for name in status.missing_facts}


def test_by_the_outline_many_are_judged_as_in_full() -> None:
    chance = Random(7)
    drawn = [population(f"p{n}", chance) for n in range(4)]
    drawn += [others(chance.choice(drawn), f"q{n}", chance) for n in range(8)]
    facts = incident(drawn, chance)
    short = [gist for law in screen(outline(LAWS), facts, NOW, UTC) for gist in law]
    for gist, status in zip(short, assess(LAWS, facts, NOW), strict=True):
        assert (gist.duty, gist.verdict, gist.in_sight) == (status.id, status.verdict, status.in_sight)
        if gist.verdict == "unknown":
            assert set(gist.missing) == set(status.missing_facts), gist.duty
