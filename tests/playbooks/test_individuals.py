"""The branch that informs people opens for a duty of any law, waits for facts that decide, and opens late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from runner.incident.state.library import Library
from runner.law.duty_state import PEOPLE
from runner.law.regime import Regime
from runner.law.screening_index import outline
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from tests.holds_for import holds_for
from tests.law.test_reach import GERMAN, SHOP
from tests.law.typical import changed, every, typical
from tests.playbooks.first_hour import Played, flat
from tests.scenario import T0, World, duties, group, task

WHEN = "duties('applies', recipient='individuals')"
LAWS = every()
OUTLINE = outline(LAWS)
DAY = T0.date()
ORGANISATION = {key: value for key, value in SHOP.items() if key == "organisation"}
TEXANS = changed(
    SHOP, {"people.by_jurisdiction": {"US-TX": 1500}, "people.total": 1500, "risk.to_people": "risk"}
)

pytestmark = pytest.mark.shipped


def shipped_condition() -> str:
    """Return the condition under which the shipped playbook informs the people."""
    (_, read) = Catalog(None).find_playbook("breach-duties")
    book = read.playbook
    (step,) = [step for step in book.steps if step.id == "individuals"]
    assert step.when is not None
    return step.when.source


def world(facts: Mapping[str, Any], laws: tuple[Regime, ...] = LAWS, when: str = "") -> World:
    """Open an incident whose branch for the people has the condition of the shipped playbook."""
    steps = duties("d"), group("people", task("list"), after="d", when=when or shipped_condition())
    made = World(*steps, regimes=laws, facts=dict(flat(facts)))
    if laws is LAWS:
        made.library = msgspec.structs.replace(made.library, outline=OUTLINE)
    return made


def test_texans_with_social_security_numbers_open_the_branch() -> None:
    assert world(TEXANS).state("people") == "active"


def laws_with_people() -> list[Regime]:
    """Return the laws in force that have a duty to inform people."""
    return [
        law
        for law in LAWS
        if law.versions[0].standing == "in_force"
        and (law.versions[0].from_date or DAY) <= DAY
        and any(rule.recipient in PEOPLE and not rule.voluntary for rule in law.versions[0].duties)
    ]


@holds_for("law", laws_with_people(), lambda law: law.id)
def test_each_law_with_people_there_opens_the_branch(law: Regime) -> None:
    public = law.id in ("us-ga-breach", "us-ca-civ-1798-29")
    facts = changed(typical(law), {"organisation.public_body": True} if public else {})
    assert world(facts, (law,), WHEN).state("people") == "active"
    assert world(facts, (law,)).state("people") == "active"


def one_of_each_country() -> list[Regime]:
    """Return one law of each country outside the United States, and laws of States that differ in clock and table."""
    states = {f"us-{state}-breach" for state in ("ca", "fl", "il", "ma", "ny", "pr", "tx", "wa")}
    laws = {law.id[:2]: law for law in laws_with_people() if not law.id.startswith("us-")}
    return [*laws.values(), *(law for law in laws_with_people() if law.id in states)]


@pytest.mark.parametrize("law", one_of_each_country(), ids=lambda law: law.id)
def test_the_shipped_playbook_reaches_the_people(law: Regime) -> None:
    played = Played(load_bundle("breach-duties", Catalog(None)), "small", (law,), dict(flat(typical(law))))
    assert any(step.startswith("individuals.") for step in played.play().ended)


GERMANS = changed(GERMAN, {"people.by_jurisdiction": {"DE": 3000}, "risk.to_people": "risk"})
NOBODY = {"people": {}, "data": {"involved": True}, "incident": SHOP["incident"]}


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({**NOBODY, **ORGANISATION}, {"people.by_jurisdiction"}),
        (changed(TEXANS, {"data.elements": None, "data.form": None}), {"data.elements"}),
        (changed(TEXANS, {"organisation.role": None}), {"organisation.role"}),
    ],
    ids=["nobody's place", "no elements", "no role"],
)
def test_the_branch_waits_for_the_facts_that_decide(facts: Mapping[str, Any], missing: set[str]) -> None:
    made = world(facts, when=WHEN)
    assert made.state("people") == "waiting"
    assert missing == set(made.at("people").missing)


@pytest.mark.parametrize(
    "facts",
    [
        GERMANS,
        changed(GERMANS, {"people.minimum": 2500, "people.maximum": 9000}),
        changed(TEXANS, {"data.elements": ["contact"]}),
        changed(TEXANS, {"people.by_jurisdiction": {"US-TX": 0}, "people.total": 0}),
    ],
    ids=["Germans without high risk", "an estimate with a range", "contact data", "nobody"],
)
def test_complete_facts_about_people_leave_no_doubt(facts: Mapping[str, Any]) -> None:
    made = world(facts)
    assert (made.state("people"), made.at("people").missing) == ("not_applicable", ())


def test_a_group_found_later_opens_the_branch_late() -> None:
    made = world(changed(GERMANS, {"organisation.does_business_in": ["DE", "US-TX"]}))
    assert made.state("people") == "not_applicable"
    for path, value in flat(TEXANS["data"]):
        made.fact(f"populations.staff.data.{path}", value)
    made.fact("populations.staff.people.by_jurisdiction.US-TX", 12)
    assert made.state("people") == "active"
    assert made.replayed() == made.incident


def test_an_outline_of_an_older_program_has_the_recipients_of_its_laws() -> None:
    replace = msgspec.structs.replace
    older = replace(
        OUTLINE,
        laws=tuple(
            replace(
                law,
                versions=tuple(
                    replace(version, rules=tuple(replace(rule, recipient="") for rule in version.rules))
                    for version in law.versions
                ),
            )
            for law in OUTLINE.laws
        ),
    )
    found = [
        set(Library({}, LAWS, outline=outline).duties_to("individuals")) for outline in (older, OUTLINE, None)
    ]
    assert found[0] == found[1] == found[2]
    assert ("us-tx-breach/individuals", ("US-TX",)) in found[0]
