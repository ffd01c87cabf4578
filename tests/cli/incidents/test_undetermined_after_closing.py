"""A closed incident whose near duties are undetermined is not calm: their clocks run all the same."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, Chance
from tests.cli.incidents.test_second_person import INITIAL, PEOPLE, PLAYBOOK, ROLES
from tests.web.room.room import served

UNKNOWN = """\
schema: tocsin/facts/v1
source: the demo
organisation: {role: [controller], established_in: [DE], zone: Europe/Berlin}
incident: {discovered_at: "2026-11-21T12:10:00+01:00"}
"""


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident, closed 2 h before the deadline of Art. 33, while nobody knows whether personal data are involved."""
    tocsin.settings(people=PEOPLE, roles=ROLES)
    for name, text in (("facts.yaml", UNKNOWN), ("badge.yaml", PLAYBOOK)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    tocsin.closed("--reason", "quiet")
    return tocsin


def test_the_clock_of_an_undetermined_duty_is_watched_after_closing(desk: AtDesk) -> None:
    for kind, span in (("clock", timedelta()), ("duty_overdue", timedelta(hours=3))):
        desk.clock.advance(span)
        found = desk("status", "amber-falcon", "--format", "json").json["needs_attention"]
        assert [one["kind"] for one in found if one["ref"] == INITIAL] == [kind]
        assert desk("status", "amber-falcon", "--check").code == 4
        assert desk("doctor").code == 4
        assert desk("worker", "--once").code == 4
        [row] = desk("list", "--format", "json").json["incidents"]
        assert INITIAL in row["undetermined"]
        assert "amber-falcon" in desk.done("list")
    desk.done("fact", "set", "data.involved=no", "--source", "the log", "-i", "amber-falcon")
    assert desk("status", "amber-falcon", "--check").code == 0
    assert desk("list", "--format", "json").json["incidents"][0]["undetermined"] == []


def test_it_is_reported_in_another_incident(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("open", str(tmp_path / "badge.yaml"), "--yes")
    found = desk("status", "calm-heron", "--format", "json").json["needs_attention"]
    assert INITIAL in [one["ref"] for one in found]


def test_the_report_names_it(desk: AtDesk, tmp_path: Path) -> None:
    found = desk(
        "report", "-i", "amber-falcon", "--to", "md", "--out", str(tmp_path), "--format", "json"
    ).json
    assert INITIAL in [duty["id"] for duty in found["undetermined_running"]]


def test_the_first_page_counts_it_and_no_exercise_in_the_menu(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("open", str(tmp_path / "badge.yaml"), "--yes", "--kind", "exercise")
    desk.clock.advance(timedelta(hours=3))
    with served(desk) as room:
        page = room.get(room.reader("maria"), "/").text
    late = re.search(r"Late\W+(\d+)", page)
    assert late is not None
    assert (late[1], re.findall(r'id="open">(\d+)', page)) == ("2", ["0"]), (
        "its deadline, and the task of the exercise"
    )
    assert "/i/amber-falcon" in page


def test_a_question_that_decides_a_passed_deadline_is_late(desk: AtDesk) -> None:
    desk.done("reopen", "amber-falcon", "--reason", "again")
    desk.clock.advance(timedelta(hours=3))
    found = desk("status", "--format", "json").json
    [asked] = [one for one in found["needs_attention"] if one["ref"] == "data.involved"]
    assert (asked["rank"], asked["due"] < found["as_of"]) == (2, True)
    with served(desk) as room:
        page = room.get(room.reader("maria"), "/").text
    assert re.search(r"Late\W+[1-9]", page) is not None


def test_the_next_codename_has_another_first_word(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.chance = Chance("misty-glacier", "misty-ledge", "calm-heron", "calm-otter", *["calm-moor"] * 99)
    for _ in range(3):
        tocsin.done("open", str(playbook), "--yes")
    rows = tocsin("list", "--format", "json").json["incidents"]
    assert sorted(row["codename"] for row in rows) == ["calm-heron", "calm-otter", "misty-glacier"]
