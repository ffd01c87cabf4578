"""Times, spans and addresses in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runner.base.actor import Actor
from runner.reports.core.formatting import (
    count,
    describe_actor,
    mask_address,
    moment,
    remaining,
    short_digest,
    span,
    when,
)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 min"),
        (45, "45 s"),
        (581, "9 min 41 s"),
        (600, "10 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (11_520, "3 h 12 min"),
        (86_400, "1 d"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_clock_shows_the_time_left_or_overdue() -> None:
    assert remaining(NOW + timedelta(hours=3, minutes=12), NOW) == "3 h 12 min left"
    assert remaining(NOW - timedelta(hours=2, minutes=5), NOW) == "OVERDUE by 2 h 5 min"
    assert remaining(NOW, NOW) == "OVERDUE by 0 min"


def test_an_instant_is_as_short_as_the_day_allows() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert when(NOW, NOW) == "10:00"
    assert when(NOW, NOW, berlin) == "11:00"
    assert when(NOW, NOW.astimezone(berlin)) == "11:00"
    assert when(NOW + timedelta(days=3), NOW) == "Fri 27 Nov, 10:00"
    assert when(NOW + timedelta(days=60), NOW) == "Sat 23 Jan 2027, 10:00"
    assert moment(NOW, berlin) == "Tue 24 Nov 2026, 11:00 CET"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ann.example@example.org", "a…@example.org"),
        ("+4915112345667", "+49…67"),
        ("https://user:word@hooks.example.org/secret?token=1", "https://hooks.example.org/…"),
        ("@annexample", "@…"),
        ("ab", "…"),
        ("", ""),
    ],
)
def test_an_address_is_known_to_its_owner_only(address: str, shown: str) -> None:
    assert mask_address(address) == shown


def test_the_actor_is_shown_with_the_strength_of_the_proof() -> None:
    assert describe_actor(Actor(claimed="tocsin", host="h", os_user="u")) == "tocsin"
    assert describe_actor(Actor(claimed="ann")) == "ann (claimed)"
    assert describe_actor(Actor(claimed="")) == "an unnamed person (claimed)"


def test_numbers_come_with_their_noun() -> None:
    assert (count(1, "step"), count(2, "step"), count(2, "entry", "entries")) == (
        "1 step",
        "2 steps",
        "2 entries",
    )
    assert short_digest("sha256:0123456789abcdef") == "sha256:0123456789ab…"
