"""Which words of an answer end messages over a channel, by themselves or only for a person to judge."""

from __future__ import annotations

import pytest

from runner.routing.inbound import meaning


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP",
            "Stop.",
            '"STOP"',
            "stop!!! 😡",
            "stop please",
            "Please STOP",
            "STOP ALL",
            "stopall",
            "stop stop",
            "ＳＴＯＰ",
        ),
        *(
            "opt out",
            "OPT-OUT",
            "optout",
            "quit",
            "end",
            "revoke",
            "cancel",
            "unsubscribe",
            "unsubscribe me please",
            "remove",
            "TD",
        ),
        *("ARRET", "arrêt", "alto", "PARE", "baja", "parar", "stopp", "Abmelden bitte", "stop texting me"),
    ],
)
def test_any_reasonable_opt_out_wording_is_recognised(text: str) -> None:
    assert meaning(text) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "I want to opt out of this",
            "who are you? remove my number",
            "Stop, or I call my lawyer",
            "we stop the server now",
        ),
        "arrêtez, ou plutôt ARRET",
    ],
)
def test_a_text_that_contains_such_a_word_is_for_a_person_to_judge(text: str) -> None:
    assert meaning(text) == "perhaps"


@pytest.mark.parametrize(
    "text", ["", "👍", "K7QM3X", "on my way", "the weekend is unstoppable", "please", "thank you"]
)
def test_any_other_text_says_nothing_of_it(text: str) -> None:
    assert meaning(text) == ""


@pytest.mark.parametrize("text", ["START", "unstop", "Yes!", "start please"])
def test_words_that_take_a_stop_back(text: str) -> None:
    assert meaning(text) == "start"


@pytest.mark.parametrize("text", ["HELP", "Help!", "info please", "Hilfe"])
def test_words_that_ask_who_sends(text: str) -> None:
    assert meaning(text) == "help"
