"""Titles of duties come from the data of the laws' files."""

from __future__ import annotations

import msgspec
import pytest

from runner.incident.law.duties import duty_statuses
from runner.law.duty import DutyStatus, Office
from runner.reports.law.titles import duty_label, title_of, titled
from tests.reports import scenes


def first() -> DutyStatus:
    world = scenes.opened()
    return duty_statuses(world.incident, world.now, world.library)[0]


def test_a_title_names_the_verb_the_recipient_and_the_article() -> None:
    assert duty_label(first()) == "Notify the German data protection authority – GDPR Art. 33(1)"


@pytest.mark.parametrize(
    ("recipient", "jurisdiction", "place", "stage", "title"),
    [
        ("competent_sa", "EU", "", "initial", "Notify the competent data protection authority"),
        ("competent_sa", "EU", "NL", "initial", "Notify the Dutch data protection authority"),
        ("competent_authority", "EU", "", "final", "Send the final report to the competent authority"),
        ("attorney_general", "US-NY", "US-NY", "initial", "Notify the New York Attorney General"),
        ("individuals", "US-NY", "", "initial", "Notify the affected people in New York"),
        ("individuals", "CA", "", "initial", "Notify the affected people"),
        ("ico", "GB", "GB", "initial", "Notify the Information Commission"),
        ("urcdp", "UY", "UY", "final", "Send the final report to the URCDP"),
        ("some_new_office", "XX", "XX", "a_new_stage", "Notify the some new office"),
    ],
)
def test_titles(recipient: str, jurisdiction: str, place: str, stage: str, title: str) -> None:
    office = Office(place=place)
    duty = msgspec.structs.replace(
        first(), recipient=recipient, jurisdiction=jurisdiction, stage=stage, authority=office
    )
    assert title_of(duty) == title


def test_programs_read_the_title_and_the_authority() -> None:
    (duty,) = titled([first()])
    assert duty.title == title_of(duty)
    assert duty.authority is not None
    assert (duty.authority.name, duty.authority.place) == ("German data protection authority", "DE")
