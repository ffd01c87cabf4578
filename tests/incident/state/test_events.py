"""What people say is sealed: every type of event that can carry their words or a fact's value is personal."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from runner.incident.state import events as e

WORDS = {"reason", "why", "text", "title", "inputs", "note", "grounds", "facts", "persons", "record", "body"}
"""Fields in which a person's words, a person's name or a fact's value can stand."""
IN_THE_CLEAR = {
    "AttemptEnded": "the reason is the provider's, cleaned; a person's is in AttemptResolved",
    "SubstituteDue": "the reason is counted and worded by the program from the law",
    "DocumentRendered": "its facts are numbers of events, not values",
}
"""Types with such a field that are not sealed, and why."""


def with_words() -> list[type[e.Event]]:
    return [
        kind
        for kind in get_args(e.AnyEvent)
        if WORDS & {field.name for field in msgspec.structs.fields(kind)}
        and kind.__name__ not in IN_THE_CLEAR
    ]


@pytest.mark.parametrize("kind", with_words(), ids=lambda kind: kind.__name__)
def test_an_event_that_can_carry_a_persons_words_is_personal(kind: type[e.Event]) -> None:
    assert kind.personal


def test_frequent_worker_events_need_no_encryption() -> None:
    assert not any(kind.personal for kind in (e.StepReady, e.AttemptStarted, e.AttemptEnded))
