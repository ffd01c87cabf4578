"""Passed fire times: none repeated, none lost, none bunched, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from runner.incident.exercises.schedules import (
    AnyScheduleEvent,
    DrillScheduled,
    DrillUnscheduled,
    FiringAcknowledged,
    FiringClaimed,
    FiringEnded,
    FiringMissed,
    FiringOpened,
    Look,
    Rule,
    Schedule,
    ahead_of,
    attention,
    behind,
    fold_schedules,
    passed,
    taken_up,
)

T0 = datetime(2026, 11, 25, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def look(now: datetime, **changes: Any) -> Look:
    """Return what a scheduler called ``here`` sees; nobody else lives, and no exercise is open."""
    sees = Look(
        scheduler="here",
        by="tocsin",
        now=now,
        alive=lambda name: False,
        still_open=lambda incident: False,
        chance=lambda: 0.5,
    )
    return msgspec.structs.replace(sees, **changes)


def after(*events: AnyScheduleEvent, **rule: Any) -> Schedule:
    """Return a schedule after some events, all recorded at T0."""
    born = DrillScheduled(schedule="s", by="maria", rule=Rule(exercise="x", every=DAY, **rule))
    return fold_schedules((n, T0, one) for n, one in enumerate((born, *events), 1)).schedules["s"]


def claimed(fire_at: datetime, scheduler: str = "there") -> FiringClaimed:
    return FiringClaimed(schedule="s", by="t", fire_at=fire_at, scheduler=scheduler, opens_at=fire_at)


def missed(fire_at: datetime) -> FiringMissed:
    return FiringMissed(schedule="s", by="t", fire_at=fire_at, reason="down")


def opened(fire_at: datetime) -> FiringOpened:
    return FiringOpened(schedule="s", by="t", fire_at=fire_at, incident="i-1", codename="amber-falcon")


def made(events: tuple[AnyScheduleEvent, ...]) -> list[tuple[str, int]]:
    """Return each event as its name and the day of its fire time."""
    return [
        (type(event).__name__, (event.fire_at - T0).days)
        for event in events
        if not isinstance(event, DrillScheduled | DrillUnscheduled)
    ]


@pytest.mark.parametrize(
    ("on_missed", "late", "expected"),
    [
        ("skip", timedelta(), [("FiringMissed", 1), ("FiringMissed", 2), ("FiringClaimed", 3)]),
        ("skip", timedelta(hours=2), [("FiringMissed", 1), ("FiringMissed", 2), ("FiringMissed", 3)]),
        ("latest", timedelta(hours=2), [("FiringMissed", 1), ("FiringMissed", 2), ("FiringClaimed", 3)]),
        ("all", timedelta(hours=2), [("FiringClaimed", 1)]),
    ],
)
def test_each_time_that_passed_is_taken_or_recorded_as_missed(
    on_missed: str, late: timedelta, expected: list[tuple[str, int]]
) -> None:
    times = [T0 + DAY * n for n in (1, 2, 3)]
    assert made(passed(after(on_missed=on_missed), times, look(times[-1] + late))) == expected


def test_with_more_firings_than_looked_at_the_last_is_missed() -> None:
    assert made(passed(after(), [T0 + DAY], look(T0 + 9 * DAY), more=True)) == [("FiringMissed", 1)]


@pytest.mark.parametrize(("on_missed", "expected"), [("latest", [("FiringMissed", 2)]), ("all", [])])
def test_a_firing_during_the_previous_exercise_is_missed_or_waits(
    on_missed: str, expected: list[tuple[str, int]]
) -> None:
    schedule = after(claimed(T0 + DAY), opened(T0 + DAY), on_missed=on_missed)
    sees = look(T0 + 2 * DAY, still_open=lambda incident: incident == "i-1")
    assert made(passed(schedule, [T0 + 2 * DAY], sees)) == expected


def test_a_real_incident_comes_first_unless_it_was_said_why_not() -> None:
    sees = look(T0 + DAY, real=("amber-falcon",))
    (event,) = passed(after(), [T0 + DAY], sees)
    assert isinstance(event, FiringMissed)
    assert event.reason == "a real incident was open: amber-falcon"
    assert made(passed(after(despite="a test of the night shift"), [T0 + DAY], sees)) == [
        ("FiringClaimed", 1)
    ]


def test_a_routine_comes_beside_a_real_incident_and_once_for_all_times_that_passed() -> None:
    routine = fold_schedules(
        [(1, T0, DrillScheduled(schedule="s", by="maria", rule=Rule(routine="watch", every=DAY)))]
    ).schedules["s"]
    times = [T0 + DAY * n for n in (1, 2, 3)]
    sees = look(times[-1], real=("amber-falcon",))
    assert made(passed(routine, times, sees)) == [("FiringClaimed", 3)]


def test_without_notice_it_opens_inside_the_window_and_late_it_opens_at_once() -> None:
    schedule = after(no_notice=timedelta(hours=8))
    (event,) = passed(schedule, [T0 + DAY], look(T0 + DAY))
    assert isinstance(event, FiringClaimed)
    assert event.opens_at == T0 + DAY + timedelta(hours=4)
    (late,) = passed(schedule, [T0 + DAY], look(T0 + DAY + timedelta(hours=20)))
    assert isinstance(late, FiringClaimed)
    assert late.opens_at == T0 + DAY + timedelta(hours=20)


def test_a_recorded_firing_does_not_repeat_when_the_clock_moves_back() -> None:
    schedule = after(missed(T0 + DAY), claimed(T0 + 2 * DAY), opened(T0 + 2 * DAY))
    assert behind(schedule, T0 + DAY + timedelta(hours=1)) == T0 + DAY
    assert passed(schedule, [T0 + 2 * DAY], look(T0 + 2 * DAY)) == ()


def test_misses_recorded_by_a_fast_clock_are_restored() -> None:
    schedule = after(missed(T0 + DAY), missed(T0 + 9 * DAY), claimed(T0 + 8 * DAY))
    events = ahead_of(schedule, look(T0 + 2 * DAY))
    assert made(events) == [("FiringRestored", 9)]
    again = after(missed(T0 + DAY), missed(T0 + 9 * DAY), *events)
    assert behind(again, T0 + 20 * DAY) == T0 + DAY


def test_only_firings_of_a_dead_scheduler_are_taken_over() -> None:
    schedule = after(claimed(T0 + DAY))
    assert made(taken_up(schedule, look(T0 + DAY))) == [("FiringClaimed", 1)]
    assert taken_up(schedule, look(T0 + DAY, alive=lambda name: name == "there")) == ()
    assert taken_up(after(claimed(T0 + DAY, "here")), look(T0 + DAY)) == ()


def test_a_firing_that_kills_every_scheduler_is_given_up_and_reported() -> None:
    schedule = after(*[claimed(T0 + DAY, f"dead-{n}") for n in range(3)])
    (event,) = taken_up(schedule, look(T0 + DAY))
    assert isinstance(event, FiringEnded)
    assert event.outcome == "failed"
    given_up = after(claimed(T0 + DAY), event)
    assert attention(given_up) is not None
    assert attention(after(missed(T0 + DAY), opened(T0 + 2 * DAY))) is None


def test_an_exercise_unscheduled_before_it_opened_does_not_open() -> None:
    schedule = after(claimed(T0 + DAY, "here"), DrillUnscheduled(schedule="s", by="maria"))
    assert made(taken_up(schedule, look(T0 + DAY))) == [("FiringMissed", 1)]
    assert passed(schedule, [T0 + 2 * DAY], look(T0 + 2 * DAY)) == ()


def test_an_acknowledged_miss_needs_no_action_until_the_next_one() -> None:
    known = FiringAcknowledged(schedule="s", by="maria", fire_at=T0, reason="the office moved")
    settled = after(missed(T0), known)
    assert attention(settled) is None
    assert (settled.firings[T0].state, settled.firings[T0].acknowledged_by) == ("missed", "maria")
    again = attention(after(missed(T0), known, missed(T0 + DAY)))
    assert again is not None
    assert again.fire_at == T0 + DAY
