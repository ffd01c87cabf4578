"""One time zone on each screen, the organisation's: its name stands on top once, and no other time is mixed in."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import DUTY, noticed

SCREENS = (
    ("status", "--all"),
    ("brief",),
    ("task", "list"),
    ("task", "show", "sign"),
    # Not "duties": each deadline stands in the zone of its recipient.
    ("message", "list"),
    ("timeline", "--all"),
    ("fact", "show"),
    ("fact", "history", "incident.aware_at"),
    ("notice", "list"),
    ("notice", "show", "short-notice"),
)
LABEL = re.compile(r"all times (?:CET|Europe/Berlin)")
OTHERS = re.compile(r"\bUTC\b|\d\dZ\b|\bE[SD]T\b")


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return noticed(tocsin, tmp_path)


@pytest.mark.parametrize("words", SCREENS, ids=" ".join)
def test_a_screen_names_the_organisation_s_zone_once_and_no_other(
    desk: AtDesk, words: tuple[str, ...]
) -> None:
    page = desk(*words).out
    assert len(LABEL.findall(page)) == 1
    assert [line for line in page.splitlines() if OTHERS.search(line)] == []


def test_json_keeps_an_offset_with_every_instant(desk: AtDesk) -> None:
    for words in (("status",), ("brief",), ("duties",), ("timeline",)):
        said = desk(*words, "--format", "json").out
        times = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', json.dumps(json.loads(said)))
        assert times
        assert all(datetime.fromisoformat(time).utcoffset() is not None for time in times)


def test_utc_is_shown_where_it_is_asked_for(desk: AtDesk) -> None:
    assert LABEL.search(desk("timeline", "--utc").out) is None


def test_the_brief_pairs_the_deadline_with_its_own_countdown(desk: AtDesk) -> None:
    (clock,) = (clock for clock in desk("brief", "--format", "json").json["clocks"] if clock["duty"] == DUTY)
    due = datetime.fromisoformat(clock["due"])
    assert due == datetime.fromisoformat(clock["due_local"])
    desk.clock.time = due - timedelta(hours=5)
    lines = desk("brief").out.splitlines()
    places = [number for number, line in enumerate(lines) if line.strip().startswith("5 h left")]
    assert any("09:10" in lines[number + 1] for number in places)
