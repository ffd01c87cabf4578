"""Scheduled exercises, from the command line: scheduled, run by cron, missed, and shown."""

from __future__ import annotations

import json
import re
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from runner.workers.schedule_runner import ScheduleRunner
from runner.workers.scheduler import Scheduler
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.exercises.test_drills import EXERCISE

DAY = timedelta(days=1)


@pytest.fixture
def exercise(tocsin: AtDesk, tmp_path: Path) -> str:
    """Return the name of an exercise of the home's own, beside its playbook."""
    folder = tocsin.home / "exercises"
    folder.mkdir()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (folder / "badge-evening.yaml").write_text(EXERCISE, encoding="utf-8")
    return "badge-evening"


def fired(tocsin: AtDesk) -> list[dict[str, Any]]:
    """Return the firings of all schedules."""
    found: Any = json.loads(tocsin.done("drill", "schedules", "--format", "json"))
    return [dict(firing) for each in found["schedules"] for firing in each["firings"]]


def firings(tocsin: AtDesk) -> list[tuple[str, str]]:
    """Return each firing's id and state."""
    return [(one["id"], one["state"]) for one in fired(tocsin)]


class Meeting:
    """Looks for due exercises, and waits a moment for another that does so meanwhile."""

    def __init__(self) -> None:
        self.barrier, self.met = threading.Barrier(2), False

    def look(self) -> tuple[()]:
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait(0.2)
            self.met = True
        return ()


