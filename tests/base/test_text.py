"""Characters that text may contain."""

from __future__ import annotations

import pytest

from runner.base.text import MAX_LINE, MAX_PROSE, clean, nearest, text_problem


@pytest.mark.parametrize(
    "text", ["Müller", "کتاب\u200cخانه", "שלום\u200f", "日本語", "naïve 👩\u200d🚒", "a-b c", ""]
)
def test_text_that_people_write_is_let_in(text: str) -> None:
    assert text_problem(text) == ""


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x1b",
        "\x7f",
        "\x85",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\ue000",
        "\ud800",
        "\ufdd0",
        "\uffff",
        "\U000e0041",
        "\U0010ffff",
        "\n",
        "\t",
    ],
)
def test_hidden_and_reordering_characters_are_refused_with_code_and_position(character: str) -> None:
    assert text_problem(f"ab{character}c").endswith(f"U+{ord(character):04X}, at position 3")


def test_prose_may_have_lines_and_both_have_a_limit() -> None:
    assert text_problem("a\n\tb", many_lines=True) == ""
    assert text_problem("x" * MAX_LINE) == ""
    assert "more than 500" in text_problem("x" * (MAX_LINE + 1))
    assert "more than 20000" in text_problem("x" * (MAX_PROSE + 1), many_lines=True)


def test_cleaning_makes_one_spelling() -> None:
    assert clean(" Cafe\u0301\r\nb ") == "Café\nb"


def test_a_byte_of_another_encoding_is_named_with_its_position() -> None:
    text = "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}".encode("latin-1").decode("utf-8", "surrogateescape")
    assert set(text_problem(text).strip(")").split()) >= {"0xEB", "3"}


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("lost-devise", "lost-device", "lost-device"),
        ("counsell", "counsel", "counsel"),
        ("cftc_registrnt", "cftc_registrant", "cftc_registrant"),
        ("incident.aware", "incident.aware_at", "incident.aware_at"),
        ("sec_registrant", "cftc_registrant", ""),
        ("eu-gdpr-32", "eu-gdpr-33", ""),
    ],
)
def test_a_word_that_means_something_else_is_not_the_nearest(word: str, known: str, found: str) -> None:
    assert nearest(word, [known]) == found
