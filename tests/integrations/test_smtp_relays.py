"""The limits of relays by their documentation, against a list and its deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations import smtp
from runner.incident.campaigns.pacing import feasibility
from runner.routing.traffic import read_rate
from tests.incident.campaigns.test_bulk import campaign, ground

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "people", "hours", "carries"),
    [
        ("smtp.office365.com", 3_000, 2, True),
        ("smtp.office365.com", 3_000, 1.5, False),
        ("smtp.office365.com", 100_000, 72, False),
        ("smtp.gmail.com", 2_000, 1, True),
        ("SMTP.gmail.com", 10_000, 72, False),
        ("relay.example.org", 3_000, 2, True),
    ],
)
def test_a_relay_that_cannot_carry_the_list_before_the_deadline_is_refused(
    host: str, people: int, hours: float, carries: bool
) -> None:
    claimed = smtp.capabilities(smtp.Settings(host=host, sender="a@b.example")).rates
    one = campaign(
        rates={"relay": tuple(map(read_rate, claimed))} if claimed else {},
        grounds=(ground(due=NOW + timedelta(hours=hours)),),
        canary_wait=timedelta(),
    )
    found = feasibility(one, {"email": people}, NOW)
    assert found.in_time is carries