def test_alarms_that_ring_in_the_same_instant_look_one_after_the_other(tocsin: AtDesk) -> None:
    meeting, said = Meeting(), list[str]()
    running = Scheduler(tocsin.office(), cast(ScheduleRunner, meeting), said.append)
    threads = [threading.Thread(target=running.look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (meeting.met, len(said)) == (False, 1)  # that it leads, once


def test_an_exercise_is_scheduled_by_the_organisation_s_clock_and_seen(tocsin: AtDesk, exercise: str) -> None:
    said = tocsin("drill", "schedule", exercise, "--cron", "0 9 1 */3 *")
    assert {"badge-evening", "2027-01-01", "09:00", "CET"} <= set(
        said.err.replace(": ", " ").replace('"', " ").split()
    )
    assert {"badge-evening", "2027-01-01", "09:00", "Europe/Berlin"} <= set(said.out.split())
    (one,) = tocsin("drill", "schedules", "--format", "json").json["schedules"]
    assert (one["next"], one["on_missed"], one["firings"]) == ("2027-01-01T09:00:00+01:00", "latest", [])
    again = tocsin("drill", "schedule", exercise, "--cron", "0 9 1 */3 *")
    assert (again.code, again.error) == (1, "already_scheduled")
    assert tocsin("audit", "verify").code == 0


def test_a_due_exercise_opens_once_and_waits_for_its_conductor(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    assert tocsin("drill", "run", "--due").code == 0
    assert firings(tocsin) == []
    tocsin.clock.advance(DAY)
    said = tocsin("drill", "run", "--due")
    assert said.code == 0, said.err
    assert {"badge-evening", "amber-falcon", "--go-on"} <= set(
        said.err.replace(": ", " ").replace('"', " ").split()
    )
    tocsin.done("drill", "run", "--due")
    assert firings(tocsin) == [("badge-evening/2026-11-25T09:00:00Z", "opened")]
    (row,) = tocsin("list", "--format", "json").json["incidents"]
    assert (row["incident"], row["kind"]) == ("i-badge-evening-20261125T090000Z", "exercise")
    assert tocsin("drill", "show", "--format", "json").json["stage"] == "planned"


def test_missed_times_are_recorded_and_reported(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d", "--on-missed", "skip")
    tocsin.clock.advance(2 * DAY + timedelta(hours=3))
    said = tocsin("drill", "run", "--due")
    assert said.code == 4
    lines = [set(line.split()) for line in said.err.splitlines()]
    assert ["badge-evening" in line for line in lines] == [True, True]
    assert ["25" in lines[0], "26" in lines[1]] == [True, True]
    found = fired(tocsin)
    assert [one["state"] for one in found] == ["missed", "missed"]
    assert [one["fire_at"] for one in found] == ["2026-11-25T09:00:00Z", "2026-11-26T09:00:00Z"]
    assert all(one["detail"] and one["detail"] in said.err for one in found)
    assert tocsin("drill", "schedules", "--check").code == 4
    tocsin.clock.advance(DAY - timedelta(hours=3))
    assert tocsin("drill", "run", "--due").code == 0
    assert tocsin("drill", "schedules", "--check").code == 0


def test_while_a_real_incident_is_open_an_exercise_is_recorded_as_missed(
    tocsin: AtDesk, exercise: str
) -> None:
    tocsin.done("open", str(tocsin.home / "exercises" / "lost-badge.yaml"), "--yes")
    tocsin.done("pause", "--reason", "a pause is not the end")
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    tocsin.done("drill", "schedule", exercise, "--every", "2d", "--despite", "the night shift has its own")
    tocsin.clock.advance(2 * DAY)
    said = tocsin("drill", "run", "--due")
    assert "amber-falcon" in said.err
    assert [(one["state"], "amber-falcon" in one["detail"]) for one in fired(tocsin)] == [
        ("missed", False),
        ("missed", True),
        ("opened", False),
    ]


def test_without_people_it_is_played_and_the_outcome_is_kept(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d", "--unattended")
    tocsin.clock.advance(DAY)
    assert tocsin("drill", "run", "--due").code == 0
    tocsin.clock.advance(DAY)
    file = tocsin.home / "exercises" / "badge-evening.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("expected: [{step: block, w", "expected: [{fact: people.total, w"), "utf-8")
    said = tocsin("drill", "run", "--due")
    assert (said.code, "people.total" in said.err) == (4, True)
    assert "people.total" in fired(tocsin)[-1]["detail"]
    file.unlink()
    tocsin.clock.advance(DAY)
    assert tocsin("drill", "run", "--due").code == 4
    assert [state for _, state in firings(tocsin)] == ["passed", "failed", "failed"]
    assert tocsin("list", "--format", "json").json["incidents"] == []


def test_without_notice_nothing_gives_it_away_before_it_opens(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d", "--no-notice", "8h")
    tocsin.clock.advance(DAY)
    said = tocsin("drill", "run", "--due")
    if not tocsin("list", "--format", "json").json["incidents"]:
        assert (said.err, firings(tocsin)) == ("", [("badge-evening/2026-11-25T09:00:00Z", "claimed")])
    tocsin.clock.advance(timedelta(hours=8))
    tocsin.done("drill", "run", "--due")
    assert firings(tocsin) == [("badge-evening/2026-11-25T09:00:00Z", "opened")]


def test_the_announced_ones_are_written_as_a_calendar(tocsin: AtDesk, exercise: str, tmp_path: Path) -> None:
    from icalendar import Calendar

    tocsin.done("drill", "schedule", exercise, "--cron", "0 9 1 */3 *")
    tocsin.done("drill", "schedule", exercise, "--every", "90d", "--no-notice", "5d")
    said = tocsin("drill", "schedules", "--ics", str(tmp_path / "drills.ics"))
    assert "badge-evening-2" in said.err, "that it is left out is said"
    events = Calendar.from_ical((tmp_path / "drills.ics").read_bytes()).walk("VEVENT")
    assert str(events[0]["uid"]) == "badge-evening/20270101T080000Z@tocsin"
    assert len(events) == 4


def test_an_unscheduled_exercise_does_not_repeat_and_stays_recorded(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    tocsin.done("drill", "unschedule", "badge-evening")
    tocsin.clock.advance(3 * DAY)
    assert tocsin("drill", "run", "--due").code == 0
    assert tocsin("list", "--format", "json").json["incidents"] == []
    assert tocsin("drill", "unschedule", "badge-evening").error == "unknown_schedule"
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    (one,) = tocsin("drill", "schedules", "--format", "json").json["schedules"]
    assert one["schedule"] == "badge-evening-2"


@pytest.mark.parametrize(
    ("words", "code", "error", "named"),
    [
        ((), 2, "option_missing", {"--cron", "--every"}),
        (("--every", "90d", "--cron", "0 9 1 1 *"), 2, "options_conflict", {"--cron", "--every"}),
        (("--every", "soon"), 2, "bad_duration", {"--every"}),
        (("--every", "90d", "--on-missed", "some"), 2, "unknown_on_missed", {"skip", "latest", "all"}),
        (("--every", "5m"), 1, "too_often", set[str]()),
        (("--every", "90d", "--no-notice", "400d"), 1, "window", {"400", "90"}),
        (("--cron", "0 9 * * 1", "--no-notice", "8d"), 1, "window", {"8", "7"}),
    ],
)
def test_a_schedule_that_says_nothing_is_refused(
    tocsin: AtDesk, exercise: str, words: tuple[str, ...], code: int, error: str, named: set[str]
) -> None:
    said = tocsin("drill", "schedule", exercise, *words)
    assert (said.code, said.error) == (code, error), said.err
    assert named <= set(re.findall(r"[\w-]+", said.err))
    assert tocsin("drill", "schedules", "--format", "json").json["schedules"] == []


def test_doctor_and_status_are_not_disturbed_by_schedules(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    found = tocsin("doctor", "--format", "json").json
    assert (found["ok"], [finding for finding in found["findings"] if finding["severity"] == "error"]) == (
        True,
        [],
    )
    assert tocsin("worker", "--once").code == 0


def told(text: str) -> str:
    """Return what is shown, its lines put together."""
    return " ".join(text.split())


def wrong(tocsin: AtDesk) -> set[str]:
    """Return the areas in which the doctor finds errors."""
    found = tocsin("doctor", "--format", "json").json["findings"]
    return {finding["area"] for finding in found if finding["severity"] == "error"}


def test_a_missed_exercise_is_shown_until_it_is_acknowledged(tocsin: AtDesk, exercise: str) -> None:
    tocsin.done("open", str(tocsin.home / "exercises" / "lost-badge.yaml"), "--yes")
    tocsin.done("drill", "schedule", exercise, "--every", "1d")
    refused = tocsin("drill", "acknowledge", exercise, "--reason", "too early")
    assert (refused.code, refused.error) == (1, "nothing_to_acknowledge")
    assert "organisation" not in wrong(tocsin)
    tocsin.clock.advance(DAY)
    tocsin("drill", "run", "--due")
    found = tocsin("status", "--format", "json").json
    (one,) = found["organisation"]
    assert (one["kind"], one["command"]) == (
        "drill_missed",
        "tocsin drill acknowledge badge-evening --reason WHY",
    )
    assert one["ref"] == "badge-evening/2026-11-25T09:00:00Z"
    assert "amber-falcon" in one["text"]
    assert one["command"] in told(tocsin("status").out)
    said = tocsin("doctor")
    assert (said.code, one["command"] in told(said.out)) == (4, True)
    tocsin.cancelled("amber-falcon")
    once = tocsin("worker", "--once", "--format", "json")
    assert (once.code, [each["command"] for each in once.json["needs_attention"]]) == (4, [one["command"]])
    assert [each["text"] for each in once.json["needs_attention"]] == [one["text"]]
    assert one["text"] in told(tocsin("worker", "--once").err)
    none = tocsin("drill", "acknowledge", exercise)
    assert (none.code, none.error, "--reason" in none.err) == (1, "reason_missing", True)
    near = tocsin("drill", "acknowledge", "badge-evenin", "--reason", "x", "--format", "json")
    assert (near.code, near.error, "badge-evening" in near.json["hint"]) == (1, "unknown_schedule", True)
    why = "it was played on Thursday"
    tocsin.done("drill", "acknowledge", exercise, "--reason", why, "--as", "ada")
    assert (tocsin("worker", "--once").code, tocsin("doctor").code) == (0, 0)
    assert tocsin("drill", "schedules", "--check").code == 0
    (missed,) = fired(tocsin)
    assert (missed["state"], why in missed["acknowledged"], "ada" in missed["acknowledged"]) == (
        "missed",
        True,
        True,
    )
    assert missed["acknowledged"] in told(tocsin.done("drill", "schedules"))
    assert tocsin("audit", "verify").code == 0
