"""The list of duties never looks calm: targets, places without a business, sent notices, later starts."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

GERMAN = (
    *("organisation.role=controller,data_owner", "organisation.country=DE", "organisation.established_in=DE"),
    *(
        "organisation.offers_to=FR,NL",
        "organisation.does_business_in=US-NY",
        "organisation.zone=Europe/Berlin",
    ),
    *("data.involved=true", "data.with_name=true", "data.elements=ssn", "data.encrypted=false"),
    *("people.by_jurisdiction.DE=10", "people.by_jurisdiction.US-NY=600", "risk.to_people=high"),
    *("incident.impact=confidentiality", "incident.aware_at=2026-11-24T08:00:00Z"),
    *("incident.discovered_at=2026-11-24T08:00:00Z", "people.good_faith_only=false"),
)
FILE = """\
schema: tocsin/facts/v1
organisation: {role: [controller, data_owner], country: DE, established_in: [DE], offers_to: [FR, NL], does_business_in: [US-NY], zone: Europe/Berlin}
data: {involved: true, with_name: true, elements: [ssn], encrypted: false}
people: {by_jurisdiction: {DE: 10, US-NY: 600, US-CA: 900}, good_faith_only: false}
risk: {to_people: high}
incident: {impact: [confidentiality], discovered_at: "2026-11-24T08:00:00Z", aware_at: "2026-11-24T08:00:00Z"}
"""
NEW_YORK = "us-ny-breach/individuals"


@pytest.fixture
def breach(tocsin: AtDesk) -> AtDesk:
    facts = [word for fact in GERMAN for word in ("--fact", fact)]
    tocsin.done("open", "lost-device", "--yes", "--no-work", *facts)
    return tocsin


def test_the_first_line_names_the_nearest_deadline_and_never_a_calm(breach: AtDesk) -> None:
    shown = breach.done("duties")
    assert "requires" not in shown
    assert "target" in shown
    breach.clock.advance(timedelta(days=5))
    shown = breach.done("duties")
    assert "passed" in shown.partition("DUTIES (")[0]
    assert "PASSED" in breach.done("duties", "calendar")


def test_people_in_a_place_without_a_business_are_shown(breach: AtDesk) -> None:
    breach.done(
        "fact", "set", "people.by_jurisdiction.US-CA=900", "people.by_jurisdiction.GB=50", "--source", "hr"
    )
    shown = breach.done("duties").partition("DUTIES (")[0]
    assert "US-CA" in shown
    assert "GB" in shown
    assert "US-NY" not in shown.partition("organisation.does_business_in")[0].rpartition("People in")[2]


def test_a_duty_that_does_not_apply_is_not_done_by_a_fact_about_sent_letters(breach: AtDesk) -> None:
    sent = "incident.individual_notice_sent_at.US-NY=2026-11-24T08:30:00Z"
    breach.done("fact", "set", sent, "--source", "mailroom")
    found = breach("duties", "--format", "json").json["duties"]
    claimed = {one["id"]: one["verdict"] for one in found if one["state"] not in ("open", "overdue", "held")}
    assert claimed == {NEW_YORK: "applies"}


def test_a_fact_alone_does_not_end_a_duty_to_people(breach: AtDesk) -> None:
    sent = "incident.individual_notice_sent_at.US-NY=2026-11-24T08:30:00Z"
    breach.done("fact", "set", sent, "--source", "mailroom")
    breach.clock.advance(timedelta(days=60))
    assert _state(breach) == "claimed"
    shown = breach.done("duties")
    assert "DONE" not in shown.split()
    assert {"Claimed", "maria"} <= set(shown.partition("DUTIES (")[0].split())
    wanted = breach("status", "--format", "json").json["needs_attention"]
    assert [one["ref"] for one in wanted if one["kind"] == "duty_claimed"] == [NEW_YORK]
    assert NEW_YORK in breach("close", "--reason", "over", "--format", "json").json["hint"]
    assert NEW_YORK in breach.done("duties", "calendar")
    breach.done("duty", "record-filed", NEW_YORK, "--at", "2026-11-24T08:30:00Z", "--reason", "post office")
    assert _state(breach) == "filed"


def _state(desk: AtDesk) -> str:
    found = desk("duties", "--format", "json").json["duties"]
    return next(str(one["state"]) for one in found if one["id"] == NEW_YORK)


def test_exemptions_for_counsel_are_shown_with_their_texts(breach: AtDesk) -> None:
    found = breach("duties", "--format", "json").json["duties"]
    judged = [one for duty in found for one in duty["unless"] if not (one.get("missing") or one.get("met"))]
    shown = " ".join(breach.done("duties", "--all", "--why").split())
    assert judged
    assert [one["ground"] for one in judged if f"[{one['ground']}]" not in shown] == []


def test_dated_duties_are_before_undated_ones(breach: AtDesk) -> None:
    found = breach("duties", "--format", "json").json["duties"]
    dated = [
        one["due"] is not None
        for one in found
        if one["verdict"] in ("applies", "unknown") and one["in_sight"] and one["state"] == "open"
    ]
    assert dated == sorted(dated, reverse=True)


def test_the_land_of_an_establishment_is_a_missing_fact(breach: AtDesk) -> None:
    found = breach("duties", "--format", "json").json["duties"]
    asked = {one["authority"]["asks"] for one in found if (one.get("authority") or {}).get("asks")}
    missing = {one["key"] for one in breach("fact", "missing", "--format", "json").json["missing"]}
    assert asked
    assert asked <= missing


def test_the_suggested_command_adds_a_place_and_ends_no_duty(breach: AtDesk) -> None:
    breach.done("fact", "set", "people.by_jurisdiction.US-CA=900", "--source", "hr")
    [command] = re.findall(
        r"tocsin (fact set organisation\.does_business_in\S+) --source", breach.done("duties")
    )
    assert breach(*command.split(), "--source", "counsel").warnings == []
    [fact] = breach("fact", "show", "organisation.does_business_in", "--format", "json").json["facts"]
    assert set(fact["value"]) == {"US-NY", "US-CA"}
    replacing = (
        "fact",
        "set",
        "organisation.does_business_in=US-CA",
        "--source",
        "counsel",
        "--format",
        "json",
    )
    assert breach(*replacing).error == "grounds_missing"
    replaced = breach(*replacing, "--grounds", "the branch in New York is sold").json
    assert (NEW_YORK, True) in [(one["duty"], one["ends"]) for one in replaced["deadlines"]]
    assert len(replaced["second_person"]) == 1


def test_facts_files_show_people_in_a_place_without_a_business(tocsin: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(FILE, encoding="utf-8")
    shown = tocsin.done("duties", "--facts", str(file), "--no-home")
    assert "organisation.does_business_in+=US-CA" in shown
