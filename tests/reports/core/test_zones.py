"""The zone in which an exercise is read: the organisation's through a change of clocks, where the plan was written in it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from runner.reports.core.header import clocked, exercise_zone, named_zone, offset

BERLIN = ZoneInfo("Europe/Berlin")
BEFORE, AFTER = datetime(2026, 10, 5, 6, tzinfo=UTC), datetime(2026, 11, 4, 15, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "before", "after"),
    [
        ("2026-10-05T08:00:00+02:00", "2026-10-05 08:00 UTC+02:00", "2026-11-04 16:18 UTC+01:00"),
        ("2026-10-05T11:30:00+05:30", "2026-10-05 11:30 UTC+05:30", "2026-11-04 20:48 UTC+05:30"),
        ("2026-10-05T06:00:00Z", "2026-10-05 06:00 UTC", "2026-11-04 15:18 UTC"),
        ("", "2026-10-05 08:00 UTC+02:00", "2026-11-04 16:18 UTC+01:00"),
    ],
)
def test_an_exercise_written_in_the_organisation_s_zone_follows_its_clocks_and_any_other_keeps_its_offset(
    start: str, before: str, after: str
) -> None:
    zone = exercise_zone(start, BERLIN)
    assert (clocked(BEFORE, zone), clocked(AFTER, zone)) == (before, after)


def test_a_zone_that_is_none_counts_as_utc() -> None:
    for name in ("", None, "Europe/Nowhere", "../etc", 7):
        assert offset(BEFORE.astimezone(named_zone(name))) == "UTC"


def test_an_offset_behind_utc_has_its_sign() -> None:
    assert clocked(BEFORE, ZoneInfo("America/St_Johns")) == "2026-10-05 03:30 UTC-02:30"
