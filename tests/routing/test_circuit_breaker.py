"""The state of a failure domain, computed only from the results of its attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.routing.circuit_breaker import (
    FIRST_PAUSE,
    IN_A_ROW,
    LONGEST_PAUSE,
    PROBE_LIMIT,
    WINDOW,
    Told,
    classify,
    declared_down,
    declared_up,
    due_for_probe,
    on_result,
    probed,
    probing,
    should_persist,
)
from runner.routing.messaging import About, SendResult
from runner.routing.traffic import Breaker

T0 = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SOUND = Breaker(domain="whatsapp")
NOT_REACHED = SendResult(state="not_sent", about="provider")
ARRIVED = SendResult(state="accepted")


def after(*said: Told, breaker: Breaker = SOUND, gap: timedelta = timedelta(seconds=1)) -> Breaker:
    for n, one in enumerate(said):
        breaker = on_result(breaker, one, T0 + n * gap)
    return breaker


def opened() -> Breaker:
    return after(*["bad"] * IN_A_ROW)


@pytest.mark.parametrize(
    ("state", "about", "said"),
    [
        ("accepted", "", "good"),
        ("unknown", "provider", "bad"),
        ("not_sent", "provider", "bad"),
        ("not_sent", "", "nothing"),
        ("rejected", "recipient", "nothing"),
        ("rejected", "message", "nothing"),
        ("rejected", "account", "nothing"),
        ("throttled", "account", "nothing"),
    ],
)
def test_only_silence_speaks_against_a_domain(state: str, about: About, said: Told) -> None:
    assert classify(SendResult(state=state, about=about)) == said


def test_failures_in_a_row_open_it() -> None:
    assert not after(*["bad"] * (IN_A_ROW - 1)).is_open
    breaker = opened()
    assert (breaker.state, breaker.why) == ("open", "5 attempts in a row failed")
    assert breaker.opened_at == T0 + timedelta(seconds=4)
    assert breaker.look_at == breaker.opened_at + FIRST_PAUSE


def test_one_success_restarts_the_count_of_failures() -> None:
    assert not after("bad", "bad", "bad", "bad", "good", "bad", "bad", "bad", "bad").is_open


def test_half_of_many_opens_it_though_never_five_failed_in_a_row() -> None:
    tolds: list[Told] = ["good", "bad"] * 5
    assert not after(*tolds[:-1]).is_open
    assert after(*tolds).why == "5 of the last 10 attempts failed"


def test_old_failures_do_not_open_the_breaker() -> None:
    tolds: list[Told] = ["good", "bad"] * 20
    assert not after(*tolds, gap=WINDOW / 3).is_open


def test_a_window_in_the_future_after_a_clock_change_restarts() -> None:
    before = after("bad", "bad")
    assert on_result(before, "bad", T0 - timedelta(days=1)).since == T0 - timedelta(days=1)


def test_refusals_neither_open_it_nor_end_a_row_of_failures() -> None:
    assert after(*["nothing"] * 100) == SOUND
    assert after("bad", "bad", "nothing", "bad", "bad", "nothing", "bad").is_open


def test_while_the_breaker_is_open_earlier_attempts_do_not_count() -> None:
    assert on_result(opened(), "good", T0) == opened()
    assert on_result(opened(), "bad", T0) == opened()


def test_a_domain_that_works_has_nothing_worth_keeping() -> None:
    before = after("good")
    assert not should_persist(before, after("good", breaker=before))
    failed = after("bad", breaker=before)
    assert should_persist(before, failed)
    assert should_persist(failed, after("good", breaker=failed)), "the row has ended"


def test_successes_that_were_not_kept_are_counted_with_the_next_failure() -> None:
    row: list[Told] = ["bad", "bad", "good", "bad", "bad", "good", "bad", "bad"]
    breaker = after(*row)
    assert not on_result(breaker, "bad", T0, good=8).is_open
    assert after(*row, "bad", "bad").is_open


def test_it_is_probed_after_its_pause_and_by_one_alone() -> None:
    breaker = opened()
    assert breaker.look_at is not None
    assert not due_for_probe(breaker, breaker.look_at - timedelta(microseconds=1))
    assert due_for_probe(breaker, breaker.look_at)
    begun = probing(breaker, breaker.look_at)
    assert begun.is_open
    assert not due_for_probe(begun, breaker.look_at)
    assert due_for_probe(begun, breaker.look_at + PROBE_LIMIT), "whoever probed is gone"


def test_an_arrived_probe_closes_the_breaker_and_resets_the_count() -> None:
    assert probed(probing(opened(), T0), ARRIVED, T0) == SOUND
    assert probed(probing(opened(), T0), SendResult(state="throttled", about="account"), T0) == SOUND


def test_each_probe_that_failed_doubles_the_pause_up_to_a_limit() -> None:
    breaker, now, pauses = opened(), T0, []
    for _ in range(8):
        now = breaker.look_at or now
        breaker = probed(probing(breaker, now), NOT_REACHED, now)
        assert breaker.look_at is not None
        pauses.append((breaker.look_at - now).total_seconds())
    assert pauses == [60, 120, 240, 480, 600, 600, 600, 600]
    assert breaker.opened_at == opened().opened_at, "it is down since it fell, not since it was looked at"


def test_without_a_probe_the_breaker_closes_on_trial() -> None:
    nowhere = SendResult(state="rejected", about="account", code="own_number")
    trial = probed(probing(opened(), T0), nowhere, T0)
    assert not trial.is_open
    again = on_result(trial, "bad", T0)
    assert (again.is_open, again.look_at) == (True, T0 + 2 * FIRST_PAUSE)
    assert on_result(trial, "good", T0).trips == 0


def test_a_declared_outage_is_not_probed_and_only_a_person_ends_it() -> None:
    breaker = declared_down(SOUND, T0)
    assert (breaker.is_open, breaker.why) == (True, "declared down")
    assert not due_for_probe(breaker, T0 + timedelta(days=9))
    assert on_result(breaker, "good", T0) == breaker
    assert probed(declared_down(probing(opened(), T0), T0), ARRIVED, T0).is_open
    assert declared_up(breaker) == SOUND


@given(st.lists(st.sampled_from(["good", "bad", "nothing", "probe good", "probe bad", "late"]), max_size=60))
def test_it_always_comes_back_to_being_tried(story: list[str]) -> None:
    breaker, now = SOUND, T0
    for one in story:
        now += timedelta(seconds=7)
        if one.startswith("probe") and due_for_probe(breaker, now):
            breaker = probed(probing(breaker, now), ARRIVED if one.endswith("good") else NOT_REACHED, now)
        elif one == "late":
            now += LONGEST_PAUSE
        elif one in ("good", "bad", "nothing"):
            breaker = on_result(breaker, one, now)
        assert not breaker.is_open or due_for_probe(breaker, now + LONGEST_PAUSE)
