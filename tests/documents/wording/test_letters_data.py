"""A letter to people names every element of their data once; what was written about it stands in where no element says it."""

from __future__ import annotations

import pytest

from runner.documents.wording.labels import label
from runner.documents.write import write
from tests.documents.at_law import made, us_facts, without
from tests.documents.europe import europe_facts, written

WORDS = "The records of our billing system"
US_LETTERS = (
    ("us-letter", "us-ma-breach/individuals"),
    ("us-letter", "us-tx-breach/individuals"),
    ("us-ca-individual", "us-ca-breach/individuals"),
    ("hipaa-individual", "us-hipaa-164-400/individuals"),
    ("us-substitute-web", "us-il-breach/individuals"),
    ("us-substitute-press", "us-il-breach/individuals"),
    ("call-centre-script", ""),
)
EU_LETTERS = {
    "gdpr-34-letter": "en",
    "gdpr-34-letter-de": "de",
    "gdpr-34-letter-fr": "fr",
    "gdpr-34-letter-es": "es",
    "gdpr-34-letter-nl": "nl",
    "gdpr-34-letter-it": "it",
    "gdpr-34-letter-pl": "pl",
    "individual-letter": "en",
}


@pytest.mark.parametrize(("name", "duty"), US_LETTERS)
def test_an_american_letter_names_every_element_once(name: str, duty: str) -> None:
    facts = us_facts()
    facts["data"] |= {"categories_text": WORDS, "elements": ["name", "ssn", "drivers_license_or_state_id"]}
    text = " ".join(write(made(name, duty, facts)[1], "txt").decode().split()).lower()
    assert "driver's license" in text
    assert WORDS.lower() not in text


@pytest.mark.parametrize(("name", "duty"), US_LETTERS)
def test_the_words_alone_are_enough_where_no_element_is_known(name: str, duty: str) -> None:
    facts = without(us_facts(), "data.elements")
    facts["data"]["categories_text"] = WORDS
    text = write(made(name, duty, facts)[1], "txt").decode()
    assert WORDS in text
    assert f"{WORDS}\n\n- " not in text


@pytest.mark.parametrize(("name", "language"), EU_LETTERS.items())
def test_a_european_letter_names_every_element_once(name: str, language: str) -> None:
    facts = europe_facts()
    facts["organisation"]["prose_language"] = language
    facts["populations"][0]["data"] |= {"categories_text": WORDS, "elements": ["name", "passport"]}
    document = written(name, "eu-gdpr-34-data-subjects/individuals", facts)[1]
    text = " ".join(write(document, "txt").decode().split()).lower()
    assert label("passport", language).lower() in text
    assert WORDS.lower() not in text
