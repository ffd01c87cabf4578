"""How a destination slows down, recovers and pauses, and when the whole campaign does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.incident.campaigns.destinations import (
    CANCELS,
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

    assert one == Destination()


@pytest.mark.parametrize(
    ("large", "code", "needed"),
    [(True, "550 5.7.26", 1), (True, "5.7.515", 1), (True, "550 5.7.1", 2), (False, "550 5.7.26", 3)],
)
def test_refusals_of_so_many_readers_pause_a_destination(large: bool, code: str, needed: int) -> None:
    one, seen = Destination(), []
    for n in range(needed):
        one = refused(refused(one, f"b-1-{n}", "550 5.7.1", large=large), f"b-1-{n}", code, large=large)
        seen.append(one.stopped)
    assert seen == [False] * (needed - 1) + [True]
    assert refused(one, "b-1-9", "550 5.7.1", large=large) == recovered(one, NOW, 100) == one
    assert resumed(one) == Destination()


def test_one_reader_counts_once_however_often_the_message_is_refused() -> None:
    one = Destination()
    for _ in range(8):
        one = refused(one, "b-1-3", "550 5.7.1", large=False)
    assert (len(one.readers), one.stopped) == (1, False)


def test_accepted_messages_cancel_refusals_so_a_strict_mailbox_now_and_then_pauses_nothing() -> None:
    one = Destination()
    for n in range(50):
        one = refused(one, f"b-1-{n}", "550 5.7.1", large=False)
        one = recovered(one, NOW, CANCELS // 2)
        one = recovered(one, NOW, CANCELS // 2)
    assert one == Destination()
    for n in range(3):
        one = recovered(refused(one, f"b-1-{n}", "550 5.7.1", large=False), NOW, CANCELS // 4)
    assert one.stopped


def small(campaign: str) -> Destination:
    return Destination(readers=(f"{campaign}-7",), code="550 5.7.1")


STOPPED = Destination(readers=("b-1-1",), stopped=True, code="550 5.7.26")


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
    assert bool(refusing("b-1", [STOPPED] * large, [small("b-1")] * others, tried)) is pauses


def test_refusals_of_another_campaign_do_not_pause_this_one() -> None:
    assert refusing("b-1", [], [small("b-1")] * 4 + [small("b-12")] * 4, 8) == ""
