"""Time when the machine's clock is changed, computed from two readings at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.app.core.trusted_clock import (
    BEHIND,
    GAP,
    JUMP,
    TOLERANCE,
    ClockState,
    advance,
    start,
)

T0 = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # half an hour before the end of summer time in Europe
S0 = timedelta(hours=5)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
NEW = ClockState(at=T0, steady=S0)


def after(span: timedelta, wall: datetime, course: ClockState = NEW) -> ClockState:
    return advance(course, wall, course.steady + span)


def test_as_long_as_both_agree_time_is_the_walls() -> None:
    assert start(T0, S0, T0) == NEW
    assert after(90 * SECOND, T0 + 91 * SECOND).at == T0 + 91 * SECOND


@pytest.mark.parametrize("back", [HOUR, DAY, 400 * DAY])
def test_time_advances_normally_when_the_wall_clock_moves_back(back: timedelta) -> None:
    state = after(7 * SECOND, T0 + 7 * SECOND - back)
    assert (state.at, state.apart) == (T0 + 7 * SECOND, -back)
    assert after(HOUR, T0 + HOUR - back, state).at == T0 + 7 * SECOND + HOUR


def test_a_clock_that_is_put_right_by_a_little_is_waited_for() -> None:
    state = after(SECOND, T0 - 2 * SECOND)
    assert (state.at, state.apart) == (T0, timedelta())
    assert after(10 * SECOND, T0 + 8 * SECOND, state).at == T0 + 8 * SECOND


@pytest.mark.parametrize("ahead", [JUMP + SECOND, DAY])
def test_a_long_leap_ahead_is_not_followed(ahead: timedelta) -> None:
    state = after(SECOND, T0 + SECOND + ahead)
    assert (state.at, state.apart) == (T0 + SECOND, ahead)
    assert after(DAY, T0 + SECOND + DAY + ahead, state).at == T0 + SECOND + DAY


def test_a_reversed_clock_jump_has_no_effect() -> None:
    state = after(SECOND, T0 + DAY)
    assert after(SECOND, T0 + 2 * SECOND, state) == ClockState(at=T0 + 2 * SECOND, steady=S0 + 2 * SECOND)


def test_a_machine_that_slept_has_leapt_nowhere() -> None:
    assert after(8 * HOUR, T0 + 8 * HOUR).at == T0 + 8 * HOUR


def test_the_end_of_summer_time_is_not_a_clock_jump() -> None:
    assert after(HOUR, T0 + HOUR).apart == timedelta()


def test_a_new_process_counts_on_from_the_newest_entry() -> None:
    assert start(T0 - HOUR, S0, T0) == ClockState(at=T0, steady=S0, apart=-HOUR)
    assert start(T0 - 400 * DAY, S0, T0).at == T0
    assert start(T0 - BEHIND, S0, T0).at == T0 - BEHIND
    assert start(T0 + GAP, S0, T0).at == T0 + GAP
    assert start(T0 + DAY, S0, T0) == ClockState(at=T0, steady=S0, apart=DAY)


@given(st.lists(st.tuples(st.integers(0, 7200), st.integers(-90_000, 90_000)), min_size=1, max_size=40))
def test_time_never_moves_back_and_never_stops_for_long(steps: list[tuple[int, int]]) -> None:
    course, wall = NEW, T0
    for passed, moved in steps:
        span = passed * SECOND
        wall += span + moved * SECOND
        state = advance(course, wall, course.steady + span)
        assert state.at >= course.at
        assert state.at - course.at >= span - TOLERANCE
        assert state.at <= course.at + span + JUMP
        course = state
