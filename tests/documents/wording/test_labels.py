"""Codes of the vocabulary and lists, as each language reads them."""

from __future__ import annotations

import pytest

from runner.documents.wording.labels import label, table
from runner.documents.wording.phrases import joined
from runner.facts.vocabulary.lookup import fact_type

PRINTED = (
    "data.elements",
    "incident.vector",
    "incident.impact",
    "incident.exfiltration",
    "people.kinds",
    "risk.to_people",
)


@pytest.mark.parametrize("language", [language for language in table("phrases.csv") if language != "en"])
@pytest.mark.parametrize("path", PRINTED)
def test_every_code_that_the_translated_notices_print_reads_as_words_of_their_language(
    path: str, language: str
) -> None:
    declared = fact_type(path)
    assert declared is not None
    assert [code for code in declared.choices if code not in table("labels.csv")[language]] == []


def test_a_code_that_a_language_lacks_reads_as_in_english_and_else_as_its_words() -> None:
    assert label("ssn", "pt-PT") == "Social Security number"
    assert label("ssn", "de-AT") == "Sozialversicherungsnummer"
    assert label("early_warning", "de") == "early warning"


@pytest.mark.parametrize(
    ("entries", "language", "expected"),
    [
        (["a"], "en", "a"),
        (["a", "b", "c"], "en-GB", "a, b and c"),
        (["a, b", "c"], "de", "a, b und c"),
        (["a, b", "c", "d"], "fr", "a, b; c et d"),
        (["confidencialidad", "integridad"], "es", "confidencialidad e integridad"),
        (["riservatezza", "integrità"], "it", "riservatezza e integrità"),
        (["agua", "hielo"], "es", "agua y hielo"),
    ],
)
def test_lists_are_joined_as_a_person_would(entries: list[str], language: str, expected: str) -> None:
    assert joined(entries, language) == expected
