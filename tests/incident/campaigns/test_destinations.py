"""How a destination slows down, recovers and pauses, and when the whole campaign does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.incident.campaigns.destinations import (
    LEAST_SHARE,
    Destination,
    recovered,
    refused,
    refusing,
    resumed,
    slowed,
)

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_each_minute_of_deferrals_halves_the_rate_and_then_the_destination_rests() -> None:
    one, shares = Destination(), []
    for n in range(6):
        one = slowed(slowed(one, NOW + 2 * n * MINUTE), NOW + 2 * n * MINUTE)
        shares.append(one.share)
    assert shares == [1 / 2, 1 / 4, 1 / 8, LEAST_SHARE, LEAST_SHARE, LEAST_SHARE]
    assert one.held_until == NOW + 40 * MINUTE


def test_an_hour_without_deferrals_raises_the_rate_by_half_up_to_the_whole() -> None:
    one = slowed(slowed(Destination(), NOW), NOW + 2 * MINUTE)
    assert recovered(one, NOW + 30 * MINUTE) == one
    shares = []
    for hour in range(2, 7):
        one = recovered(one, NOW + timedelta(hours=hour))
        shares.append(one.share)
    assert shares == [0.375, 0.5625, 0.84375, 1.0, 1.0]


@pytest.mark.parametrize(("large", "needed"), [(True, 1), (False, 3)])
def test_one_refusal_pauses_a_large_provider_and_three_pause_another(large: bool, needed: int) -> None:
    one, seen = Destination(), []
    for _ in range(needed):
        one = refused(one, "550 5.7.26", large=large)
        seen.append(one.stopped)
    assert seen == [False] * (needed - 1) + [True]
    assert refused(one, "550 5.7.1", large=large) == one
    assert resumed(one) == Destination()


STOPPED = Destination(refusals=1, stopped=True, code="550 5.7.26")


@pytest.mark.parametrize(
    ("large", "others", "tried", "pauses"),
    [
        (1, 0, 1, False),
        (2, 0, 100_000, True),
        (0, 4, 4, False),
        (0, 5, 5, True),
        (0, 5, 500, False),
        (1, 5, 599, True),
    ],
)
def test_the_campaign_pauses_last(large: int, others: int, tried: int, pauses: bool) -> None:
    small = Destination(refusals=1, code="550 5.7.1")
    assert bool(refusing([STOPPED] * large, [small] * others, tried)) is pauses
