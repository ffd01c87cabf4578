"""An unclaimed exemption keeps the duty; two people claim it, and later facts can end the claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.incidents.test_second_person import (
    FACTS,
    INITIAL,
    LETTERS,
    PEOPLE,
    ROLES,
    acts,
    asked,
    by,
    duty,
    opened,
    status,
)

ASSESSED = (
    "risk.harm_assessment.by=Ada",
    "risk.harm_assessment.at=2026-11-24T09:30:00+01:00",
    "risk.harm_assessment.grounds=unread",
)
CLAIM = (f"claims.c.regime={LETTERS.partition('/')[0]}", "claims.c.position=risk_removed", "claims.c.by=Jonas", "claims.c.grounds=reset")  # fmt: skip


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return opened(tocsin, tmp_path)


def learnt(desk: AtDesk, *facts: str) -> None:
    desk.done("fact", "set", *facts, "--source", "forensics", "--grounds", "forensics")
    for one in status(desk)["second_person"]:
        if one["state"] == "awaiting":
            desk.done("confirm", str(one["entry"]), "--as", "jonas")


def full(desk: AtDesk, name: str) -> Any:
    found = desk("duties", "--format", "json").json["duties"]
    return next(duty for duty in found if duty["id"] == name)


def unless(found: Any) -> dict[str, tuple[list[str], bool]]:
    return {one["ground"]: (one["missing"], one["met"]) for one in found.get("unless", ())}


def test_the_risk_question_is_shown_beside_the_duty(desk: AtDesk) -> None:
    learnt(desk, "risk.to_people=?")
    found = full(desk, INITIAL)
    assert (found["verdict"], unless(found)) == ("applies", {"risk_unlikely": (["risk.to_people"], False)})
    [one] = found["unless"]
    assert one["claimed_by"] == ["counsel", "executive", "dpo"]
    assert one["citation"].startswith("Regulation (EU) 2016/679 Art. 33(1)")
    assert found["missing_facts"] == ["risk.to_people"]
    wanted = desk("fact", "missing", "--format", "json").json["missing"]
    assert "risk.to_people" in {one["key"] for one in wanted}
    learnt(desk, "risk.to_people=high")
    assert unless(full(desk, INITIAL)) == {}


def test_an_exemption_is_claimed_by_two_people_and_ends_with_later_facts(desk: AtDesk) -> None:
    learnt(desk, "risk.to_people=unlikely", *ASSESSED)
    assert unless(full(desk, INITIAL)) == {"risk_unlikely": ([], True)}
    words = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", "unread", "--ground", "risk_unlikely")
    assert by(desk, "jonas", *words).code == 0
    assert (duty(desk)["verdict"], duty(desk)["state"]) == ("applies", "open")
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    found = duty(desk)
    assert (found["verdict"], found["state"], found["record"]["evidence"]) == (
        "applies",
        "decided_not_to_notify",
        "for",
    )
    learnt(desk, "people.total=12")
    assert duty(desk)["state"] == "decided_not_to_notify"
    learnt(desk, "risk.to_people=high")
    found = duty(desk)
    assert (found["state"], "record" in found) == ("open", False)
    assert "risk_unlikely" in " ".join(desk.done("timeline").split()[-200:]), "why it fell"


def test_a_decision_against_later_facts_is_flagged_and_stays_valid(desk: AtDesk) -> None:
    words = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", "x", "--ground", "risk_unlikely")
    assert by(desk, "jonas", *words).code == 0
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    learnt(desk, "people.total=12")
    assert (duty(desk)["state"], duty(desk)["record"]["evidence"]) == ("decided_not_to_notify", "against")


def test_a_finding_against_harm_that_is_presumed_is_a_ground_as_well(desk: AtDesk) -> None:
    learnt(desk, "risk.to_people=?", "data.encrypted=no")
    found = full(desk, LETTERS)
    assert (found["verdict"], unless(found)["not high_risk"]) == ("applies", (["risk.to_people"], False))
    words = ("duty", "decide", LETTERS, "--not-to-notify", "--reason", "few data")
    assert "not high_risk" in by(desk, "jonas", *words, "--format", "json").json["hint"]
    assert by(desk, "jonas", *words, "--ground", "not high_risk").code == 0
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    assert duty(desk, LETTERS)["state"] == "decided_not_to_notify"
    learnt(desk, "risk.to_people=high")
    assert duty(desk, LETTERS)["state"] == "open"


def test_a_position_of_counsel_counts_when_a_second_person_confirms_it(desk: AtDesk) -> None:
    said = by(desk, "eve", "fact", "set", *CLAIM, "--source", "counsel")
    assert said.error == "role"
    both = ("fact", "set", *CLAIM, "people.total=7", "--source", "counsel")
    assert by(desk, "jonas", *both).code == 0
    assert (duty(desk, LETTERS)["verdict"], acts(desk)) == ("applies", [("decide", "jonas", "awaiting", "")])
    assert [fact["value"] for fact in desk("fact", "show", "people", "--format", "json").json["facts"]] == [7]
    assert "risk_removed" in " ".join(desk.done("status").split())
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    assert duty(desk, LETTERS)["verdict"] == "not_applicable"
    assert status(desk)["second_person"][0]["state"] == "confirmed"


def lane(desk: AtDesk, name: str) -> set[str]:
    """Return the states of the newest steps in the lane of a duty."""
    tasks = desk("status", "amber-falcon", "--format", "json").json["tasks"]
    return {task["state"] for task in tasks if f"[{name}]" in task["invocation"]}


def test_a_lane_opens_by_presumption_ends_with_the_duty_and_restarts(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings(people=PEOPLE, roles=ROLES)
    (tmp_path / "facts.yaml").write_text(FACTS.replace("risk: {to_people: high}\n", ""), encoding="utf-8")
    contained = ("--fact", "incident.contained_at=2026-11-24T08:00:00Z")
    tocsin.done("open", "duty-lanes", "--yes", "--facts", str(tmp_path / "facts.yaml"), *contained)
    assert lane(tocsin, LETTERS) >= {"ready"}
    learnt(tocsin, "risk.to_people=risk")
    assert "ready" not in lane(tocsin, LETTERS)
    assert "ready" in lane(tocsin, INITIAL)
    learnt(tocsin, "risk.to_people=high")
    assert lane(tocsin, LETTERS) >= {"ready"}
