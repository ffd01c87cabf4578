"""One filing that serves several duties: the authority directory names them, and one receipt closes all."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.at_desk import AtDesk

NEW_YORK = tuple(
    f"us-ny-breach/{slug}" for slug in ("attorney_general", "department_of_state", "division_of_state_police")
)
BUREAUS = "us-ny-breach/consumer_reporting_agencies"
TEXAS = "us-tx-breach/consumer_reporting_agencies"
FACTS = (
    "organisation.role=data_owner",
    "organisation.country=US",
    "organisation.does_business_in=US-NY,US-TX",
    "data.involved=true",
    "data.with_name=true",
    "data.elements=ssn",
    "data.encrypted=false",
    "people.by_jurisdiction.US-NY=12000",
    "people.by_jurisdiction.US-TX=11000",
    "incident.impact=confidentiality",
    "incident.discovered_at=2026-11-24T08:00:00Z",
)


@pytest.fixture
def breach(tocsin: AtDesk) -> AtDesk:
    facts = [word for fact in FACTS for word in ("--fact", fact)]
    tocsin.done("open", "lost-device", "--yes", *facts)
    return tocsin


def states(desk: AtDesk, *duties: str) -> list[str]:
    found = {one["id"]: one for one in desk("duties", "--all", "--format", "json").json["duties"]}
    return [found[duty]["state"] for duty in duties]


def test_one_form_closes_the_three_offices_of_new_york(breach: AtDesk) -> None:
    first, *others = NEW_YORK
    served = [word for other in others for word in ("--serves", other)]
    breach.done("duty", "record-filed", first, "--reference", "NYAG 4711", *served)
    assert states(breach, *NEW_YORK) == ["filed"] * 3
    found = {one["id"]: one for one in breach("duties", "--all", "--format", "json").json["duties"]}
    assert {found[duty]["record"]["reference"] for duty in NEW_YORK} == {"NYAG 4711"}


def test_one_letter_to_the_bureaus_closes_the_duties_of_several_states(breach: AtDesk) -> None:
    breach.done("duty", "record-filed", BUREAUS, "--reference", "letter of today", "--serves", TEXAS)
    assert states(breach, BUREAUS, TEXAS) == ["filed", "filed"]


@pytest.mark.parametrize("other", ["us-tx-breach/attorney_general", "us-ny-breach/nobody", BUREAUS])
def test_a_duty_that_the_directory_does_not_name_stops_all(breach: AtDesk, other: str) -> None:
    first, second, _ = NEW_YORK
    words = ("--reference", "NYAG 4711", "--serves", second, "--serves", other)
    refused = breach("duty", "record-filed", first, *words)
    assert (refused.code, refused.error) == (1, "filed_apart")
    assert states(breach, first, second) == ["open", "open"]


def test_a_duty_that_is_filed_already_stops_all(breach: AtDesk) -> None:
    first, second, third = NEW_YORK
    breach.done("duty", "record-filed", third, "--reference", "1")
    words = ("--reference", "2", "--serves", second, "--serves", third)
    assert breach("duty", "record-filed", first, *words).error == "already_filed"
    assert states(breach, first, second, third) == ["open", "open", "filed"]


def test_after_a_filing_the_printed_command_records_the_other_offices(breach: AtDesk) -> None:
    said = breach("duty", "record-filed", NEW_YORK[0], "--reference", "NYAG 4711")
    assert said.warnings == ["one_filing"]
    [command] = re.findall(r"tocsin (duty record-filed .+)", said.err)
    assert breach(*shlex.split(command)).warnings == []
    assert states(breach, *NEW_YORK) == ["filed"] * 3
