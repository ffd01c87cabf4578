"""What holds in one test of a playbook: what it says itself before what is usual."""

from __future__ import annotations

import pytest

from runner.playbook.playbook_test import Usual, merged


@pytest.mark.parametrize(
    ("own", "held"),
    [
        ((), ("data.involved=yes", "data.elements+=name", "people.total=4")),
        (("data.involved=no",), ("data.elements+=name", "people.total=4", "data.involved=no")),
        (("people.total=?",), ("data.involved=yes", "data.elements+=name", "people.total=?")),
        (("data.elements=ssn",), ("data.involved=yes", "people.total=4", "data.elements=ssn")),
        (
            ("data.elements+=ssn",),
            ("data.involved=yes", "data.elements+=name", "people.total=4", "data.elements+=ssn"),
        ),
    ],
)
def test_a_fact_set_by_a_test_replaces_the_usual_one_and_additions_extend(
    own: tuple[str, ...], held: tuple[str, ...]
) -> None:
    usual = Usual(facts=("data.involved=yes", "data.elements+=name", "people.total=4"))
    assert merged(usual, Usual(facts=own)).facts == held


def test_answers_deeds_and_outcomes_are_its_own_key_by_key() -> None:
    usual = Usual(answers={"a": "1", "b": "1"}, channels={"mail": ("accepted",)})
    own = Usual(answers={"b": "2"}, channels={"mail": ("unknown",)})
    behaviour = merged(usual, own)
    assert (behaviour.answers, behaviour.channels) == ({"a": "1", "b": "2"}, {"mail": ("unknown",)})
