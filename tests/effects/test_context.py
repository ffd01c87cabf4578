"""The planner's context of an incident: whether a law-enforcement hold applies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.effects.context import plan_context
from runner.facts.vocabulary.register import Fact
from runner.incident.state.incident import Incident

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
BEFORE, AFTER = ((AT + span).isoformat() for span in (-timedelta(hours=1), timedelta(hours=1)))


@pytest.mark.parametrize(
    ("hold", "by"),
    [
        ({}, ""),
        ({"agency": None}, ""),
        ({"agency": "the police"}, "the police"),
        ({"form": "oral"}, "a law-enforcement agency"),
        ({"agency": "the police", "until": AFTER}, "the police"),
        ({"agency": "the police", "until": BEFORE}, ""),
        ({"agency": "the police", "from": BEFORE}, "the police"),
        ({"agency": "the police", "from": AFTER}, ""),
        ({"from": BEFORE, "until": AFTER}, "a law-enforcement agency"),
        ({"from": BEFORE, "until": BEFORE}, ""),
        ({"from": BEFORE, "until": None}, "a law-enforcement agency"),
    ],
)
def test_a_hold_with_unknown_dates_applies(hold: dict[str, str | None], by: str) -> None:
    facts = {
        f"law_enforcement.hold.{name}": Fact(key=f"law_enforcement.hold.{name}", value=value, at=AT)
        for name, value in hold.items()
    }
    incident = Incident(id="i-1", codename="amber-falcon", title="", kind="real", opened_at=AT, facts=facts)
    assert plan_context(incident, AT).held_by == by
