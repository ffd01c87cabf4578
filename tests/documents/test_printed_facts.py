"""Facts as notices and messages print them: sentences end once, places have names, nothing is missing before its time."""

from __future__ import annotations

import pytest

from runner.documents.template.filters import place_name
from runner.documents.template.letter_template import fill_sentence
from runner.documents.write import write
from tests.documents.at_law import made, us_facts, without

TEXAS = ("us-tx-portal", "us-tx-breach/attorney_general")


def test_a_sentence_that_ends_with_a_company_s_full_stop_has_one() -> None:
    facts = us_facts()
    facts["risk"]["monitoring"]["provider"] = "Sentry ID Inc."
    text = write(made("us-letter", "us-tx-breach/individuals", facts)[1], "txt").decode()
    assert "Inc." in text
    assert "Inc.." not in text


@pytest.mark.parametrize(
    ("code", "language", "name"),
    [
        ("DE-HH", "en-GB", "Hamburg, Germany"),
        ("DE-HH", "de-DE", "Hamburg, Deutschland"),
        ("DE-HE", "it", "Assia, Germania"),
        ("US-CA", "de", "California"),
        ("CA-ON", "en", "CA-ON"),
    ],
)
def test_a_part_of_germany_is_printed_with_its_name(code: str, language: str, name: str) -> None:
    assert place_name(code, language) == name


def test_the_attestation_in_the_portal_is_left_blank_until_somebody_attested() -> None:
    facts = without(us_facts(), "incident.certified")
    _, document = made("hipaa-hhs-sheet", "us-hipaa-164-400/hhs_secretary", facts)
    assert document.gaps == ()


def test_texas_is_told_what_is_planned_before_the_first_letter() -> None:
    facts = without(us_facts(), "incident.individual_notice_sent_at", "incident.individual_notice_count_in")
    answers = {field.id: field.shown for field in made(*TEXAS, facts)[1].form}
    assert answers["2.6"].startswith("0 ")
    assert "2026" in answers["2.6"]
    assert answers["2.3"] != answers["2.3.1"]


def test_a_message_has_the_dates_of_its_organisation() -> None:
    at = {"at": "2026-11-27T15:00:00+00:00"}
    berlin = fill_sentence(
        "{{ incident.at|datetime }}",
        {"incident": at, "organisation": {"country": "DE", "zone": "Europe/Berlin"}},
    )
    assert berlin.startswith("27")
    assert "16:00" in berlin
    assert fill_sentence("{{ incident.at|date }}", {"incident": at}).startswith("November")
