"""Instants and durations as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.instants import (
    NotOneInstant,
    duration_text,
    instant_text,
    parse_duration,
    parse_instant,
    spoken_instant,
)

EXAMPLE = "2026-11-24T09:30:00+01:00"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T09:30:00+01:00", "2026-11-24T09:30:00+01:00"),
        ("2026-11-24 08:30Z", "2026-11-24T08:30:00Z"),
        ("2026-11-24T08:30:00.5+00:00", "2026-11-24T08:30:00.500000Z"),
        ("2026-11-24T08:30:00-00:00", "2026-11-24T08:30:00Z"),
    ],
)
def test_an_instant_keeps_its_offset(text: str, same: str) -> None:
    assert instant_text(parse_instant(text)) == same


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("2026-11-24", set[str]()),
        ("2026-11-24T09:30", set[str]()),
        ("24.11.2026 09:30", set[str]()),
        ("2026-11-24T09:30:00 Europe/Berlin", set[str]()),
        ("2026-11-24T25:00Z", set[str]()),
        ("2026-11-24T09:30:60Z", set[str]()),
        ("2026-11-24T09:30+15:00", {"-14:00", "+14:00"}),
        ("2026-11-24T09:30+01:60", {"-14:00", "+14:00"}),
        ("0001-01-01T00:00Z", {"1900", "2199"}),
        ("٢٠٢٦-11-24T09:30Z", set[str]()),
    ],
)
def test_an_invalid_instant_is_refused_with_an_example_or_the_bounds(text: str, bounds: set[str]) -> None:
    with pytest.raises(ValueError) as found:  # noqa: PT011  # what it names is looked at, not its words
        parse_instant(text)
    named = {word.strip("():,;") for word in str(found.value).split()}
    assert bounds <= named
    assert EXAMPLE in named or "1900" in bounds


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_reads_back(moment: datetime) -> None:
    assert parse_instant(instant_text(moment)) == moment


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("1w 2d", timedelta(days=9)),
        (" 72h ", timedelta(hours=72)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_elapsed_time(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2 hours", "-1h", "1h1h", "1.5h", "1m1h", "999999999w", "1mo"]
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as found:  # noqa: PT011  # what it names is looked at, not its words
        parse_duration(text)
    assert {"90m", "2h", "1d12h"} <= {word.strip(",") for word in str(found.value).split()}


@given(st.integers(0, 10**9))
def test_a_duration_reads_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(duration_text(span)) == span
    assert duration_text(-span) == ("-" if seconds else "") + duration_text(span)


BERLIN = datetime(2026, 11, 24, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24 09:30", "2026-11-24T09:30:00+01:00"),
        ("2026-07-01T09:30", "2026-07-01T09:30:00+02:00"),
        ("2026-11-24T09:30Z", "2026-11-24T09:30:00Z"),
        ("now", "2026-11-24T08:00:00Z"),
        ("1h ago", "2026-11-24T07:00:00Z"),
    ],
)
def test_a_local_time_is_read_in_the_zone_of_the_clock(text: str, same: str) -> None:
    assert instant_text(spoken_instant(text, BERLIN)) == same


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("2026-10-25 02:30", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
        ("2026-03-29 02:30", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
    ],
)
def test_a_local_time_that_happens_twice_or_never_is_refused_with_both_candidates(
    text: str, both: list[str]
) -> None:
    with pytest.raises(NotOneInstant) as found:
        spoken_instant(text, BERLIN)
    assert [one for one in found.value.hint.split() if one[0] == "2"] == both


def test_a_clock_without_a_zone_takes_no_local_time() -> None:
    with pytest.raises(ValueError, match=EXAMPLE.replace("+", r"\+")):
        spoken_instant("2026-11-24 09:30", BERLIN.astimezone(UTC))
