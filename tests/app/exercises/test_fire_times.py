"""Fire times of a schedule: cron expressions, changes of summer time, and elapsed spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runner.app.exercises.fire_times import between, check, coming, trigger
from runner.errors import Refused
from runner.incident.exercises.schedules import Rule, Schedule
from tests.refusals import refused

SINCE = datetime(2026, 11, 25, 8, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def times(rule: Rule, after: datetime, most: int) -> list[str]:
    """Return the next fire times, each in its own zone."""
    schedule = Schedule(id="s", rule=rule, since=after, by="maria")
    return [one.isoformat() for one in coming(schedule, after, FAR, most)]


def test_a_quarter_begins_at_the_same_local_hour_in_winter_and_in_summer() -> None:
    rule = Rule(exercise="x", cron="0 9 1 */3 *", zone="Europe/Berlin")
    assert times(rule, SINCE, 4) == [
        "2027-01-01T09:00:00+01:00",
        "2027-04-01T09:00:00+02:00",
        "2027-07-01T09:00:00+02:00",
        "2027-10-01T09:00:00+02:00",
    ]


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Beirut"])
def test_a_daily_schedule_fires_once_on_every_day_of_a_year(zone: str, hour: int) -> None:
    schedule = Schedule(
        id="s", rule=Rule(exercise="x", cron=f"30 {hour} * * *", zone=zone), since=SINCE, by="maria"
    )
    first = SINCE.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    days = [one.date() for one in coming(schedule, SINCE, SINCE + timedelta(days=367), 999)]
    whole = [day for day in days if first <= day < first + timedelta(days=365)]
    assert whole == [first + timedelta(days=n) for n in range(365)]


@pytest.mark.parametrize("fields", ["minute", "hour"])
def test_a_cron_trigger_asked_for_the_next_time_advances(fields: str) -> None:
    clock = trigger(Rule(exercise="x", cron="0 9 * * *", zone="Europe/Berlin"), SINCE)
    first = clock.get_next_fire_time(None, SINCE)
    assert first is not None
    after = first + timedelta(**{f"{fields}s": 1})
    assert clock.get_next_fire_time(first, first) == clock.get_next_fire_time(first, after)
    assert clock.get_next_fire_time(first, first) == first + timedelta(days=1)


def test_an_hour_that_comes_twice_counts_once() -> None:
    rule = Rule(exercise="x", cron="30 2 * * *", zone="Europe/Berlin")
    assert times(rule, datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]
    between_the_two = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert times(rule, between_the_two, 1) == ["2026-10-26T02:30:00+01:00"]


def test_an_hour_that_is_left_out_counts_as_far_behind_the_change() -> None:
    rule = Rule(exercise="x", cron="30 2 29 3 *", zone="Europe/Berlin")
    schedule = Schedule(id="s", rule=rule, since=datetime(2026, 3, 1, tzinfo=UTC), by="maria")
    (one,) = coming(schedule, schedule.since, datetime(2026, 12, 31, tzinfo=UTC), 9)
    assert one.astimezone(UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("1", {"Mon"}),
        ("0", {"Sun"}),
        ("7", {"Sun"}),
        ("1-5", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("5-7", {"Fri", "Sat", "Sun"}),
        ("fri-mon", {"Fri", "Sat", "Sun", "Mon"}),
        ("mon,3", {"Mon", "Wed"}),
        ("*/2", {"Sun", "Tue", "Thu", "Sat"}),
    ],
)
def test_weekdays_are_counted_as_every_cron_counts_them(weekday: str, days: set[str]) -> None:
    schedule = Schedule(id="s", rule=Rule(exercise="x", cron=f"0 9 * * {weekday}"), since=SINCE, by="maria")
    assert {f"{one:%a}" for one in coming(schedule, SINCE, SINCE + timedelta(days=14), 99)} == days


def test_a_span_is_elapsed_time_from_when_it_was_scheduled() -> None:
    rule = Rule(exercise="x", every=timedelta(days=90), zone="Europe/Berlin")
    assert times(rule, SINCE, 2) == ["2027-02-23T09:00:00+01:00", "2027-05-24T10:00:00+02:00"]


def test_passed_times_are_returned_up_to_a_limit() -> None:
    schedule = Schedule(id="s", rule=Rule(exercise="x", every=timedelta(hours=1)), since=SINCE, by="maria")
    assert between(schedule, SINCE, SINCE + timedelta(minutes=59), 3) == ([], False)
    passed, more = between(schedule, SINCE, SINCE + timedelta(hours=3), 3)
    assert ([one - SINCE for one in passed], more) == ([timedelta(hours=n) for n in (1, 2, 3)], False)
    passed, more = between(schedule, SINCE, SINCE + timedelta(hours=4), 3)
    assert (len(passed), more) == (3, True)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule(exercise="x", cron="0 9 1 *"), "no_cron"),
        (Rule(exercise="x", cron="0 9 1 * 1"), "no_cron"),
        (Rule(exercise="x", cron="0 9 * * mondays"), "no_cron"),
        (Rule(exercise="x", cron="0 9 * * 9"), "no_cron"),
        (Rule(exercise="x", cron="0 99 * * *"), "no_cron"),
        (Rule(exercise="x", cron="0 9 31 2 *"), "no_cron"),
        (Rule(exercise="x", cron="0,10 9 1 * *"), "too_often"),
        (Rule(exercise="x", every=timedelta(minutes=5)), "too_often"),
        (Rule(exercise="x", cron="0 9 * * *", zone="Europe/Atlantis"), "unknown_zone"),
        (Rule(exercise="x", every=timedelta(days=9), zone="Mars"), "unknown_zone"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rule: Rule, code: str) -> None:
    with refused(code, Refused):
        check(rule, SINCE)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(exercise="x", every=timedelta(days=90), no_notice=timedelta(days=90)),
        Rule(exercise="x", cron="30 2 * * *", zone="Europe/Berlin", no_notice=timedelta(days=1)),
        Rule(exercise="x", cron="0 9 29 2 *", no_notice=timedelta(days=366)),
    ],
)
def test_a_window_may_be_as_long_as_the_time_to_the_next_one(rule: Rule) -> None:
    assert check(rule, datetime(2027, 3, 1, tzinfo=UTC)) > SINCE
